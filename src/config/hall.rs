//! The sections about the hall: how it is reached, and what it may ask for.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::reader::Section;

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
        if host.as_deref().is_some_and(|host| !allow_insecure && !on_this_machine(host)) {
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

fn on_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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

/// What the hall may ask for, and for how long it may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Whether the hall may send photos to make templates of.
    pub remote_enrolment: bool,
    /// How far ahead the expiry of a command that opens a door may lie.
    pub unlock_lifetime_max: Duration,
    /// The same for every other command.
    pub order_lifetime_max: Duration,
    /// How far the hall's clock may be ahead of the cabinet's.
    pub clock_skew: Duration,
}

impl PolicyConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            remote_enrolment: section.boolean("remote_enrolment", false),
            unlock_lifetime_max: section.seconds("unlock_lifetime_max_s", 5..=600, 120),
            order_lifetime_max: section.seconds("order_lifetime_max_s", 60..=2_592_000, 604_800),
            clock_skew: section.seconds("clock_skew_s", 0..=300, 30),
        }
    }
}
