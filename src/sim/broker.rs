//! An MQTT 5 broker in this process, for the demonstration: nothing to install, nobody else can reach it.
//!
//! It keeps everything in memory, listens on 127.0.0.1 only, and runs until the process ends. Not for a hall.
#![expect(
    clippy::disallowed_methods,
    reason = "waits for a library that gives no sign when it listens"
)]

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// How long the broker may take to begin listening.
const TO_START: Duration = Duration::from_secs(5);

/// A broker that listens.
#[derive(Debug)]
pub struct EmbeddedBroker {
    /// Where, on 127.0.0.1.
    pub port: u16,
}

/// The broker could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the demonstration's broker does not listen on 127.0.0.1:{port}: {problem}")]
pub struct BrokerFault {
    /// Where it should listen.
    pub port: u16,
    /// What happened.
    pub problem: String,
}

impl EmbeddedBroker {
    /// Starts a broker on this port, or on a free one if it is 0, and returns when it listens.
    pub fn start(port: u16) -> Result<Self, BrokerFault> {
        let fault = |problem: String| BrokerFault { port, problem };
        let port = free_port(port).map_err(|e| fault(e.to_string()))?;
        let fault = |problem: String| BrokerFault { port, problem };
        let mut broker = Broker::new(config(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        let (failed, failure) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("demo-broker".into())
            .spawn(move || {
                let ended = broker.start();
                // Nobody listens any more once the broker runs; it ends with the process.
                let _ = failed.send(ended.err().map_or("it ended".to_owned(), |e| e.to_string()));
            })
            .map_err(|e| fault(e.to_string()))?;
        let deadline = Instant::now() + TO_START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Ok(problem) = failure.recv_timeout(Duration::from_millis(10)) {
                return Err(fault(problem));
            }
            if Instant::now() > deadline {
                return Err(fault(format!("it has not started in {} s", TO_START.as_secs())));
            }
        }
        Ok(Self { port })
    }
}

/// The port, if it can be listened on; any free one for 0.
fn free_port(port: u16) -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()?.port())
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: 4 * 1024 * 1024,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "demo-broker".into(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    let router = RouterConfig {
        max_connections: 64,
        max_outgoing_packet_count: 200,
        max_segment_size: 8 * 1024 * 1024,
        max_segment_count: 4,
        ..RouterConfig::default()
    };
    Config { router, v5: Some(HashMap::from([("demo".to_owned(), server)])), ..Config::default() }
}
