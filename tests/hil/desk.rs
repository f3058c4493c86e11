//! The hall's client in this process, a message to oneself, and what many measurements say.

use std::time::{Duration, Instant};

use locker_agent::core::command::{Command, Order, Purpose};
use locker_agent::core::ids::{CommandId, CompartmentId, DeviceId, OperatorId};
use locker_agent::core::time::WallTime;
use locker_agent::hallctl::{Broker, HallClient};
use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::runtime::Runtime;

/// As long as the record of an unlock, in bytes.
pub(crate) const RECORD: [u8; 384] = [b'x'; 384];

/// The hall's client in this process: no program has to start for a command.
pub(crate) struct Desk {
    pub(crate) runtime: Runtime,
    pub(crate) client: HallClient,
    sent: u64,
}

impl Desk {
    /// Connects to the broker on this machine at this port.
    pub(crate) fn open(port: u16, device: &str) -> Result<Self, String> {
        let runtime = Runtime::new().map_err(|e| e.to_string())?;
        let device = DeviceId::new(device).map_err(|e| e.to_string())?;
        let broker = Broker::new("127.0.0.1", port);
        let client = runtime.block_on(HallClient::connect(&broker, &device));
        Ok(Self { runtime, client: client.map_err(|e| e.to_string())?, sent: 0 })
    }

    /// A new command to open this door.
    pub(crate) fn unlock(&mut self, door: usize) -> Result<Command, String> {
        let number = u16::try_from(door).map_err(|e| e.to_string())?;
        let compartment = CompartmentId::new(number).map_err(|e| e.to_string())?;
        let operator = OperatorId::new("clerk-1").map_err(|e| e.to_string())?;
        let reason = "bench".to_owned();
        Ok(self.command(Order::Unlock { compartment, purpose: Purpose::Inspect, operator, reason }))
    }

    fn command(&mut self, order: Order) -> Command {
        self.sent += 1;
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let issued_at = WallTime(u64::try_from(since.as_millis()).unwrap_or_default());
        let id = CommandId::new(format!("desk-{}-{}", issued_at.0, self.sent));
        let id = id.unwrap_or_else(|error| unreachable!("{error}"));
        let expires_at = issued_at.plus(Duration::from_secs(60));
        Command { id, issued_at, expires_at, retained: false, order }
    }

    /// Sends and waits for the end.
    pub(crate) fn send(&self, command: &Command) -> Result<(), String> {
        let answered = self.client.command(command, None, Duration::from_secs(20), |_| ());
        self.runtime.block_on(answered).map(drop).map_err(|e| e.to_string())
    }
}

/// Median and 99th percentile, which of few values is the greatest.
pub(crate) fn spread(mut spans: Vec<Duration>) -> (Duration, Duration) {
    spans.sort();
    let at = |part: f32| spans[((spans.len() - 1) as f32 * part).ceil() as usize];
    (at(0.5), at(0.99))
}

/// A message to oneself through the broker.
pub(crate) struct Echo {
    client: AsyncClient,
    eventloop: EventLoop,
}

impl Echo {
    /// Connects to the broker on this machine at this port.
    pub(crate) fn open(runtime: &Runtime, port: u16) -> Result<Self, String> {
        let mut options = MqttOptions::new("bench-echo", "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(30));
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        let (client, eventloop) = AsyncClient::new(options, 10);
        let mut echo = Self { client, eventloop };
        runtime.block_on(async {
            echo.client.try_subscribe("bench/echo", QoS::AtLeastOnce).map_err(|e| e.to_string())?;
            echo.until(|packet| matches!(packet, Packet::SubAck(_))).await
        })?;
        Ok(echo)
    }

    /// How long a message takes to the broker and back.
    pub(crate) async fn once(&mut self) -> Result<Duration, String> {
        let began = Instant::now();
        let sent = self.client.try_publish("bench/echo", QoS::AtLeastOnce, false, RECORD.to_vec());
        sent.map_err(|e| e.to_string())?;
        self.until(|packet| matches!(packet, Packet::Publish(_))).await?;
        Ok(began.elapsed())
    }

    async fn until(&mut self, wanted: impl Fn(&Packet) -> bool) -> Result<(), String> {
        loop {
            if let Event::Incoming(packet) =
                self.eventloop.poll().await.map_err(|e| e.to_string())?
                && wanted(&packet)
            {
                return Ok(());
            }
        }
    }
}
