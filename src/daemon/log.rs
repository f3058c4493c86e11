//! The log: lines on standard error, which systemd keeps.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts the log at this level; `RUST_LOG`, if it is set, decides instead.
pub fn start_log(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        // sled and the MQTT library say much that only their authors need.
        EnvFilter::new(format!("warn,rumqttd=off,locker_agent={level}"))
    });
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start, as in tests, keeps the first log.
    _ = log.try_init();
}
