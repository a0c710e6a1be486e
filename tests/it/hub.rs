//! A model from a hub, through the program: an interruption, and the run after it.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::cmd;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

const FILES: [&str; 4] = [
    "config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "model.safetensors",
];

fn fixture(name: &str) -> Vec<u8> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clip/quick-gelu");
    std::fs::read(dir.join(name)).unwrap()
}

/// A hub that stalls in the middle of the weights, unless it is asked for the rest of them.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let path = lines.next().unwrap_or_default();
                let from = lines
                    .take_while(|line| !line.is_empty())
                    .find_map(|line| {
                        let (name, value) = line.split_once(": ")?;
                        let from = value.strip_prefix("bytes=")?.strip_suffix('-')?;
                        name.eq_ignore_ascii_case("range")
                            .then(|| from.parse().ok())?
                    })
                    .unwrap_or(0);
                let mut out = &stream;
                let file = FILES
                    .iter()
                    .find(|file| path.contains(&format!("/{file} ")));
                let (body, sent) = match file {
                    None => {
                        let names = FILES.map(|file| serde_json::json!({"rfilename": file}));
                        let list = serde_json::json!({"sha": COMMIT, "siblings": names});
                        let list = list.to_string().into_bytes();
                        let all = list.len();
                        (list, all)
                    }
                    Some(&"model.safetensors") if from == 0 => {
                        (fixture("model.safetensors"), 100_000)
                    }
                    Some(file) => {
                        let rest = fixture(file)[from..].to_vec();
                        let all = rest.len();
                        (rest, all)
                    }
                };
                let status = if from > 0 { 206 } else { 200 };
                let end = from + body.len();
                let _ = write!(
                    out,
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{end}\r\nConnection: close\r\n\r\n",
                    body.len(),
                    end - 1
                );
                let _ = out.write_all(&body[..sent]);
                if sent < body.len() {
                    // Until the client goes away: nothing that happens here ends the download.
                    let _ = (&stream).read(&mut [0]);
                }
            });
        }
    });
    format!("http://{address}")
}

fn embed(dir: &Path, endpoint: &str) -> Child {
    crate::cmd::program(dir)
        .args([
            "embed",
            "--texts",
            "texts.txt",
            "--model",
            "org/clip",
            "--out",
            "e",
        ])
        .envs([
            ("HF_ENDPOINT", endpoint),
            ("HF_HUB_CACHE", "cache"),
            // Longer than any machine is busy, so that a stall never ends what an interruption is to end.
            ("HF_HUB_DOWNLOAD_TIMEOUT", "120"),
            ("NO_PROXY", "*"),
        ])
        .env_remove("HF_HUB_OFFLINE")
        .env_remove("TRANSFORMERS_OFFLINE")
        .env_remove("HF_TOKEN")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_download_ends_at_an_interruption_and_goes_on_the_next_time() {
    let dir = cmd::dir(&[("texts.txt", b"a photo of a fox\n")]);
    let endpoint = serve();
    let mut child = embed(dir.path(), &endpoint);
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("model.safetensors") {
        line.clear();
        assert!(errors.read_line(&mut line).unwrap() > 0, "no download");
    }
    let blobs = dir.path().join("cache/models--org--clip/blobs");
    let part = || {
        let entries = std::fs::read_dir(&blobs).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().path());
        names.find(|path| path.to_string_lossy().ends_with("part"))
    };
    while part().is_none_or(|part| part.metadata().unwrap().len() < 100_000) {
        // Where nothing comes the download finds a stall, and ends.
        assert_eq!(child.try_wait().unwrap(), None, "nothing came");
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let code = child.wait().unwrap().code();
    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    // The server was silent and would have been: only a stall could have ended it otherwise, with another code.
    assert_eq!(code, Some(130), "{rest}");
    assert!(rest.contains("goes on where it stopped"), "{rest}");
    assert!(!dir.path().join("e").exists());

    let out = embed(dir.path(), &endpoint).wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{errors}");
    assert!(errors.contains("here already"), "{errors}");
    assert!(part().is_none());
}
