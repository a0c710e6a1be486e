//! Downloads into the Hugging Face cache, in its own layout, so that every tool finds them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use super::{HubEnv, ModelId, is_plain_name, shards_of};

/// Told of each file as it is downloaded.
pub trait DownloadProgress {
    /// A file begins; `total` bytes if the server says.
    fn start(&self, file: &str, total: Option<u64>);
    /// So many more bytes of it have come.
    fn advance(&self, bytes: u64);
    /// The file is complete.
    fn finish(&self);
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    #[error("the server has no such model, revision or file ({0})")]
    NotFound(String),
    #[error(
        "access is refused ({0}): accept the model's terms on its page, and set HF_TOKEN to a token of yours"
    )]
    Refused(String),
    #[error("{0}")]
    Network(String),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Answer(String),
}

/// One server, and who asks.
struct Client<'a> {
    agent: Agent,
    env: &'a HubEnv,
}

/// Downloads what is needed of a checkpoint and returns its snapshot's directory.
///
/// A file is written under a temporary name, brought to disk, and renamed: an interruption leaves no half file that
/// could be taken for a whole one. Files that are already there are kept.
pub fn download(
    id: &ModelId,
    cache: &Path,
    env: &HubEnv,
    progress: &dyn DownloadProgress,
) -> Result<PathBuf, DownloadError> {
    let agent = Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .user_agent(concat!("cladist/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let client = Client { agent, env };
    let (commit, files) = client.list(id)?;
    let model = cache.join(id.folder());
    let snapshot = model.join("snapshots").join(&commit);
    create_dir(&snapshot)?;
    let fetch = |file: &str| client.fetch(id, &commit, file, &snapshot, progress);

    let has = |name: &str| files.iter().any(|file| file == name);
    let mut wanted = vec!["config.json"];
    let preprocessing = ["preprocessor_config.json", "processor_config.json"];
    wanted.extend(preprocessing.into_iter().filter(|f| has(f)));
    if has("tokenizer.json") {
        wanted.push("tokenizer.json");
    } else {
        wanted.extend(["vocab.json", "merges.txt"]);
    }
    for file in wanted {
        fetch(file)?;
    }
    let kinds = ["model.safetensors", "pytorch_model.bin"];
    if let Some(single) = kinds.into_iter().find(|kind| has(kind)) {
        fetch(single)?;
    } else {
        let index = kinds
            .map(|kind| format!("{kind}.index.json"))
            .into_iter()
            .find(|index| has(index))
            .ok_or_else(|| {
                DownloadError::Answer("the model has no weights that can be read".into())
            })?;
        fetch(&index)?;
        let shards = shards_of(&snapshot.join(&index))
            .map_err(|error| DownloadError::Answer(error.to_string()))?;
        for shard in shards {
            fetch(&shard)?;
        }
    }
    // Last, so that the ref never points to less than a checkpoint.
    let reference = model.join("refs").join(id.revision());
    create_dir(reference.parent().unwrap_or(&model))?;
    write_atomically(&reference, |out| out.write_all(commit.as_bytes()))?;
    Ok(snapshot)
}

impl Client<'_> {
    /// The commit of a revision and the names of its files.
    fn list(&self, id: &ModelId) -> Result<(String, Vec<String>), DownloadError> {
        let revision = id.revision().replace('/', "%2F");
        let url = format!(
            "{}/api/models/{}/revision/{revision}",
            self.env.endpoint, id.id
        );
        let mut text = String::new();
        let (body, _) = self.get(&url)?;
        // The list of a model's files is some kilobytes; a page that is not one may be anything.
        body.take(16 << 20)
            .read_to_string(&mut text)
            .map_err(|error| DownloadError::Network(format!("{url}: {error}")))?;
        let strange = || DownloadError::Answer(format!("{url}: the answer is not that of a hub"));
        let answer: Value = serde_json::from_str(&text).map_err(|_| strange())?;
        let commit = answer
            .get("sha")
            .and_then(Value::as_str)
            .filter(|sha| is_plain_name(sha));
        let files = answer.get("siblings").and_then(Value::as_array);
        let (commit, files) = commit.zip(files).ok_or_else(strange)?;
        let names = files
            .iter()
            .filter_map(|file| Some(file.get("rfilename")?.as_str()?.to_owned()));
        Ok((commit.to_owned(), names.collect()))
    }

    fn fetch(
        &self,
        id: &ModelId,
        commit: &str,
        file: &str,
        snapshot: &Path,
        progress: &dyn DownloadProgress,
    ) -> Result<(), DownloadError> {
        let target = snapshot.join(file);
        if target.is_file() {
            return Ok(());
        }
        let url = format!("{}/{}/resolve/{commit}/{file}", self.env.endpoint, id.id);
        let (mut body, total) = self.get(&url)?;
        progress.start(file, total);
        let mut received = 0;
        write_atomically(&target, |out| {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = body.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                out.write_all(&buffer[..count])?;
                received += count as u64;
                progress.advance(count as u64);
            }
            match total {
                Some(total) if total != received => Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("the connection broke off after {received} of {total} bytes"),
                )),
                _ => Ok(()),
            }
        })?;
        progress.finish();
        Ok(())
    }

    /// The body of an answer and its length. The token is sent to the endpoint alone: ureq drops the header when a
    /// redirect leads to another host.
    fn get(&self, url: &str) -> Result<(impl Read + use<>, Option<u64>), DownloadError> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.env.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        match request.call() {
            Ok(answer) => {
                let body = answer.into_body();
                let length = body.content_length();
                Ok((body.into_reader(), length))
            }
            Err(ureq::Error::StatusCode(code @ (401 | 403))) => {
                Err(DownloadError::Refused(format!("{code} from {url}")))
            }
            Err(ureq::Error::StatusCode(404)) => Err(DownloadError::NotFound(url.to_owned())),
            Err(error) => Err(DownloadError::Network(format!("{url}: {error}"))),
        }
    }
}

fn create_dir(dir: &Path) -> Result<(), DownloadError> {
    fs::create_dir_all(dir).map_err(|source| DownloadError::Io {
        path: dir.to_owned(),
        source,
    })
}

/// Writes a file under a temporary name beside it, brings it to disk, and renames it.
fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), DownloadError> {
    let attempt = || {
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".cladist-")
            .suffix(".part")
            .tempfile_in(dir)?;
        fill(file.as_file_mut())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|source| DownloadError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);

    impl DownloadProgress for Log {
        fn start(&self, file: &str, total: Option<u64>) {
            self.0.lock().unwrap().push(format!("{file} {total:?}"));
        }
        fn advance(&self, _: u64) {}
        fn finish(&self) {}
    }

    /// A hub on this machine that answers `requests` requests: (path, status, body, length that it claims).
    fn serve(requests: usize, answers: Vec<(&'static str, u16, &'static str, usize)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for _ in 0..requests {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut first = String::new();
                reader.read_line(&mut first).unwrap();
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                let path = first.split(' ').nth(1).unwrap();
                let (status, body, length) = answers
                    .iter()
                    .find(|answer| answer.0 == path)
                    .map_or((404, "", 0), |answer| (answer.1, answer.2, answer.3));
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        endpoint
    }

    const LIST: &str = r#"{"sha": "abc", "siblings": [{"rfilename": "config.json"},
        {"rfilename": "tokenizer.json"}, {"rfilename": "model.safetensors"}, {"rfilename": "README.md"}]}"#;

    fn get(endpoint: String, cache: &Path, log: &Log) -> Result<PathBuf, DownloadError> {
        let env = HubEnv {
            cache: None,
            offline: false,
            token: None,
            endpoint,
        };
        download(&ModelId::parse("org/clip").unwrap(), cache, &env, log)
    }

    #[test]
    fn a_model_lands_in_the_caches_layout() {
        let dir = tempfile::TempDir::new().unwrap();
        let endpoint = serve(
            4,
            vec![
                ("/api/models/org/clip/revision/main", 200, LIST, LIST.len()),
                ("/org/clip/resolve/abc/config.json", 200, "{}", 2),
                ("/org/clip/resolve/abc/tokenizer.json", 200, "{}", 2),
                ("/org/clip/resolve/abc/model.safetensors", 200, "weights", 7),
            ],
        );
        let log = Log::default();
        let snapshot = get(endpoint, dir.path(), &log).unwrap();
        assert_eq!(snapshot, dir.path().join("models--org--clip/snapshots/abc"));
        assert_eq!(
            fs::read_to_string(snapshot.join("model.safetensors")).unwrap(),
            "weights"
        );
        let main = dir.path().join("models--org--clip/refs/main");
        assert_eq!(fs::read_to_string(main).unwrap(), "abc");
        assert_eq!(log.0.lock().unwrap()[2], "model.safetensors Some(7)");
        assert!(
            super::super::cache::find(dir.path(), &ModelId::parse("org/clip").unwrap()).is_some()
        );
    }

    #[test]
    fn a_broken_connection_leaves_no_half_file() {
        let dir = tempfile::TempDir::new().unwrap();
        let endpoint = serve(
            2,
            vec![
                ("/api/models/org/clip/revision/main", 200, LIST, LIST.len()),
                ("/org/clip/resolve/abc/config.json", 200, "{", 900),
            ],
        );
        assert!(get(endpoint, dir.path(), &Log::default()).is_err());
        let snapshot = dir.path().join("models--org--clip/snapshots/abc");
        assert_eq!(fs::read_dir(snapshot).unwrap().count(), 0);
    }

    #[test]
    fn refusals_are_told_apart() {
        let dir = tempfile::TempDir::new().unwrap();
        let list = "/api/models/org/clip/revision/main";
        let endpoint = serve(1, vec![("/api/models/org/clip/revision/main", 401, "", 0)]);
        let error = get(endpoint, dir.path(), &Log::default()).unwrap_err();
        assert!(
            matches!(error, DownloadError::Refused(_)),
            "{list}: {error}"
        );
        let error = get(serve(1, vec![]), dir.path(), &Log::default()).unwrap_err();
        assert!(matches!(error, DownloadError::NotFound(_)), "{error}");
        let error = get("http://127.0.0.1:1".into(), dir.path(), &Log::default()).unwrap_err();
        assert!(matches!(error, DownloadError::Network(_)), "{error}");
    }
}
