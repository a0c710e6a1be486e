//! Where the files of a collection are, and which shards there are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::claim::Claim;
use super::error::StoreError;
use super::key::{Kind, Recipe};
use crate::files::create_dirs;

/// Where the files of a collection are.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub dir: PathBuf,
    pub kind: Kind,
    /// Whether there is log σ² beside the rows.
    pub tells_uncertainty: bool,
}

/// The files of a shard that are named in its marker: which of them, and what they are called while they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Rows,
    Metadata,
    Keys,
    /// Log σ² of each value of the rows.
    LogVariances,
}

impl Layout {
    /// Those of a recipe.
    pub fn new(dir: PathBuf, recipe: &Recipe) -> Self {
        Self {
            dir,
            kind: recipe.kind(),
            tells_uncertainty: recipe.tells_uncertainty(),
        }
    }

    /// The files that a shard has.
    pub fn parts(&self) -> &'static [Part] {
        const ALL: [Part; 4] = [Part::Rows, Part::Metadata, Part::Keys, Part::LogVariances];
        match self.tells_uncertainty {
            true => &ALL,
            false => &ALL[..3],
        }
    }

    /// Those that hold the values of a row, one after the other, as many in each.
    pub fn parts_of_rows(&self) -> &'static [Part] {
        match self.tells_uncertainty {
            true => &[Part::Rows, Part::LogVariances],
            false => &[Part::Rows],
        }
    }

    fn stem(&self, part: Part) -> &'static str {
        match (part, self.kind) {
            (Part::Rows, Kind::Images) => "img_emb",
            (Part::Rows, Kind::Texts) => "text_emb",
            (Part::LogVariances, Kind::Images) => "img_logvar",
            (Part::LogVariances, Kind::Texts) => "text_logvar",
            (Part::Metadata, _) => "metadata",
            (Part::Keys, _) => "keys",
        }
    }

    /// Relative to the directory, with `/` between the parts: `img_emb/img_emb_0000001.npy`.
    pub fn name(&self, part: Part, number: u32) -> String {
        let stem = self.stem(part);
        let extension = match part {
            Part::Metadata => "parquet",
            Part::Rows | Part::Keys | Part::LogVariances => "npy",
        };
        format!("{stem}/{stem}_{number:07}.{extension}")
    }

    pub fn path(&self, part: Part, number: u32) -> PathBuf {
        self.dir.join(self.name(part, number))
    }

    /// The file by which the shard exists.
    pub fn marker(&self, number: u32) -> PathBuf {
        self.dir.join(format!("shards/{number:07}.json"))
    }

    pub fn manifest(&self) -> PathBuf {
        self.dir.join("manifest.json")
    }

    pub fn claim(&self, number: u32) -> PathBuf {
        self.dir.join(format!("parts/{number:07}.claim"))
    }

    /// A file of the shard before it has its place; of no name that another program would read.
    pub fn staged(&self, part: Part, number: u32) -> PathBuf {
        let stem = self.stem(part);
        self.dir.join(format!("parts/{number:07}.{stem}"))
    }

    pub fn staged_marker(&self, number: u32) -> PathBuf {
        self.dir.join(format!("parts/{number:07}.json"))
    }

    pub fn staged_manifest(&self, number: u32) -> PathBuf {
        self.dir.join(format!("parts/{number:07}.manifest"))
    }

    /// Makes the directories.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn create(&self) -> Result<(), StoreError> {
        let stems = self.parts().iter().map(|&part| self.stem(part));
        for name in stems.chain(["shards", "parts"]) {
            let dir = self.dir.join(name);
            create_dirs(&dir).map_err(|error| StoreError::io(&dir, error))?;
        }
        Ok(())
    }

    /// The numbers of shards that have a marker, in order.
    ///
    /// # Errors
    /// The directory is there and cannot be read.
    pub fn marked(&self) -> Result<Vec<u32>, StoreError> {
        let markers = numbers(&self.dir.join("shards"))?;
        let markers = markers.into_iter().filter(|(_, rest)| rest == ".json");
        Ok(markers.map(|(number, _)| number).collect())
    }

    /// The numbers of shards of which there is anything, in order.
    ///
    /// # Errors
    /// As [`marked`](Self::marked).
    pub fn begun(&self) -> Result<Vec<u32>, StoreError> {
        let mut found = Vec::new();
        let stems = self.parts().iter().map(|&part| self.stem(part));
        for name in stems.chain(["shards", "parts"]) {
            let there = numbers(&self.dir.join(name))?;
            found.extend(there.into_iter().map(|(number, _)| number));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Whether any file of a shard is in its place.
    pub fn is_there(&self, number: u32) -> bool {
        let mut parts = self.parts().iter();
        self.marker(number).exists() || parts.any(|&part| self.path(part, number).exists())
    }

    /// Takes away all that there is of a shard, the marker first: how many bytes that is.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn remove(&self, claim: &Claim) -> Result<u64, StoreError> {
        let number = claim.number();
        let parts = self.parts().iter().map(|&part| self.path(part, number));
        let staged = self.parts().iter();
        let staged = staged.map(|&part| self.staged(part, number));
        let all = [self.marker(number)].into_iter().chain(parts);
        let others = [self.staged_marker(number), self.staged_manifest(number)];
        let all = all.chain(staged).chain(others);
        let mut bytes = 0;
        for path in all {
            let Ok(there) = fs::metadata(&path) else {
                continue;
            };
            fs::remove_file(&path).map_err(|error| StoreError::io(&path, error))?;
            bytes += there.len();
        }
        Ok(bytes)
    }
}

/// The files of a directory with a number in their names, and what follows it, in order; none where there is no directory.
fn numbers(dir: &Path) -> Result<Vec<(u32, String)>, StoreError> {
    let failed = |error| StoreError::io(dir, error);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        let name = name.rsplit_once('_').map_or(&*name, |(_, number)| number);
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        if let Ok(number) = name[..digits].parse() {
            found.push((number, name[digits..].to_owned()));
        }
    }
    found.sort_unstable();
    Ok(found)
}
