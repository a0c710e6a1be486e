//! The files of one checkpoint in a directory: which there are, which are whole, which to read.

use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::HubError;
use super::cache::tokenizer_in;
use super::layout::{Layout, index_of};
use crate::model::blueprint::model_type;

/// The files of one checkpoint, all on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub layout: Layout,
    /// The directory that they are in.
    pub dir: PathBuf,
    /// `config.json` or `open_clip_config.json`.
    pub config: PathBuf,
    /// The one file, its shards in the order of their names, or PyTorch's files.
    pub weights: Vec<PathBuf>,
    /// `tokenizer.json`, else `vocab.json` and `merges.txt`.
    pub tokenizer: Vec<PathBuf>,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Option<PathBuf>,
    /// `preprocessor_config.json`.
    pub preprocessor: Option<PathBuf>,
    /// `processor_config.json`: transformers 5 saves the preprocessing in there.
    pub processor: Option<PathBuf>,
}

/// What a tokenizer is in, and what it says of itself.
pub const TOKENIZER: &str = "tokenizer.json";
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// What some tokenizers are saved in before they are converted.
const SENTENCEPIECE: &str = "spiece.model";

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    Absent,
    Empty,
    /// What git leaves of a large file where git-lfs did not fetch it.
    LfsPointer,
    Present,
}

impl FileState {
    /// Follows links: a dangling one in a cache is an absent file.
    pub fn of(path: &Path) -> Self {
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => match metadata.len() {
                0 => Self::Empty,
                // A pointer is three short lines; the specification allows no more than 1024 bytes.
                ..=1024 if is_lfs_pointer(path) => Self::LfsPointer,
                _ => Self::Present,
            },
            _ => Self::Absent,
        }
    }

    /// What is wrong with a file in this state, for people; `None` if nothing is.
    fn fault(self, name: &str) -> Option<String> {
        match self {
            Self::Absent => Some(format!("{name} is missing")),
            Self::Empty => Some(format!("{name} is empty: get it again")),
            Self::LfsPointer => Some(format!(
                "{name} is a Git LFS pointer, not the file itself: run `git lfs pull` there"
            )),
            Self::Present => None,
        }
    }
}

fn is_lfs_pointer(path: &Path) -> bool {
    const START: &[u8] = b"version https://git-lfs.github.com/spec/";
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| {
        file.take(START.len() as u64)
            .read_to_end(&mut start)
            .map(|_| ())
    });
    read.is_ok() && start == START
}

/// The checkpoint in a directory; of the layout that is `asked` for, if any is. Where it has no tokenizer, and its configuration names a
/// model whose it is, that of this model in the cache is taken.
///
/// # Errors
/// Every file that is missing, empty or only points to what it should be.
pub fn in_directory(
    dir: &Path,
    asked: Option<Layout>,
    cache: Option<&Path>,
) -> Result<Checkpoint, HubError> {
    let state = |name: &str| FileState::of(&dir.join(name));
    let file = |name: &str| Some(dir.join(name)).filter(|_| state(name) == FileState::Present);
    let layout = Layout::in_directory(dir, asked);
    let mut faults = Vec::new();
    let config = file(layout.config());
    faults.extend(state(layout.config()).fault(layout.config()));

    let pair = [file("vocab.json"), file("merges.txt")];
    let pair: Option<Vec<PathBuf>> = pair.into_iter().collect();
    let is_without = pair.is_none() && state(TOKENIZER) == FileState::Absent;
    let named = (is_without.then(|| tokenizer_model_in(&dir.join(layout.config())))).flatten();
    // A snapshot of that model.
    let elsewhere = named.and_then(|model| tokenizer_in(cache?, &model));
    let mut tokenizer_config =
        file(TOKENIZER_CONFIG).filter(|_| layout.optional().contains(&TOKENIZER_CONFIG));
    let tokenizer = match (file(TOKENIZER), pair, elsewhere) {
        (Some(definition), ..) => vec![definition],
        (None, Some(pair), _) => pair,
        (None, None, Some(snapshot)) => {
            let beside = snapshot.join(TOKENIZER_CONFIG);
            let is_there = FileState::of(&beside) == FileState::Present;
            tokenizer_config = tokenizer_config.or(is_there.then_some(beside));
            vec![snapshot.join(TOKENIZER)]
        }
        (None, None, None) => {
            faults.push(match state("tokenizer.json") {
                FileState::Absent => no_tokenizer(layout, dir, &state),
                broken => broken.fault("tokenizer.json").unwrap_or_default(),
            });
            Vec::new()
        }
    };
    // Without them there are defaults; with one that cannot be read, that would be a guess.
    faults.extend(
        layout
            .optional()
            .iter()
            .filter(|name| state(name) != FileState::Absent)
            .filter_map(|name| state(name).fault(name)),
    );
    let mut shards = |index: &str| Ok::<_, Infallible>(shards_of(&dir.join(index)));
    let weights = match choose_weights(layout, &state, &mut shards) {
        Ok(Ok(names)) => names.iter().map(|name| dir.join(name)).collect(),
        Ok(Err(of_weights)) => {
            faults.extend(of_weights);
            Vec::new()
        }
        Err(impossible) => match impossible {},
    };
    // Of a model that is of no use, it does not matter what it lacks.
    if let Some(reason) = layout.refusal(dir).filter(|_| !faults.is_empty()) {
        faults = vec![reason];
    }
    let optional = |name: &str| file(name).filter(|_| layout.optional().contains(&name));
    match config {
        Some(config) if faults.is_empty() => Ok(Checkpoint {
            layout,
            dir: dir.to_owned(),
            config,
            weights,
            tokenizer,
            tokenizer_config,
            preprocessor: optional("preprocessor_config.json"),
            processor: optional("processor_config.json"),
        }),
        _ => Err(HubError::Incomplete {
            dir: dir.to_owned(),
            faults,
        }),
    }
}

/// What a `config.json` says that its model is.
pub fn model_type_in(config: &Path) -> Option<String> {
    let config: Value = serde_json::from_slice(&std::fs::read(config).ok()?).ok()?;
    model_type(&config).map(str::to_owned)
}

/// The model whose tokenizer a `config.json` says that it is for, as those of ProLIP do, which have none of their own.
pub fn tokenizer_model_in(config: &Path) -> Option<String> {
    let config: Value = serde_json::from_slice(&std::fs::read(config).ok()?).ok()?;
    let name = config.pointer("/text_cfg/hf_tokenizer_name")?.as_str()?;
    Some(name.to_owned())
}

/// That there is no tokenizer, and what to do about it; `dir` is where the configuration is.
pub fn no_tokenizer(layout: Layout, dir: &Path, state: &dyn Fn(&str) -> FileState) -> String {
    let missing = "tokenizer.json is missing (or vocab.json and merges.txt)";
    if let Some(model) = tokenizer_model_in(&dir.join(layout.config())) {
        return format!(
            "{missing}: {} says that it is that of {model}. Put its {TOKENIZER} and {TOKENIZER_CONFIG} there",
            layout.config()
        );
    }
    if state(SENTENCEPIECE) != FileState::Absent {
        return format!(
            "{missing}; {SENTENCEPIECE} alone is not read. Make one of it there, with transformers and sentencepiece:\n  \
             python -c \"from transformers import T5TokenizerFast as T; \
             T.from_pretrained('.', extra_ids=0).backend_tokenizer.save('tokenizer.json')\""
        );
    }
    match layout {
        Layout::Transformers => missing.to_owned(),
        Layout::OpenClip => format!(
            "{missing}: open_clip has CLIP's vocabulary built in, cladist does not. \
             Put the tokenizer.json of openai/clip-vit-base-patch32 beside {}",
            layout.config()
        ),
    }
}

/// The names of the weight files to read, or what is wrong with every choice.
pub type Choice = Result<Vec<String>, Vec<String>>;

/// The shards that an index names, or what is wrong with it, to follow its name.
pub type Shards = Result<Vec<String>, String>;

/// Chooses the weights among the files that there are: for each format, the preferred one first, the single file, else
/// the shards that its index names, if all are there.
///
/// The one rule for directories and for downloads, so that what is downloaded is what is then read. `shards` gives what
/// an index names, or what is wrong with it.
///
/// # Errors
/// The error of `shards`, if an index cannot be had.
pub fn choose_weights<E>(
    layout: Layout,
    state: &dyn Fn(&str) -> FileState,
    shards: &mut dyn FnMut(&str) -> Result<Shards, E>,
) -> Result<Choice, E> {
    let mut faults = Vec::new();
    for single in layout.weights() {
        let index = index_of(single);
        match state(single) {
            FileState::Present => return Ok(Ok(vec![single.to_owned()])),
            FileState::Absent => {}
            broken => faults.extend(broken.fault(single)),
        }
        match state(&index) {
            FileState::Present => {}
            FileState::Absent => continue,
            broken => {
                faults.extend(broken.fault(&index));
                continue;
            }
        }
        let shards = match shards(&index)? {
            Ok(shards) => shards,
            Err(reason) => {
                faults.push(format!("{index} {reason}"));
                continue;
            }
        };
        let of_shards: Vec<String> = shards
            .iter()
            .filter_map(|shard| state(shard).fault(shard))
            .collect();
        if of_shards.is_empty() {
            return Ok(Ok(shards));
        }
        faults.extend(of_shards);
    }
    if faults.is_empty() {
        let [preferred, other] = layout.weights();
        faults.push(format!(
            "{preferred} is missing (or its shards with an index, or {other})"
        ));
    }
    Ok(Err(faults))
}

/// The files that an index of shards names, each once, by name.
///
/// # Errors
/// What is wrong with the index, to follow its name: it cannot be read, is not one, or names files elsewhere.
pub fn shards_of(index: &Path) -> Shards {
    let bytes = std::fs::read(index).map_err(|error| format!("cannot be read: {error}"))?;
    let json: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("is not valid JSON: {error}"))?;
    let map = json.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or("has no `weight_map`")?;
    let mut shards: Vec<String> = Vec::new();
    for file in map.values() {
        let name = file.as_str().filter(|name| is_plain_name(name));
        let name = name.ok_or_else(|| format!("names {file}, which is not a file name"))?;
        shards.push(name.to_owned());
    }
    shards.sort();
    shards.dedup();
    if shards.is_empty() {
        Err("names no shards".to_owned())
    } else {
        Ok(shards)
    }
}

/// Whether a name from a file or a server stays in the directory that it is joined to.
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n";

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::TempDir::new().unwrap();
        for (name, content) in files {
            fs::write(dir.path().join(name), content).unwrap();
        }
        dir
    }

    fn index(shards: &[&str]) -> String {
        let map: serde_json::Map<String, Value> = shards
            .iter()
            .map(|shard| (format!("tensor of {shard}"), Value::from(*shard)))
            .collect();
        serde_json::json!({ "weight_map": map }).to_string()
    }

    /// The names of the weights that are read.
    fn weights_of(dir: &Path) -> Vec<String> {
        let weights = in_directory(dir, None, None).unwrap().weights;
        weights
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_directory_says_all_that_it_lacks() {
        let dir = directory(&[]);
        let error = in_directory(dir.path(), None, None)
            .unwrap_err()
            .to_string();
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            assert!(error.contains(name), "{error}");
        }
        let shards = index(&["s-2.safetensors", "s-1.safetensors"]);
        let dir = directory(&[
            ("config.json", "{}"),
            ("vocab.json", "{}"),
            ("merges.txt", "a b"),
            ("model.safetensors.index.json", &shards),
            ("s-1.safetensors", "1"),
        ]);
        let error = in_directory(dir.path(), None, None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("s-2.safetensors") && !error.contains("s-1"),
            "{error}"
        );
        fs::write(dir.path().join("s-2.safetensors"), "2").unwrap();
        assert_eq!(
            weights_of(dir.path()),
            ["s-1.safetensors", "s-2.safetensors"]
        );
    }

    #[test]
    fn safetensors_are_preferred_in_either_form() {
        let shards = index(&["s-1.safetensors"]);
        let dir = directory(&[
            ("config.json", "{}"),
            ("tokenizer.json", "{}"),
            ("pytorch_model.bin", "bin"),
            ("model.safetensors.index.json", &shards),
        ]);
        assert_eq!(weights_of(dir.path()), ["pytorch_model.bin"], "no shard");
        fs::write(dir.path().join("s-1.safetensors"), "1").unwrap();
        assert_eq!(weights_of(dir.path()), ["s-1.safetensors"]);
        fs::write(dir.path().join("model.safetensors"), "1").unwrap();
        assert_eq!(weights_of(dir.path()), ["model.safetensors"]);
    }

    #[test]
    fn empty_files_and_lfs_pointers_are_no_files() {
        let whole = [
            ("config.json", "{}"),
            ("tokenizer.json", "{}"),
            ("preprocessor_config.json", "{}"),
            ("model.safetensors", "weights"),
        ];
        in_directory(directory(&whole).path(), None, None).unwrap();
        for broken in 0..whole.len() {
            for (content, said) in [("", "is empty"), (POINTER, "git lfs pull")] {
                let mut files = whole;
                files[broken].1 = content;
                let dir = directory(&files);
                let error = in_directory(dir.path(), None, None)
                    .unwrap_err()
                    .to_string();
                let name = files[broken].0;
                assert!(error.contains(&format!("{name} is ")), "{error}");
                assert!(error.contains(said), "{error}");
                assert!(!error.contains("missing"), "{error}");
            }
        }
        let dir = directory(&[
            ("config.json", "{}"),
            ("tokenizer.json", "{}"),
            ("model.safetensors", POINTER),
            ("pytorch_model.bin", "bin"),
        ]);
        assert_eq!(weights_of(dir.path()), ["pytorch_model.bin"]);
    }

    #[test]
    fn an_index_cannot_name_files_elsewhere() {
        let dir = tempfile::TempDir::new().unwrap();
        let index = dir.path().join("i.json");
        for name in ["../secret", "/etc/passwd", "", "a\\\\b", "C:x"] {
            fs::write(&index, format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#)).unwrap();
            assert!(shards_of(&index).is_err(), "{name}");
        }
        for nonsense in ["", "[]", "{}", r#"{"weight_map": {}}"#] {
            fs::write(&index, nonsense).unwrap();
            assert!(shards_of(&index).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn the_layout_is_told_by_the_files() {
        const CLIP: &str = r#"{"model_type": "clip"}"#;
        const OF_TIMM: &str = r#"{"architecture": "vit_base_patch32_clip_224"}"#;
        let open_clip = [
            ("open_clip_config.json", "{}"),
            ("open_clip_pytorch_model.bin", "bin"),
            ("vocab.json", "{}"),
            ("merges.txt", "a b"),
        ];
        let layout = |more: &[(&str, &str)], asked| {
            let dir = directory(&[&open_clip[..], more].concat());
            let found = in_directory(dir.path(), asked, None).unwrap();
            let weights = found.weights[0].file_name().unwrap().to_owned();
            let of_open_clip = weights.to_str().unwrap().starts_with("open_clip");
            assert_eq!(found.layout == Layout::OpenClip, of_open_clip);
            assert_eq!(found.config, dir.path().join(found.layout.config()));
            found.layout
        };
        let weights = ("model.safetensors", "weights");
        let (transformers, ours) = (Layout::Transformers, Layout::OpenClip);
        assert_eq!(layout(&[], None), ours);
        assert_eq!(layout(&[("config.json", CLIP)], None), ours, "no weights");
        assert_eq!(
            layout(&[("config.json", CLIP), weights], None),
            transformers
        );
        assert_eq!(layout(&[("config.json", CLIP), weights], Some(ours)), ours);
        assert_eq!(layout(&[("config.json", OF_TIMM), weights], None), ours);
        let both = [("open_clip_model.safetensors", "weights")];
        let dir = directory(&[&open_clip[..], &both].concat());
        assert_eq!(weights_of(dir.path()), ["open_clip_model.safetensors"]);
    }

    #[test]
    fn a_missing_tokenizer_is_told_with_what_to_do() {
        let said = |files: &[(&str, &str)]| {
            let error = in_directory(directory(files).path(), None, None).unwrap_err();
            error.to_string()
        };
        let bert = said(&[("config.json", r#"{"model_type": "bert"}"#)]);
        assert!(bert.contains("`bert`, which is not supported"), "{bert}");
        assert!(!bert.contains("missing"), "{bert}");
        let siglip = said(&[("config.json", "{}"), ("spiece.model", "sp")]);
        assert!(siglip.contains("spiece.model alone"), "{siglip}");
        let open_clip = said(&[("open_clip_config.json", "{}")]);
        assert!(
            open_clip.contains("tokenizer.json of openai/clip"),
            "{open_clip}"
        );
        assert!(open_clip.contains("open_clip_model.safetensors is missing"));
    }
}
