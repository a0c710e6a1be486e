//! Shards that are not what was written.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::npy;

/// Two shards of four.
fn two_shards() -> (TempDir, PathBuf) {
    let root = TempDir::new().unwrap();
    add(&open(root.path()), 0..8);
    let dir = root.path().join(recipe("w").directory());
    (root, dir)
}

fn cut(path: &Path, bytes: usize) {
    let content = fs::read(path).unwrap();
    fs::write(path, &content[..content.len() - bytes]).unwrap();
}

fn flip(path: &Path, from_end: usize) {
    let mut content = fs::read(path).unwrap();
    let at = content.len() - from_end;
    content[at] ^= 4;
    fs::write(path, content).unwrap();
}

/// What is damaged is told and encoded again; all else is kept, also by who mends it.
#[test]
fn nothing_is_lost_that_was_good() {
    let rows = "img_emb/img_emb_0000000.npy";
    type Harm = fn(&Path);
    const FLIPPED_HEAD: usize = 2;
    const FLIPPED_KEY: usize = 4;
    let cases: [(&str, Harm, &[u32], &[u32]); 9] = [
        // The last row is cut: the others are there.
        (rows, |p| cut(p, 5), &[0, 1, 2], &[0, 1, 2]),
        // In the last but one.
        (rows, |p| flip(p, 13), &[0, 1, 3], &[0, 1, 3]),
        // In the head, which is not looked at for a row: nothing is lost.
        (rows, |p| flip(p, 60 + 48), &[0, 1, 2, 3], &[0, 1, 2, 3]),
        (rows, |p| fs::remove_file(p).unwrap(), &[], &[]),
        // A key that is another one, and the check of a row.
        (
            "keys/keys_0000000.npy",
            |p| flip(p, 40),
            &[0, 1, 2],
            &[0, 1, 2],
        ),
        (
            "keys/keys_0000000.npy",
            |p| flip(p, 1),
            &[0, 1, 2],
            &[0, 1, 2],
        ),
        ("keys/keys_0000000.npy", |p| cut(p, 1), &[], &[]),
        // What they are of is lost, and they are not.
        (
            "metadata/metadata_0000000.parquet",
            |p| cut(p, 9),
            &[0, 1, 2, 3],
            &[0, 1, 2, 3],
        ),
        ("shards/0000000.json", |p| cut(p, 9), &[], &[]),
    ];
    for (i, (file, harm, good, mended)) in cases.into_iter().enumerate() {
        let (root, dir) = two_shards();
        harm(&dir.join(file));
        let collection = open(root.path());
        let with_second = |first: &[u32]| [first, &[4, 5, 6, 7]].concat();
        assert_eq!(known(&collection), with_second(good), "{file}");
        let (faults, whole) = collection.verify(&|| true).unwrap();
        assert_eq!((faults.len(), whole), (1, 1), "{file}");
        let stem = file.split('/').next_back().unwrap();
        assert!(faults[0].what.contains(stem), "{}", faults[0].what);
        // The head of an array is looked at by nobody but who verifies, and a key that nothing has is not asked for.
        let told = collection.faults();
        let is_unseen = [FLIPPED_HEAD, FLIPPED_KEY].contains(&i);
        assert_eq!(told.len(), usize::from(!is_unseen), "{file}: {told:?}");
        // However often a row is asked for, it is lost once.
        let lost = |told: &[Fault]| told.iter().map(Fault::rows).sum::<usize>();
        known(&collection);
        assert_eq!(lost(&collection.faults()), lost(&told), "{file}");
        // Encoded again, it is found again, although the damaged one is still there.
        let lost: Vec<u32> = (0..4).filter(|i| !good.contains(i)).collect();
        add(&collection, lost.iter().copied());
        collection.flush().unwrap();
        assert_eq!(known(&open(root.path())), with_second(&[0, 1, 2, 3]));

        let (root, dir) = two_shards();
        harm(&dir.join(file));
        let tidied = open(root.path()).prune().unwrap();
        assert_eq!(tidied.shards, 1);
        let collection = open(root.path());
        assert_eq!(known(&collection), with_second(mended), "{file}");
        let whole = 1 + usize::from(!mended.is_empty());
        assert_eq!(collection.verify(&|| true).unwrap(), (Vec::new(), whole));
        assert_eq!(collection.prune().unwrap(), Tidied::default());
        let numbers = collection.layout.marked().unwrap();
        assert!(is_tidy(root.path(), &numbers), "{:?}", files(root.path()));
    }
}

/// Log σ² is in a file of its own, and a part of its row.
#[test]
fn a_row_is_its_mean_and_its_log_variance() {
    let root = TempDir::new().unwrap();
    let mut uncertain = recipe("w");
    uncertain.made_by["log_variance"] = json!(true);
    let open = || {
        Store::at(root.path())
            .collection(uncertain.clone())
            .unwrap()
    };
    let row = |i: u32| [i as f32, 1.0, 2.0, -3.0, -0.5 * i as f32, -7.0];
    let collection = open();
    for i in 0..3 {
        collection.add(vec![entry(i)], &row(i)).unwrap();
    }
    collection.flush().unwrap();
    let mut found = [0.0; 2 * DIM];
    let mut known = |collection: &Collection| -> Vec<u32> {
        let mut is_known = |i: &u32| {
            let is_known = collection.get(&key(*i), &mut found);
            assert!(!is_known || found == row(*i));
            is_known
        };
        (0..3).filter(|i| is_known(i)).collect()
    };
    assert_eq!(known(&open()), [0, 1, 2]);
    let dir = root.path().join(uncertain.directory());
    for name in ["img_emb", "img_logvar"] {
        let file = dir.join(format!("{name}/{name}_0000000.npy"));
        let (columns, values) = npy::read(&mut fs::File::open(file).unwrap()).unwrap();
        assert_eq!((columns, values.len()), (DIM, 3 * DIM), "{name}");
    }
    // Whoever does not know the recipe reads it from the manifest.
    let listed = Store::at(root.path()).collections().unwrap();
    assert_eq!(listed[0].recipe().columns(), 2 * DIM);
    assert_eq!(known(&listed[0]), [0, 1, 2]);
    flip(&dir.join("img_logvar/img_logvar_0000000.npy"), 4);
    let damaged = open();
    assert_eq!(known(&damaged), [0, 1]);
    let (faults, _) = damaged.verify(&|| true).unwrap();
    assert!(
        faults[0].what.contains("img_logvar_0000000.npy"),
        "{faults:?}"
    );
    assert_eq!(open().prune().unwrap().shards, 1);
    let mended = open();
    assert_eq!(known(&mended), [0, 1]);
    assert_eq!(mended.verify(&|| true).unwrap(), (Vec::new(), 1));
    assert!(!dir.join("img_logvar/img_logvar_0000000.npy").exists());
    assert_ne!(uncertain.directory(), recipe("w").directory());
}

/// A row of another shard under a number that is used again.
#[test]
fn a_row_is_of_its_key() {
    let (root, dir) = two_shards();
    let collection = open(root.path());
    let rows = |n: u32| dir.join(format!("img_emb/img_emb_{n:07}.npy"));
    fs::copy(rows(1), rows(0)).unwrap();
    assert_eq!(known(&collection), [4, 5, 6, 7]);
    assert_eq!(collection.faults()[0].rows(), 4);
}

#[test]
fn what_cannot_be_written_is_told_and_still_known() {
    let root = TempDir::new().unwrap();
    let taken = root.path().join("store");
    fs::write(&taken, "a file").unwrap();
    let store = Store::at(&taken.join("deep"));
    let error = store.collection(recipe("w")).err().unwrap();
    assert!(
        error.to_string().starts_with(taken.to_str().unwrap()),
        "{error}"
    );
    // A directory where a file is to be placed.
    let collection = open(root.path());
    collection.prepare().unwrap();
    let place = collection.path().join("keys/keys_0000000.npy");
    fs::create_dir(&place).unwrap();
    collection.add(vec![entry(1)], &row(1)).unwrap();
    let error = collection.flush().unwrap_err();
    assert!(error.to_string().contains("keys_0000000.npy"), "{error}");
    assert_eq!(known(&collection), [1]);
    assert!(known(&open(root.path())).is_empty());
    fs::remove_dir(&place).unwrap();
    collection.flush().unwrap();
    assert_eq!(known(&open(root.path())), [1]);
    assert!(is_tidy(root.path(), &[0]), "{:?}", files(root.path()));
}
