//! Runs the program in a directory of its own.

use std::{
    io::Read,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// A directory that holds these files (path, content) and goes when the value does.
pub fn dir(files: &[(&str, &[u8])]) -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    for (path, content) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, content).expect("a file");
    }
    dir
}

/// Runs `cladist` with these arguments in `dir`.
pub fn cladist(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cladist"))
        .current_dir(dir)
        .args(args)
        .output()
        .expect("the program runs")
}

/// Runs `cladist` with these arguments in `dir` for a reader who wants the first bytes and then closes the pipe.
pub fn into_closed_pipe(dir: &Path, args: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cladist"))
        .current_dir(dir)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut first = [0; 16];
    child
        .stdout
        .take()
        .expect("a pipe")
        .read_exact(&mut first)
        .expect("some output");
    child.wait_with_output().expect("an end")
}

/// Exit code, standard output, standard error.
pub fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let out = cladist(dir, args);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        out.status.code().expect("an exit code"),
        text(out.stdout),
        text(out.stderr),
    )
}
