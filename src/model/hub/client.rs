//! HTTP as a hub speaks it: redirects, the token, ranges, stalls.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ureq::http::header::{HeaderMap, HeaderName, LOCATION};
use ureq::http::{StatusCode, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy};

use super::HubEnv;

/// Between two questions whether to go on.
const TICK: Duration = Duration::from_millis(100);

/// Finding and reaching a server may take this.
const CONNECT: Duration = Duration::from_secs(15);

const MAX_REDIRECTS: usize = 10;

/// One server, and who asks.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    endpoint: Uri,
    token: Option<String>,
    stall: Duration,
}

/// Why nothing came, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Whoever asked was told to stop.
    Stopped,
    /// The network or the server.
    Network(String),
}

/// The head of an answer, after redirects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// Bytes that will come.
    pub length: Option<u64>,
    /// Where in the file they begin, if the answer is a part of it.
    pub start: Option<u64>,
    /// The SHA-256 of a large file, which the hub gives before it sends on to where the file is stored.
    pub linked: Option<String>,
    /// The hub's own name for the content of a file that it keeps itself.
    pub etag: Option<String>,
    /// The hub's word for what is wrong: `RepoNotFound`, `GatedRepo`, …
    pub error_code: Option<String>,
}

/// An answer that is being received, on a thread of its own: so that a stop is heard while nothing comes, and bytes
/// come while others are written.
pub struct Incoming {
    pub head: Head,
    events: Receiver<Event>,
    stall: Duration,
}

enum Event {
    Head(Head),
    Bytes(Vec<u8>),
    End,
    Failed(String),
}

impl Client {
    /// A client of the endpoint, through the proxy and with the certificates that the environment names.
    ///
    /// # Errors
    /// A part of the environment that is not what it should be, and why.
    pub fn new(env: &HubEnv) -> Result<Self, String> {
        let endpoint: Uri = env
            .endpoint
            .parse()
            .ok()
            .filter(|uri: &Uri| origin(uri).is_some())
            .ok_or_else(|| format!("HF_ENDPOINT is not a web address: {}", env.endpoint))?;
        let mut tls = TlsConfig::builder();
        if let Some(path) = &env.certificates {
            let certificates = std::fs::read(path)
                .map_err(|error| error.to_string())
                .and_then(|pem| certificates(&pem))
                .map_err(|why| format!("SSL_CERT_FILE: {}: {why}", path.display()))?;
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
        }
        let proxy = match &env.proxy {
            Some(proxy) => Some(open_proxy(proxy, env.no_proxy.as_deref())?),
            None => None,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Followed by ourselves: the token must not go along, and only the first answer knows the content's name.
            .max_redirects(0)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(env.stall))
            // Ends a thread that nobody listens to any more; who listens has given up before.
            .timeout_per_read(Some(env.stall + CONNECT))
            .user_agent(concat!("cladist/", env!("CARGO_PKG_VERSION")))
            // A range of a compressed answer would be a range of something else.
            .accept_encoding("identity")
            .proxy(proxy)
            .tls_config(tls.build())
            .build()
            .into();
        Ok(Self {
            agent,
            endpoint,
            token: env.token.clone(),
            stall: env.stall,
        })
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Asks for a file from byte `from` on, and returns as soon as the head of the answer is there.
    ///
    /// # Errors
    /// No answer in time; `go_on` says no.
    pub fn get(&self, url: &str, from: u64, go_on: &dyn Fn() -> bool) -> Result<Incoming, Fault> {
        let uri: Uri = url
            .parse()
            .map_err(|error| Fault::Network(format!("{url}: {error}")))?;
        let (sender, events) = sync_channel(16);
        let client = self.clone();
        std::thread::Builder::new()
            .name("download".into())
            .spawn(move || client.receive(uri, from, &sender))
            .map_err(|error| Fault::Network(format!("no thread for the download: {error}")))?;
        loop {
            match events.recv_timeout(TICK) {
                Ok(Event::Head(head)) => {
                    return Ok(Incoming {
                        head,
                        events,
                        stall: self.stall,
                    });
                }
                Ok(Event::Failed(why)) => return Err(Fault::Network(why)),
                // The waiting itself is bounded where it happens.
                Err(RecvTimeoutError::Timeout) if go_on() => {}
                Err(RecvTimeoutError::Timeout) => return Err(Fault::Stopped),
                Ok(Event::Bytes(_) | Event::End) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(Fault::Network(format!("{url}: no answer")));
                }
            }
        }
    }

    /// Receives an answer and hands it on until it ends or nobody listens.
    fn receive(&self, uri: Uri, from: u64, sender: &SyncSender<Event>) {
        let (head, mut body) = match self.follow(uri, from) {
            Ok((head, body)) => (head, body.into_reader()),
            Err(why) => return drop(sender.send(Event::Failed(why))),
        };
        if sender.send(Event::Head(head)).is_err() {
            return;
        }
        let mut buffer = vec![0; 1 << 16];
        loop {
            let event = match body.read(&mut buffer) {
                Ok(0) => Event::End,
                Ok(count) => Event::Bytes(buffer[..count].to_vec()),
                Err(error) => Event::Failed(error.to_string()),
            };
            let is_last = !matches!(event, Event::Bytes(_));
            if sender.send(event).is_err() || is_last {
                return;
            }
        }
    }

    /// The answer at the end of the redirects. The token goes to the endpoint itself and to nobody else.
    fn follow(&self, mut uri: Uri, from: u64) -> Result<(Head, Body), String> {
        let mut linked = None;
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.agent.get(&uri);
            if from > 0 {
                request = request.header("Range", format!("bytes={from}-"));
            }
            let is_ours = origin(&uri) == origin(&self.endpoint);
            if let (Some(token), true) = (&self.token, is_ours) {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            let answer = request
                .call()
                .map_err(|error| self.unanswered(&uri, is_ours, &error))?;
            let headers = answer.headers();
            if is_ours {
                linked = linked.or_else(|| tag(headers, "x-linked-etag"));
            }
            let location = text(headers, &LOCATION).filter(|_| answer.status().is_redirection());
            let Some(location) = location else {
                let mut head = head(answer.status(), headers);
                head.linked = linked;
                head.etag = head.etag.filter(|_| is_ours);
                return Ok((head, answer.into_body()));
            };
            let next = join(&uri, location)
                .ok_or_else(|| format!("{uri}: redirects to nowhere: {location}"))?;
            if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(format!("{uri}: redirects to an insecure address: {next}"));
            }
            uri = next;
        }
        Err(format!("{uri}: redirects without end"))
    }

    /// Why a request has no answer.
    fn unanswered(&self, uri: &Uri, is_ours: bool, error: &ureq::Error) -> String {
        let server = match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => uri.to_string(),
        };
        let through = match self.agent.config().proxy() {
            Some(proxy) if !proxy.is_no_proxy(uri) => " through the environment's proxy",
            _ => "",
        };
        match error {
            // The header's bytes are in no message, but neither is that the token is at fault.
            ureq::Error::Http(_) if is_ours && self.token.is_some() => {
                "HF_TOKEN is not a token: it has characters that no token has".to_owned()
            }
            ureq::Error::Timeout(ureq::Timeout::RecvResponse) => format!(
                "{server} gives no answer for {} s",
                self.stall.as_secs_f32()
            ),
            ureq::Error::Io(error) => format!("{server} cannot be reached{through}: {error}"),
            error => format!("{server} cannot be reached{through}: {error}"),
        }
    }
}

impl Incoming {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// A connection that breaks off, or brings nothing for too long; `go_on` says no.
    pub fn next(&mut self, go_on: &dyn Fn() -> bool) -> Result<Option<Vec<u8>>, Fault> {
        let mut idle = Duration::ZERO;
        loop {
            if !go_on() {
                return Err(Fault::Stopped);
            }
            let tick = TICK.min(self.stall);
            match self.events.recv_timeout(tick) {
                Ok(Event::Bytes(bytes)) => return Ok(Some(bytes)),
                Ok(Event::End) => return Ok(None),
                Ok(Event::Failed(why)) => {
                    let why = format!("the connection broke off ({why})");
                    return Err(Fault::Network(why));
                }
                Ok(Event::Head(_)) => {}
                Err(RecvTimeoutError::Timeout) => idle += tick,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Fault::Network("the connection broke off".into()));
                }
            }
            if idle >= self.stall {
                let seconds = self.stall.as_secs_f32();
                let why = format!("the connection stalled: nothing came for {seconds} s");
                return Err(Fault::Network(why));
            }
        }
    }

    /// The whole answer as text.
    ///
    /// # Errors
    /// As [`Incoming::next`]; an answer of more than `limit` bytes, or not of text.
    pub fn text(mut self, limit: usize, go_on: &dyn Fn() -> bool) -> Result<String, Fault> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next(go_on)? {
            all.extend(bytes);
            if all.len() > limit {
                return Err(Fault::Network("the answer does not end".into()));
            }
        }
        String::from_utf8(all).map_err(|_| Fault::Network("the answer is not text".into()))
    }
}

/// Scheme, host and port, as far as they decide who is talked to.
fn origin(uri: &Uri) -> Option<(String, String, u16)> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = uri.host()?.to_ascii_lowercase();
    Some((scheme, host, uri.port_u16().unwrap_or(default)))
}

/// Where a `Location` in the answer of `base` leads.
fn join(base: &Uri, location: &str) -> Option<Uri> {
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let absolute = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let uri: Uri = absolute.split('#').next()?.parse().ok()?;
    origin(&uri).is_some().then_some(uri)
}

fn head(status: StatusCode, headers: &HeaderMap) -> Head {
    let number = |name: &'static str| text(headers, &HeaderName::from_static(name))?.parse().ok();
    let range = text(headers, &HeaderName::from_static("content-range"));
    Head {
        status: status.as_u16(),
        length: number("content-length"),
        // `bytes 200-999/1000`
        start: range.and_then(|r| r.strip_prefix("bytes ")?.split('-').next()?.parse().ok()),
        linked: None,
        etag: tag(headers, "etag"),
        error_code: text(headers, &HeaderName::from_static("x-error-code")).map(str::to_owned),
    }
}

/// An entity tag without its quotes.
fn tag(headers: &HeaderMap, name: &'static str) -> Option<String> {
    let tag = text(headers, &HeaderName::from_static(name))?;
    let bare = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
    Some(bare.to_owned())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn certificates(pem: &[u8]) -> Result<Vec<ureq::tls::Certificate<'static>>, String> {
    let found: Vec<_> = parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err("holds no certificate in PEM".into());
    }
    Ok(found)
}

/// A proxy by its address, with the hosts that are reached without it.
fn open_proxy(address: &str, no_proxy: Option<&str>) -> Result<Proxy, String> {
    let proxy = Proxy::new(address).map_err(|_| {
        // It may hold a password.
        "the proxy's address in the environment (HTTPS_PROXY) is not one".to_owned()
    })?;
    let protocol = proxy.protocol();
    if !matches!(
        protocol,
        ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https
    ) {
        return Err(format!(
            "the proxy in the environment is one of {protocol}, and only those of HTTP and HTTPS are supported"
        ));
    }
    let mut builder = Proxy::builder(protocol)
        .host(proxy.host())
        .port(proxy.port());
    if let Some(name) = proxy.username() {
        builder = builder.username(name);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    for host in no_proxy.unwrap_or_default().split(',').map(str::trim) {
        // A bare name stands for its subdomains too, as curl and Python have it.
        if host == "*" || host.starts_with(['*', '.']) {
            builder = builder.no_proxy(host);
        } else if !host.is_empty() {
            builder = builder.no_proxy(host).no_proxy(&format!(".{host}"));
        }
    }
    builder
        .build()
        .map_err(|error| format!("the proxy in the environment: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_read_as_a_browser_reads_it() {
        let base: Uri = "https://hub.test/a/b/resolve/main/f?x=1".parse().unwrap();
        for (location, expected) in [
            ("https://cdn.test/x?y#z", Some("https://cdn.test/x?y")),
            ("//cdn.test/x", Some("https://cdn.test/x")),
            ("/api/f", Some("https://hub.test/api/f")),
            ("g", Some("https://hub.test/a/b/resolve/main/g")),
            ("file:///etc/passwd", None),
            ("http://", None),
        ] {
            let joined = join(&base, location).map(|uri| uri.to_string());
            assert_eq!(joined.as_deref(), expected, "{location}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let of = |address: &str| origin(&address.parse().unwrap());
        assert_eq!(of("https://Hub.test/a"), of("https://hub.test:443/b"));
        for other in [
            "http://hub.test",
            "https://hub.test:8443",
            "https://evil.hub.test",
        ] {
            assert_ne!(of("https://hub.test"), of(other));
        }
    }

    #[test]
    fn a_strange_environment_is_told_not_panicked_at() {
        let env = |proxy: &str, endpoint: &str, certificates: Option<&str>| {
            let mut env = HubEnv::from_variables(&|_| None);
            env.proxy = Some(proxy.to_owned()).filter(|p| !p.is_empty());
            env.endpoint = endpoint.to_owned();
            env.certificates = certificates.map(Into::into);
            Client::new(&env).err()
        };
        let good = "https://hub.test";
        assert_eq!(env("http://user:pass@proxy.test:3128", good, None), None);
        assert_eq!(env("proxy.test:3128", good, None), None);
        for (error, said) in [
            (env("socks5://proxy.test", good, None), "SOCKS5"),
            (env("::", good, None), "HTTPS_PROXY"),
            (env("", "hub.test", None), "HF_ENDPOINT"),
            (env("", "ftp://hub.test", None), "HF_ENDPOINT"),
            (env("", good, Some("/nowhere/ca.pem")), "SSL_CERT_FILE"),
        ] {
            let error = error.unwrap();
            assert!(error.contains(said), "{error}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = env("", good, file.path().to_str()).unwrap();
        assert!(error.contains("no certificate"), "{error}");
    }
}
