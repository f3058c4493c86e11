//! Door switches: the kernel debounces them and keeps their edges until they are read. Chips that cannot report
//! edges (an I2C expander without its interrupt wire) are sampled instead.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, Offset, Value, Values};
use gpiocdev::request::Builder;
use gpiocdev::{Error, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::fault::is_final;
use super::find::{AllFound, Found, Part, find_all};
use super::inside::{InsideGroup, take_inside};
use super::{CONSUMER, GpioFault, GpioWiring, SwitchBias};
use crate::core::ids::CompartmentId;
use crate::locks::debounce::Debounce;
use crate::ports::{DoorEdge, DoorPosition, DoorSensors, SensorFault};

/// What one request may hold, by the kernel's interface.
const LINES_OF_A_REQUEST: usize = 64;
/// Edges that the kernel keeps for us: every door of a full request moved sixteen times.
const EDGES_KEPT: u32 = 1024;
/// Between two looks at switches that are sampled.
const SAMPLE_EVERY: Duration = Duration::from_millis(15);

/// The door switches on lines of the kernel's chips.
pub struct GpioSensors {
    wiring: BTreeMap<CompartmentId, GpioWiring>,
    /// Empty after a fault, until `positions` has taken the lines again.
    groups: Vec<Group>,
    moves: VecDeque<DoorEdge>,
    sampled: Option<Instant>,
    inside: Vec<InsideGroup>,
}

impl GpioSensors {
    /// Takes the lines into use; a switch has moved when its line has been quiet for as long as its wiring says.
    pub fn open(wiring: &BTreeMap<CompartmentId, GpioWiring>) -> Result<Self, GpioFault> {
        let wiring = wiring.clone();
        let found = find_all(&wiring)?;
        let groups = take(&wiring, &found)?;
        let inside = take_inside(&wiring, &found)?;
        Ok(Self { wiring, groups, moves: VecDeque::new(), sampled: None, inside })
    }

    /// The lines are gone (a chip was pulled out): they are taken anew by the next `positions`.
    fn lost(&mut self, error: &Error) -> SensorFault {
        self.groups.clear();
        self.inside.clear();
        SensorFault {
            problem: format!("{error}; check the cable of the chip that the switches are wired to"),
        }
    }

    /// Takes all lines again after a fault.
    fn take_again(&mut self) -> Result<(), GpioFault> {
        let found = find_all(&self.wiring)?;
        self.inside.clear();
        self.inside = take_inside(&self.wiring, &found)?;
        self.groups = take(&self.wiring, &found)?;
        Ok(())
    }

    /// Reads what the kernel has kept, and looks at what has to be looked at.
    fn gather(&mut self) -> Result<(), Error> {
        let mut edges = Vec::new();
        for group in &mut self.groups {
            group.read_edges(&mut edges)?;
        }
        // Each chip keeps its own order; between chips the kernel's clock tells.
        edges.sort_by_key(|(at, _)| *at);
        self.moves.extend(edges.into_iter().map(|(_, edge)| edge));
        if self.until_sample().is_some_and(|left| left.is_zero()) {
            self.sampled = Some(now());
            for group in &mut self.groups {
                group.sample(&mut self.moves)?;
            }
        }
        Ok(())
    }

    /// How long until the sampled switches are due; `None` if there are none.
    fn until_sample(&self) -> Option<Duration> {
        let any = self.groups.iter().any(|group| matches!(group.watch, Watch::Samples(_)));
        let since = self.sampled.map_or(SAMPLE_EVERY, |sampled| sampled.elapsed());
        any.then(|| SAMPLE_EVERY.saturating_sub(since))
    }

    /// Sleeps until an edge or the time, whichever is first.
    fn wait(&self, longest: Duration) {
        let edges = self.groups.iter().filter(|group| matches!(group.watch, Watch::Edges { .. }));
        let mut files: Vec<_> =
            edges.map(|group| PollFd::new(&group.request, PollFlags::IN)).collect();
        let left = Timespec::try_from(longest).unwrap_or_default();
        // An interrupted wait is a short one; a broken file says so when it is read.
        let _ = poll(&mut files, Some(&left));
    }
}

impl DoorSensors for GpioSensors {
    fn positions(&mut self) -> Result<BTreeMap<CompartmentId, DoorPosition>, SensorFault> {
        if self.groups.is_empty() {
            let taken = self.take_again();
            taken.map_err(|fault| SensorFault { problem: fault.to_string() })?;
        }
        // What moved until here is told by this answer.
        self.moves.clear();
        let settled = self.groups.iter_mut().map(Group::settle).collect::<Result<Vec<_>, _>>();
        let doors = settled.map_err(|error| self.lost(&error))?;
        Ok(doors.into_iter().flatten().collect())
    }

    fn next_edge(&mut self, wait: Duration) -> Result<Option<DoorEdge>, SensorFault> {
        if self.groups.is_empty() {
            let problem = "their lines were lost and are not taken again yet".to_owned();
            return Err(SensorFault { problem });
        }
        let began = now();
        loop {
            self.gather().map_err(|error| self.lost(&error))?;
            if let Some(edge) = self.moves.pop_front() {
                return Ok(Some(edge));
            }
            let left = wait.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            self.wait(self.until_sample().map_or(left, |due| due.min(left)));
        }
    }

    fn occupied(&mut self) -> Result<BTreeMap<CompartmentId, bool>, SensorFault> {
        let seen = self.inside.iter().map(InsideGroup::read).collect::<Result<Vec<_>, _>>();
        let seen = seen.map_err(|error| self.lost(&error))?;
        Ok(seen.into_iter().flatten().collect())
    }
}

#[allow(clippy::disallowed_methods, reason = "the waiting loop of a blocking driver")]
fn now() -> Instant {
    Instant::now()
}

/// Switches of one chip, in one request, so that their edges come in one order.
struct Group {
    request: Request,
    doors: BTreeMap<Offset, CompartmentId>,
    watch: Watch,
}

enum Watch {
    Edges {
        /// The kernel's count of the next edge.
        next: u32,
        believed: BTreeMap<CompartmentId, DoorPosition>,
    },
    Samples(Debounce),
}

/// An edge, and when by the kernel's monotonic clock, in nanoseconds.
type TimedEdge = (u64, DoorEdge);

impl Group {
    /// Where the doors are by their lines now.
    fn read(&self) -> Result<BTreeMap<CompartmentId, DoorPosition>, Error> {
        let mut values = Values::default();
        self.request.values(&mut values)?;
        let doors = self.doors.iter();
        Ok(doors
            .filter_map(|(&offset, &door)| Some((door, position(values.get(offset)?))))
            .collect())
    }

    /// Where the doors are; edges up to here are told by this.
    fn settle(&mut self) -> Result<BTreeMap<CompartmentId, DoorPosition>, Error> {
        self.read_edges(&mut Vec::new())?;
        let seen = self.read()?;
        match &mut self.watch {
            // An edge between the two readings comes again and then moves nothing.
            Watch::Edges { believed, .. } => believed.clone_from(&seen),
            Watch::Samples(debounce) => *debounce = Debounce::new(seen.clone()),
        }
        Ok(seen)
    }

    fn read_edges(&mut self, edges: &mut Vec<TimedEdge>) -> Result<(), Error> {
        let Watch::Edges { next, believed } = &mut self.watch else { return Ok(()) };
        // Read to its end: what a buffer has taken from the kernel is gone with it. (`read_edge_event` of
        // gpiocdev 0.8.0 takes up to eight edges from the kernel and gives one.)
        let mut buffer = self.request.new_edge_event_buffer(LINES_OF_A_REQUEST);
        let (mut missed, mut last) = (false, 0);
        while buffer.has_event()? {
            let event = buffer.read_event()?;
            missed |= *next != event.seqno;
            (*next, last) = (event.seqno.wrapping_add(1), event.timestamp_ns);
            let Some(&compartment) = self.doors.get(&event.offset) else { continue };
            let position = match event.kind {
                EdgeKind::Rising => DoorPosition::Closed,
                EdgeKind::Falling => DoorPosition::Open,
            };
            if believed.insert(compartment, position) != Some(position) {
                edges.push((event.timestamp_ns, DoorEdge { compartment, position }));
            }
        }
        if missed {
            tracing::warn!("door edges came faster than they were read: every switch is read anew");
            self.catch_up(last, edges)?;
        }
        Ok(())
    }

    /// The kernel dropped edges: doors that are elsewhere than believed have moved.
    fn catch_up(&mut self, at: u64, edges: &mut Vec<TimedEdge>) -> Result<(), Error> {
        let seen = self.read()?;
        let Watch::Edges { believed, .. } = &mut self.watch else { return Ok(()) };
        for (compartment, position) in seen {
            if believed.insert(compartment, position) != Some(position) {
                edges.push((at, DoorEdge { compartment, position }));
            }
        }
        Ok(())
    }

    fn sample(&mut self, moves: &mut VecDeque<DoorEdge>) -> Result<(), Error> {
        if matches!(self.watch, Watch::Edges { .. }) {
            return Ok(());
        }
        let seen = self.read()?;
        let Watch::Samples(debounce) = &mut self.watch else { return Ok(()) };
        for (compartment, position) in seen {
            debounce.sample(compartment, position);
        }
        moves.extend(std::iter::from_fn(|| debounce.next_move()));
        Ok(())
    }
}

/// Lines are requested so that a shut door is the active level.
fn position(value: Value) -> DoorPosition {
    match value {
        Value::Active => DoorPosition::Closed,
        Value::Inactive => DoorPosition::Open,
    }
}

/// One switch and its line.
type Wired<'a> = (CompartmentId, &'a GpioWiring, Found);

fn take(
    wiring: &BTreeMap<CompartmentId, GpioWiring>,
    found: &AllFound,
) -> Result<Vec<Group>, GpioFault> {
    let mut chips: BTreeMap<PathBuf, Vec<Wired<'_>>> = BTreeMap::new();
    for (&door, wires) in wiring {
        let Some(line) = found.get(&(door, Part::Switch)) else { continue };
        chips.entry(line.chip.clone()).or_default().push((door, wires, line.clone()));
    }
    let requests = chips.values().flat_map(|wired| wired.chunks(LINES_OF_A_REQUEST));
    requests.map(take_group).collect()
}

/// Takes the lines with edges, or for sampling where the chip has no edges to give.
fn take_group(wired: &[Wired<'_>]) -> Result<Group, GpioFault> {
    let doors = wired.iter().map(|(door, _, line)| (line.offset, *door)).collect();
    let watch = Watch::Edges { next: 1, believed: BTreeMap::new() };
    let group = match builder(wired, Reports::Edges).request() {
        Ok(request) => Group { request, doors, watch },
        Err(refused) if is_final(&refused) => return Err(blame(wired, &refused)),
        Err(refused) => {
            let request =
                builder(wired, Reports::Levels).request().map_err(|error| blame(wired, &error))?;
            let chip = request.chip_path();
            tracing::warn!(chip = %chip.display(), %refused, "no edges from this chip: it is sampled");
            Group { request, doors, watch: Watch::Samples(Debounce::new(BTreeMap::new())) }
        }
    };
    let mut group = group;
    group.settle().map_err(|error| blame(wired, &error))?;
    Ok(group)
}

/// What the kernel is asked to report of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reports {
    /// Moves, once the line has been quiet for a while.
    Edges,
    /// Nothing: it is asked.
    Levels,
}

fn builder(wired: &[Wired<'_>], reports: Reports) -> Builder {
    let mut builder = Request::builder();
    builder.with_consumer(CONSUMER);
    for (_, wires, line) in wired {
        builder.on_chip(&line.chip).with_line(line.offset).as_input();
        builder.with_bias(bias(wires.bias));
        // A shut door connects the line to ground.
        if !wires.switch_inverted {
            builder.as_active_low();
        }
        if reports == Reports::Edges {
            let both = EdgeDetection::BothEdges;
            builder.with_edge_detection(both).with_debounce_period(wires.debounce);
        }
    }
    if reports == Reports::Edges {
        builder.with_kernel_event_buffer_size(EDGES_KEPT);
    }
    builder
}

/// In the kernel's words.
pub(super) fn bias(wanted: SwitchBias) -> Bias {
    match wanted {
        SwitchBias::PullUp => Bias::PullUp,
        SwitchBias::PullDown => Bias::PullDown,
        SwitchBias::External => Bias::Disabled,
    }
}

/// The kernel refuses a request as a whole: the line to blame is the one that it refuses alone.
fn blame(wired: &[Wired<'_>], error: &Error) -> GpioFault {
    let mut alone = wired.iter().filter_map(|one| {
        let refused = builder(std::slice::from_ref(one), Reports::Levels).request().err()?;
        Some(GpioFault::refused(one.0, Part::Switch, &one.2, &refused))
    });
    alone.next().unwrap_or_else(|| match wired.first() {
        Some((door, _, line)) => GpioFault::refused(*door, Part::Switch, line, error),
        None => GpioFault::NoChips,
    })
}
