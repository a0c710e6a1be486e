//! Processes that end at each point of a shard in turn, without a chance to tidy up.

use std::process::Command;

use super::*;
use crate::point::{KILLED, exit_at};

/// Set for the process of its own: where, and at which of the points that it reaches it ends.
const VARIABLES: [&str; 2] = ["CLADIST_TEST_STORE_PLACE", "CLADIST_TEST_STORE_KILLED_AT"];

#[test]
#[ignore = "the other side of the test below: it does what that tells it in the environment"]
fn a_process_of_its_own() {
    let [Ok(root), Ok(last)] = VARIABLES.map(std::env::var) else {
        return;
    };
    exit_at(last.parse().unwrap());
    encode(Path::new(&root));
}

/// What a run does: adds what is not known yet.
fn encode(root: &Path) {
    let collection = open(root);
    let known = known(&collection);
    add(&collection, (0..8).filter(|i| !known.contains(i)));
    collection.flush().unwrap();
}

#[test]
fn killed_at_any_point_whole_shards_are_there_and_nothing_else() {
    let mut known_at_end = Vec::new();
    loop {
        let root = TempDir::new().unwrap();
        let at = (known_at_end.len() + 1).to_string();
        let status = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "embed::store::tests::killed::a_process_of_its_own",
            ])
            .arg("--ignored")
            .envs(
                VARIABLES
                    .into_iter()
                    .zip([root.path().as_os_str(), at.as_ref()]),
            )
            .output()
            .unwrap()
            .status;
        if status.success() {
            assert!(is_tidy(root.path(), &[0, 1]));
            break;
        }
        assert_eq!(status.code(), Some(KILLED));
        let collection = open(root.path());
        assert_eq!(collection.faults(), []);
        let found = known(&collection);
        assert!([&[][..], &[0, 1, 2, 3], &[0, 1, 2, 3, 4, 5, 6, 7]].contains(&&found[..]));
        known_at_end.push(found.len());
        // The next one goes on, and leaves nothing of what was begun.
        encode(root.path());
        let collection = open(root.path());
        assert_eq!(known(&collection), [0, 1, 2, 3, 4, 5, 6, 7], "{at}");
        drop(collection);
        open(root.path()).tidy().unwrap();
        let numbers = open(root.path()).layout.marked().unwrap();
        assert!(
            is_tidy(root.path(), &numbers),
            "{at}: {:?}",
            files(root.path())
        );
    }
    // Of each of two shards: claimed, three files written, three placed, sealed; in this order.
    let expected = [0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4, 8];
    assert_eq!(known_at_end, expected);
}
