//! Shell completions and manual pages, from the same definitions as the parser.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueHint;
use clap_complete::Shell;

use super::output;

#[derive(clap::Args)]
pub struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

#[derive(clap::Args)]
pub struct ManArgs {
    /// Write cladist.1 and one page a command into this directory, instead of cladist.1 to stdout
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
}

pub fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "cladist", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

pub fn man(args: &ManArgs) -> anyhow::Result<ExitCode> {
    match &args.out {
        Some(dir) => {
            let failed = || format!("{}: manual pages cannot be written", dir.display());
            std::fs::create_dir_all(dir).with_context(failed)?;
            clap_mangen::generate_to(super::command(), dir).with_context(failed)?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(super::command()).render(&mut page)?;
            output::print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
