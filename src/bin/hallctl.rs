//! The hall's side of the conversation, on the command line.

use std::process::ExitCode;

use clap::Parser;
use locker_agent::hallctl::arguments::Arguments;
use locker_agent::hallctl::command_line;

fn main() -> std::io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(ExitCode::from(runtime.block_on(command_line::run(arguments))))
}
