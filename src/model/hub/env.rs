//! The parts of the environment that decide where models are and how they are downloaded.

use std::path::PathBuf;
use std::time::Duration;

/// A download that brings nothing for so long is given up, unless `HF_HUB_DOWNLOAD_TIMEOUT` says otherwise.
const STALL: Duration = Duration::from_secs(60);

/// The environment as huggingface_hub reads it. Not `Debug`: it holds a token.
#[derive(Clone, PartialEq, Eq)]
pub struct HubEnv {
    /// The cache's directory; `None` without a home.
    pub cache: Option<PathBuf>,
    /// `HF_HUB_OFFLINE`: the network is not to be used.
    pub offline: bool,
    pub token: Option<String>,
    /// Where models are downloaded from.
    pub endpoint: String,
    /// A connection that brings nothing for so long is given up.
    pub stall: Duration,
    /// The proxy that the endpoint is reached through.
    pub proxy: Option<String>,
    /// Hosts that are reached directly, by commas.
    pub no_proxy: Option<String>,
    /// `SSL_CERT_FILE`: the certificates to trust instead of the built-in ones.
    pub certificates: Option<PathBuf>,
}

impl HubEnv {
    /// From this process's environment.
    pub fn from_process() -> Self {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    /// From variables looked up by name: `HF_HUB_CACHE`, else `HF_HOME`/hub, else `XDG_CACHE_HOME`/huggingface/hub,
    /// else ~/.cache/huggingface/hub; the token from `HF_TOKEN`, else the file that logging in leaves.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
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
        let of_login = || {
            let file = set("HF_TOKEN_PATH")
                .map(expand)
                .or_else(|| Some(hf_home?.join("token")))?;
            std::fs::read_to_string(file).ok()
        };
        let token = set("HF_TOKEN")
            .or_else(|| set("HUGGING_FACE_HUB_TOKEN"))
            .or_else(|| of_login().filter(|_| !is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN")));
        let endpoint = set("HF_ENDPOINT")
            .unwrap_or_else(|| "https://huggingface.co".into())
            .trim()
            .trim_end_matches('/')
            .to_owned();
        // Both spellings are common; curl and Python read the lower one first.
        let either = |name: &str| set(&name.to_lowercase()).or_else(|| set(name));
        let of_scheme = if endpoint.starts_with("http://") {
            "HTTP_PROXY"
        } else {
            "HTTPS_PROXY"
        };
        Self {
            cache,
            offline: is_on("HF_HUB_OFFLINE") || is_on("TRANSFORMERS_OFFLINE"),
            token: token
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
            endpoint,
            stall: set("HF_HUB_DOWNLOAD_TIMEOUT")
                .and_then(|seconds| seconds.trim().parse().ok())
                .filter(|&seconds| seconds > 0)
                .map_or(STALL, Duration::from_secs),
            proxy: either(of_scheme).or_else(|| either("ALL_PROXY")),
            no_proxy: either("NO_PROXY"),
            certificates: set("SSL_CERT_FILE")
                .or_else(|| set("REQUESTS_CA_BUNDLE"))
                .map(expand),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn env(variables: &[(&str, &str)]) -> HubEnv {
        HubEnv::from_variables(&|name| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        })
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
            let env = env(variables);
            assert_eq!(env.cache.as_deref(), cache.map(Path::new), "{variables:?}");
        }
    }

    #[test]
    fn the_token_is_the_variables_else_that_of_a_login() {
        let home = tempfile::TempDir::new().unwrap();
        std::fs::write(home.path().join("token"), "hf_file\n").unwrap();
        let hf_home = ("HF_HOME", home.path().to_str().unwrap());
        let token = |variables: &[(&str, &str)]| env(variables).token;
        assert_eq!(token(&[hf_home]).as_deref(), Some("hf_file"));
        assert_eq!(
            token(&[hf_home, ("HF_TOKEN", " hf_variable ")]).as_deref(),
            Some("hf_variable")
        );
        assert_eq!(
            token(&[hf_home, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]),
            None
        );
    }

    #[test]
    fn the_proxy_is_that_of_the_endpoints_scheme() {
        let both = [("HTTP_PROXY", "http://p"), ("https_proxy", "http://s")];
        assert_eq!(env(&both).proxy.as_deref(), Some("http://s"));
        let plain = [both[0], both[1], ("HF_ENDPOINT", "http://mirror/")];
        assert_eq!(env(&plain).proxy.as_deref(), Some("http://p"));
        assert_eq!(env(&plain).endpoint, "http://mirror");
        let all = [both[0], ("ALL_PROXY", "http://a"), ("NO_PROXY", "x, y")];
        assert_eq!(env(&all).proxy.as_deref(), Some("http://a"));
        assert_eq!(env(&all).no_proxy.as_deref(), Some("x, y"));
        assert_eq!(env(&both[..1]).proxy, None);
    }

    #[test]
    fn the_patience_can_be_set() {
        for (value, seconds) in [("7", 7), ("0", 60), ("soon", 60), ("", 60)] {
            let env = env(&[("HF_HUB_DOWNLOAD_TIMEOUT", value)]);
            assert_eq!(env.stall, Duration::from_secs(seconds), "{value}");
        }
    }
}
