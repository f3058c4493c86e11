//! The sections about the hall: how it is reached, and what it may ask for.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Section;
use crate::core::policy::HallPolicy;
use crate::host::is_this_machine;

/// How the central server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HallConfig {
    /// The broker's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How often the connection is tried when nothing else is sent.
    pub keep_alive: Duration,
    /// Whether unencrypted MQTT may leave this machine.
    pub allow_insecure: bool,
    /// The broker's name for this cabinet, and the file that holds its password.
    pub login: Option<Login>,
}

/// The cabinet's account at the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// A file with the password on its first line, not readable by everybody.
    pub password_file: PathBuf,
}

impl HallConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Self> {
        let host = section.text("host");
        if host.is_none() {
            section.missing("host", "give the name or address of the hall's MQTT broker");
        }
        let port = section.optional_whole("port", 1..=65_535).and_then(|port| port.try_into().ok());
        let keep_alive = section.seconds("keep_alive_s", 5..=1200, 30);
        let allow_insecure = section.boolean("allow_insecure", false);
        let login = read_login(section);
        if host.as_deref().is_some_and(|host| !allow_insecure && !is_this_machine(host)) {
            section.refuse(
                "host",
                "is another machine and this version speaks MQTT without encryption: everybody on the way \
                 could open doors; use a broker or an encrypting tunnel on 127.0.0.1, or, in a closed \
                 network that you trust, set hall.allow_insecure = true",
            );
        }
        Some(Self { host: host?, port: port.unwrap_or(1883), keep_alive, allow_insecure, login })
    }
}

fn read_login(section: &mut Section<'_, '_>) -> Option<Login> {
    let username = section.text("username");
    let password_file = section.file("password_file");
    if let Some(file) = password_file.as_ref().filter(|file| readable_by_everybody(file)) {
        let remedy = format!("is readable by everybody: chmod 640 {}", file.display());
        section.refuse("password_file", &remedy);
    }
    match (&username, &password_file) {
        (Some(_), None) => section.missing("password_file", "a username needs its password's file"),
        (None, Some(_)) => section.missing("username", "a password needs its username"),
        (Some(_), Some(_)) | (None, None) => {}
    }
    Some(Login { username: username?, password_file: password_file? })
}

fn readable_by_everybody(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o004 != 0)
}

/// Reads what the hall may ask for, and for how long it may ask. Defaults are the core's.
pub(super) fn read_rules(section: &mut Section<'_, '_>) -> HallPolicy {
    let usual = HallPolicy::default();
    let (unlock, order) = (usual.unlock_lifetime.as_secs(), usual.order_lifetime.as_secs());
    HallPolicy {
        remote_enrolment: section.boolean("remote_enrolment", usual.remote_enrolment),
        unlock_lifetime: section.seconds("unlock_lifetime_max_s", 5..=600, unlock),
        order_lifetime: section.seconds("order_lifetime_max_s", 60..=2_592_000, order),
        clock_skew: section.seconds("clock_skew_s", 0..=300, usual.clock_skew.as_secs()),
    }
}
