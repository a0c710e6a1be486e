//! Finding models in the Hugging Face cache: `models--ORG--NAME/refs/REVISION` → `snapshots/COMMIT/FILE`.

use std::fs;
use std::path::{Path, PathBuf};

use super::HubError;
use super::checkpoint::{
    Checkpoint, FileState, TOKENIZER, in_directory, is_plain_name, model_type_in,
};
use super::id::{ModelId, can_be_commit};
use super::layout::Layout;

/// Why the cache gives no checkpoint.
#[derive(Debug)]
pub enum Absence {
    /// Nothing of the model is there.
    Model,
    /// The model is there, the revision is not.
    Revision,
    /// The best snapshot lacks something.
    Incomplete(HubError),
    /// Several commits start like the one that is asked for.
    Ambiguous(Vec<String>),
}

/// A complete checkpoint of the model in the cache, of the layout that is `asked` for, if any is.
///
/// With a revision, that one alone: a ref, or (the beginning of) a commit. Without, `main` first, then every other
/// snapshot, the latest first: some tools leave refs that point to nothing.
///
/// # Errors
/// Why there is none.
pub fn find(cache: &Path, id: &ModelId, asked: Option<Layout>) -> Result<Checkpoint, Absence> {
    let model = cache.join(id.folder());
    if !model.is_dir() {
        return Err(Absence::Model);
    }
    let snapshots = model.join("snapshots");
    let candidates: Vec<PathBuf> = match &id.revision {
        Some(revision) => of_ref(&model, revision)
            .into_iter()
            .chain(of_commit(&snapshots, revision)?)
            .collect(),
        None => of_ref(&model, "main")
            .into_iter()
            .chain(by_age(&snapshots))
            .collect(),
    };
    let mut first_fault = None;
    for snapshot in candidates {
        match in_directory(&snapshot, asked, Some(cache)) {
            Ok(checkpoint) => return Ok(checkpoint),
            Err(fault) => first_fault = first_fault.or(Some(fault)),
        }
    }
    Err(first_fault.map_or(Absence::Revision, Absence::Incomplete))
}

/// A snapshot of the model `name` that has a tokenizer: that of `main`, else the latest.
pub fn tokenizer_in(cache: &Path, name: &str) -> Option<PathBuf> {
    let model = cache.join(ModelId::parse(name)?.folder());
    let snapshots = of_ref(&model, "main").into_iter();
    let mut snapshots = snapshots.chain(by_age(&model.join("snapshots")));
    snapshots.find(|dir| FileState::of(&dir.join(TOKENIZER)) == FileState::Present)
}

/// A model in a cache.
#[derive(Debug)]
pub struct Cached {
    pub id: String,
    /// Of the snapshot that is used, else of the first one that there is.
    pub commit: String,
    /// `model_type` of its `config.json`, or `open_clip`; `None` without either.
    pub kind: Option<String>,
    /// Whether such models can be read.
    pub is_supported: bool,
    /// The checkpoint, or what is wrong with the best snapshot.
    pub checkpoint: Result<Checkpoint, String>,
}

/// The models in a cache, by id; what has no snapshot is none.
pub fn all(cache: &Path) -> Vec<Cached> {
    let mut names: Vec<String> = fs::read_dir(cache)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            Some(name.strip_prefix("models--")?.replacen("--", "/", 1))
        })
        .collect();
    names.sort();
    let ids = names.iter().filter_map(|name| ModelId::parse(name));
    ids.filter_map(|id| look_at(cache, id)).collect()
}

fn look_at(cache: &Path, id: ModelId) -> Option<Cached> {
    let model = cache.join(id.folder());
    let first =
        of_ref(&model, "main").or_else(|| by_age(&model.join("snapshots")).into_iter().next())?;
    let found = find(cache, &id, None);
    let snapshot = found.as_ref().map_or(&first, |checkpoint| &checkpoint.dir);
    let layout = Layout::in_directory(snapshot, None);
    let kind = match layout {
        Layout::OpenClip => Some("open_clip".to_owned()),
        Layout::Transformers => model_type_in(&snapshot.join(layout.config())),
    };
    Some(Cached {
        commit: name_of(snapshot),
        is_supported: kind.is_some() && layout.refusal(snapshot).is_none(),
        kind,
        checkpoint: found.map_err(|absence| match absence {
            Absence::Incomplete(HubError::Incomplete { faults, .. }) => faults.join("; "),
            _ => "no snapshot can be read".to_owned(),
        }),
        id: id.id,
    })
}

/// The snapshot that a ref points to.
fn of_ref(model: &Path, name: &str) -> Option<PathBuf> {
    let content = fs::read_to_string(model.join("refs").join(name)).ok()?;
    let commit = content.trim();
    let snapshot = model.join("snapshots").join(commit);
    // A ref is a file that anything may have written: it must not lead out of the cache.
    (is_plain_name(commit) && snapshot.is_dir()).then_some(snapshot)
}

/// The snapshot of a commit, which may be abbreviated if that leaves no doubt.
fn of_commit(snapshots: &Path, revision: &str) -> Result<Option<PathBuf>, Absence> {
    if !can_be_commit(revision) {
        return Ok(None);
    }
    let revision = revision.to_ascii_lowercase();
    let mut found: Vec<PathBuf> = by_age(snapshots)
        .into_iter()
        .filter(|dir| name_of(dir).starts_with(&revision))
        .collect();
    if let Some(exact) = found.iter().position(|dir| name_of(dir) == revision) {
        return Ok(Some(found.swap_remove(exact)));
    }
    if found.len() > 1 {
        let mut commits: Vec<String> = found.iter().map(|dir| name_of(dir)).collect();
        commits.sort();
        return Err(Absence::Ambiguous(commits));
    }
    Ok(found.pop())
}

fn name_of(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or_default();
    name.to_string_lossy().to_ascii_lowercase()
}

/// The directories in `dir`, the latest first, then by name.
fn by_age(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let modified = path.metadata().ok()?.modified().ok()?;
            path.is_dir().then_some((std::cmp::Reverse(modified), path))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

    const A: &str = "aaaaaaa000000000000000000000000000000000";
    const B: &str = "bbbbbbb000000000000000000000000000000000";
    const C: &str = "ccccccc100000000000000000000000000000000";
    const D: &str = "ccccccc200000000000000000000000000000000";

    fn snapshot(cache: &Path, commit: &str, files: &[&str]) {
        let dir = cache.join("models--org--clip/snapshots").join(commit);
        fs::create_dir_all(&dir).unwrap();
        for file in files {
            fs::write(dir.join(file), commit).unwrap();
        }
    }

    fn refer(cache: &Path, name: &str, commit: &str) {
        let path = cache.join("models--org--clip/refs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, commit).unwrap();
    }

    /// The commit of what is found.
    fn found(cache: &Path, source: &str) -> Option<String> {
        let checkpoint = find(cache, &ModelId::parse(source).unwrap(), None).ok()?;
        Some(fs::read_to_string(checkpoint.config).unwrap())
    }

    #[test]
    fn main_then_any_complete_snapshot() {
        let dir = tempfile::TempDir::new().unwrap();
        let cache = dir.path();
        assert_eq!(found(cache, "org/clip"), None);
        snapshot(cache, A, &FILES[..2]);
        refer(cache, "main", A);
        assert_eq!(found(cache, "org/clip"), None, "incomplete");
        snapshot(cache, B, &FILES);
        assert_eq!(
            found(cache, "org/clip").as_deref(),
            Some(B),
            "main is incomplete"
        );
        snapshot(cache, C, &FILES);
        refer(cache, "main", &format!("{B}\n"));
        assert_eq!(found(cache, "org/clip").as_deref(), Some(B), "main");
        assert_eq!(found(cache, "org/clip@v2"), None, "another revision");
        refer(cache, "v2", C);
        assert_eq!(found(cache, "org/clip@v2").as_deref(), Some(C), "by ref");
    }

    #[test]
    fn a_commit_may_be_abbreviated_but_not_to_anything() {
        let dir = tempfile::TempDir::new().unwrap();
        let cache = dir.path();
        for commit in [A, C, D] {
            snapshot(cache, commit, &FILES);
        }
        for (revision, commit) in [
            ("a", None),
            ("aaaaaa", None),
            ("aaaaaaa", Some(A)),
            ("AAAAAAA", Some(A)),
            (A, Some(A)),
            ("ccccccc1", Some(C)),
            (D, Some(D)),
            ("ddddddd", None),
        ] {
            let source = format!("org/clip@{revision}");
            assert_eq!(found(cache, &source).as_deref(), commit, "{revision}");
        }
        let doubtful = ModelId::parse("org/clip@ccccccc").unwrap();
        match find(cache, &doubtful, None) {
            Err(Absence::Ambiguous(commits)) => assert_eq!(commits, [C, D]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_ref_cannot_lead_out_of_the_cache() {
        let dir = tempfile::TempDir::new().unwrap();
        let cache = dir.path().join("cache");
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        for file in FILES {
            fs::write(elsewhere.join(file), "planted").unwrap();
        }
        snapshot(&cache, A, &[]);
        for content in [
            "../../../elsewhere",
            elsewhere.to_str().unwrap(),
            "..",
            "",
            "\n",
        ] {
            refer(&cache, "main", content);
            assert_eq!(found(&cache, "org/clip@main"), None, "{content:?}");
        }
    }

    #[test]
    fn an_absence_says_of_what() {
        let dir = tempfile::TempDir::new().unwrap();
        let absence =
            |source| find(dir.path(), &ModelId::parse(source).unwrap(), None).unwrap_err();
        assert!(matches!(absence("org/clip"), Absence::Model));
        snapshot(dir.path(), A, &FILES[..2]);
        assert!(matches!(absence("org/clip@v1"), Absence::Revision));
        let Absence::Incomplete(fault) = absence("org/clip") else {
            panic!("not incomplete");
        };
        let fault = fault.to_string();
        assert!(fault.contains(A) && fault.contains("model.safetensors"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_a_missing_file() {
        let dir = tempfile::TempDir::new().unwrap();
        snapshot(dir.path(), A, &FILES[..2]);
        refer(dir.path(), "main", A);
        let link = dir
            .path()
            .join("models--org--clip/snapshots")
            .join(A)
            .join("model.safetensors");
        std::os::unix::fs::symlink("../../blobs/gone", link).unwrap();
        assert_eq!(found(dir.path(), "org/clip"), None);
    }
}
