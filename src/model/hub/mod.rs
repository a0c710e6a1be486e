//! From what the user named to the files of a checkpoint: a directory, the Hugging Face cache, or a download into it.

mod cache;
mod download;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use download::DownloadProgress;

/// The files of one checkpoint, all on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub config: PathBuf,
    /// `model.safetensors`, its shards in the order of their names, or PyTorch's files.
    pub weights: Vec<PathBuf>,
    /// `tokenizer.json`.
    pub tokenizer: Option<PathBuf>,
    /// `vocab.json` and `merges.txt`, where there is no `tokenizer.json`.
    pub vocab_merges: Option<(PathBuf, PathBuf)>,
    /// `preprocessor_config.json`.
    pub preprocessor: Option<PathBuf>,
    /// `processor_config.json`: transformers 5 saves the preprocessing in there.
    pub processor: Option<PathBuf>,
}

/// What can go wrong in finding a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("--model {0}: there is no such directory")]
    NoDirectory(String),
    #[error(
        "--model {0}: neither a directory nor a Hugging Face id such as openai/clip-vit-base-patch32"
    )]
    NoId(String),
    #[error("{}: not a complete checkpoint: {} missing", dir.display(), missing.join(", "))]
    Incomplete { dir: PathBuf, missing: Vec<String> },
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{id}: {reason}\n{}", by_hand(id, revision, endpoint))]
    Unreachable {
        id: String,
        revision: String,
        endpoint: String,
        reason: String,
    },
}

/// What the user can do when nothing can be downloaded.
fn by_hand(id: &str, revision: &str, endpoint: &str) -> String {
    format!(
        "get these files on a machine that can, put them into one directory, and give it as --model:\n  \
         config.json, model.safetensors (or pytorch_model.bin), tokenizer.json, preprocessor_config.json (or processor_config.json)\n  \
         from {endpoint}/{id}/tree/{revision}\n\
         or point HF_HUB_CACHE (or HF_HOME) at a Hugging Face cache that has the model"
    )
}

/// The parts of the environment that decide where models are, as huggingface_hub reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubEnv {
    /// The cache's directory; `None` without a home.
    pub cache: Option<PathBuf>,
    /// `HF_HUB_OFFLINE`: the network is not to be used.
    pub offline: bool,
    pub token: Option<String>,
    /// Where models are downloaded from.
    pub endpoint: String,
}

impl HubEnv {
    /// From this process's environment.
    pub fn from_process() -> Self {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    /// From variables looked up by name: `HF_HUB_CACHE`, else `HF_HOME`/hub, else `XDG_CACHE_HOME`/huggingface/hub,
    /// else ~/.cache/huggingface/hub; the token from `HF_TOKEN`, else the file that logging in leaves.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home_dir = set("HOME")
            .or_else(|| set("USERPROFILE"))
            .map(PathBuf::from);
        let expand = |path: String| match (path.strip_prefix("~/"), &home_dir) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        };
        let user_cache = set("XDG_CACHE_HOME")
            .map(expand)
            .or_else(|| Some(home_dir.as_ref()?.join(".cache")));
        let hf_home = set("HF_HOME")
            .map(expand)
            .or_else(|| Some(user_cache?.join("huggingface")));
        let cache = set("HF_HUB_CACHE")
            .or_else(|| set("HUGGINGFACE_HUB_CACHE"))
            .map(expand)
            .or_else(|| Some(hf_home.as_ref()?.join("hub")));
        let is_on = |name: &str| {
            set(name)
                .is_some_and(|v| ["1", "ON", "YES", "TRUE"].contains(&v.to_uppercase().as_str()))
        };
        let token = set("HF_TOKEN").or_else(|| {
            let file = set("HF_TOKEN_PATH")
                .map(expand)
                .or_else(|| Some(hf_home?.join("token")))?;
            std::fs::read_to_string(file).ok()
        });
        Self {
            cache,
            offline: is_on("HF_HUB_OFFLINE") || is_on("TRANSFORMERS_OFFLINE"),
            token: token
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
            endpoint: set("HF_ENDPOINT")
                .unwrap_or_else(|| "https://huggingface.co".into())
                .trim_end_matches('/')
                .to_owned(),
        }
    }
}

/// A model's id on the hub and the revision that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ModelId {
    id: String,
    /// `None`: `main`, or whatever complete snapshot the cache has.
    revision: Option<String>,
}

impl ModelId {
    /// `name`, `org/name`, either with `@revision`.
    fn parse(source: &str) -> Option<Self> {
        let (id, revision) = match source.split_once('@') {
            Some((id, revision)) => (id, Some(revision)),
            None => (source, None),
        };
        let is_name = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && !part.contains("..")
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let valid = id.split('/').count() <= 2 && id.split('/').all(is_name);
        let valid_revision = revision.is_none_or(|r| !r.is_empty() && r.split('/').all(is_name));
        (valid && valid_revision).then(|| Self {
            id: id.to_owned(),
            revision: revision.map(str::to_owned),
        })
    }

    fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }

    /// `models--org--name`.
    fn folder(&self) -> String {
        format!("models--{}", self.id.replace('/', "--"))
    }
}

/// Finds the checkpoint that `source` names: a directory as it is; otherwise a hub id, in the cache, else downloaded
/// into it.
///
/// # Errors
/// Files that are missing, by name; a hub that cannot be reached, with what to do.
pub fn resolve(
    source: &str,
    env: &HubEnv,
    progress: &dyn DownloadProgress,
) -> Result<Checkpoint, HubError> {
    let path = Path::new(source);
    if path.is_dir() {
        return in_directory(path);
    }
    let looks_like_path = source.starts_with(['.', '/', '~'])
        || source.contains('\\')
        || source.matches('/').count() > 1
        || path.exists();
    if looks_like_path {
        return Err(HubError::NoDirectory(source.to_owned()));
    }
    let id = ModelId::parse(source).ok_or_else(|| HubError::NoId(source.to_owned()))?;
    if let Some(checkpoint) = env.cache.as_deref().and_then(|c| cache::find(c, &id)) {
        return Ok(checkpoint);
    }
    let unreachable = |reason: String| HubError::Unreachable {
        id: id.id.clone(),
        revision: id.revision().to_owned(),
        endpoint: env.endpoint.clone(),
        reason,
    };
    match &env.cache {
        None => Err(unreachable("no cache directory: set HF_HUB_CACHE".into())),
        Some(cache) if env.offline => Err(unreachable(format!(
            "not complete in the cache at {}, and HF_HUB_OFFLINE forbids downloading it",
            cache.display()
        ))),
        Some(cache) => {
            let snapshot = download::download(&id, cache, env, progress).map_err(|error| {
                unreachable(format!(
                    "not complete in the cache at {}, and cannot be downloaded: {error}",
                    cache.display()
                ))
            })?;
            in_directory(&snapshot)
        }
    }
}

/// The checkpoint in a directory.
///
/// # Errors
/// Every file that is missing.
fn in_directory(dir: &Path) -> Result<Checkpoint, HubError> {
    // `is_file` follows links: a dangling one in a cache is a missing file.
    let file = |name: &str| Some(dir.join(name)).filter(|path| path.is_file());
    let mut missing = Vec::new();
    let config = file("config.json");
    if config.is_none() {
        missing.push("config.json".to_owned());
    }
    let tokenizer = file("tokenizer.json");
    let vocab_merges = file("vocab.json").zip(file("merges.txt"));
    if tokenizer.is_none() && vocab_merges.is_none() {
        missing.push("tokenizer.json (or vocab.json and merges.txt)".to_owned());
    }
    let weights = weights_in(dir, &mut missing)?;
    match config {
        Some(config) if missing.is_empty() => Ok(Checkpoint {
            config,
            weights,
            tokenizer,
            vocab_merges,
            preprocessor: file("preprocessor_config.json"),
            processor: file("processor_config.json"),
        }),
        _ => Err(HubError::Incomplete {
            dir: dir.to_owned(),
            missing,
        }),
    }
}

/// The weight files, the preferred kind first; names what is missing when no kind is complete.
fn weights_in(dir: &Path, missing: &mut Vec<String>) -> Result<Vec<PathBuf>, HubError> {
    let mut incomplete = None;
    for kind in ["model.safetensors", "pytorch_model.bin"] {
        let single = dir.join(kind);
        if single.is_file() {
            return Ok(vec![single]);
        }
        let index = dir.join(format!("{kind}.index.json"));
        if !index.is_file() {
            continue;
        }
        let shards = shards_of(&index)?;
        let absent: Vec<String> = shards
            .iter()
            .filter(|shard| !dir.join(shard).is_file())
            .cloned()
            .collect();
        if absent.is_empty() {
            return Ok(shards.iter().map(|shard| dir.join(shard)).collect());
        }
        incomplete.get_or_insert(absent);
    }
    missing.extend(incomplete.unwrap_or_else(|| {
        vec!["model.safetensors (or its shards with an index, or pytorch_model.bin)".to_owned()]
    }));
    Ok(Vec::new())
}

/// The files that an index of shards names, each once, by name.
///
/// # Errors
/// An index that is not one; a name that leaves the directory.
fn shards_of(index: &Path) -> Result<Vec<String>, HubError> {
    let fault = |reason: String| HubError::File {
        path: index.to_owned(),
        reason,
    };
    let bytes = std::fs::read(index).map_err(|error| fault(format!("cannot be read: {error}")))?;
    let json: Value = serde_json::from_slice(&bytes)
        .map_err(|error| fault(format!("is not valid JSON: {error}")))?;
    let map = json.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| fault("has no `weight_map`".into()))?;
    let mut shards: Vec<String> = Vec::new();
    for file in map.values() {
        let name = file.as_str().filter(|name| is_plain_name(name));
        let name =
            name.ok_or_else(|| fault(format!("`weight_map` names {file}: not a file name")))?;
        shards.push(name.to_owned());
    }
    shards.sort();
    shards.dedup();
    if shards.is_empty() {
        Err(fault("`weight_map` is empty".into()))
    } else {
        Ok(shards)
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_what_is_none() {
        for (source, id, revision) in [
            (
                "openai/clip-vit-base-patch32",
                "openai/clip-vit-base-patch32",
                None,
            ),
            ("gpt2", "gpt2", None),
            ("a/B.c_d@v1.0", "a/B.c_d", Some("v1.0")),
            ("a/b@refs/pr/3", "a/b", Some("refs/pr/3")),
        ] {
            let parsed = ModelId::parse(source).unwrap();
            assert_eq!(
                (parsed.id.as_str(), parsed.revision.as_deref()),
                (id, revision)
            );
        }
        for source in [
            "", "a/b/c", "../up", "a/..", "a b", "a/b@", "a/b@../x", "-a/b",
        ] {
            assert_eq!(ModelId::parse(source), None, "{source}");
        }
    }

    #[test]
    fn the_cache_is_where_huggingface_hub_looks() {
        type Variables = &'static [(&'static str, &'static str)];
        let cases: [(Variables, Option<&str>); 6] = [
            (
                &[("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h"), ("HOME", "/u")],
                Some("/c"),
            ),
            (
                &[("HF_HOME", "/h"), ("XDG_CACHE_HOME", "/x")],
                Some("/h/hub"),
            ),
            (
                &[("XDG_CACHE_HOME", "/x"), ("HOME", "/u")],
                Some("/x/huggingface/hub"),
            ),
            (&[("HOME", "/u")], Some("/u/.cache/huggingface/hub")),
            (
                &[("HF_HUB_CACHE", ""), ("HF_HOME", "~/hf"), ("HOME", "/u")],
                Some("/u/hf/hub"),
            ),
            (&[], None),
        ];
        for (variables, cache) in cases {
            let env = HubEnv::from_variables(&|name| {
                variables
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(env.cache.as_deref(), cache.map(Path::new), "{variables:?}");
        }
    }

    #[test]
    fn a_directory_says_all_that_it_lacks() {
        let dir = tempfile::TempDir::new().unwrap();
        let error = in_directory(dir.path()).unwrap_err().to_string();
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            assert!(error.contains(name), "{error}");
        }
        for name in ["config.json", "vocab.json", "merges.txt"] {
            std::fs::write(dir.path().join(name), "{}").unwrap();
        }
        let index = r#"{"weight_map": {"a": "s-2.safetensors", "b": "s-1.safetensors"}}"#;
        std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
        std::fs::write(dir.path().join("s-1.safetensors"), "").unwrap();
        let error = in_directory(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("s-2.safetensors") && !error.contains("s-1"),
            "{error}"
        );
        std::fs::write(dir.path().join("s-2.safetensors"), "").unwrap();
        let weights = in_directory(dir.path()).unwrap().weights;
        let names: Vec<_> = weights.iter().map(|w| w.file_name().unwrap()).collect();
        assert_eq!(names, ["s-1.safetensors", "s-2.safetensors"]);
    }

    #[test]
    fn an_index_cannot_name_files_elsewhere() {
        let dir = tempfile::TempDir::new().unwrap();
        let index = dir.path().join("i.json");
        for name in ["../secret", "/etc/passwd", "", "a\\\\b", "C:x"] {
            std::fs::write(&index, format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#)).unwrap();
            assert!(shards_of(&index).is_err(), "{name}");
        }
    }
}
