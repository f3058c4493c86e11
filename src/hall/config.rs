//! How to reach the hall.

use std::path::PathBuf;
use std::time::Duration;

use crate::core::ids::DeviceId;
use crate::host::is_this_machine;

/// How to reach the hall's broker, and how much to ask of it.
#[derive(Debug, Clone)]
pub struct HallConfig {
    /// The broker's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// This cabinet's name: part of every topic, and the MQTT client id `locker-{device}`.
    pub device: DeviceId,
    /// How to log in; none for a broker that asks nobody.
    pub credentials: Option<Credentials>,
    /// How long the connection may be silent before it is tested.
    pub keep_alive: Duration,
    /// Messages that may be under way to the broker at once, 2 to 64; less if the broker asks for less.
    pub window: u16,
    /// The largest MQTT packet taken in, in bytes. Above the contract's 1 MiB, so that a payload that is somewhat
    /// too large is refused with an answer; the broker itself keeps back what is larger than this.
    pub max_payload: u32,
    /// Whether to speak without encryption to a broker on another machine.
    pub allow_insecure: bool,
}

/// A name and a file that holds the password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub username: String,
    /// Read at each connection, so that a changed password needs no restart; a last line break is not part of it.
    pub password_file: PathBuf,
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HallConfigFault {
    /// Commands that open doors would cross a network that anybody can listen in on.
    #[error(
        "hall.host is '{host}': without encryption only a broker on this machine is allowed (localhost, 127.0.0.1 \
         or ::1); set hall.allow_insecure = true if the network between is trusted"
    )]
    Insecure {
        /// The broker's name.
        host: String,
    },
    /// Outside the range that works.
    #[error("hall.{key} is {value}: allowed is {allowed}")]
    Range {
        /// Which setting.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The values that work.
        allowed: &'static str,
    },
    /// No host.
    #[error("hall.host is empty: give the broker's name or address")]
    NoHost,
}

impl HallConfig {
    /// A configuration with this project's usual limits.
    pub fn new(host: impl Into<String>, port: u16, device: DeviceId) -> Self {
        Self {
            host: host.into(),
            port,
            device,
            credentials: None,
            keep_alive: Duration::from_secs(30),
            window: 20,
            max_payload: 2 * 1024 * 1024,
            allow_insecure: false,
        }
    }

    /// Whether every setting can work.
    pub fn check(&self) -> Result<(), HallConfigFault> {
        let in_range = |key, value, low, high, allowed| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(HallConfigFault::Range { key, value, allowed }),
        };
        if self.host.trim().is_empty() {
            return Err(HallConfigFault::NoHost);
        }
        if !self.allow_insecure && !is_this_machine(&self.host) {
            return Err(HallConfigFault::Insecure { host: self.host.clone() });
        }
        in_range("port", u64::from(self.port), 1, 65_535, "1 to 65535")?;
        in_range("keep_alive", self.keep_alive.as_secs(), 5, 3_600, "5 to 3600 seconds")?;
        in_range("window", u64::from(self.window), 2, 64, "2 to 64 messages")?;
        let payload = u64::from(self.max_payload);
        in_range("max_payload", payload, 64 * 1024, 16 * 1024 * 1024, "65536 to 16777216 bytes")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn config(host: &str) -> HallConfig {
        HallConfig::new(host, 1883, "luohu-1".parse().unwrap())
    }

    #[test]
    fn plain_mqtt_stays_on_this_machine_unless_allowed() {
        for near in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert_eq!(config(near).check(), Ok(()));
        }
        for far in ["hall.example", "10.0.0.5", "127.0.0.1.example", "localhost.example"] {
            let error = config(far).check().unwrap_err();
            assert!(error.to_string().contains("allow_insecure"), "{error}");
            assert_eq!(HallConfig { allow_insecure: true, ..config(far) }.check(), Ok(()));
        }
    }

    #[test]
    fn a_value_out_of_range_is_named_with_the_range() {
        let config = HallConfig { keep_alive: Duration::from_secs(1), ..config("localhost") };
        let error = config.check().unwrap_err().to_string();
        assert_eq!(error, "hall.keep_alive is 1: allowed is 5 to 3600 seconds");
    }
}
