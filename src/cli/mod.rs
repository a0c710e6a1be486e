//! Arguments → commands, one file a command. The only room that prints.

mod check;
mod output;
mod show;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Zero-shot image classification under label taxonomies: how much of the error is multiplicity.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArgs),
    Show(show::ShowArgs),
}

/// Runs the command line; what goes wrong is told on standard error and ends with 2.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Show(args) => show::run(&args),
    };
    result.unwrap_or_else(|error: anyhow::Error| {
        let closed = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
        if error.downcast_ref().is_some_and(closed) {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
