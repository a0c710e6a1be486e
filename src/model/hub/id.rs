//! A model's id on the hub, and the revision that is asked for.

/// `name` or `org/name`, and a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelId {
    pub id: String,
    /// `None`: `main`, or whatever complete snapshot the cache has.
    pub revision: Option<String>,
}

/// An abbreviated commit has at least so many digits, as git's do.
const SHORTEST_COMMIT: usize = 7;

impl ModelId {
    /// `name`, `org/name`, either with `@revision`.
    pub fn parse(source: &str) -> Option<Self> {
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

    /// The revision, `main` if none is asked for.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }

    /// The id without its organisation.
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or(&self.id)
    }

    /// `models--org--name`.
    pub fn folder(&self) -> String {
        format!("models--{}", self.id.replace('/', "--"))
    }
}

/// Whether a revision can be a commit, whole or abbreviated.
pub fn can_be_commit(revision: &str) -> bool {
    (SHORTEST_COMMIT..=40).contains(&revision.len())
        && revision.chars().all(|c| c.is_ascii_hexdigit())
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
    fn seven_digits_make_a_commit() {
        for (revision, can) in [
            ("a", false),
            ("3d74ac", false),
            ("3d74acf", true),
            ("main", false),
            ("release", false),
            (&"0123456789abcdefABCD".repeat(2), true),
            (&"a".repeat(41), false),
        ] {
            assert_eq!(can_be_commit(revision), can, "{revision}");
        }
    }
}
