//! What the threads of the ports tell the sensors' side: doors, and which boards are heard.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::core::ids::CompartmentId;
use crate::ports::{DoorEdge, DoorPosition};

/// Shared between all ports and the sensors.
pub(super) struct News {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Every door that is known.
    doors: BTreeMap<CompartmentId, DoorPosition>,
    /// Moves that nobody has taken yet.
    moves: VecDeque<DoorEdge>,
    /// Ports that have not asked all their boards for the first time.
    starting: usize,
    /// Boards that answer, by port.
    heard: BTreeSet<(usize, u8)>,
    /// Why the last board fell silent.
    problem: String,
}

impl News {
    /// For so many ports.
    pub(super) fn new(ports: usize) -> Self {
        let state = State { starting: ports, ..State::default() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Doors of a board that answers.
    pub(super) fn heard(&self, port: usize, board: u8, edges: Vec<DoorEdge>) {
        let mut state = self.state();
        state.heard.insert((port, board));
        for edge in edges {
            state.doors.insert(edge.compartment, edge.position);
            state.moves.push_back(edge);
            self.changed.notify_all();
        }
    }

    /// A board is silent: its doors are unknown.
    pub(super) fn silent(&self, port: usize, board: u8, doors: &[CompartmentId], why: &str) {
        let mut state = self.state();
        state.heard.remove(&(port, board));
        why.clone_into(&mut state.problem);
        for door in doors {
            state.doors.remove(door);
        }
        self.changed.notify_all();
    }

    /// A port has asked all its boards once.
    pub(super) fn started(&self) {
        let mut state = self.state();
        state.starting = state.starting.saturating_sub(1);
        self.changed.notify_all();
    }

    /// Every door that is known, once all ports have asked or `longest` is over; or why no board is heard. Moves up to
    /// here are told by this answer.
    pub(super) fn positions(
        &self,
        longest: Duration,
    ) -> Result<BTreeMap<CompartmentId, DoorPosition>, String> {
        let waited =
            self.changed.wait_timeout_while(self.state(), longest, |state| state.starting > 0);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.moves.clear();
        state.check()?;
        Ok(state.doors.clone())
    }

    /// The next move, if there is one until then; or why no board is heard.
    pub(super) fn next_move(&self, until: Instant) -> Result<Option<DoorEdge>, String> {
        let wait = until.saturating_duration_since(super::line::now());
        let idle = |state: &mut State| state.moves.is_empty() && state.check().is_ok();
        let waited = self.changed.wait_timeout_while(self.state(), wait, idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let next = state.moves.pop_front();
        if next.is_none() {
            state.check()?;
        }
        Ok(next)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic between two fields leaves nothing that would be wrong to read.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), String> {
        if self.heard.is_empty() && self.starting == 0 { Err(self.problem.clone()) } else { Ok(()) }
    }
}
