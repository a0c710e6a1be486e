//! Downloads of checkpoints into the Hugging Face cache.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::cache::tokenizer_in;
use super::checkpoint::{
    FileState, TOKENIZER, TOKENIZER_CONFIG, choose_weights, is_plain_name, model_type_in,
    no_tokenizer, shards_of, tokenizer_model_in,
};
use super::client::{Client, Fault, Head};
use super::id::ModelId;
use super::layout::Layout;
use super::store::{Lock, Store};
use super::{HubEnv, file_url};
use crate::hash;

/// Told of each file as it is downloaded, and asked whether to go on.
pub trait DownloadProgress {
    /// A file begins, or goes on after the `done` bytes of an earlier attempt; `total` bytes if the server says.
    fn start(&self, file: &str, done: u64, total: Option<u64>);
    /// So many more bytes of it have come.
    fn advance(&self, bytes: u64);
    /// The file is complete, or this attempt at it has ended.
    fn finish(&self);
    /// Another process downloads the file; it is waited for.
    fn waiting(&self, _file: &str) {}
    /// Whether to go on. After a no, the download ends within moments; what has come is kept for the next one.
    fn go_on(&self) -> bool {
        true
    }
}

/// Nobody is told.
impl DownloadProgress for () {
    fn start(&self, _: &str, _: u64, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    #[error("interrupted")]
    Interrupted,
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Network(String),
    #[error("{} cannot be written: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Answer(String),
    #[error("{file} came damaged: {reason}")]
    Damaged { file: String, reason: String },
}

/// What the hub says of one file. Mirrors say less than the hub.
#[derive(Debug, Clone, Default)]
struct Remote {
    name: String,
    size: Option<u64>,
    /// Of a large file.
    sha256: Option<String>,
    /// Git's name of a small one.
    blob: Option<String>,
}

/// A download of one revision.
struct Download<'a> {
    client: Client,
    id: &'a ModelId,
    cache: &'a Path,
    env: &'a HubEnv,
    commit: String,
    files: Vec<Remote>,
    store: Store,
    progress: &'a dyn DownloadProgress,
}

/// Connections for one file in one run. A network that breaks more often needs somebody to look at it.
const MOST_ATTEMPTS: usize = 20;

/// The list of a model's files is some kilobytes; a page that is not one may be anything.
const LONGEST_LIST: usize = 16 << 20;

/// Downloads what is needed of a checkpoint, of the layout that is `asked` for if any is, and returns its snapshot's
/// directory.
///
/// A file gathers under a name that no reader knows, is checked, brought to disk and only then given its place. What an
/// interruption leaves is gone on with the next time. Files that are already there are kept.
///
/// # Errors
/// A hub that cannot be reached, refuses, or lacks files; a file that comes damaged; a disk that refuses.
pub fn download(
    id: &ModelId,
    asked: Option<Layout>,
    cache: &Path,
    env: &HubEnv,
    progress: &dyn DownloadProgress,
) -> Result<PathBuf, DownloadError> {
    let download = Download::begin(id, cache, env, progress)?;
    download.run(asked)?;
    download.finish()
}

/// The commit of a revision and its files.
fn list(
    client: &Client,
    id: &ModelId,
    endpoint: &str,
    progress: &dyn DownloadProgress,
) -> Result<(String, Vec<Remote>), DownloadError> {
    let revision = id.revision().replace('/', "%2F");
    let url = format!(
        "{endpoint}/api/models/{}/revision/{revision}?blobs=true",
        id.id
    );
    let go_on = || progress.go_on();
    let incoming = client.get(&url, 0, &go_on)?;
    check_status(&incoming.head, &url, id, endpoint, client.has_token())?;
    let text = incoming.text(LONGEST_LIST, &go_on)?;
    let strange = || DownloadError::Answer(format!("{url}: the answer is not that of a hub"));
    let answer: Value = serde_json::from_str(&text).map_err(|_| strange())?;
    let commit = answer
        .get("sha")
        .and_then(Value::as_str)
        .filter(|sha| is_plain_name(sha));
    let files = answer.get("siblings").and_then(Value::as_array);
    let (commit, files) = commit.zip(files).ok_or_else(strange)?;
    Ok((commit.to_owned(), files.iter().filter_map(remote).collect()))
}

/// One entry of the list; `None` for what lies in folders, which is nothing of ours.
fn remote(entry: &Value) -> Option<Remote> {
    let text = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let size = |value: &Value| value.get("size").and_then(Value::as_u64);
    let lfs = entry.get("lfs").filter(|lfs| lfs.is_object());
    Some(Remote {
        name: text(entry, "rfilename").filter(|name| is_plain_name(name))?,
        size: lfs.and_then(size).or_else(|| size(entry)),
        sha256: lfs
            .and_then(|lfs| text(lfs, "sha256").or_else(|| text(lfs, "oid")))
            .filter(|sha| is_sha256(sha)),
        blob: text(entry, "blobId").filter(|blob| can_name_blob(blob) && lfs.is_none()),
    })
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// Whether a name that a server gives can be that of a file in `blobs`.
fn can_name_blob(name: &str) -> bool {
    (8..=128).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl<'a> Download<'a> {
    /// Asks which files there are.
    fn begin(
        id: &'a ModelId,
        cache: &'a Path,
        env: &'a HubEnv,
        progress: &'a dyn DownloadProgress,
    ) -> Result<Self, DownloadError> {
        let client = Client::new(env).map_err(DownloadError::Network)?;
        let (commit, files) = list(&client, id, &env.endpoint, progress)?;
        let store = Store::new(cache, id);
        store
            .prepare(&commit)
            .map_err(|(path, source)| DownloadError::Io { path, source })?;
        Ok(Self {
            client,
            id,
            cache,
            env,
            commit,
            files,
            store,
            progress,
        })
    }

    /// The snapshot, when all that is wanted is there. The ref is last, so that it never points to less than that.
    fn finish(&self) -> Result<PathBuf, DownloadError> {
        if !self.id.revision().eq_ignore_ascii_case(&self.commit) {
            self.store
                .set_ref(self.id.revision(), &self.commit)
                .map_err(|(path, source)| DownloadError::Io { path, source })?;
        }
        Ok(self.store.snapshot(&self.commit))
    }

    /// Brings the tokenizer of the model of this name into its own part of the cache, if it is not there already.
    fn tokenizer_of(&self, model: &str) -> Result<(), DownloadError> {
        if tokenizer_in(self.cache, model).is_some() {
            return Ok(());
        }
        let lacks = |what: &str| {
            DownloadError::Answer(format!(
                "{} has no tokenizer, and says that it is that of {model}, which {what}",
                self.id.id
            ))
        };
        let id = ModelId::parse(model).ok_or_else(|| lacks("is no id of a hub"))?;
        let other = Download::begin(&id, self.cache, self.env, self.progress)?;
        let has = |name: &str| other.files.iter().any(|file| file.name == name);
        if !has(TOKENIZER) {
            return Err(lacks("has no tokenizer.json"));
        }
        let files = [TOKENIZER, TOKENIZER_CONFIG].into_iter();
        files
            .filter(|name| has(name))
            .try_for_each(|name| other.fetch(name))?;
        other.finish().map(drop)
    }

    fn run(&self, asked: Option<Layout>) -> Result<(), DownloadError> {
        let state = |name: &str| match self.files.iter().any(|file| file.name == name) {
            true => FileState::Present,
            false => FileState::Absent,
        };
        let has = |name: &str| state(name) == FileState::Present;
        let snapshot = self.store.snapshot(&self.commit);
        let layout = Layout::choose(asked, &state, &mut || {
            self.fetch("config.json")?;
            Ok::<_, DownloadError>(model_type_in(&snapshot.join("config.json")))
        })?;
        let mut lacking = Vec::new();
        if has(layout.config()) {
            // Before gigabytes of something that cannot be used.
            self.fetch(layout.config())?;
            lacking.extend(layout.refusal(&snapshot));
        } else {
            lacking.push(format!("{} is missing", layout.config()));
        }
        let optional = layout.optional().iter().copied();
        let mut wanted: Vec<&str> = optional.filter(|file| has(file)).collect();
        if has("tokenizer.json") {
            wanted.push("tokenizer.json");
        } else if has("vocab.json") && has("merges.txt") {
            wanted.extend(["vocab.json", "merges.txt"]);
        } else if lacking.is_empty() {
            match tokenizer_model_in(&snapshot.join(layout.config())) {
                Some(model) => self.tokenizer_of(&model)?,
                None => lacking.push(no_tokenizer(layout, &snapshot, &state)),
            }
        }
        if !lacking.is_empty() {
            return Err(DownloadError::Answer(format!(
                "{} is no checkpoint that can be read: {}",
                self.id.id,
                lacking.join("; ")
            )));
        }
        for file in wanted {
            self.fetch(file)?;
        }
        let weights = choose_weights(layout, &state, &mut |index| {
            self.fetch(index)?;
            Ok::<_, DownloadError>(shards_of(&snapshot.join(index)))
        })?;
        let weights = weights.map_err(|faults| {
            DownloadError::Answer(format!(
                "{} has no weights that can be read: {}",
                self.id.id,
                faults.join("; ")
            ))
        })?;
        for file in weights {
            self.fetch(&file)?;
        }
        Ok(())
    }

    /// Brings one file into the snapshot, if it is not there already.
    fn fetch(&self, name: &str) -> Result<(), DownloadError> {
        let remote = self.files.iter().find(|file| file.name == name);
        let remote = remote.cloned().unwrap_or_else(|| Remote {
            name: name.to_owned(),
            ..Remote::default()
        });
        let target = self.store.snapshot(&self.commit).join(name);
        if is_whole(&target, &remote) {
            return Ok(());
        }
        let listed = remote.sha256.clone().or_else(|| remote.blob.clone());
        // Without the content's name, what it is instead: no other file of any model has this one.
        let key = listed.unwrap_or_else(|| {
            hash::of_parts([
                self.id.id.as_bytes(),
                self.commit.as_bytes(),
                name.as_bytes(),
            ])
        });
        let blob = self.store.blob(&key);
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| DownloadError::Io { path, source }
        };
        let lock = self
            .store
            .lock(&key, &|| self.progress.waiting(name), &|| {
                self.progress.go_on()
            })
            .map_err(at(&blob))?
            .ok_or(DownloadError::Interrupted)?;
        // Whoever held the lock may have brought it; another revision may share it.
        if is_whole(&target, &remote) {
            return Ok(());
        }
        if is_whole(&blob, &remote) {
            return self
                .store
                .link(&key, &self.commit, name)
                .map_err(at(&target));
        }
        let partial = self.partial(&key, &lock);
        let head = self.gather(&remote, &partial)?;
        let of_answer = head.linked.or(head.etag).filter(|tag| can_name_blob(tag));
        let is_listed = remote.sha256.is_some() || remote.blob.is_some();
        let blob = of_answer.filter(|_| !is_listed).unwrap_or(key);
        self.store
            .publish(&partial, &blob, &self.commit, name)
            .map_err(at(&target))
    }

    /// Where the content gathers. Where locks do not work, every process has a place of its own, which nobody else
    /// goes on with.
    fn partial(&self, key: &str, lock: &Lock) -> PathBuf {
        match lock.is_exclusive() {
            true => self.store.partial(key),
            false => self.store.partial(&format!("{key}.{}", std::process::id())),
        }
    }

    /// Gathers a file until it is whole and right; tries again, within reason, while every attempt brings more of it.
    fn gather(&self, remote: &Remote, partial: &Path) -> Result<Head, DownloadError> {
        let io_error = |source| DownloadError::Io {
            path: partial.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(partial)
            .map_err(io_error)?;
        let mut furthest = file.metadata().map_err(io_error)?.len();
        let mut may_be_stale = furthest > 0;
        let mut left = MOST_ATTEMPTS;
        loop {
            left = left.saturating_sub(1);
            match self.attempt(remote, &mut file, partial) {
                Ok(head) => match verify(remote, &head, partial) {
                    Ok(()) => {
                        file.sync_all().map_err(io_error)?;
                        return Ok(head);
                    }
                    Err(error) => {
                        file.set_len(0).map_err(io_error)?;
                        // What an earlier run left may be at fault: once more, from the beginning.
                        if !std::mem::take(&mut may_be_stale) {
                            drop(file);
                            let _ = std::fs::remove_file(partial);
                            return Err(error);
                        }
                        furthest = 0;
                    }
                },
                Err(DownloadError::Network(why)) => {
                    let reached = file.metadata().map_err(io_error)?.len();
                    if reached <= furthest || left == 0 {
                        return Err(DownloadError::Network(why));
                    }
                    furthest = reached;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One connection's worth of a file: goes on where `file` ends.
    fn attempt(
        &self,
        remote: &Remote,
        file: &mut File,
        partial: &Path,
    ) -> Result<Head, DownloadError> {
        let io_error = |source| DownloadError::Io {
            path: partial.to_owned(),
            source,
        };
        let go_on = || self.progress.go_on();
        let mut have = file.seek(SeekFrom::End(0)).map_err(io_error)?;
        if remote.size.is_some_and(|size| have == size && size > 0) {
            return Ok(Head::default());
        }
        let url = file_url(&self.env.endpoint, &self.id.id, &self.commit, &remote.name);
        if remote.size.is_some_and(|size| have > size) {
            have = 0;
        }
        let mut incoming = self.client.get(&url, have, &go_on)?;
        // "Range not satisfiable": what is there is not a beginning of what there is to be had.
        if incoming.head.status == 416 && have > 0 {
            have = 0;
            incoming = self.client.get(&url, 0, &go_on)?;
        }
        let head = incoming.head.clone();
        check_status(
            &head,
            &url,
            self.id,
            &self.env.endpoint,
            self.client.has_token(),
        )?;
        if head.status != 206 {
            // A server without ranges sends it all once more.
            have = 0;
        } else if head.start != Some(have) {
            return Err(DownloadError::Answer(format!(
                "{url}: the server sent another part than that from byte {have} on"
            )));
        }
        file.set_len(have).map_err(io_error)?;
        file.seek(SeekFrom::End(0)).map_err(io_error)?;
        let total = remote.size.or_else(|| Some(have + head.length?));
        self.progress.start(&remote.name, have, total);
        let received = (|| -> Result<(), DownloadError> {
            while let Some(bytes) = incoming.next(&go_on)? {
                have += bytes.len() as u64;
                if let Some(total) = total.filter(|&total| have > total) {
                    file.set_len(0).map_err(io_error)?;
                    return Err(DownloadError::Damaged {
                        file: remote.name.clone(),
                        reason: format!("more came than its {total} bytes"),
                    });
                }
                file.write_all(&bytes).map_err(io_error)?;
                self.progress.advance(bytes.len() as u64);
            }
            match total {
                Some(total) if have < total => Err(DownloadError::Network(format!(
                    "the connection broke off after {have} of {total} bytes"
                ))),
                _ => Ok(()),
            }
        })();
        self.progress.finish();
        received.map_err(|error| match error {
            DownloadError::Network(why) => {
                DownloadError::Network(format!("{}: {why}", remote.name))
            }
            other => other,
        })?;
        Ok(head)
    }
}

/// Whether a file is there in full, as far as that can be told without reading it.
fn is_whole(path: &Path, remote: &Remote) -> bool {
    FileState::of(path) == FileState::Present
        && remote
            .size
            .is_none_or(|size| path.metadata().is_ok_and(|m| m.len() == size))
}

/// Whether what came is what the hub says it is.
fn verify(remote: &Remote, head: &Head, partial: &Path) -> Result<(), DownloadError> {
    let damaged = |reason: String| DownloadError::Damaged {
        file: remote.name.clone(),
        reason,
    };
    if FileState::of(partial) == FileState::LfsPointer {
        return Err(damaged(
            "the server sent a Git LFS pointer in place of the file".into(),
        ));
    }
    let linked = head.linked.as_ref().filter(|tag| is_sha256(tag));
    if let Some(expected) = remote.sha256.as_ref().or(linked) {
        let found = File::open(partial)
            .and_then(|file| hash::of_readers([file]))
            .map_err(|source| DownloadError::Io {
                path: partial.to_owned(),
                source,
            })?;
        if !found.eq_ignore_ascii_case(expected) {
            return Err(damaged(format!(
                "its SHA-256 is {found}, the hub says {expected}"
            )));
        }
    }
    Ok(())
}

/// What an answer says that is not the file.
fn check_status(
    head: &Head,
    url: &str,
    id: &ModelId,
    endpoint: &str,
    has_token: bool,
) -> Result<(), DownloadError> {
    let code = head.error_code.as_deref();
    let page = format!("{endpoint}/{}", id.id);
    match head.status {
        200 | 206 => Ok(()),
        401 | 403 if code == Some("GatedRepo") || head.status == 403 => {
            Err(DownloadError::Refused(if has_token {
                format!(
                    "access is refused ({}): your token has no access to it.\n\
                     Accept the model's terms at {page} with the token's account,\n\
                     or set HF_TOKEN to a token that may read it",
                    head.status
                )
            } else {
                format!(
                    "access is refused ({}): the model is gated.\n\
                     Accept its terms at {page}\n\
                     and set HF_TOKEN to a token of yours",
                    head.status
                )
            }))
        }
        // So it answers for what does not exist, too, lest strangers learn what is private.
        401 => Err(DownloadError::Refused(format!(
            "it answers 401, which means one of two:\n\
             - there is no such model: check how the id is spelt\n\
             - it is private or gated: {}",
            if has_token {
                format!(
                    "your token (of HF_TOKEN or a login) may be\n  \
                     invalid or lack access to it; see\n  {page}"
                )
            } else {
                format!(
                    "set HF_TOKEN to a token that may read it,\n  \
                     and accept its terms, if it has any, at\n  {page}"
                )
            }
        ))),
        404 if code == Some("RevisionNotFound") => Err(DownloadError::NotFound(format!(
            "{page} has no revision `{}`",
            id.revision()
        ))),
        404 => Err(DownloadError::NotFound(format!(
            "the hub has no such model, revision or file (404):\n{url}"
        ))),
        429 => Err(DownloadError::Network(format!(
            "{url}: the hub is asked too often (429): try again in some minutes{}",
            if has_token {
                ""
            } else {
                ", or set HF_TOKEN: it allows more"
            }
        ))),
        status => Err(DownloadError::Network(format!(
            "{url}: the server answers {status}"
        ))),
    }
}

impl From<Fault> for DownloadError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Stopped => Self::Interrupted,
            Fault::Network(why) => Self::Network(why),
        }
    }
}

#[cfg(test)]
mod tests;
