//! How the connection is asked for, and what its errors mean in plain words.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, ConnectReturnCode, DisconnectReasonCode, Filter, LastWill, RetainForwardRule,
};
use rumqttc::v5::mqttbytes::{Error as PacketError, QoS};
use rumqttc::v5::{ConnectionError, MqttOptions, StateError};
use rumqttc::{NetworkOptions, Transport};

use super::config::HallConfig;
use crate::contract::topics::Topics;

/// Commands and receipts that the broker may have under way to the cabinet, unacknowledged. Bounds the memory that
/// a flood can take: so many times `max_payload`.
pub(super) const RECEIVE_AT_ONCE: u16 = 8;
/// How long the broker keeps the cabinet's session; commands have a shorter life of their own.
const SESSION_LASTS: Duration = Duration::from_secs(3600);

/// What MQTT needs to know to connect; the will is what the broker publishes if the cabinet vanishes.
pub(super) fn options(
    config: &HallConfig,
    topics: &Topics,
    will: Vec<u8>,
    fresh_session: bool,
) -> Result<MqttOptions, String> {
    let client_id = format!("locker-{}", config.device);
    let mut options = MqttOptions::new(client_id, bracketed(&config.host), config.port);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options
        .set_transport(transport())
        .set_network_options(network)
        .set_keep_alive(config.keep_alive)
        .set_clean_start(fresh_session)
        .set_manual_acks(true)
        .set_outgoing_inflight_upper_limit(config.window)
        .set_connect_properties(ConnectProperties {
            session_expiry_interval: u32::try_from(SESSION_LASTS.as_secs()).ok(),
            receive_maximum: Some(RECEIVE_AT_ONCE),
            max_packet_size: Some(config.max_payload),
            ..ConnectProperties::new()
        })
        .set_last_will(LastWill::new(&topics.presence, will, QoS::AtLeastOnce, true, None));
    if let Some(credentials) = &config.credentials {
        let file = credentials.password_file.display();
        let password = std::fs::read_to_string(&credentials.password_file)
            .map_err(|e| format!("the password file {file} cannot be read: {e}"))?;
        options.set_credentials(&credentials.username, password.trim_end_matches(['\r', '\n']));
    }
    Ok(options)
}

/// Plain TCP: `HallConfig::check` has made sure that this is allowed. TLS will be chosen here.
fn transport() -> Transport {
    Transport::tcp()
}

/// The topics to hear. Messages keep their mark of having been retained, also when they arrive fresh.
pub(super) fn subscriptions(topics: &Topics, with_kept_messages: bool) -> Vec<Filter> {
    let rule = match with_kept_messages {
        true => RetainForwardRule::OnEverySubscribe,
        false => RetainForwardRule::Never,
    };
    let filter = |topic: &String| Filter {
        preserve_retain: true,
        retain_forward_rule: rule.clone(),
        ..Filter::new(topic, QoS::AtLeastOnce)
    };
    vec![filter(&topics.command), filter(&topics.receipt)]
}

/// Whether what the broker sent cannot be taken in at all; it would send the same again with the same session.
/// The library reports a connection that was cut as a fault of the packet too: that one is harmless.
pub(super) fn is_indigestible(error: &ConnectionError) -> bool {
    if let ConnectionError::MqttState(StateError::Deserialization(packet)) = error {
        !matches!(packet, PacketError::Io(_))
    } else {
        matches!(error, ConnectionError::MqttState(StateError::IncomingPacketTooLarge { .. }))
    }
}

/// Whether another client took this one's name.
pub(super) fn is_taken_over(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. })
        if *reason_code == DisconnectReasonCode::SessionTakenOver)
}

/// What went wrong, for the person who has to find out.
pub(super) fn explain(error: &ConnectionError, config: &HallConfig) -> String {
    let broker = format!("{}:{}", config.host, config.port);
    match error {
        ConnectionError::Io(error) => {
            format!(
                "the broker {broker} cannot be reached ({error}): is it running, is the network up?"
            )
        }
        ConnectionError::Timeout(_) => format!("the broker {broker} did not answer in time"),
        ConnectionError::ConnectionRefused(code) => refused(*code, config),
        error if is_taken_over(error) => {
            format!(
                "another program connected to {broker} as locker-{}: do two cabinets share a name?",
                config.device
            )
        }
        ConnectionError::MqttState(
            StateError::ConnectionAborted
            | StateError::Io(_)
            | StateError::Deserialization(PacketError::Io(_)),
        ) => format!("the broker {broker} closed the connection"),
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            format!("the broker {broker} has fallen silent: is the network up?")
        }
        ConnectionError::MqttState(error) => {
            format!("the conversation with the broker {broker} broke off: {error}")
        }
        ConnectionError::NotConnAck(_) | ConnectionError::RequestsDone => {
            format!("the conversation with {broker} broke off ({error}): is it an MQTT 5 broker?")
        }
    }
}

fn refused(code: ConnectReturnCode, config: &HallConfig) -> String {
    let broker = format!("{}:{}", config.host, config.port);
    if code == ConnectReturnCode::BadUserNamePassword || code == ConnectReturnCode::NotAuthorized {
        let user = config.credentials.as_ref().map_or("nobody", |c| c.username.as_str());
        return format!(
            "the broker {broker} refuses the login as {user}: check hall.username and the password file"
        );
    }
    format!("the broker {broker} refuses the connection: {code:?}")
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn packet(error: PacketError) -> ConnectionError {
        ConnectionError::MqttState(StateError::Deserialization(error))
    }

    #[test]
    fn a_giant_is_indigestible_and_a_cut_connection_is_not() {
        let giant = PacketError::PayloadSizeLimitExceeded { pkt_size: 9, max: 1 };
        assert!(is_indigestible(&packet(giant)));
        assert!(is_indigestible(&packet(PacketError::MalformedPacket)));
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(!is_indigestible(&packet(PacketError::Io(reset))));
        assert!(!is_indigestible(&ConnectionError::MqttState(StateError::ConnectionAborted)));
    }

    #[test]
    fn errors_say_what_to_look_at() {
        let config = HallConfig::new("127.0.0.1", 1883, "luohu-1".parse().unwrap());
        let refused = ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword);
        assert!(explain(&refused, &config).contains("check hall.username"));
        let taken_over = ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            reason_string: None,
        });
        assert!(explain(&taken_over, &config).contains("do two cabinets share a name"));
    }

    #[test]
    fn an_ipv6_address_gets_its_brackets_once() {
        assert_eq!(bracketed("::1"), "[::1]");
        assert_eq!(bracketed("[::1]"), "[::1]");
        assert_eq!(bracketed("localhost"), "localhost");
    }
}
