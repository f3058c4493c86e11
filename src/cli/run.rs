//! `locker-agent run`: the daemon as systemd starts it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::app::EyesReport;
use crate::config::Config;
use crate::daemon::{Daemon, Hardware, start_log, stop_signals};

/// How often the daemon looks whether its agent is still there.
const GLANCE: std::time::Duration = std::time::Duration::from_millis(500);

/// Run the daemon in the foreground, until SIGTERM or Ctrl-C
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The configuration; config.example.toml explains every setting
    #[arg(long, value_name = "FILE", default_value = "/etc/locker-agent/config.toml")]
    config: PathBuf,
    /// Check the configuration, say what is wrong with it, and end
    #[arg(long)]
    check: bool,
}

/// Runs the daemon until it is told to stop (exit 0) or cannot go on (an error, for systemd to start it anew).
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    if args.check {
        let doors = config.cabinet.doors.numbers().len();
        writeln!(std::io::stdout(), "{} is good: {doors} doors", args.config.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    start_log(config.log.as_str());
    let stop = stop_signals()?;
    let hardware = Hardware::open(&config)?;
    let daemon = Daemon::start(&config, hardware, watchdog())?;
    let ready = status(&daemon.wait_for_eyes());
    tracing::info!("{ready}");
    notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status(&ready)]);
    while !daemon.has_ended() {
        if let Some(eyes) = daemon.news_of_eyes() {
            notify(&[sd_notify::NotifyState::Status(&status(&eyes))]);
        }
        if stop.recv_timeout(GLANCE).is_ok() {
            tracing::info!("stopping");
            break;
        }
    }
    notify(&[sd_notify::NotifyState::Stopping]);
    daemon.stop()?;
    Ok(ExitCode::SUCCESS)
}

/// What `systemctl status` shows.
fn status(eyes: &EyesReport) -> String {
    match eyes {
        Ok(()) => "ready".to_owned(),
        Err(problem) => format!("ready, but faces are off: {problem}"),
    }
}

/// Feeds systemd's watchdog, if the unit has one.
fn watchdog() -> Box<dyn FnMut() + Send> {
    if !sd_notify::watchdog_enabled(false, &mut 0) {
        return Box::new(|| ());
    }
    Box::new(|| notify(&[sd_notify::NotifyState::Watchdog]))
}

/// Says it to systemd; without systemd there is nobody to tell.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
