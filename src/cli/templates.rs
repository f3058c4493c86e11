//! `locker-agent templates`: what an administrator does with the stored face templates.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::daemon::credentials;
use crate::journal::TemplateVault;
use crate::ports::TemplateStore as _;

/// Count the face templates, or encrypt them under a new key; the daemon must be stopped
#[derive(Debug, Args)]
pub struct TemplatesArgs {
    /// The state folder, as device.state_dir in the configuration
    #[arg(long, value_name = "DIR", global = true, default_value = "/var/lib/locker-agent")]
    state: PathBuf,
    #[command(subcommand)]
    command: TemplatesCommand,
}

#[derive(Debug, Subcommand)]
enum TemplatesCommand {
    /// How many there are, and how many cannot be read
    Count,
    /// Make a new key, encrypt every template under it, delete the old key
    RotateKey,
}

/// Exit code 0 if it was done, 1 if templates are stored that no key here opens.
pub fn run(args: &TemplatesArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.state.join("templates").is_dir(),
        "there are no templates in {}: give the state folder of the cabinet's configuration with --state",
        args.state.display()
    );
    let mut vault = TemplateVault::open(&args.state, credentials().as_deref())?;
    let mut out = std::io::stdout();
    match args.command {
        TemplatesCommand::Count => {}
        TemplatesCommand::RotateKey => {
            let resealed = vault.rotate_key()?;
            writeln!(
                out,
                "{resealed} templates are encrypted under a new key; the old key is deleted"
            )?;
        }
    }
    let (readable, unreadable) = vault.all()?;
    writeln!(out, "{} templates, {unreadable} that no key here opens", readable.len())?;
    Ok(if unreadable == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
