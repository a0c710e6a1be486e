//! Runs the program in a directory of its own.

use std::{
    io::Read,
    path::Path,
    process::{Command, Output, Stdio},
};

use cladist::cli::workbench::Workbench;
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

/// The program, in `dir`. It keeps no embeddings but where it is told to: a test is of what is computed now, and the user's own are
/// none of its business.
pub fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cladist"));
    command.current_dir(dir).env("CLADIST_STORE", "");
    command
}

/// Runs `cladist` with these arguments in `dir`.
pub fn cladist(dir: &Path, args: &[&str]) -> Output {
    program(dir).args(args).output().expect("the program runs")
}

/// Runs `cladist` with these arguments in `dir` for a reader who wants the first bytes and then closes the pipe.
pub fn into_closed_pipe(dir: &Path, args: &[&str]) -> Output {
    let mut child = program(dir)
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

/// A workbench as `cladist tui` with these arguments is, which keeps no embeddings.
///
/// # Errors
/// What is wrong with the arguments.
pub fn workbench<A: AsRef<str>>(args: &[A]) -> anyhow::Result<Workbench> {
    let args = args.iter().map(|arg| arg.as_ref().to_owned());
    let args: Vec<String> = args.chain(["--no-store".to_owned()]).collect();
    Workbench::with_arguments(&args)
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
