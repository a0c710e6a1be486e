//! From what `--model` names to the files of a checkpoint: a directory, the Hugging Face cache, or a download into it.

mod cache;
mod checkpoint;
mod client;
mod download;
mod env;
mod id;
mod layout;
mod store;

use std::path::{Path, PathBuf};

pub use checkpoint::Checkpoint;
pub use download::DownloadProgress;
pub use env::HubEnv;
pub use layout::Layout;

use cache::Absence;
pub use cache::Cached;
use checkpoint::in_directory;
use download::DownloadError;
use id::ModelId;

/// What can go wrong in finding a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("--model {source_name}: there is no such directory{}", did_you_mean(near.as_deref()))]
    NoDirectory {
        source_name: String,
        near: Option<String>,
    },
    #[error("--model {0}: is a file; give the directory that holds the whole checkpoint")]
    IsFile(String),
    #[error(
        "--model {0}: neither a directory nor a Hugging Face id such as openai/clip-vit-base-patch32"
    )]
    NoId(String),
    #[error("{}: not a complete checkpoint:\n  {}", dir.display(), faults.join("\n  "))]
    Incomplete { dir: PathBuf, faults: Vec<String> },
    #[error(
        "--model {id}@{revision}: several commits in the cache start so; give more digits:\n  {}",
        commits.join("\n  ")
    )]
    Ambiguous {
        id: String,
        revision: String,
        commits: Vec<String>,
    },
    #[error("{0}")]
    Unavailable(Box<Unavailable>),
    #[error("the download was interrupted; the next run goes on where it stopped")]
    Interrupted,
}

/// A model that is nowhere to be had: where it was looked for, and what the user can do.
#[derive(Debug, thiserror::Error)]
#[error(
    "--model {asked} cannot be had:\n\
     - as a directory: there is no `{asked}` in the working directory{}\n\
     - in the cache: {of_cache}\n\
     - from the hub: {}{}",
    did_you_mean(near.as_deref()),
    of_hub.replace('\n', "\n  "),
    self.by_hand()
)]
pub struct Unavailable {
    /// As the user wrote it.
    asked: String,
    /// A directory that may have been meant.
    near: Option<String>,
    of_cache: String,
    of_hub: String,
    /// Where the files are, if getting them by hand can help: of `name` with its parts' addresses.
    by_hand: Option<ByHand>,
}

/// What it takes to get a model by hand.
#[derive(Debug)]
struct ByHand {
    id: ModelId,
    endpoint: String,
}

impl Unavailable {
    fn by_hand(&self) -> String {
        let Some(ByHand { id, endpoint }) = &self.by_hand else {
            return String::new();
        };
        let url = |file: &str| file_url(endpoint, &id.id, id.revision(), file);
        format!(
            "\n\nDownload these files where the network allows:\n  {}\n  {}\n  {}\n  {}\n\
             (In place of tokenizer.json, vocab.json and merges.txt do as well; in place of\n\
             model.safetensors, pytorch_model.bin, or shards with their index. A model of\n\
             open_clip has open_clip_config.json and open_clip_model.safetensors; one of\n\
             SigLIP needs tokenizer_config.json too.)\n\
             Put them into one directory, say {name}, and give that:\n  --model ./{name}\n\
             Or point HF_HUB_CACHE (or HF_HOME) at a Hugging Face cache with the model.",
            url("config.json"),
            url("preprocessor_config.json"),
            url("tokenizer.json"),
            url("model.safetensors"),
            name = id.name(),
        )
    }
}

/// Where a hub has a file.
fn file_url(endpoint: &str, id: &str, revision: &str, file: &str) -> String {
    let revision = revision.replace('/', "%2F");
    format!("{endpoint}/{id}/resolve/{revision}/{file}")
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map_or(String::new(), |near| format!("; did you mean {near}?"))
}

/// How open_clip's users call a directory, and a model on the hub: its own layout is meant, whichever others there are.
const OF_OPEN_CLIP: [&str; 2] = ["local-dir:", "hf-hub:"];

/// Finds the checkpoint that `source` names on this machine, as [`resolve`] does, without a download.
///
/// # Errors
/// As [`resolve`].
pub fn find(source: &str, env: &HubEnv) -> Result<Checkpoint, HubError> {
    let why =
        "not asked: this looks only at what is here; a command that uses the model downloads it";
    locate(source, env, Hub::NotAsked(why))
}

/// Finds the checkpoint that `source` names: a directory as it is; otherwise a hub id, in the cache, else downloaded
/// into it. `local-dir:` and `hf-hub:` before it ask for the layout of open_clip.
///
/// # Errors
/// Files that are missing or not whole, by name; a hub that cannot be reached, with what to do; an interruption.
pub fn resolve(
    source: &str,
    env: &HubEnv,
    progress: &dyn DownloadProgress,
) -> Result<Checkpoint, HubError> {
    let hub = match env.offline {
        true => Hub::NotAsked("not asked, as HF_HUB_OFFLINE is set"),
        false => Hub::Asked(progress),
    };
    locate(source, env, hub)
}

/// Whether a hub may be asked.
enum Hub<'a> {
    Asked(&'a dyn DownloadProgress),
    /// Why not.
    NotAsked(&'static str),
}

fn locate(source: &str, env: &HubEnv, hub: Hub<'_>) -> Result<Checkpoint, HubError> {
    let named = OF_OPEN_CLIP.iter().find_map(|of| source.strip_prefix(of));
    let (source, asked) = match named {
        Some(named) => (named, Some(Layout::OpenClip)),
        None => (source, None),
    };
    let path = Path::new(source);
    if path.is_dir() {
        return in_directory(path, asked, env.cache.as_deref());
    }
    if path.is_file() {
        return Err(HubError::IsFile(source.to_owned()));
    }
    let looks_like_path = source.starts_with(['.', '/', '~'])
        || source.ends_with('/')
        || source.contains('\\')
        || source.matches('/').count() > 1;
    if looks_like_path {
        return Err(HubError::NoDirectory {
            source_name: source.to_owned(),
            near: near_directory(path),
        });
    }
    let id = ModelId::parse(source).ok_or_else(|| HubError::NoId(source.to_owned()))?;
    let unavailable = |of_cache: String, of_hub: String, can_by_hand: bool| {
        HubError::Unavailable(Box::new(Unavailable {
            asked: source.to_owned(),
            near: near_directory(path),
            of_cache,
            of_hub,
            by_hand: can_by_hand.then(|| ByHand {
                id: id.clone(),
                endpoint: env.endpoint.clone(),
            }),
        }))
    };
    let Some(cache) = &env.cache else {
        return Err(unavailable(
            "there is none: set HF_HUB_CACHE to a directory".into(),
            "not asked, as there is no cache to download into".into(),
            true,
        ));
    };
    let of_cache = match cache::find(cache, &id, asked) {
        Ok(checkpoint) => return Ok(checkpoint),
        Err(Absence::Ambiguous(commits)) => {
            return Err(HubError::Ambiguous {
                revision: id.revision().to_owned(),
                id: id.id,
                commits,
            });
        }
        Err(absence) => in_cache(&absence, cache, &id),
    };
    let progress = match hub {
        Hub::Asked(progress) => progress,
        Hub::NotAsked(why) => return Err(unavailable(of_cache, why.to_owned(), true)),
    };
    match download::download(&id, asked, cache, env, progress) {
        Ok(snapshot) => in_directory(&snapshot, asked, Some(cache)),
        Err(DownloadError::Interrupted) => Err(HubError::Interrupted),
        Err(error) => {
            // By hand one gets what the network keeps back, and not what is nowhere.
            let can_by_hand = matches!(
                error,
                DownloadError::Network(_)
                    | DownloadError::Io { .. }
                    | DownloadError::Damaged { .. }
            );
            Err(unavailable(of_cache, error.to_string(), can_by_hand))
        }
    }
}

/// The models in a cache, by id.
pub fn cached(cache: &Path) -> Vec<Cached> {
    cache::all(cache)
}

/// What is in the cache instead of the model.
fn in_cache(absence: &Absence, cache: &Path, id: &ModelId) -> String {
    let model = cache.join(id.folder());
    match absence {
        Absence::Incomplete(fault) => fault.to_string().replace('\n', "\n  "),
        Absence::Revision | Absence::Ambiguous(_) if id.revision.is_some() => {
            format!("no revision `{}` in\n  {}", id.revision(), model.display())
        }
        Absence::Revision | Absence::Ambiguous(_) => {
            format!("nothing but an empty\n  {}", model.display())
        }
        Absence::Model => format!("there is no\n  {}", model.display()),
    }
}

/// A directory beside where `path` should be whose name is nearly its.
fn near_directory(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let parent = path.parent()?;
    let listed = if parent == Path::new("") {
        Path::new(".")
    } else {
        parent
    };
    let (_, name) = std::fs::read_dir(listed)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let distance = strsim::osa_distance(&name.to_lowercase(), &wanted.to_lowercase());
            // One slip in three letters is a guess; more is another word.
            let is_near = distance <= wanted.chars().count() / 3;
            (is_near && entry.path().is_dir()).then_some((distance, name))
        })
        .min()?;
    Some(parent.join(name).display().to_string())
}

#[cfg(test)]
mod loopback;
#[cfg(test)]
mod tests;
