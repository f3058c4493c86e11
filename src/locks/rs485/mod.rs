//! Lock boards on RS-485: boards that time their pulses themselves, several on one pair of wires.
//!
//! `protocol` knows bytes and nothing else; `line` is one port with one question at a time; `schedule` and `belief` decide
//! whom to ask next and what to make of the answers, without a clock of their own; `bus` is the thread of a port, which
//! joins them. Locks and sensors are two ends of the same threads.

mod belief;
mod board_news;
mod bus;
mod line;
pub mod protocol;
mod schedule;
mod serial;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use line::PortSettings;
pub use protocol::{BadPlace, Parity, Place, Protocol, Question};

use super::pulse::PulseWidth;
use crate::core::ids::CompartmentId;
use crate::ports::{DoorEdge, DoorPosition, DoorSensors, LockBank, LockFault, SensorFault};
use belief::Belief;
use board_news::News;
use bus::{Bus, Order};
use line::{Line, now};
use schedule::Schedule;

/// How long the thread of a port may take for an order, whatever happens on the wire: the sum of its longest waits.
const ORDER_WITHIN: Duration = Duration::from_millis(4800);
/// How long the first round over all boards may take.
const FIRST_ROUND_WITHIN: Duration = Duration::from_secs(20);
/// After a pulse a board is asked so often for its doors, or as often as the wire allows.
const HURRY: Duration = Duration::from_millis(60);

/// How one compartment is wired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoardWiring {
    /// Which of the ports, from 0.
    pub port: usize,
    /// The board's address.
    pub board: u8,
    /// The lock's number as printed on the board, from 1.
    pub lock: u8,
    /// Whether the board tells an open door as shut and the other way round.
    pub sensor_inverted: bool,
}

/// The boards could not be taken into use.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the sentences say it")]
pub enum Rs485Fault {
    #[error("no port can be used: {0}")]
    NoPort(String),
    #[error("compartment {compartment}: {place}")]
    Place { compartment: CompartmentId, place: BadPlace },
    #[error("compartment {compartment} is wired to port {port}, and there are {ports}")]
    NoSuchPort { compartment: CompartmentId, port: usize, ports: usize },
    #[error("compartments {first} and {second} are both {place}: every lock has one door")]
    TwoDoors { first: CompartmentId, second: CompartmentId, place: Place },
    #[error("the system gives no thread for a port: {0}")]
    Thread(std::io::Error),
}

/// The locks of boards on one or several ports.
pub struct Rs485Locks {
    doors: BTreeMap<CompartmentId, (usize, Place)>,
    ports: Vec<Port>,
    /// After `ports`, whose end ends them.
    _threads: Arc<Threads>,
}

/// The door switches of the same boards.
pub struct Rs485Sensors {
    news: Arc<News>,
    /// The threads run as long as somebody might give them an order.
    _ports: Vec<Port>,
    _threads: Arc<Threads>,
}

/// The threads of all ports. Whoever drops the last handle on them waits until the ports are closed.
struct Threads(Vec<JoinHandle<()>>);

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            if thread.join().is_err() {
                tracing::error!("the thread of a port panicked");
            }
        }
    }
}

#[derive(Clone)]
struct Port {
    orders: SyncSender<Order>,
    settings: Arc<PortSettings>,
}

/// Opens the ports and starts a thread for each. One that cannot be opened is looked for again and again; only if there is
/// none at all this fails.
pub fn open(
    ports: &[PortSettings],
    doors: &BTreeMap<CompartmentId, BoardWiring>,
) -> Result<(Rs485Locks, Rs485Sensors), Rs485Fault> {
    let places = places(ports, doors)?;
    let lines: Vec<Line> = ports.iter().cloned().map(Line::open).collect();
    let problems: Vec<&str> = lines.iter().filter_map(Line::problem).collect();
    if problems.len() == lines.len() {
        return Err(Rs485Fault::NoPort(problems.join("; ")));
    }
    let news = Arc::new(News::new(ports.len()));
    let (mut handles, mut threads) = (Vec::new(), Vec::new());
    for (port, line) in lines.into_iter().enumerate() {
        let settings = Arc::new(line.settings().clone());
        say_pulse(&settings);
        let own = places.iter().filter(|(_, (on, _))| *on == port);
        let own = own.map(|(&door, &(_, place))| (place, door, doors[&door].sensor_inverted));
        let schedule = Schedule::new(
            settings.protocol,
            own.clone().map(|(place, ..)| place),
            settings.poll_every,
            HURRY,
            now(),
        );
        let news = Arc::clone(&news);
        let bus = Bus { port, line, schedule, belief: Belief::new(own), news };
        let (orders, received) = sync_channel(1);
        let name = format!("rs485-{}", port + 1);
        let spawned = thread::Builder::new().name(name).spawn(move || bus.run(&received));
        threads.push(spawned.map_err(Rs485Fault::Thread)?);
        handles.push(Port { orders, settings });
    }
    let threads = Arc::new(Threads(threads));
    let sensors = Rs485Sensors { news, _ports: handles.clone(), _threads: Arc::clone(&threads) };
    Ok((Rs485Locks { doors: places, ports: handles, _threads: threads }, sensors))
}

/// Switches off what can be switched off, after a program that was killed. Most boards end their pulses themselves and
/// have no such request.
pub fn release(
    ports: &[PortSettings],
    doors: &BTreeMap<CompartmentId, BoardWiring>,
) -> Result<(), Rs485Fault> {
    let mut problems = Vec::new();
    for (port, settings) in ports.iter().enumerate() {
        let boards: BTreeSet<u8> =
            doors.values().filter(|door| door.port == port).map(|door| door.board).collect();
        let off = |board| Question::AllOff { board };
        if boards.iter().all(|&board| settings.protocol.request(&off(board)).is_none()) {
            continue;
        }
        let mut line = Line::open(settings.clone());
        for board in boards {
            problems.extend(line.ask(off(board)).err().map(line::NoAnswer::sentence));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Rs485Fault::NoPort(problems.join("; "))) }
}

type Places = BTreeMap<CompartmentId, (usize, Place)>;

fn places(
    ports: &[PortSettings],
    doors: &BTreeMap<CompartmentId, BoardWiring>,
) -> Result<Places, Rs485Fault> {
    let mut taken: BTreeMap<(usize, Place), CompartmentId> = BTreeMap::new();
    for (&compartment, door) in doors {
        let settings = ports.get(door.port).ok_or(Rs485Fault::NoSuchPort {
            compartment,
            port: door.port,
            ports: ports.len(),
        })?;
        let place = settings
            .protocol
            .place(door.board, door.lock)
            .map_err(|place| Rs485Fault::Place { compartment, place })?;
        if let Some(first) = taken.insert((door.port, place), compartment) {
            return Err(Rs485Fault::TwoDoors { first, second: compartment, place });
        }
    }
    Ok(taken.into_iter().map(|(place, compartment)| (compartment, place)).collect())
}

fn say_pulse(settings: &PortSettings) {
    let (device, protocol) = (settings.device.display(), settings.protocol);
    if protocol.pulse_given(PulseWidth::LONGEST).is_none() {
        let millis = settings.board_pulse.as_millis();
        tracing::info!(
            %device, %protocol,
            "these boards keep a time of their own for a pulse, by board_pulse_ms {millis} ms; cabinet.pulse_ms is not \
             theirs"
        );
    }
}

impl LockBank for Rs485Locks {
    /// Returns when the board has ended its pulse, by what is known of its time.
    fn pulse(&mut self, compartment: CompartmentId, width: Duration) -> Result<(), LockFault> {
        let fault = |problem: String| LockFault { compartment, problem };
        let width =
            PulseWidth::new(width).map_err(|refused| fault(refused.to_string()))?.duration();
        let wired = self.doors.get(&compartment).map(|(port, place)| (&self.ports[*port], *place));
        let (port, place) = wired.ok_or_else(|| {
            fault("no lock is wired to it; add it to [[cabinet.compartment]]".to_owned())
        })?;
        let (outcome, sent) = sync_channel(1);
        let ended = || fault("the thread of its port has ended; start the agent anew".to_owned());
        port.orders.send(Order { place, width, given: now(), outcome }).map_err(|_| ended())?;
        let sent = match sent.recv_timeout(ORDER_WITHIN) {
            Ok(sent) => sent.map_err(fault),
            Err(RecvTimeoutError::Timeout) => {
                let millis = ORDER_WITHIN.as_millis();
                Err(fault(format!("its port did not come to it within {millis} ms")))
            }
            Err(RecvTimeoutError::Disconnected) => Err(ended()),
        };
        let settings = &port.settings;
        let given = settings.protocol.pulse_given(width).unwrap_or(settings.board_pulse);
        // A board that was not understood, or not heard, may have taken the order all the same: its coil is live until
        // its time is over, and no other may be before that.
        let began = sent.as_ref().map_or_else(|_| now(), |sent| *sent);
        #[expect(
            clippy::disallowed_methods,
            reason = "the board times the coil; this waits for it"
        )]
        thread::sleep((began + given).saturating_duration_since(now()));
        sent.map(drop)
    }
}

impl DoorSensors for Rs485Sensors {
    /// Doors of boards that are silent are left out: they are unknown.
    fn positions(&mut self) -> Result<BTreeMap<CompartmentId, DoorPosition>, SensorFault> {
        self.news.positions(FIRST_ROUND_WITHIN).map_err(|problem| SensorFault { problem })
    }

    fn next_edge(&mut self, wait: Duration) -> Result<Option<DoorEdge>, SensorFault> {
        self.news.next_move(now() + wait).map_err(|problem| SensorFault { problem })
    }
}
