//! What the name `demo` stands for where a command wants a taxonomy, images or a model: the drawn world, which is part
//! of the program. So every command can be tried without a file.

use std::path::Path;

use super::on_all_cores;
use super::output::tell;
use crate::dataset::Dataset;
use crate::demo::{self, Settings, World};
use crate::taxonomy::{self, Loaded};

/// The name.
pub const NAME: &str = "demo";

/// Whether the path is the name. What is called so on disk is reached as `./demo`, which is told once it is there.
pub fn is_meant(path: &Path) -> bool {
    let is_meant = path == Path::new(NAME);
    if is_meant && path.exists() {
        tell!("`{NAME}` is the built-in one; write ./{NAME} for the one in this directory");
    }
    is_meant
}

/// The world's taxonomy.
pub fn taxonomy() -> Loaded {
    taxonomy::load_str(NAME, demo::TAXONOMY)
}

/// The world's pictures under their annotated labels.
pub fn dataset() -> anyhow::Result<Dataset> {
    let world = World::new()?;
    let (dataset, _) =
        on_all_cores(|| demo::dataset(&world, &Settings::default(), demo::PICTURES))?;
    Ok(dataset)
}
