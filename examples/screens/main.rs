//! Makes the pictures of the workbench: `cargo run --release --example screens`. Stills of every view and a recording, from the saved
//! run in `tests/fixtures/run` (that of `cladist demo`), into `docs/screens`. A test holds them to be what the program shows.

mod stills;

use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    env::set_current_dir(env!("CARGO_MANIFEST_DIR"))?;
    let folder = Path::new("docs/screens");
    fs::create_dir_all(folder)?;
    for (name, text) in stills::all() {
        fs::write(folder.join(&name), text)?;
        println!("docs/screens/{name}");
    }
    Ok(())
}
