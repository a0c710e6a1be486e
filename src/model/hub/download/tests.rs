//! Downloads from a hub on this machine.

use std::cell::Cell;
use std::fs;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::model::hub::cache;
use crate::model::hub::loopback::{Answer, BOUND, COMMIT, Model, Server, Then, blob};

#[derive(Default)]
struct Log {
    files: Mutex<Vec<(String, u64, Option<u64>)>>,
    bytes: AtomicU64,
    /// Stop after so many bytes; 0: never.
    until: u64,
    /// Questions whether to go on since bytes came last.
    asked: AtomicUsize,
    /// Stop at so many of them; 0: never.
    patience: usize,
}

impl DownloadProgress for Log {
    fn start(&self, file: &str, done: u64, total: Option<u64>) {
        let started = (file.to_owned(), done, total);
        self.files.lock().unwrap().push(started);
    }
    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.asked.store(0, Ordering::Relaxed);
    }
    fn finish(&self) {}
    fn go_on(&self) -> bool {
        let asked = 1 + self.asked.fetch_add(1, Ordering::Relaxed);
        let enough = self.until > 0 && self.bytes.load(Ordering::Relaxed) >= self.until;
        !enough && (self.patience == 0 || asked < self.patience)
    }
}

/// The download of what there is, whatever its layout.
fn download(
    id: &ModelId,
    cache: &Path,
    env: &HubEnv,
    progress: &dyn DownloadProgress,
) -> Result<PathBuf, DownloadError> {
    super::download(id, None, cache, env, progress)
}

fn id() -> ModelId {
    ModelId::parse("org/clip").unwrap()
}

fn get(server: &Server, cache: &Path) -> Result<PathBuf, DownloadError> {
    download(&id(), cache, &server.env(), &Log::default())
}

fn weights() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn model() -> Model {
    Model::new(&[("model.safetensors", &weights()), ("README.md", b"# CLIP")])
}

/// A hub that answers the nth request for the weights as `change` says.
fn unkind(
    model: Model,
    change: impl Fn(usize, Answer) -> Answer + Send + Sync + 'static,
) -> Server {
    let asked = AtomicUsize::new(0);
    Server::new(move |request| {
        let answer = model.answer(request);
        if request.path.ends_with("/model.safetensors") {
            change(asked.fetch_add(1, Ordering::Relaxed), answer)
        } else {
            answer
        }
    })
}

fn snapshot(cache: &Path) -> PathBuf {
    cache.join("models--org--clip/snapshots").join(COMMIT)
}

/// How many bytes of the weights have come, of a download that has not ended well.
fn part(cache: &Path) -> usize {
    let name = format!("{}.cladist-part", blob("model.safetensors", &weights()));
    let part = cache.join("models--org--clip/blobs").join(name);
    part.metadata().map_or(0, |part| part.len() as usize)
}

/// The names in a directory of the model's part of the cache, in order.
fn names(cache: &Path, dir: &str) -> Vec<String> {
    let dir = cache.join("models--org--clip").join(dir);
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_model_lands_in_the_caches_layout() {
    for is_mirror in [false, true] {
        let dir = TempDir::new().unwrap();
        let mut model = model();
        model.is_mirror = is_mirror;
        let server = model.serve();
        let log = Log::default();
        let found = download(&id(), dir.path(), &server.env(), &log).unwrap();
        assert_eq!(found, snapshot(dir.path()));
        assert_eq!(
            fs::read(found.join("model.safetensors")).unwrap(),
            weights()
        );
        let reference = dir.path().join("models--org--clip/refs/main");
        assert_eq!(fs::read_to_string(reference).unwrap(), COMMIT);
        let started = log.files.lock().unwrap()[2].clone();
        assert_eq!(started, ("model.safetensors".into(), 0, Some(800_000)));
        assert_eq!(log.bytes.load(Ordering::Relaxed), 800_000 + 2 + 8);
        assert!(server.asked_for("README.md").is_empty());

        let mut expected = vec![
            blob("config.json", b"{}"),
            blob("tokenizer.json", b"{\"t\": 1}"),
            blob("model.safetensors", &weights()),
        ];
        expected.sort();
        assert_eq!(names(dir.path(), "blobs"), expected, "mirror: {is_mirror}");
        cache::find(dir.path(), &id(), None).unwrap();
        // Nothing is downloaded twice.
        get(&server, dir.path()).unwrap();
        assert_eq!(server.asked_for("model.safetensors").len(), 1);
    }
}

#[cfg(unix)]
#[test]
fn files_are_links_to_blobs_as_readable_as_any_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    get(&model().serve(), dir.path()).unwrap();
    let ordinary = dir.path().join("ordinary");
    fs::write(&ordinary, "").unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
    for (name, content) in [
        ("config.json", b"{}".to_vec()),
        ("model.safetensors", weights()),
    ] {
        let file = snapshot(dir.path()).join(name);
        let link = fs::read_link(&file).unwrap();
        assert_eq!(link, Path::new("../../blobs").join(blob(name, &content)));
        assert_eq!(mode(&file), mode(&ordinary), "{name}");
    }
}

#[test]
fn a_revision_is_noted_under_its_name_but_a_commit_is_not() {
    let dir = TempDir::new().unwrap();
    let server = model().serve();
    for (revision, refs) in [("refs/pr/3", vec!["refs"]), (COMMIT, vec!["refs"])] {
        let id = ModelId::parse(&format!("org/clip@{revision}")).unwrap();
        download(&id, dir.path(), &server.env(), &Log::default()).unwrap();
        assert_eq!(names(dir.path(), "refs"), refs);
    }
    let list = &server.seen()[0].path;
    assert!(list.contains("/revision/refs%2Fpr%2F3"), "{list}");
    assert_eq!(names(dir.path(), "refs/refs/pr"), ["3"]);
}

#[test]
fn safetensors_are_downloaded_in_either_form() {
    let index = br#"{"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}"#;
    let sharded: [(&str, &[u8]); 4] = [
        ("pytorch_model.bin", b"bin"),
        ("model.safetensors.index.json", index),
        ("m-1.safetensors", b"one"),
        ("m-2.safetensors", b"two"),
    ];
    for (files, read) in [
        (&sharded[..], vec!["m-1.safetensors", "m-2.safetensors"]),
        // An index whose shards are not there falls back.
        (&sharded[..3], vec!["pytorch_model.bin"]),
        (&sharded[..1], vec!["pytorch_model.bin"]),
    ] {
        let dir = TempDir::new().unwrap();
        let server = Model::new(files).serve();
        let snapshot = get(&server, dir.path()).unwrap();
        let checkpoint = crate::model::hub::in_directory(&snapshot, None, None).unwrap();
        let expected: Vec<PathBuf> = read.iter().map(|name| snapshot.join(name)).collect();
        assert_eq!(checkpoint.weights, expected);
        let bin = usize::from(read == ["pytorch_model.bin"]);
        assert_eq!(server.asked_for("pytorch_model.bin").len(), bin);
    }
    let dir = TempDir::new().unwrap();
    let server = Model::new(&sharded[1..3]).serve();
    let error = get(&server, dir.path()).unwrap_err().to_string();
    assert!(error.contains("m-2.safetensors is missing"), "{error}");
    assert!(
        server.asked_for("m-1.safetensors").is_empty(),
        "for nothing"
    );
}

/// A stall of one second is also that of every other request, so a machine that is busy for as long finds one earlier:
/// that ends the download too, and what is claimed here holds.
#[test]
fn a_stall_ends_the_download_that_it_brings_nothing() {
    for (before_head, sent) in [(true, 0), (false, 0), (false, 100_000)] {
        let dir = TempDir::new().unwrap();
        let stalled = unkind(model(), move |n, answer| match before_head {
            true => Answer::silence(),
            false => answer.cut(if n == 0 { sent } else { 0 }, Then::Stall),
        });
        let mut env = stalled.env();
        env.stall = Duration::from_secs(1);
        let error = download(&id(), dir.path(), &env, &Log::default()).unwrap_err();
        assert!(matches!(error, DownloadError::Network(_)), "{error}");
        let error = error.to_string();
        // And not because the server went away, or the thread that reads had enough.
        let is_stall = ["stalled: nothing came for 1 s", "gives no answer for 1 s"];
        assert!(is_stall.iter().any(|said| error.contains(said)), "{error}");
        // After a stall that brought something it asks for the rest; after one that brought nothing it ends.
        let asked = stalled.asked_for("model.safetensors");
        let came = part(dir.path());
        assert_eq!(asked.last().copied().unwrap_or(0), came, "{asked:?}");
        assert!(asked.is_sorted_by(|a, b| a < b), "{asked:?}");
    }
}

/// Lets the server send a piece after each time that it was waited for in vain.
struct Slowly {
    permit: Sender<()>,
    /// The weights are on their way, and not what comes before them.
    begun: Cell<bool>,
    /// Questions whether to go on since bytes came last; the second comes after a wait in which nothing did.
    asked: Cell<usize>,
    waits: Cell<usize>,
}

impl DownloadProgress for Slowly {
    fn start(&self, file: &str, _: u64, _: Option<u64>) {
        self.begun.set(file == "model.safetensors");
        self.asked.set(0);
    }
    fn advance(&self, _: u64) {
        self.asked.set(0);
    }
    fn finish(&self) {}
    fn go_on(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        if self.begun.get() && self.asked.get() == 2 {
            self.waits.set(self.waits.get() + 1);
            let _ = self.permit.send(());
        }
        true
    }
}

/// Waits until the other side says so; without end only as far as the hub's bound goes.
fn await_permit(permits: &Mutex<Receiver<()>>) {
    let _ = permits.lock().unwrap().recv_timeout(BOUND);
}

/// The client waits in vain, by its own count, for longer than a stall may last: on a machine of any speed. Between two
/// pieces it is fifty times less than that.
#[test]
fn slowness_is_no_stall() {
    const PIECES: usize = 55;
    let dir = TempDir::new().unwrap();
    let (permit, permits) = channel();
    let permits = Mutex::new(permits);
    let pace: Arc<dyn Fn() + Send + Sync> = Arc::new(move || await_permit(&permits));
    let slow = unkind(model(), move |_, mut answer| {
        answer.pace = Some((PIECES, pace.clone()));
        answer
    });
    let mut env = slow.env();
    env.stall = Duration::from_secs(5);
    let progress = Slowly {
        permit,
        begun: Cell::new(false),
        asked: Cell::new(0),
        waits: Cell::new(0),
    };
    download(&id(), dir.path(), &env, &progress).unwrap();
    assert_eq!(slow.asked_for("model.safetensors"), [0]);
    assert!(progress.waits.get() >= PIECES, "{}", progress.waits.get());
}

#[test]
fn a_download_goes_on_where_it_stopped() {
    let dir = TempDir::new().unwrap();
    // Within one run, as long as every connection brings something …
    let broken = unkind(model(), |n, answer| match n {
        0 => answer.cut(300_000, Then::Close),
        1 => answer.cut(100_000, Then::Close),
        _ => answer.cut(0, Then::Close),
    });
    let error = get(&broken, dir.path()).unwrap_err();
    assert!(matches!(error, DownloadError::Network(_)), "{error}");
    assert_eq!(broken.asked_for("model.safetensors"), [0, 300_000, 400_000]);
    let absent = snapshot(dir.path()).join("model.safetensors");
    assert!(!absent.exists(), "half a file is no file");
    assert!(cache::find(dir.path(), &id(), None).is_err());
    assert!(names(dir.path(), "").iter().all(|name| name != "refs"));
    // … and in the next.
    let whole = model().serve();
    let log = Log::default();
    let found = download(&id(), dir.path(), &whole.env(), &log).unwrap();
    assert_eq!(whole.asked_for("model.safetensors"), [400_000]);
    assert_eq!(log.files.lock().unwrap()[0].1, 400_000);
    assert_eq!(
        fs::read(found.join("model.safetensors")).unwrap(),
        weights()
    );
    assert_eq!(names(dir.path(), "blobs").len(), 3, "no part is left");
}

#[test]
fn a_trickle_is_not_followed_for_ever() {
    let dir = TempDir::new().unwrap();
    let server = unkind(model(), |_, answer| answer.cut(1, Then::Close));
    get(&server, dir.path()).unwrap_err();
    assert!(server.asked_for("model.safetensors").len() <= 20);
}

#[test]
fn a_server_without_ranges_sends_it_all_again() {
    let dir = TempDir::new().unwrap();
    let broken = unkind(model(), |n, answer| match n {
        0 => answer.cut(300_000, Then::Close),
        _ => answer.cut(0, Then::Close),
    });
    get(&broken, dir.path()).unwrap_err();
    let rangeless = unkind(model(), |_, mut answer| {
        answer.status = 200;
        answer.headers.clear();
        answer.body = weights();
        answer
    });
    let found = get(&rangeless, dir.path()).unwrap();
    assert_eq!(
        fs::read(found.join("model.safetensors")).unwrap(),
        weights()
    );
}

#[test]
fn what_comes_damaged_is_not_published() {
    type Damage = fn(usize, Answer) -> Answer;
    let cases: [(Damage, &str); 3] = [
        (
            |_, mut answer| {
                answer.body[7] ^= 1;
                answer
            },
            "SHA-256",
        ),
        (
            |_, mut answer| {
                answer.body.push(0);
                answer
            },
            "more came",
        ),
        (
            |_, mut answer| {
                answer.body.pop();
                answer
            },
            "broke off",
        ),
    ];
    for (damage, said) in cases {
        let dir = TempDir::new().unwrap();
        let server = unkind(model(), damage);
        let error = get(&server, dir.path()).unwrap_err().to_string();
        assert!(error.contains(said), "{error} does not say {said}");
        assert!(error.contains("model.safetensors"), "{error}");
        assert!(cache::find(dir.path(), &id(), None).is_err());
        // What is left of it does not spoil the next attempt.
        get(&model().serve(), dir.path()).unwrap();
        assert_eq!(names(dir.path(), "blobs").len(), 3);
    }
    // A mirror says nothing beforehand; the head of the answer does.
    let dir = TempDir::new().unwrap();
    let mut mirror = model();
    mirror.is_mirror = true;
    let server = unkind(mirror.clone(), cases[0].0);
    let error = get(&server, dir.path()).unwrap_err().to_string();
    assert!(error.contains("SHA-256"), "{error}");
    // Nor does every mirror know what a large file is.
    let pointer = "version https://git-lfs.github.com/spec/v1\n";
    let server = unkind(mirror, move |_, _| Answer::new(200, pointer));
    let error = get(&server, dir.path()).unwrap_err().to_string();
    assert!(error.contains("Git LFS pointer"), "{error}");
}

#[test]
fn a_part_that_is_not_the_beginning_is_thrown_away() {
    for part in [vec![7; 1000], vec![7; 800_000], vec![7; 900_000]] {
        let dir = TempDir::new().unwrap();
        let blobs = dir.path().join("models--org--clip/blobs");
        fs::create_dir_all(&blobs).unwrap();
        let name = format!("{}.cladist-part", blob("model.safetensors", &weights()));
        fs::write(blobs.join(name), part).unwrap();
        let found = get(&model().serve(), dir.path()).unwrap();
        assert_eq!(
            fs::read(found.join("model.safetensors")).unwrap(),
            weights()
        );
    }
}

#[test]
fn files_that_are_no_files_are_replaced() {
    let dir = TempDir::new().unwrap();
    let snapshot = snapshot(dir.path());
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join("config.json"), "").unwrap();
    fs::write(
        snapshot.join("model.safetensors"),
        "version https://git-lfs.github.com/spec/v1\n",
    )
    .unwrap();
    get(&model().serve(), dir.path()).unwrap();
    assert_eq!(fs::read(snapshot.join("config.json")).unwrap(), b"{}");
    assert_eq!(
        fs::read(snapshot.join("model.safetensors")).unwrap(),
        weights()
    );
}

#[test]
fn a_content_that_is_there_is_not_downloaded_again() {
    let dir = TempDir::new().unwrap();
    let blobs = dir.path().join("models--org--clip/blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(blob("model.safetensors", &weights())), weights()).unwrap();
    let server = model().serve();
    let found = get(&server, dir.path()).unwrap();
    assert!(server.asked_for("model.safetensors").is_empty());
    assert_eq!(
        fs::read(found.join("model.safetensors")).unwrap(),
        weights()
    );
}

#[test]
fn an_interruption_ends_a_download_and_keeps_what_came() {
    let dir = TempDir::new().unwrap();
    let server = model().serve();
    let log = Log {
        until: 200_000,
        ..Log::default()
    };
    let error = download(&id(), dir.path(), &server.env(), &log).unwrap_err();
    assert!(matches!(error, DownloadError::Interrupted), "{error}");
    get(&server, dir.path()).unwrap();
    let asked = server.asked_for("model.safetensors");
    assert_eq!(asked.len(), 2);
    assert!(asked[1] >= 100_000, "{asked:?}");

    // Also while nothing comes: before the head of an answer, and after. The server would be silent for longer than the
    // test waits for it, and a stall is longer still.
    let silent: [fn() -> Server; 4] = [
        || Server::new(|_| Answer::silence()),
        || Server::new(|_| Answer::new(200, "{}").cut(1, Then::Stall)),
        || unkind(model(), |_, _| Answer::silence()),
        || unkind(model(), |_, answer| answer.cut(1000, Then::Stall)),
    ];
    for serve in silent {
        let dir = TempDir::new().unwrap();
        let server = serve();
        let log = Log {
            patience: 4,
            ..Log::default()
        };
        let error = download(&id(), dir.path(), &server.env(), &log).unwrap_err();
        assert!(matches!(error, DownloadError::Interrupted), "{error}");
        let asked = log.asked.into_inner();
        assert_eq!(asked, log.patience, "a no is a no");
        assert!(server.asked_for("model.safetensors").len() <= 1);
    }
}

/// Tells when a download waits for the weights that another one brings.
struct Waiting {
    permit: Mutex<Sender<()>>,
    told: AtomicUsize,
}

impl DownloadProgress for Waiting {
    fn start(&self, _: &str, _: u64, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
    fn waiting(&self, file: &str) {
        if file == "model.safetensors" {
            self.told.fetch_add(1, Ordering::Relaxed);
            let _ = self.permit.lock().unwrap().send(());
        }
    }
}

#[test]
fn two_at_once_download_it_once() {
    let dir = TempDir::new().unwrap();
    let (permit, permits) = channel();
    let permits = Mutex::new(permits);
    // The weights come when the other one waits for them.
    let server = unkind(model(), move |_, answer| {
        await_permit(&permits);
        answer
    });
    let progress = Waiting {
        permit: Mutex::new(permit),
        told: AtomicUsize::new(0),
    };
    std::thread::scope(|scope| {
        let one = || download(&id(), dir.path(), &server.env(), &progress);
        let both = [(); 2].map(|()| scope.spawn(one));
        for one in both {
            one.join().unwrap().unwrap();
        }
    });
    assert_eq!(progress.told.into_inner(), 1);
    assert_eq!(server.asked_for("model.safetensors"), [0]);
    assert_eq!(names(dir.path(), "blobs").len(), 3);
}

#[test]
fn refusals_are_told_apart() {
    type Check = fn(&DownloadError) -> bool;
    let refused: Check = |error| matches!(error, DownloadError::Refused(_));
    let not_found: Check = |error| matches!(error, DownloadError::NotFound(_));
    let network: Check = |error| matches!(error, DownloadError::Network(_));
    let answer: Check = |error| matches!(error, DownloadError::Answer(_));
    type Case = (
        u16,
        &'static str,
        &'static str,
        bool,
        Check,
        &'static [&'static str],
    );
    let cases: [Case; 10] = [
        (
            401,
            "",
            "",
            false,
            refused,
            &["spelt", "private or gated", "HF_TOKEN"],
        ),
        (
            401,
            "RepoNotFound",
            "",
            true,
            refused,
            &["spelt", "your token", "lack access"],
        ),
        (401, "GatedRepo", "", false, refused, &["gated", "terms"]),
        (
            403,
            "GatedRepo",
            "",
            true,
            refused,
            &["your token has no access", "terms"],
        ),
        (404, "RepoNotFound", "", false, not_found, &["404"]),
        (
            404,
            "RevisionNotFound",
            "",
            false,
            not_found,
            &["no revision `main`"],
        ),
        (429, "", "", false, network, &["429", "HF_TOKEN"]),
        (503, "", "", false, network, &["503"]),
        (200, "", "<html>", false, answer, &["not that of a hub"]),
        (
            200,
            "",
            r#"{"sha": "../x", "siblings": []}"#,
            false,
            answer,
            &["hub"],
        ),
    ];
    for (status, code, body, has_token, is_so, said) in cases {
        let dir = TempDir::new().unwrap();
        let server = Server::new(move |_| Answer::new(status, body).with("X-Error-Code", code));
        let mut env = server.env();
        env.token = has_token.then(|| "hf_secret".to_owned());
        let error = download(&id(), dir.path(), &env, &Log::default()).unwrap_err();
        assert!(is_so(&error), "{status} {code}: {error:?}");
        let error = error.to_string();
        for said in said {
            assert!(error.contains(said), "{status} {code}: {error}");
        }
        assert!(!error.contains("hf_secret"));
    }
    let mut env = Server::new(|_| Answer::new(200, "")).env();
    env.endpoint = "http://127.0.0.1:1".into();
    let dir = TempDir::new().unwrap();
    let error = download(&id(), dir.path(), &env, &Log::default()).unwrap_err();
    assert!(network(&error), "{error}");
    let error = error.to_string();
    assert!(
        error.contains("http://127.0.0.1:1 cannot be reached"),
        "{error}"
    );
    env.token = Some("hf_secret\u{7f}".into());
    let error = download(&id(), dir.path(), &env, &Log::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("HF_TOKEN is not a token"), "{error}");
}

#[test]
fn the_token_goes_to_the_endpoint_alone() {
    let dir = TempDir::new().unwrap();
    let storage = Server::new(|_| Answer::new(200, weights()));
    let elsewhere = format!("http://localhost:{}/stored", storage.port());
    let moved = format!("{}/moved", storage.url());
    let model = model();
    let hub = Server::new(move |request| {
        let path = request.path.as_str();
        // A repository that was renamed: within the hub.
        if path.starts_with("/org/clip/") {
            return Answer::new(307, "").with("Location", &path.replace("/org/", "/new/"));
        }
        let answer = model.answer(request);
        if path.ends_with("/model.safetensors") {
            let mut redirect = answer.with("Location", &elsewhere);
            redirect.status = 302;
            redirect.body.clear();
            return redirect;
        }
        answer
    });
    let mut env = hub.env();
    env.token = Some("hf_secret".into());
    download(&id(), dir.path(), &env, &Log::default()).unwrap();
    let bearer = Some("Bearer hf_secret");
    assert!(
        hub.seen()
            .iter()
            .all(|r| r.header("authorization") == bearer)
    );
    assert_eq!(storage.seen().len(), 1);
    assert!(
        storage
            .seen()
            .iter()
            .all(|r| r.header("authorization").is_none())
    );

    // Another port of the same host is another server.
    let hub = Server::new(move |_| Answer::new(302, "").with("Location", &moved));
    let mut env = hub.env();
    env.token = Some("hf_secret".into());
    download(&id(), dir.path(), &env, &Log::default()).unwrap_err();
    assert_eq!(storage.seen().len(), 2);
    assert!(
        storage
            .seen()
            .iter()
            .all(|r| r.header("authorization").is_none())
    );
}

#[test]
fn redirects_end() {
    let dir = TempDir::new().unwrap();
    let hub = Server::new(|_| Answer::new(302, "").with("Location", "/again"));
    let error = get(&hub, dir.path()).unwrap_err().to_string();
    assert!(error.contains("redirects without end"), "{error}");
    assert!(hub.seen().len() < 20);
}

#[test]
fn a_proxy_is_used_except_where_it_is_not_to_be() {
    let proxy = model().serve();
    let mut env = proxy.env();
    env.proxy = Some(proxy.url());
    env.endpoint = "http://hub.invalid".into();
    let dir = TempDir::new().unwrap();
    download(&id(), dir.path(), &env, &Log::default()).unwrap();
    assert_eq!(proxy.seen()[0].path, "hub.invalid:80");

    let hub = model().serve();
    env.endpoint = hub.url();
    env.no_proxy = Some("hub.invalid, 127.0.0.1".into());
    let before = proxy.seen().len();
    let dir = TempDir::new().unwrap();
    download(&id(), dir.path(), &env, &Log::default()).unwrap();
    assert_eq!(proxy.seen().len(), before);
}

/// Of a repository in several layouts, the files of the one that is meant and no others.
#[test]
fn the_files_of_the_layout_that_is_meant() {
    const CLIP: &[u8] = br#"{"model_type": "clip"}"#;
    const OF_TIMM: &[u8] = br#"{"architecture": "vit_base_patch32_clip_224"}"#;
    let open_clip: [(&str, &[u8]); 3] = [
        ("open_clip_config.json", b"{}"),
        ("open_clip_model.safetensors", b"weights"),
        ("open_clip_pytorch_model.bin", b"the same"),
    ];
    let of_transformers: [(&str, &[u8]); 2] = [
        ("model.safetensors", b"weights"),
        ("preprocessor_config.json", b"{}"),
    ];
    let asked = Some(Layout::OpenClip);
    for (config, more, asked, expected) in [
        (
            CLIP,
            &of_transformers[..],
            None,
            &[
                "config.json",
                "model.safetensors",
                "preprocessor_config.json",
            ][..],
        ),
        (
            CLIP,
            &of_transformers,
            asked,
            &["open_clip_config.json", "open_clip_model.safetensors"],
        ),
        (
            OF_TIMM,
            &of_transformers[..1],
            None,
            // Fetched to see what it is.
            &[
                "config.json",
                "open_clip_config.json",
                "open_clip_model.safetensors",
            ],
        ),
        (
            CLIP,
            &[],
            None,
            &["open_clip_config.json", "open_clip_model.safetensors"],
        ),
    ] {
        let dir = TempDir::new().unwrap();
        let mut files = open_clip.to_vec();
        files.extend_from_slice(more);
        let server = Model::with(
            &[("config.json", config), ("tokenizer.json", b"{}")],
            &files,
        )
        .serve();
        let progress = Log::default();
        let found = super::download(&id(), asked, dir.path(), &server.env(), &progress).unwrap();
        let mut expected = expected.to_vec();
        expected.push("tokenizer.json");
        expected.sort_unstable();
        assert_eq!(names(dir.path(), &format!("snapshots/{COMMIT}")), expected);
        let found = crate::model::hub::in_directory(&found, asked, None).unwrap();
        let is_open_clip = expected.contains(&"open_clip_config.json");
        assert_eq!(found.layout == Layout::OpenClip, is_open_clip);
    }
}

#[test]
fn what_a_repository_lacks_is_told_before_anything_large_is_fetched() {
    const BERT: &[u8] = br#"{"model_type": "bert"}"#;
    for (file, said) in [
        (
            "tokenizer.json",
            "model_type is `bert`, which is not supported",
        ),
        ("spiece.model", "spiece.model alone"),
        ("open_clip_config.json", "CLIP's vocabulary built in"),
    ] {
        let dir = TempDir::new().unwrap();
        let files: [(&str, &[u8]); 2] = [(file, b"{}"), ("model.safetensors", b"weights")];
        let config: &[(&str, &[u8])] = match file {
            "tokenizer.json" => &[("config.json", BERT)],
            "spiece.model" => &[("config.json", b"{}")],
            _ => &[],
        };
        let server = Model::with(config, &files).serve();
        let log = Log::default();
        let error = download(&id(), dir.path(), &server.env(), &log).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(server.asked_for("model.safetensors").is_empty());
    }
}

/// As the checkpoints of ProLIP, which have no tokenizer and say whose it is.
#[test]
fn the_tokenizer_of_another_model_is_brought_too() {
    let config = br#"{"vision_cfg": {}, "text_cfg": {"hf_tokenizer_name": "timm/words"}}"#;
    let own = || Model::with(&[("config.json", config)], &[("model.safetensors", b"w")]);
    let serve = |words: Model| {
        let own = own();
        Server::new(move |request| match request.path.contains("/timm/words/") {
            true => words.answer(request),
            false => own.answer(request),
        })
    };
    let files: [(&str, &[u8]); 2] = [
        ("tokenizer.json", b"{\"t\": 2}"),
        ("tokenizer_config.json", b"{}"),
    ];
    let server = serve(Model::with(&files, &[("other.bin", b"x")]));
    let dir = TempDir::new().unwrap();
    let snapshot = get(&server, dir.path()).unwrap();
    let found = cache::find(dir.path(), &id(), None).unwrap();
    assert_eq!(found.dir, snapshot);
    let words = dir
        .path()
        .join("models--timm--words/snapshots")
        .join(COMMIT);
    assert_eq!(found.tokenizer, [words.join("tokenizer.json")]);
    let beside = Some(words.join("tokenizer_config.json"));
    assert_eq!(found.tokenizer_config, beside);
    assert!(server.asked_for("other.bin").is_empty());
    get(&server, dir.path()).unwrap();
    assert_eq!(server.asked_for("tokenizer.json").len(), 1);
    // Not without it, and before the weights.
    let server = serve(Model::with(&files[1..], &[]));
    let error = get(&server, TempDir::new().unwrap().path()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("that of timm/words, which has no tokenizer.json"),
        "{error}"
    );
    assert!(server.asked_for("model.safetensors").is_empty());
}
