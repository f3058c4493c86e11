//! `locker-agent release`: switches every lock off. The service unit runs it whenever the daemon has ended.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Config;
use crate::daemon::release_locks;

/// Switch every lock off, whatever the last program left its line at
///
/// A daemon that was killed in the middle of a pulse may leave a coil live: what a line does then is its chip's choice.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    /// The configuration of the cabinet
    #[arg(long, value_name = "FILE", default_value = "/etc/locker-agent/config.toml")]
    config: PathBuf,
}

/// Takes every lock line at its inactive level and gives it back.
pub fn run(args: &ReleaseArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    release_locks(&config.cabinet.doors)?;
    let locks = config.cabinet.doors.numbers().len();
    writeln!(std::io::stdout(), "{locks} locks are switched off")?;
    Ok(ExitCode::SUCCESS)
}
