//! What holds on any graph.

use proptest::prelude::*;

use super::*;

/// A graph, candidates and probabilities of multiples of 1/64.
fn worlds() -> impl Strategy<Value = (String, Vec<String>, Vec<f64>)> {
    (2usize..14).prop_flat_map(|n| {
        let parents: Vec<_> = (0..n)
            .map(|i| prop::collection::btree_set(0..i.max(1), 0..3.min(i + 1)))
            .collect();
        let equivalent = prop::collection::vec((0..n, 0..n), 0..2);
        let weights = prop::collection::vec(0u32..9, n);
        let ids = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
        let chosen = prop::sample::subsequence((0..n).collect::<Vec<_>>(), 1..=n);
        (parents, equivalent, weights, ids, chosen).prop_map(
            |(parents, equivalent, weights, ids, chosen)| {
                let id = |i: usize| format!("n{:02}", ids[i]);
                let mut text = String::from("nodes:\n");
                for (i, above) in parents.iter().enumerate() {
                    let above: Vec<String> =
                        above.iter().filter(|&&p| p < i).map(|&p| id(p)).collect();
                    text.push_str(&format!(
                        "  {}: {{parents: [{}]}}\n",
                        id(i),
                        above.join(", ")
                    ));
                }
                let pairs = equivalent.iter().filter(|(a, b)| a != b);
                let pairs: Vec<String> = pairs
                    .map(|&(a, b)| format!("[{}, {}]", id(a), id(b)))
                    .collect();
                text.push_str(&format!("equivalent: [{}]\n", pairs.join(", ")));
                let total: u32 = chosen.iter().map(|&c| weights[c] + 1).sum();
                let p = chosen
                    .iter()
                    .map(|&c| f64::from(weights[c] + 1) / f64::from(total))
                    .collect();
                (text, chosen.into_iter().map(id).collect(), p)
            },
        )
    })
}

proptest! {
    #[test]
    fn answers_are_as_sure_as_they_say((text, candidates, p) in worlds(), least in 0.0f64..1.0) {
        // Where an equivalence closed a cycle it was dropped; the rest of the graph is there.
        let taxonomy = load_str("t", &text).taxonomy.unwrap();
        let ids: Vec<&str> = candidates.iter().map(String::as_str).collect();
        let candidates = nodes(&taxonomy, &ids);
        let masses = Masses::new(&taxonomy, &candidates).unwrap();
        let all = masses.of(&p);
        for (&node, &mass) in masses.nodes().iter().zip(&all) {
            let below = candidates.iter().zip(&p).filter(|(c, _)| taxonomy.is_ancestor(node, **c));
            prop_assert_eq!(mass, below.fold(0.0, |sum, (_, p)| sum + p));
            prop_assert!(mass <= 1.0 + 1e-9);
        }
        let scores = Scores { similarities: &[], probabilities: &p };
        let decide = |rule: Rule| Decider::new(&taxonomy, &candidates, &rule).unwrap().answer(&scores);
        for rule in [Rule::Rollup(least), Rule::Threshold(least)] {
            if let Some(answer) = decide(rule) {
                prop_assert!(answer.confidence >= least);
            }
        }
        let sequence = crate::score::Pareto::new(&masses).sequence(&p, &all);
        let last = sequence.iter().rev().find(|(_, mass)| *mass >= least).map(|(n, _)| *n);
        prop_assert_eq!(decide(Rule::Threshold(least)).map(|a| a.node), last);
        // A beam without bounds finds the most probable class.
        let own = |n: NodeId| -> f64 {
            candidates.iter().zip(&p).filter(|(c, _)| taxonomy.same_class(n, **c)).map(|(_, p)| p).sum()
        };
        let best = candidates.iter().map(|&c| own(c)).fold(0.0, f64::max);
        prop_assert_eq!(own(decide(Rule::TopDown { beam: 99 }).unwrap().node), best);
        let leaves = candidates.iter().all(|&c| taxonomy.is_leaf(c));
        if leaves {
            prop_assert_eq!(own(decide(Rule::Threshold(0.0)).unwrap().node), best);
        }
    }

    #[test]
    fn what_is_promised_holds((text, candidates, p) in worlds(), seed in any::<u64>(), wrong in 0.05f64..0.9) {
        let taxonomy = load_str("t", &text).taxonomy.unwrap();
        let ids: Vec<&str> = candidates.iter().map(String::as_str).collect();
        let candidates = nodes(&taxonomy, &ids);
        let darts = Darts::new(&taxonomy, &candidates, wrong).unwrap();
        let images: Vec<(Vec<f64>, NodeId)> = (0..40).map(|i| {
            let turn = (seed.rotate_left(i) % candidates.len() as u64) as usize;
            let mut p = p.clone();
            p.rotate_left(turn);
            (p, candidates[(seed.rotate_right(i) % candidates.len() as u64) as usize])
        }).collect();
        let split: Vec<DartsItem> = images
            .iter()
            .map(|(p, t)| darts.item(&Scores { similarities: &[], probabilities: p }, &[*t]).unwrap())
            .collect();
        if let Ok(decider) = darts.calibrate(&split) {
            let right = images.iter().filter(|(p, t)| {
                let answer = decider.answer(&Scores { similarities: &[], probabilities: p }).unwrap();
                taxonomy.is_ancestor(answer.node, *t)
            });
            let (right, calibrated) = (right.count(), decider.calibrated().unwrap());
            prop_assert_eq!(right, calibrated.correct);
            prop_assert_eq!(lower_bound(right, 40), calibrated.bound);
            prop_assert!(calibrated.bound > 1.0 - wrong);
        }
    }
}
