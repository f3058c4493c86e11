//! Which broker to talk to.

use std::path::PathBuf;
use std::time::Duration;

use rumqttc::NetworkOptions;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::v5::ConnectProperties;

use super::HallFault;
use crate::host::is_this_machine;

/// Messages from cabinets are small; a state of 999 compartments is the largest.
const LARGEST_PACKET: u32 = 2 * 1024 * 1024;

/// A broker, and how to log in to it.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// A user and the file with the password.
    pub credentials: Option<(String, PathBuf)>,
}

impl Broker {
    /// A broker that asks nobody for a password.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, credentials: None }
    }

    /// Reads `host:port`; the port may be left out. Another machine only if that was explicitly allowed, because
    /// nothing is encrypted yet.
    pub fn parse(text: &str, allow_insecure: bool) -> Result<Self, HallFault> {
        let bad = || HallFault::Usage(format!("'{text}' is no broker: give host:port"));
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| bad())?)
            }
            Some(_) | None => (text, 1883),
        };
        if host.is_empty() || port == 0 {
            return Err(bad());
        }
        if !allow_insecure && !is_this_machine(host) {
            return Err(HallFault::Usage(format!(
                "{host} is another machine and nothing is encrypted: use a tunnel, or --allow-insecure if the \
                 network between is trusted"
            )));
        }
        Ok(Self::new(host, port))
    }

    pub(super) fn options(&self, client_id: &str) -> Result<MqttOptions, HallFault> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
        let mut options = MqttOptions::new(client_id, host, self.port);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options
            .set_network_options(network)
            .set_keep_alive(Duration::from_secs(30))
            .set_outgoing_inflight_upper_limit(16)
            .set_connect_properties(ConnectProperties {
                max_packet_size: Some(LARGEST_PACKET),
                ..ConnectProperties::new()
            });
        if let Some((username, file)) = &self.credentials {
            let problem = |e| HallFault::Usage(format!("{} cannot be read: {e}", file.display()));
            let password = std::fs::read_to_string(file).map_err(problem)?;
            options.set_credentials(username, password.trim_end_matches(['\r', '\n']));
        }
        Ok(options)
    }
}

impl std::fmt::Display for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_broker_is_read_with_or_without_its_port() {
        for (text, host, port) in [
            ("localhost", "localhost", 1883),
            ("127.0.0.1:2883", "127.0.0.1", 2883),
            ("[::1]:2883", "[::1]", 2883),
            ("::1", "::1", 1883),
        ] {
            let broker = Broker::parse(text, false).unwrap();
            assert_eq!((broker.host.as_str(), broker.port), (host, port));
        }
        for bad in ["", ":1883", "localhost:x", "localhost:0", "hall.example:1883"] {
            assert!(Broker::parse(bad, false).is_err(), "{bad}");
        }
        assert!(Broker::parse("hall.example:1883", true).is_ok());
    }
}
