//! A hub on this machine, for tests: it serves what it is given, and can be as unkind as a real one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::HubEnv;
use crate::hash;

/// Nothing here waits longer for anything. Whatever needs so long has failed; nothing comes right by it.
pub const BOUND: Duration = Duration::from_secs(20);

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        Some(value)
    }

    /// The first byte that a range asks for.
    pub fn from(&self) -> Option<usize> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.strip_suffix('-')?.parse().ok()
    }
}

/// What comes after the bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Close,
    /// The connection stays open and nothing comes.
    Stall,
}

/// An answer: a head, a body, which may claim another length than it has.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub claimed: Option<usize>,
    pub then: Then,
    /// The body comes in so many pieces, each when this has returned.
    pub pace: Option<(usize, Arc<dyn Fn() + Send + Sync>)>,
    has_head: bool,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            claimed: None,
            then: Then::Close,
            pace: None,
            has_head: true,
        }
    }

    /// No answer: not even a head comes, and the connection stays open.
    pub fn silence() -> Self {
        Self {
            then: Then::Stall,
            has_head: false,
            ..Self::new(0, "")
        }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Cut after `count` bytes, while the head claims them all.
    pub fn cut(mut self, count: usize, then: Then) -> Self {
        self.claimed = Some(self.body.len());
        self.body.truncate(count);
        self.then = then;
        self
    }
}

/// A server that lives as long as the value.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    over: Arc<AtomicBool>,
}

impl Server {
    pub fn new(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let answer = Arc::new(answer);
        let (log, ends) = (seen.clone(), over.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let (log, ends, answer) = (log.clone(), ends.clone(), answer.clone());
                // A client that goes away in the midst of an answer is part of the tests.
                std::thread::spawn(move || serve(&stream, &*answer, &log, &ends));
            }
        });
        Self {
            address,
            seen,
            over,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests for a file, by where they begin.
    pub fn asked_for(&self, file: &str) -> Vec<usize> {
        self.seen()
            .iter()
            .filter(|request| request.path.ends_with(&format!("/{file}")))
            .map(|request| request.from().unwrap_or(0))
            .collect()
    }

    /// An environment that knows nothing but this server. It takes a minute for a stall: no machine is so busy that it
    /// looks stalled, and who wants to see a stall sets less.
    pub fn env(&self) -> HubEnv {
        let mut env = HubEnv::from_variables(&|_| None);
        env.endpoint = self.url();
        env.stall = 3 * BOUND;
        env
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: &TcpStream,
    answer: &dyn Fn(&Request) -> Answer,
    log: &Mutex<Vec<Request>>,
    over: &AtomicBool,
) -> Option<()> {
    stream.set_read_timeout(Some(BOUND)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut out = stream;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let request = Request {
            path: lines[0].split(' ').nth(1)?.to_owned(),
            headers: lines[1..]
                .iter()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
        };
        log.lock().unwrap().push(request.clone());
        if lines[0].starts_with("CONNECT") {
            // As a proxy, this is the hub as well.
            out.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
            continue;
        }
        let answer = answer(&request);
        let length = answer.claimed.unwrap_or(answer.body.len());
        let mut head = format!(
            "HTTP/1.1 {} X\r\nContent-Length: {length}\r\n",
            answer.status
        );
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("Connection: close\r\n\r\n");
        if answer.has_head {
            out.write_all(head.as_bytes()).ok()?;
        }
        let pieces = answer.pace.as_ref().map_or(1, |(pieces, _)| *pieces);
        for piece in answer
            .body
            .chunks(answer.body.len().div_ceil(pieces).max(1))
        {
            if let Some((_, before)) = &answer.pace {
                before();
            }
            out.write_all(piece).ok()?;
        }
        if answer.then == Then::Stall {
            let mut waited = Duration::ZERO;
            while !over.load(Ordering::Relaxed) && waited < BOUND {
                std::thread::sleep(Duration::from_millis(20));
                waited += Duration::from_millis(20);
            }
        }
        return None;
    }
}

/// A model as a hub has it.
#[derive(Debug, Clone, Default)]
pub struct Model {
    files: Vec<(String, Vec<u8>)>,
    /// What its list says of sizes and contents; mirrors leave it out.
    pub is_mirror: bool,
}

impl Model {
    /// With these files and a configuration and a tokenizer.
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        let small: [(&str, &[u8]); 2] = [("config.json", b"{}"), ("tokenizer.json", b"{\"t\": 1}")];
        Self::with(&small, files)
    }

    /// With these files and those.
    pub fn with(small: &[(&str, &[u8])], files: &[(&str, &[u8])]) -> Self {
        Self {
            files: small
                .iter()
                .chain(files)
                .map(|(name, content)| ((*name).to_owned(), content.to_vec()))
                .collect(),
            is_mirror: false,
        }
    }

    /// What this model's hub answers.
    pub fn answer(&self, request: &Request) -> Answer {
        let path = request.path.split('?').next().unwrap_or_default();
        if path.starts_with("/api/models/") {
            return Answer::new(200, self.list());
        }
        let file = path
            .split_once(&format!("/resolve/{COMMIT}/"))
            .and_then(|(_, name)| self.files.iter().find(|(n, _)| n == name));
        let Some((name, content)) = file else {
            return Answer::new(404, "");
        };
        let answer = match request.from() {
            None => Answer::new(200, content.as_slice()),
            Some(from) if from >= content.len() => Answer::new(416, ""),
            Some(from) => Answer::new(206, &content[from..]).with(
                "Content-Range",
                &format!("bytes {from}-{}/{}", content.len() - 1, content.len()),
            ),
        };
        let tag = format!("\"{}\"", blob(name, content));
        match is_large(name) {
            true => answer.with("X-Linked-Etag", &tag),
            false => answer.with("ETag", &tag),
        }
    }

    fn list(&self) -> String {
        let siblings: Vec<_> = self
            .files
            .iter()
            .map(|(name, content)| match (self.is_mirror, is_large(name)) {
                (true, _) => json!({"rfilename": name}),
                (false, false) => {
                    json!({"rfilename": name, "size": content.len(), "blobId": blob(name, content)})
                }
                (false, true) => json!({
                    "rfilename": name, "size": content.len(), "blobId": "pointer0",
                    "lfs": {"sha256": blob(name, content), "size": content.len(), "pointerSize": 134},
                }),
            })
            .collect();
        json!({"sha": COMMIT, "siblings": siblings}).to_string()
    }

    pub fn serve(self) -> Server {
        Server::new(move |request| self.answer(request))
    }
}

fn is_large(name: &str) -> bool {
    name.ends_with(".safetensors") || name.ends_with(".bin")
}

/// A content's name: the SHA-256 of a large file; of a small one, something of the length of git's.
pub fn blob(name: &str, content: &[u8]) -> String {
    let mut sha = hash::of_readers([content]).unwrap();
    if !is_large(name) {
        sha.truncate(40);
    }
    sha
}
