//! The rules of others, by hand.

use super::*;

/// Two orders; the cat family has two genera, one with two species.
const LIFE: &str = "
nodes:
  animalia: {rank: Kingdom}
  mammalia: {rank: class, parents: animalia}
  carnivora: {rank: order, parents: mammalia}
  felidae: {rank: family, parents: carnivora}
  felis: {rank: genus, parents: felidae}
  lynx: {rank: genus, parents: felidae}
  catus: {rank: species, parents: felis}
  silvestris: {rank: species, parents: felis}
  bobcat: {rank: species, parents: lynx}
  rodentia: {rank: order, parents: mammalia}
  mus: {rank: genus, parents: rodentia}
  musculus: {rank: species, parents: mus}
  rock: {}
";
const SPECIES: [&str; 6] = [
    "catus",
    "silvestris",
    "bobcat",
    "musculus",
    "rodentia",
    "rock",
];

#[test]
fn speciesnet_by_hand() {
    check(
        LIFE,
        &SPECIES,
        &[
            // Sure of a species: the roll-up alone begins at the genus.
            (
                "speciesnet:ensemble",
                &[0.8125, 0.125, 0.0, 0.0, 0.0, 0.0],
                Some(("catus", 0.8125)),
            ),
            (
                "speciesnet",
                &[0.8125, 0.125, 0.0, 0.0, 0.0, 0.0],
                Some(("felis", 0.9375)),
            ),
            // Not above 0.8; felis has 0.875.
            (
                "speciesnet:ensemble",
                &[0.75, 0.125, 0.0, 0.0625, 0.0, 0.0625],
                Some(("felis", 0.875)),
            ),
            (
                "speciesnet",
                &[0.75, 0.125, 0.0, 0.0625, 0.0, 0.0625],
                Some(("felis", 0.875)),
            ),
            (
                "speciesnet",
                &[0.5, 0.125, 0.25, 0.125, 0.0, 0.0],
                Some(("felidae", 0.875)),
            ),
            // Mus has 0.5 and its order 0.75.
            (
                "speciesnet",
                &[0.25, 0.0, 0.0, 0.5, 0.25, 0.0],
                Some(("rodentia", 0.75)),
            ),
            (
                "speciesnet",
                &[0.375, 0.0, 0.0, 0.25, 0.25, 0.125],
                Some(("mammalia", 0.875)),
            ),
            ("speciesnet", &[0.25, 0.0, 0.0, 0.0, 0.25, 0.5], None),
        ],
    );
}

#[test]
fn inaturalist_by_hand() {
    check(
        LIFE,
        &SPECIES,
        &[
            // The server says a genus, never the species, however sure.
            (
                "inaturalist:server",
                &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                Some(("felis", 1.0)),
            ),
            (
                "inaturalist",
                &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                Some(("catus", 1.0)),
            ),
            (
                "inaturalist",
                &[0.5, 0.125, 0.25, 0.125, 0.0, 0.0],
                Some(("felidae", 0.875)),
            ),
            // Only orders and above are sure.
            (
                "inaturalist:server",
                &[0.0, 0.0, 0.0, 0.25, 0.75, 0.0],
                None,
            ),
            (
                "inaturalist",
                &[0.0, 0.0, 0.0, 0.25, 0.75, 0.0],
                Some(("rodentia", 1.0)),
            ),
            // What has less than 1 % of the best is left out before the sum.
            (
                "inaturalist:server",
                &[0.5, 0.004, 0.0, 0.004, 0.0, 0.004],
                Some(("felis", 1.0)),
            ),
        ],
    );
}

#[test]
fn pybioclip_by_hand() {
    check(
        LIFE,
        &SPECIES,
        &[
            (
                "pybioclip:species",
                &[0.25, 0.25, 0.0, 0.3125, 0.1875, 0.0],
                Some(("musculus", 0.3125)),
            ),
            (
                "pybioclip:genus",
                &[0.25, 0.25, 0.0, 0.3125, 0.1875, 0.0],
                Some(("felis", 0.5)),
            ),
            // Rodentia has no genus: it is a group of its own, and wins.
            ("pybioclip:genus", &[0.25, 0.0, 0.0, 0.25, 0.5, 0.0], None),
            (
                "pybioclip:order",
                &[0.25, 0.0, 0.125, 0.3125, 0.3125, 0.0],
                Some(("rodentia", 0.625)),
            ),
            (
                "pybioclip:order",
                &[0.25, 0.0, 0.25, 0.25, 0.25, 0.0],
                Some(("carnivora", 0.5)),
            ),
        ],
    );
    // Nothing has a phylum.
    let taxonomy = load(LIFE);
    let told = |rule: &str, candidates: &[&str]| {
        let rule = Rule::parse(rule).unwrap();
        Decider::new(&taxonomy, &nodes(&taxonomy, candidates), &rule)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        told("pybioclip:phylum", &SPECIES),
        "the rule `pybioclip:phylum` needs nodes with `rank:` phylum, and no candidate is one or has one above it: give them ranks in the taxonomy"
    );
    assert!(told("speciesnet", &["rock"]).contains("genus, family, order, class, kingdom"));
    assert!(told("inaturalist:server", &["rock", "rodentia"]).contains("genus, genushybrid"));
    let two = load("nodes: {a: {rank: genus}, b: {rank: genus}, c: {parents: [b, a]}}");
    let refused = Decider::new(
        &two,
        &nodes(&two, &["c"]),
        &Rule::SpeciesNet { ensemble: false },
    )
    .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the rule `speciesnet` needs one node of each rank on the way up, and `c` has two of rank genus: `a` and `b`"
    );
}
