//! Collections on disk: found again, shared, and what becomes of them when something goes wrong.

mod damage;
mod killed;

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::*;

const DIM: usize = 3;

/// A recipe; `weights` is all that has a say in it.
fn recipe(weights: &str) -> Recipe {
    Recipe {
        kind: Kind::Images,
        dim: DIM,
        made_by: json!({"weights": weights, "dtype": "f32"}),
        model: "some/model".to_owned(),
    }
}

fn open(root: &Path) -> Collection {
    let collection = Store::at(root).collection(recipe("w")).unwrap();
    collection.with_shards_of(4)
}

fn key(i: u32) -> Key {
    Key::of(&i.to_le_bytes())
}

fn entry(i: u32) -> Entry {
    Entry {
        key: key(i),
        name: format!("images/{i}.png"),
        label: i.is_multiple_of(2).then(|| "even".to_owned()),
    }
}

fn row(i: u32) -> [f32; DIM] {
    [i as f32, -0.0, 0.1 * i as f32]
}

/// Adds some, and does not write what is no whole shard.
fn add(collection: &Collection, numbers: impl IntoIterator<Item = u32>) {
    for i in numbers {
        collection.add(vec![entry(i)], &row(i)).unwrap();
    }
}

/// Which of the first hundred are known; those that are must be right.
fn known(collection: &Collection) -> Vec<u32> {
    let mut found = [0.0; DIM];
    let is_known = |i: &u32| {
        let is_known = collection.get(&key(*i), &mut found);
        assert!(!is_known || found.map(f32::to_bits) == row(*i).map(f32::to_bits));
        is_known
    };
    (0..100).filter(is_known).collect()
}

/// The only collection's files, relative to it.
fn files(root: &Path) -> Vec<String> {
    fn below(dir: &Path, name: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let own = path.file_name().unwrap().to_str().unwrap();
            let name = format!("{name}{own}");
            if path.is_dir() {
                below(&path, &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    below(&root.join(recipe("w").directory()), "", &mut found);
    found.sort();
    found
}

/// The files of whole shards and nothing else.
fn is_tidy(root: &Path, shards: &[u32]) -> bool {
    let mut expected = vec!["manifest.json".to_owned()];
    for n in shards {
        expected.extend([
            format!("img_emb/img_emb_{n:07}.npy"),
            format!("metadata/metadata_{n:07}.parquet"),
            format!("keys/keys_{n:07}.npy"),
            format!("shards/{n:07}.json"),
        ]);
    }
    expected.sort();
    files(root) == expected
}

#[test]
fn what_was_added_is_found_again() {
    let root = TempDir::new().unwrap();
    let collection = open(root.path());
    assert!(collection.is_empty());
    assert!(known(&collection).is_empty());
    assert!(!root.path().join(recipe("w").directory()).exists());
    add(&collection, 0..6);
    // Also what is no shard yet.
    assert_eq!(known(&collection), [0, 1, 2, 3, 4, 5]);
    assert_eq!(collection.pending(), 2);
    assert_eq!(known(&open(root.path())), [0, 1, 2, 3]);
    collection.flush().unwrap();
    collection.flush().unwrap();
    assert_eq!(known(&collection), [0, 1, 2, 3, 4, 5]);
    drop(collection);
    assert!(is_tidy(root.path(), &[0, 1]), "{:?}", files(root.path()));
    let again = open(root.path());
    assert_eq!(known(&again), [0, 1, 2, 3, 4, 5]);
    assert_eq!((again.len(), again.size().shards), (6, 2));
    // A key that is added again counts once, and the last row is meant.
    again.add(vec![entry(2)], &row(2)).unwrap();
    again.flush().unwrap();
    let (size, again) = (again.size(), open(root.path()));
    assert_eq!((size.keys, size.rows, size.shards), (6, 7, 3));
    assert_eq!(again.size(), size);
    let mut all = Vec::new();
    again
        .each::<StoreError>(&mut |entries, rows| {
            for (found, values) in entries.into_iter().zip(rows.chunks(DIM)) {
                let i = values[0] as u32;
                assert_eq!(found, entry(i));
                all.push(i);
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(all, [0, 1, 3, 4, 5, 2]);
}

#[test]
fn models_are_never_mixed() {
    let root = TempDir::new().unwrap();
    let store = Store::at(root.path());
    assert!(matches!(
        Store::at(&root.path().join("none")).collections(),
        Err(StoreError::Io { .. })
    ));
    add(&open(root.path()), 0..4);
    let other = store.collection(recipe("v")).unwrap();
    assert!(known(&other).is_empty());
    add(&other, 4..5);
    other.flush().unwrap();
    assert_eq!(known(&open(root.path())), [0, 1, 2, 3]);
    let all = store.collections().unwrap();
    let sizes = all.iter().map(|one| (one.recipe().clone(), one.len()));
    let mut expected = [(recipe("v"), 1), (recipe("w"), 4)];
    expected.sort_by_key(|(recipe, _)| recipe.directory());
    assert!(sizes.eq(expected));
    // Somebody has copied one in the place of another.
    let (ours, theirs) = (recipe("w").directory(), recipe("v").directory());
    let manifest = |dir: &str| root.path().join(dir).join("manifest.json");
    std::fs::copy(manifest(&theirs), manifest(&ours)).unwrap();
    let error = store.collection(recipe("w")).err().unwrap();
    assert!(
        matches!(&error, StoreError::Recipe { differences, .. } if differences == &["weights"]),
        "{error}"
    );
    std::fs::write(manifest(&ours), "{}").unwrap();
    let error = store.collection(recipe("w")).err().unwrap();
    assert!(matches!(error, StoreError::Manifest { .. }), "{error}");
}

#[test]
fn several_write_at_once() {
    // What happens at the same time is another each time.
    for _ in 0..3 {
        four_write_at_once();
    }
}

fn four_write_at_once() {
    let root = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let root = root.path();
            // Each as a process of its own: with an own view of what there is.
            scope.spawn(move || {
                for round in 0..5 {
                    // Which tidies up first, while others are at work.
                    let collection = open(root);
                    let first = writer * 25 + round * 5;
                    add(&collection, first..first + 5);
                    collection.flush().unwrap();
                }
            });
        }
    });
    let all: Vec<u32> = (0..100).collect();
    let collection = open(root.path());
    assert_eq!(known(&collection), all);
    let size = collection.size();
    assert_eq!((size.rows, size.shards), (100, 40));
    let numbers = collection.layout.marked().unwrap();
    assert!(is_tidy(root.path(), &numbers), "{:?}", files(root.path()));
    assert_eq!(collection.verify(&|| true).unwrap(), (Vec::new(), 40));
    // What another is writing is left alone.
    collection.prepare().unwrap();
    assert_eq!(open(root.path()).tidy().unwrap(), Tidied::default());
    let error = open(root.path()).destroy().unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    drop(collection);
    open(root.path()).destroy().unwrap();
    assert!(Store::at(root.path()).collections().unwrap().is_empty());
}

#[test]
fn hints_are_of_one_content_of_a_file() {
    let root = TempDir::new().unwrap();
    let stamp = |bytes, changed| Stamp { bytes, changed };
    let (a, b) = (Path::new("a.png"), root.path().join("b.png"));
    let look_up = |files: &[(&Path, Stamp)]| {
        // What is no file has no hint, and those beside it have theirs.
        let files = files.iter().copied().map(Some);
        let files: Vec<_> = std::iter::once(None).chain(files).collect();
        let mut found = Store::at(root.path()).hints().look_up(files.into_iter());
        assert_eq!(found.remove(0), None);
        found
    };
    assert_eq!(look_up(&[(a, stamp(1, 1))]), [None]);
    let mut hints = Store::at(root.path()).hints();
    hints.learn(a, stamp(1, 1), &key(1));
    hints.learn(&b, stamp(2, -2), &key(2));
    hints.flush().unwrap();
    hints.learn(a, stamp(3, 1), &key(3));
    hints.flush().unwrap();
    let absolute = std::path::absolute(a).unwrap();
    let asked = [
        (b.as_path(), stamp(2, -2)),
        (a, stamp(1, 1)),
        (&absolute, stamp(3, 1)),
        (a, stamp(1, 2)),
        (Path::new("c.png"), stamp(1, 1)),
        (b.as_path(), stamp(2, -2)),
    ];
    let expected = [Some(2), Some(1), Some(3), None, None, Some(2)];
    let expected = expected.map(|i| i.map(key));
    assert_eq!(look_up(&asked), expected);
    // What is found out later counts, and half a record of a process that was ended does not.
    let mut later = Store::at(root.path()).hints();
    later.learn(&b, stamp(2, -2), &key(4));
    later.flush().unwrap();
    let files: Vec<_> = std::fs::read_dir(root.path().join("hints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2);
    let torn = root.path().join("hints/0000009.bin");
    let whole = std::fs::read(root.path().join("hints/0000000.bin")).unwrap();
    std::fs::write(&torn, &whole[..63]).unwrap();
    assert_eq!(look_up(&asked[..1]), [Some(key(4))]);
    assert_eq!(later.size().0, 4);
    later.destroy().unwrap();
    assert_eq!(look_up(&asked[..2]), [None, None]);
}
