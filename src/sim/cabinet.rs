//! A simulator that stands for a cabinet: locks, doors and door switches, with a hand to move them.
//!
//! It takes real time, as solenoids do: a pulse blocks for its width (or a fraction of it in tests), and the
//! door springs open a moment after the coil pulled. It notices what no cabinet survives: two coils at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::core::ids::CompartmentId;
use crate::ports::{DoorEdge, DoorPosition, DoorSensors, LockBank, LockFault, SensorFault};

/// From energising the coil to the switch seeing the door open, about as a spring-loaded door takes.
const OPENS_AFTER: Duration = Duration::from_millis(50);

/// How often the hand looks whether a door stands open.
const GLANCE: Duration = Duration::from_millis(50);

/// A cabinet that is not there. Clones are handles to the same one.
#[derive(Clone)]
pub struct SimCabinet(Arc<World>);

struct World {
    state: Mutex<State>,
    changed: Condvar,
    pace: f64,
}

#[derive(Default)]
struct State {
    doors: BTreeMap<CompartmentId, Door>,
    /// Every move the switches saw, in order; readers keep their own place in it.
    moves: Vec<DoorEdge>,
    pulses: Vec<PulseSeen>,
    pulses_waited_for: usize,
    energised: BTreeSet<CompartmentId>,
    overlaps: Vec<(CompartmentId, CompartmentId)>,
    sensors_broken: bool,
}

#[derive(Default)]
struct Door {
    open: bool,
    jammed: bool,
    lock_broken: bool,
    /// What a dead switch goes on saying.
    stuck_at: Option<DoorPosition>,
    /// What a sensor that looks inside sees, if there is one.
    occupied: Option<bool>,
}

/// A pulse that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PulseSeen {
    /// Which lock.
    pub compartment: CompartmentId,
    /// The width that was asked for.
    pub width: Duration,
    /// Whether the door sprang open by it.
    pub opened: bool,
}

fn position(open: bool) -> DoorPosition {
    if open { DoorPosition::Open } else { DoorPosition::Closed }
}

impl State {
    fn door(&mut self, number: CompartmentId) -> Option<&mut Door> {
        self.doors.get_mut(&number)
    }

    /// Moves a door, and its switch with it unless that is dead.
    fn swing(&mut self, number: CompartmentId, open: bool) {
        let Some(door) = self.door(number) else { return };
        let moved = door.open != open;
        door.open = open;
        if moved && door.stuck_at.is_none() {
            self.moves.push(DoorEdge { compartment: number, position: position(open) });
        }
    }
}

impl SimCabinet {
    /// A cabinet with these doors, all shut, in real time.
    pub fn new(compartments: impl IntoIterator<Item = CompartmentId>) -> Self {
        Self::with_pace(compartments, 1.0)
    }

    /// The same, with pulses and doors taking only this part of their time; 0 for none at all.
    pub fn with_pace(compartments: impl IntoIterator<Item = CompartmentId>, pace: f64) -> Self {
        let doors = compartments.into_iter().map(|number| (number, Door::default())).collect();
        let state = Mutex::new(State { doors, ..State::default() });
        Self(Arc::new(World { state, changed: Condvar::new(), pace: pace.clamp(0.0, 1.0) }))
    }

    /// The locks, as the program drives them.
    pub fn locks(&self) -> SimLocks {
        SimLocks(self.clone())
    }

    /// The door switches, as the program reads them.
    pub fn sensors(&self) -> SimSensors {
        let seen = self.state().moves.len();
        SimSensors { cabinet: self.clone(), seen }
    }

    /// Shuts a door.
    pub fn close(&self, number: CompartmentId) {
        self.change(|state| state.swing(number, false));
    }

    /// From now on a hand shuts every door that has stood open for so long. The hand goes with the last handle
    /// but its own.
    #[expect(clippy::disallowed_methods, reason = "a simulated world has a clock of its own")]
    pub fn close_doors_after(&self, open_for: Duration) -> std::io::Result<()> {
        let world = Arc::downgrade(&self.0);
        let hand = move || {
            let mut open: BTreeMap<CompartmentId, Instant> = BTreeMap::new();
            while let Some(cabinet) = world.upgrade().map(Self) {
                let doors: Vec<_> = cabinet.state().doors.keys().copied().collect();
                open.retain(|number, _| cabinet.is_open(*number));
                for number in doors.into_iter().filter(|number| cabinet.is_open(*number)) {
                    if open.entry(number).or_insert_with(Instant::now).elapsed() >= open_for {
                        cabinet.close(number);
                    }
                }
                drop(cabinet);
                thread::sleep(GLANCE);
            }
        };
        thread::Builder::new().name("sim-hand".into()).spawn(hand).map(drop)
    }

    /// Opens a door without its lock, as with a crowbar.
    pub fn force_open(&self, number: CompartmentId) {
        self.change(|state| state.swing(number, true));
    }

    /// Makes a door ignore pulses, or obey them again.
    pub fn jam(&self, number: CompartmentId, jammed: bool) {
        self.change(|state| state.door(number).into_iter().for_each(|door| door.jammed = jammed));
    }

    /// Makes the switch of a door go on saying what it says now.
    pub fn dead_sensor(&self, number: CompartmentId) {
        self.change(|state| {
            state.door(number).into_iter().for_each(|door| {
                door.stuck_at = Some(position(door.open));
            });
        });
    }

    /// Fits a compartment with a sensor that looks inside, or puts something in, or takes it out.
    pub fn see_inside(&self, number: CompartmentId, occupied: bool) {
        self.change(|state| {
            state.door(number).into_iter().for_each(|door| door.occupied = Some(occupied));
        });
    }

    /// Makes the driver of a lock report an error, or work again.
    pub fn break_lock(&self, number: CompartmentId, broken: bool) {
        self.change(|state| {
            state.door(number).into_iter().for_each(|door| door.lock_broken = broken);
        });
    }

    /// Makes all switches unreadable, or readable again.
    pub fn break_sensors(&self, broken: bool) {
        self.change(|state| state.sensors_broken = broken);
    }

    /// Whether a door really is open, whatever its switch says.
    pub fn is_open(&self, number: CompartmentId) -> bool {
        self.state().doors.get(&number).is_some_and(|door| door.open)
    }

    /// Every pulse so far, in order.
    pub fn pulses(&self) -> Vec<PulseSeen> {
        self.state().pulses.clone()
    }

    /// Pairs of coils that were energised at the same time: must stay empty.
    pub fn overlaps(&self) -> Vec<(CompartmentId, CompartmentId)> {
        self.state().overlaps.clone()
    }

    /// Waits for the next pulse to end that this call has not told of yet.
    pub fn wait_for_pulse(&self, wait: Duration) -> Option<PulseSeen> {
        self.wait_until(wait, |state| {
            let pulse = state.pulses.get(state.pulses_waited_for).copied()?;
            state.pulses_waited_for += 1;
            Some(pulse)
        })
    }

    /// Waits until a door is open; false if it is not by then.
    pub fn wait_until_open(&self, number: CompartmentId, wait: Duration) -> bool {
        let open = |state: &mut State| state.door(number).filter(|door| door.open).map(|_| ());
        self.wait_until(wait, open).is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panicking test thread leaves the world as it is: still a world.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.state());
        self.0.changed.notify_all();
    }

    #[allow(clippy::disallowed_methods, reason = "a simulated world has a clock of its own")]
    fn wait_until<T>(
        &self,
        wait: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let began = Instant::now();
        let mut state = self.state();
        loop {
            if let Some(found) = look(&mut state) {
                return Some(found);
            }
            let left = wait.saturating_sub(began.elapsed());
            if left.is_zero() {
                return None;
            }
            let woken = self.0.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a solenoid takes its time")]
    fn pass(&self, time: Duration) {
        thread::sleep(time.mul_f64(self.0.pace));
    }
}

/// The locks of a simulated cabinet.
pub struct SimLocks(SimCabinet);

impl SimLocks {
    fn energise(&self, compartment: CompartmentId) -> Result<(), LockFault> {
        let fault = |problem: &str| LockFault { compartment, problem: problem.to_owned() };
        let mut state = self.0.state();
        let door = state.door(compartment).ok_or_else(|| fault("there is no such door"))?;
        if door.lock_broken {
            return Err(fault("the simulated driver was told to fail; repair it to go on"));
        }
        if let Some(&other) = state.energised.first() {
            state.overlaps.push((other, compartment));
        }
        state.energised.insert(compartment);
        Ok(())
    }
}

impl LockBank for SimLocks {
    fn pulse(&mut self, compartment: CompartmentId, width: Duration) -> Result<(), LockFault> {
        self.energise(compartment)?;
        let pull = OPENS_AFTER.min(width);
        self.0.pass(pull);
        let mut opened = false;
        self.0.change(|state| {
            opened = pull == OPENS_AFTER
                && state.door(compartment).is_some_and(|door| !door.jammed && !door.open);
            if opened {
                state.swing(compartment, true);
            }
        });
        self.0.pass(width.saturating_sub(pull));
        self.0.change(|state| {
            state.energised.remove(&compartment);
            state.pulses.push(PulseSeen { compartment, width, opened });
        });
        Ok(())
    }
}

/// The door switches of a simulated cabinet.
pub struct SimSensors {
    cabinet: SimCabinet,
    seen: usize,
}

fn unreadable() -> SensorFault {
    SensorFault { problem: "the simulated switches were told to fail".to_owned() }
}

impl DoorSensors for SimSensors {
    fn positions(&mut self) -> Result<BTreeMap<CompartmentId, DoorPosition>, SensorFault> {
        let state = self.cabinet.state();
        if state.sensors_broken {
            return Err(unreadable());
        }
        self.seen = state.moves.len();
        let shown = |door: &Door| door.stuck_at.unwrap_or(position(door.open));
        Ok(state.doors.iter().map(|(&number, door)| (number, shown(door))).collect())
    }

    fn next_edge(&mut self, wait: Duration) -> Result<Option<DoorEdge>, SensorFault> {
        let seen = &mut self.seen;
        let found = self.cabinet.wait_until(wait, |state| {
            if state.sensors_broken {
                return Some(Err(unreadable()));
            }
            let edge = state.moves.get(*seen).copied()?;
            *seen += 1;
            Some(Ok(edge))
        });
        found.transpose()
    }

    fn occupied(&mut self) -> Result<BTreeMap<CompartmentId, bool>, SensorFault> {
        let state = self.cabinet.state();
        if state.sensors_broken {
            return Err(unreadable());
        }
        let inside = state.doors.iter();
        Ok(inside.filter_map(|(&number, door)| Some((number, door.occupied?))).collect())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const PULSE: Duration = Duration::from_millis(500);
    const SOON: Duration = Duration::from_secs(5);

    fn door(number: u16) -> CompartmentId {
        CompartmentId::new(number).unwrap()
    }

    fn cabinet() -> SimCabinet {
        SimCabinet::with_pace([door(1), door(2)], 0.0)
    }

    #[test]
    fn a_pulse_opens_its_door_and_the_switch_sees_it_once() {
        let world = cabinet();
        let mut sensors = world.sensors();
        world.locks().pulse(door(2), PULSE).unwrap();
        assert!(world.is_open(door(2)) && !world.is_open(door(1)));
        let edge = DoorEdge { compartment: door(2), position: DoorPosition::Open };
        assert_eq!(sensors.next_edge(SOON).unwrap(), Some(edge));
        assert_eq!(sensors.next_edge(Duration::ZERO).unwrap(), None);
        let pulse = PulseSeen { compartment: door(2), width: PULSE, opened: true };
        assert_eq!(world.wait_for_pulse(SOON), Some(pulse));
        assert_eq!(world.wait_for_pulse(Duration::ZERO), None);
    }

    #[test]
    fn a_jammed_door_and_a_short_pulse_open_nothing() {
        let world = cabinet();
        world.jam(door(1), true);
        world.locks().pulse(door(1), PULSE).unwrap();
        world.locks().pulse(door(2), Duration::from_millis(20)).unwrap();
        assert!(!world.is_open(door(1)) && !world.is_open(door(2)));
        assert_eq!(world.pulses().iter().filter(|pulse| pulse.opened).count(), 0);
    }

    #[test]
    fn a_dead_switch_goes_on_saying_what_it_said() {
        let world = cabinet();
        let mut sensors = world.sensors();
        world.dead_sensor(door(1));
        world.force_open(door(1));
        assert_eq!(sensors.next_edge(Duration::ZERO).unwrap(), None);
        assert_eq!(sensors.positions().unwrap()[&door(1)], DoorPosition::Closed);
        assert!(world.is_open(door(1)));
    }

    #[test]
    fn moves_between_positions_and_next_edge_are_not_lost() {
        let world = cabinet();
        let mut sensors = world.sensors();
        world.force_open(door(1));
        assert_eq!(sensors.positions().unwrap()[&door(1)], DoorPosition::Open);
        world.close(door(1));
        world.force_open(door(2));
        let edges: Vec<_> =
            std::iter::from_fn(|| sensors.next_edge(Duration::ZERO).unwrap()).collect();
        let edge = |number, position| DoorEdge { compartment: door(number), position };
        assert_eq!(edges, [edge(1, DoorPosition::Closed), edge(2, DoorPosition::Open)]);
    }

    #[test]
    fn a_sensor_that_looks_inside_speaks_where_there_is_one() {
        let world = cabinet();
        let mut sensors = world.sensors();
        world.see_inside(door(2), true);
        assert_eq!(sensors.occupied().unwrap(), [(door(2), true)].into());
        world.see_inside(door(2), false);
        assert_eq!(sensors.occupied().unwrap(), [(door(2), false)].into());
    }

    #[test]
    fn broken_parts_report_errors_and_move_nothing() {
        let world = cabinet();
        world.break_lock(door(1), true);
        assert!(world.locks().pulse(door(1), PULSE).is_err());
        assert!(world.locks().pulse(door(9), PULSE).is_err());
        assert!(world.pulses().is_empty() && !world.is_open(door(1)));
        world.break_sensors(true);
        assert!(world.sensors().positions().is_err());
        assert!(world.sensors().next_edge(Duration::ZERO).is_err());
    }

    #[test]
    fn two_coils_at_once_are_noticed() {
        let world = SimCabinet::new([door(1), door(2)]);
        let mut locks = world.locks();
        let first = thread::spawn(move || locks.pulse(door(1), Duration::from_secs(1)));
        // The door springs open while its coil is still energised.
        assert!(world.wait_until_open(door(1), SOON));
        world.locks().pulse(door(2), Duration::from_millis(50)).unwrap();
        first.join().unwrap().unwrap();
        assert_eq!(world.overlaps(), [(door(1), door(2))]);
    }
}
