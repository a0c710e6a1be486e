//! Rules as text.

use super::*;

#[test]
fn what_is_read_is_told_again() {
    for (text, name) in [
        ("argmax", "argmax"),
        (" Leaf ", "leaf"),
        ("majority", "majority"),
        ("threshold:0.70", "threshold:0.7"),
        ("threshold: 1", "threshold:1"),
        ("threshold:-0", "threshold:0"),
        ("rollup:.8", "rollup:0.8"),
        ("darts:5e-2", "darts:0.05"),
        ("crm", "crm:height"),
        ("crm:jiang-conrath", "crm:jiang-conrath"),
        ("top-down", "top-down"),
        ("top-down:beam=1", "top-down"),
        ("top-down:beam=5", "top-down:beam=5"),
        ("chils", "chils"),
        ("rerank", "rerank"),
        ("speciesnet", "speciesnet"),
        ("speciesnet:ensemble", "speciesnet:ensemble"),
        ("inaturalist", "inaturalist"),
        ("inaturalist:server", "inaturalist:server"),
        ("pybioclip:Genus", "pybioclip:genus"),
    ] {
        let rule = Rule::parse(text).unwrap();
        assert_eq!(rule.name(), name);
        assert_eq!(Rule::parse(name).unwrap(), rule);
    }
}

#[test]
fn what_cannot_be_read_is_told_with_what_can() {
    for (text, expected) in [
        (
            "majorty",
            "unknown rule `majorty`: did you mean `majority`?; known are argmax, leaf, majority, threshold:0.7,",
        ),
        ("", "unknown rule ``; known are argmax"),
        ("bayes", "unknown rule `bayes`; known are argmax"),
        (
            "threshold",
            "the rule `threshold` needs a value: write threshold:0.7",
        ),
        (
            "threshold:70%",
            "`70%` is no value of the rule `threshold`: the least mass, a number from 0 to 1",
        ),
        ("rollup:1.5", "`1.5` is no value of the rule `rollup`"),
        ("rollup:nan", "`nan` is no value of the rule `rollup`"),
        ("darts:0", "`0` is no value of the rule `darts`"),
        (
            "leaf:2",
            "the rule `leaf` takes no value, found `2`: write leaf",
        ),
        (
            "crm:lin",
            "`lin` is a similarity, and `crm` needs a distance: use height, bertinetto, jiang-conrath, path",
        ),
        (
            "crm:hight",
            "unknown measure `hight` in `crm:hight`: did you mean `height`?; known are height, bertinetto",
        ),
        ("top-down:5", "`5` is no value of the rule `top-down`"),
        ("top-down:beam=0", "`beam=0` is no value"),
        (
            "pybioclip",
            "the rule `pybioclip` needs a value: write pybioclip:genus",
        ),
        (
            "pybioclip:familly",
            "unknown rank `familly` in `pybioclip:familly`: did you mean `family`?; known are kingdom, phylum,",
        ),
    ] {
        let told = Rule::parse(text).unwrap_err().to_string();
        assert!(told.starts_with(expected), "{text}: {told}");
    }
}
