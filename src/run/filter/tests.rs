use proptest::prelude::*;

use super::*;
use crate::run::fixture::{Image, opened, saved};
use crate::score::{Group, Verdict};
use crate::taxonomy::Relation;

const TAXONOMY: &str = r#"
nodes:
  n1: {names: [animal]}
  n2: {parents: [n1], names: [dog, Canis]}
  n3: {parents: [n2], names: [golden retriever]}
  n4: {parents: [n1], names: [cat]}
  n5: {parents: [n4], names: [tabby, crane]}
  n6: {names: [crane]}
  n7: {names: [Löwe]}
  none: {}
"#;

fn images() -> Vec<Image<'static>> {
    vec![
        Image {
            name: "a/Dog_1.jpg",
            truths: vec!["n3"],
            answer: Some("n2"),
            verdict: Some(Verdict::Generalised),
            relation: Some(Relation::Ancestor),
            probability: Some(0.5),
            credit: Some(1.0),
            k: Some(3),
            ranked: vec!["n2", "n4"],
            ..Image::default()
        },
        Image {
            name: "a/img(2).jpg",
            truths: vec!["n5", "n6"],
            answer: Some("n3"),
            verdict: Some(Verdict::Unrelated),
            relation: Some(Relation::Related),
            probability: Some(0.25),
            credit: Some(0.0),
            k: Some(2),
            mass: Some(0.3),
            self_confidence: Some(0.1),
            margin: Some(-0.2),
            noisy: Some(0.9),
            cosine: Some(0.8),
            looks_like: Some("n3"),
            valid: Some(vec!["n5"]),
            ranked: vec!["n3", "n7"],
        },
        Image {
            name: "b/ÉTÉ 3.jpg",
            truths: vec!["n4"],
            ..Image::default()
        },
        Image {
            name: "b/4.jpg",
            answer: Some("n7"),
            probability: Some(f64::NAN),
            ranked: vec!["n7"],
            ..Image::default()
        },
        Image {
            name: "b/5.jpg",
            truths: vec!["none"],
            answer: Some("elsewhere"),
            verdict: Some(Verdict::Exact),
            ..Image::default()
        },
    ]
}

fn select(filter: &Filter, run: &Opened) -> Vec<u32> {
    let all: Vec<u32> = (0..run.len() as u32).collect();
    filter.select(run, &all, &AtomicBool::new(false)).unwrap()
}

#[test]
fn terms_mean_what_they_say() {
    let run = opened(TAXONOMY, &images());
    let cases: &[(&str, &[u32])] = &[
        ("", &[0, 1, 2, 3, 4]),
        (" \t", &[0, 1, 2, 3, 4]),
        ("verdict:generalised", &[0]),
        ("Verdict:Generalised", &[0]),
        ("verdict:generalised,exact", &[0, 4]),
        ("verdict:generalised|exact", &[0, 4]),
        ("verdict:none", &[2, 3]),
        ("verdict:correct", &[4]),
        ("group:confirmed", &[0]),
        ("verdict:possible", &[]),
        ("verdict:mistake", &[1]),
        ("verdict:error", &[0, 1]),
        ("verdict!=error", &[2, 3, 4]),
        ("relation:ancestor", &[0]),
        ("relation:none", &[2, 3, 4]),
        ("truth:n5", &[1]),
        ("truth:Tabby", &[1]),
        ("truth:crane", &[1]),
        ("truth:n2", &[]),
        ("truth:under(dog)", &[0]),
        ("truth:under(dog,cat)", &[0, 1, 2]),
        ("truth:under(golden retriever)", &[0]),
        ("truth:under( \"golden retriever\" )", &[0]),
        ("answer:above(\"golden retriever\")", &[0, 1]),
        ("truth:none", &[3]),
        ("truth:\"none\"", &[4]),
        ("truth:none,cat", &[2, 3]),
        ("truth: cat", &[2]),
        ("truth!=under(animal)", &[3, 4]),
        ("answer:none", &[2]),
        ("answer:elsewhere", &[4]),
        ("answer:under(elsewhere)", &[4]),
        ("label:n3", &[0, 1]),
        ("label:none", &[2, 3]),
        ("top:cat", &[0]),
        ("top:löwe", &[1, 3]),
        ("top:none", &[2, 4]),
        ("looks:under(dog)", &[1]),
        ("looks:none", &[0, 2, 3, 4]),
        ("p<0.5", &[1]),
        ("p <= .5", &[0, 1]),
        ("p<=50%", &[0, 1]),
        ("p>0.25", &[0]),
        ("probability>=0.25", &[0, 1]),
        ("p:0.2..0.3", &[1]),
        ("p:..0.3", &[1]),
        ("p:0.3..", &[0]),
        ("p!=0.5", &[1]),
        ("p:none", &[2, 3, 4]),
        ("p!=none", &[0, 1]),
        ("k=3", &[0]),
        ("k:2|3", &[0, 1]),
        ("k!=2|3", &[]),
        ("credit=0", &[1]),
        ("mass>0.2", &[1]),
        ("self<1", &[1]),
        ("margin:-1..0", &[1]),
        ("margin < -0.1", &[1]),
        ("noisy>0.5", &[1]),
        ("cosine>0.5", &[1]),
        ("suspect", &[1]),
        ("is:suspect", &[1]),
        ("is!=suspect", &[0, 2, 3, 4]),
        ("abstained", &[2]),
        ("unlabelled", &[3]),
        ("multi", &[1]),
        ("Reannotated", &[1]),
        ("is:abstained,unlabelled", &[2, 3]),
        ("image:IMG", &[1]),
        ("image:img(2)", &[1]),
        ("image:\"ÉTÉ 3\"", &[2]),
        ("image:été", &[2]),
        ("dog", &[0]),
        ("CANIS", &[0]),
        ("\"golden r\"", &[0, 1]),
        ("löw", &[3]),
        ("elsew", &[4]),
        ("img(2).jpg", &[1]),
        ("(img(2).jpg OR dog)", &[0, 1]),
        ("a/ -dog", &[1]),
        ("a/ !dog", &[1]),
        ("a/ NOT dog", &[1]),
        ("NOT(dog OR image:b)", &[1]),
        ("NOT NOT dog", &[0]),
        ("dog OR image:b verdict:exact", &[0, 4]),
        ("(dog OR image:b) verdict:none", &[2, 3]),
        ("dog|k:2", &[0, 1]),
        ("truth:cat|k:2", &[1, 2]),
        ("truth:cat | k:2", &[1, 2]),
        ("truth:cat|n3", &[0, 2]),
        ("truth:cat||verdict:exact", &[2, 4]),
        ("a/ AND k>2", &[0]),
        ("a/ && k>2", &[0]),
    ];
    for (text, expected) in cases {
        let filter = Filter::parse(text, &run).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(select(&filter, &run), *expected, "{text}");
        assert_eq!(filter.is_all(), text.trim().is_empty(), "{text}");
        assert!(!filter.matches(&run, run.len()));
    }
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let run = opened(TAXONOMY, &images());
    let cases = [
        (
            "dog verdct:near",
            "verdct",
            "no field `verdct`; did you mean `verdict`?",
        ),
        (
            "c:dog",
            "c",
            "no field `c`; did you mean `credit` or `cosine` or `p`?",
        ),
        (
            "https://x",
            "https",
            "no field `https`; text with such a sign is quoted",
        ),
        (
            "verdict:neer",
            "neer",
            "no verdict `neer`; did you mean `near`?",
        ),
        (
            "is:supect",
            "supect",
            "no flag `supect`; did you mean `suspect`?",
        ),
        (
            "is:x",
            "x",
            "no flag `x`: one of suspect, abstained, unlabelled, multi, reannotated",
        ),
        (
            "truth:cat,goldenretreiver",
            "goldenretreiver",
            "no label `goldenretreiver`; did you mean `golden retriever`?",
        ),
        (
            "truth:gold",
            "gold",
            "no label `gold`; did you mean `golden retriever`?",
        ),
        ("truth:\"\"", "\"\"", "a label is expected"),
        ("truth:", "", "a value is expected after `truth`"),
        ("truth:under(", "", "a label is expected"),
        (
            "truth:under(dog",
            "under(dog",
            "the parenthesis is not closed",
        ),
        (
            "under(dog)",
            "under(dog)",
            "a field is expected before it, as in `truth:under(dog)`, or quotes around it",
        ),
        (
            "truth<dog",
            "truth<",
            "`truth` is no figure: write `truth:…`",
        ),
        (
            "p<high",
            "high",
            "`high` is no number, such as 0.4 or 40%; a range is 0.2..0.4",
        ),
        (
            "p<nan",
            "nan",
            "`nan` is no number, such as 0.4 or 40%; a range is 0.2..0.4",
        ),
        (
            "p<0,4",
            "0,4",
            "`0,4` is no number, such as 0.4 or 40%; a range is 0.2..0.4",
        ),
        ("p<1|2", "1|2", "one number is expected"),
        (
            "p:2..1",
            "2..1",
            "nothing is from 2 to 1: the smaller number comes first",
        ),
        (
            "<3",
            "<3",
            "a field is expected before it, as in `p<0.4`, or quotes around it",
        ),
        ("(dog", "(dog", "the parenthesis is not closed"),
        ("dog)", ")", "no parenthesis is open here"),
        ("\"dog", "\"dog", "the quote is not closed"),
        (
            "dog OR",
            "",
            "a term is expected here, such as `truth:dog` or `p<0.4`",
        ),
        (
            "dog AND AND cat",
            "AND",
            "a term is expected here, such as `truth:dog` or `p<0.4`",
        ),
        (
            "()",
            "",
            "a term is expected here, such as `truth:dog` or `p<0.4`",
        ),
        (
            "-",
            "",
            "a term is expected here, such as `truth:dog` or `p<0.4`",
        ),
    ];
    for (text, place, message) in cases {
        let error = Filter::parse(text, &run).expect_err(text);
        assert_eq!(
            (&text[error.span.clone()], error.message.as_str()),
            (place, message),
            "{text}"
        );
    }
    let deep = "(".repeat(100_000);
    let error = Filter::parse(&deep, &run).unwrap_err();
    assert_eq!(error.message, "parentheses are nested too deeply here");
    assert!(Filter::parse(&format!("{}dog", "-".repeat(100_000)), &run).is_ok());
}

#[test]
fn a_run_without_details_is_asked_like_others() {
    let mut run = saved(&images());
    run.details = None;
    let run = Opened::flat(run);
    for (text, expected) in [
        ("suspect", 0),
        ("k>0", 0),
        ("top:none", 5),
        ("verdict:exact", 1),
    ] {
        let filter = Filter::parse(text, &run).unwrap();
        assert_eq!(select(&filter, &run).len(), expected, "{text}");
    }
}

#[test]
fn equivalents_of_one_name_are_all_meant() {
    let taxonomy = "nodes: {a: {names: [sofa]}, b: {names: [Sofa]}, c: {names: [couch]}}\nequivalent: [[a, b, c]]";
    let image = |id| Image {
        truths: vec![id],
        ..Image::default()
    };
    let run = opened(taxonomy, &["a", "b", "c"].map(image));
    for (text, expected) in [
        ("truth:sofa", &[0, 1][..]),
        ("truth:b", &[1]),
        ("truth:under(b)", &[0, 1, 2]),
        ("truth:couch", &[2]),
    ] {
        let filter = Filter::parse(text, &run);
        assert_eq!(
            filter.map(|filter| select(&filter, &run)),
            Ok(expected.to_vec()),
            "{text}"
        );
    }
}

impl PartialEq for Filter {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

#[test]
fn examples_are_filters() {
    let run = opened(TAXONOMY, &images());
    for (example, _) in HELP {
        let filter = Filter::parse(example, &run);
        assert!(filter.is_ok(), "{example}: {:?}", filter.err());
    }
}

#[test]
fn what_may_come_next_is_told() {
    let run = opened(TAXONOMY, &images());
    // `¦` is the cursor; what is replaced, the first few that replace it, and how many there are.
    let cases: &[(&str, &str, &[&str])] = &[
        ("ver¦", "ver", &["verdict:"]),
        ("dog ver¦", "ver", &["verdict:"]),
        ("-su¦", "su", &["suspect"]),
        ("(tr¦u) dog", "tru", &["truth:"]),
        ("tr¦uth:dog", "truth", &["truth"]),
        ("cre¦>0.4", "cre", &["credit"]),
        ("dog O¦", "O", &["OR"]),
        ("verdict:n¦", "n", &["name_collision", "near", "none"]),
        ("verdict:near,unre¦ dog", "unre", &["unrelated"]),
        ("verdict:near|unre¦", "unre", &["unrelated"]),
        ("group:mist¦", "mist", &["mistake"]),
        ("relation:sib¦", "sib", &["sibling"]),
        ("is:s¦", "s", &["suspect"]),
        ("truth:gold¦", "gold", &["\"golden retriever\""]),
        ("truth:\"golden r¦", "\"golden r", &["\"golden retriever\""]),
        (
            "truth:\"golden¦ x\" dog",
            "\"golden x\"",
            &["\"golden retriever\""],
        ),
        ("truth:under(¦", "", &["elsewhere)", "dog)"]),
        ("truth:under(do¦)", "do", &["dog"]),
        ("truth:under(cat, do¦", "do", &["dog)"]),
        ("truth:n¦", "n", &["none", "n2", "n3"]),
        ("truth:can¦", "can", &["Canis"]),
        ("truth:crane¦", "crane", &["n5", "n6"]),
        ("truth:un¦", "un", &["under("]),
        ("truth:else¦", "else", &["elsewhere"]),
        ("truth: go¦", "go", &["\"golden retriever\""]),
        ("p<¦", "", &[]),
        ("image:a¦", "a", &[]),
        ("nothing:a¦", "a", &[]),
        ("\"ver¦", "\"ver", &[]),
    ];
    for (text, replaced, expected) in cases {
        let cursor = text.find('¦').unwrap();
        let text = text.replace('¦', "");
        let found = complete(&text, cursor, &run);
        let first: Vec<&str> = found.iter().map(|c| c.text.as_str()).collect();
        assert!(first.starts_with(expected), "{text}: {first:?}");
        assert_eq!(first.is_empty(), expected.is_empty(), "{text}: {first:?}");
        for completion in &found {
            assert_eq!(&text[completion.range.clone()], *replaced, "{text}");
        }
    }
    assert_eq!(complete("", 0, &run).len(), MOST_WORDS);
    assert_eq!(complete("dog ", 4, &run)[0].range, 4..4);
}

const MOST_WORDS: usize = 20;

#[test]
fn selecting_keeps_the_order_and_stops_when_told() {
    let images: Vec<Image> = (0..70_000)
        .map(|i| Image {
            k: Some(i % 3),
            ..Image::default()
        })
        .collect();
    let run = Opened::flat(saved(&images));
    let filter = Filter::parse("k=1", &run).unwrap();
    let order: Vec<u32> = (0..70_000).rev().chain([70_000, 1, 1]).collect();
    let expected: Vec<u32> = order
        .iter()
        .copied()
        .filter(|row| *row < 70_000 && row % 3 == 1)
        .collect();
    let go = AtomicBool::new(false);
    assert_eq!(filter.select(&run, &order, &go), Some(expected));
    assert_eq!(filter.select(&run, &[4, 0, 1], &go), Some(vec![4, 1]));
    let stop = AtomicBool::new(true);
    assert_eq!(filter.select(&run, &order, &stop), None);
    assert_eq!(filter.select(&run, &[4], &stop), None);
}

/// A filter and what it means, to compare the two.
#[derive(Debug, Clone)]
enum Meaning {
    Leaf(usize),
    Not(Box<Meaning>),
    All(Vec<Meaning>),
    Any(Vec<Meaning>),
}

type Leaf = (&'static str, fn(&Image) -> bool);

const LEAVES: [Leaf; 9] = [
    ("verdict:mistake", |i| {
        i.verdict.is_some_and(|v| v.group() == Group::Mistake)
    }),
    ("p<0.4", |i| i.probability.is_some_and(|p| p < 0.4)),
    ("k:2..", |i| i.k.is_some_and(|k| k >= 2)),
    ("truth:under(dog)", |i| {
        i.truths.iter().any(|t| ["n2", "n3"].contains(t))
    }),
    ("suspect", |i| i.looks_like.is_some()),
    ("answer:none", |i| i.answer.is_none()),
    ("image:b/", |i| i.name.contains("b/")),
    ("top:n7", |i| i.ranked.contains(&"n7")),
    ("multi", |i| i.truths.len() > 1),
];

impl Meaning {
    fn text(&self, spelling: usize) -> String {
        let all = |of: &[Meaning], between: &str| {
            let of: Vec<String> = of
                .iter()
                .map(|meaning| meaning.text(spelling / 3))
                .collect();
            format!("({})", of.join(between))
        };
        match self {
            Meaning::Leaf(i) => LEAVES[*i].0.to_owned(),
            Meaning::Not(of) => format!(
                "{}{}",
                ["-", "NOT ", "!"][spelling % 3],
                of.text(spelling / 3)
            ),
            Meaning::All(of) => all(of, [" ", " AND ", " && "][spelling % 3]),
            Meaning::Any(of) => all(of, [" | ", " OR ", " || "][spelling % 3]),
        }
    }

    fn is_true(&self, image: &Image) -> bool {
        match self {
            Meaning::Leaf(i) => LEAVES[*i].1(image),
            Meaning::Not(of) => !of.is_true(image),
            Meaning::All(of) => of.iter().all(|of| of.is_true(image)),
            Meaning::Any(of) => of.iter().any(|of| of.is_true(image)),
        }
    }
}

fn meanings() -> impl Strategy<Value = Meaning> {
    let leaf = (0..LEAVES.len()).prop_map(Meaning::Leaf);
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|of| Meaning::Not(Box::new(of))),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Meaning::All),
            proptest::collection::vec(inner, 1..4).prop_map(Meaning::Any),
        ]
    })
}

/// Whatever is typed, nothing panics, and places are places in it.
fn is_safe(text: &str, run: &Opened) -> Result<(), TestCaseError> {
    match Filter::parse(text, run) {
        Ok(filter) => {
            let negated = Filter::parse(&format!("-({text} )"), run);
            let negated = negated.map(|negated| select(&negated, run));
            let others = (0..run.len() as u32).filter(|row| !filter.matches(run, *row as usize));
            prop_assert!(
                filter.is_all() || negated == Ok(others.collect()),
                "{}",
                text
            );
        }
        Err(error) => prop_assert!(
            text.get(error.span).is_some(),
            "{}: {}",
            text,
            error.message
        ),
    }
    for cursor in 0..=text.len() + 1 {
        for completion in complete(text, cursor, run) {
            let mut completed = text.to_owned();
            prop_assert!(
                text.get(completion.range.clone()).is_some(),
                "{} {}",
                text,
                cursor
            );
            completed.replace_range(completion.range, &completion.text);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        is_safe(&text, &opened(TAXONOMY, &images()))?;
    }

    #[test]
    fn texts_of_the_languages_words_are_read_without_panic(
        words in proptest::collection::vec(proptest::sample::select(vec![
            " ", " ", "\"", "(", ")", "|", ",", ":", "<", ">=", "!=", "-", "!", "OR", "AND", "NOT", "&", "..", "0.4", "%",
            "truth", "truth:", "p", "k:", "verdict:", "near", "is:", "suspect", "image:", "under(", "above(", "none", "dog",
            "golden retriever", "é", "\\", "\u{2003}",
        ]), 0..12),
    ) {
        is_safe(&words.concat(), &opened(TAXONOMY, &images()))?;
    }

    #[test]
    fn filters_mean_what_a_look_at_each_image_says(meaning in meanings(), spelling in 0usize..81) {
        let images = images();
        let run = opened(TAXONOMY, &images);
        let text = meaning.text(spelling);
        let filter = Filter::parse(&text, &run);
        let filter = filter.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let rows = (0..).zip(&images).filter(|(_, image)| meaning.is_true(image));
        let expected: Vec<u32> = rows.map(|(row, _)| row).collect();
        prop_assert_eq!(select(&filter, &run), expected, "{}", text);
    }

    #[test]
    fn a_quoted_id_is_that_label(
        ids in proptest::collection::btree_set(
            prop_oneof![
                "[a-c \"()\\\\:|,<>=!&é日_./-]{1,5}",
                proptest::sample::select(vec!["OR", "AND", "NOT", "none", "suspect", "under", "under(a)", "a:b", "-x", "!x",
                    "NOTa", "a b", "\"", "'", "\\\"", "\\", "&", "a&&b", "A", "0.4", "above(", "a|b"]).prop_map(str::to_owned),
                any::<String>(),
            ],
            1..12,
        ),
        known in any::<bool>(),
    ) {
        let images: Vec<Image> = ids.iter().map(|id| Image { truths: vec![id], answer: Some(id), ..Image::default() }).collect();
        let run = saved(&images);
        let run = match known {
            true => Opened::flat(run),
            false => Opened::new(run, crate::taxonomy::load_str("t", TAXONOMY).into_sound().unwrap()),
        };
        for (row, id) in (0u32..).zip(&ids) {
            let quoted = quote(id);
            let filter = Filter::parse(&format!("truth:{quoted} answer:{quoted}"), &run);
            // Ids that are one in Unicode's composed form are one node.
            let is_same = |other: &u32| match (run.node(*other), run.node(row)) {
                (Some(a), Some(b)) => a == b,
                _ => *other == row,
            };
            let expected: Vec<u32> = (0..ids.len() as u32).filter(is_same).collect();
            match filter {
                Ok(filter) => prop_assert_eq!(select(&filter, &run), expected, "{}", quoted),
                Err(error) => prop_assert!(id.is_empty(), "{}: {}", quoted, error),
            }
            let inside = format!("-(truth:under({quoted})|answer:{quoted},{quoted})");
            prop_assert!(id.is_empty() || Filter::parse(&inside, &run).is_ok(), "{}", inside);
        }
    }
}
