//! Arguments → commands, one file a command. The only room that prints.

pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
