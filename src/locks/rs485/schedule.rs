//! Which board is asked next for its doors, and when.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::protocol::{Place, Protocol};

/// How long a board is asked more often after a pulse: its door is about to move.
const HURRY_FOR: Duration = Duration::from_secs(6);
/// Misses in a row until a board counts as silent.
const MISSES: u32 = 3;
/// How often a silent board is asked, so that it costs the others little.
const SILENT_EVERY: Duration = Duration::from_secs(2);

/// The boards of one port.
pub(super) struct Schedule {
    turns: BTreeMap<u8, Turn>,
    period: Duration,
    hurry: Duration,
    /// Whether the last turn was a hurried board's, so that the others keep every second one.
    hurried_last: bool,
}

struct Turn {
    /// The locks to ask for; one where an answer tells the whole board.
    places: Vec<Place>,
    next: usize,
    due: Instant,
    /// Questions in a row without an answer. Two are enough at the start, when nothing is known of the board.
    misses: u32,
    hurried: Option<(Place, Instant)>,
    /// Whether the hurried lock had the last turn, so that the others keep theirs.
    favoured: bool,
    /// Whether the last answer has to be asked for once more.
    doubted: bool,
}

impl Schedule {
    /// Every board is due now. Each is asked once in a `period`, and every `hurry` after a pulse.
    pub(super) fn new(
        protocol: Protocol,
        places: impl Iterator<Item = Place>,
        period: Duration,
        hurry: Duration,
        now: Instant,
    ) -> Self {
        let mut turns: BTreeMap<u8, Turn> = BTreeMap::new();
        for place in places {
            let turn = turns.entry(place.board()).or_insert_with(|| Turn {
                places: Vec::new(),
                next: 0,
                due: now,
                misses: MISSES - 2,
                hurried: None,
                favoured: false,
                doubted: false,
            });
            if turn.places.is_empty() || !protocol.tells_whole_boards() {
                turn.places.push(place);
            }
        }
        Self { turns, period, hurry, hurried_last: false }
    }

    pub(super) fn boards(&self) -> impl Iterator<Item = u8> {
        self.turns.keys().copied()
    }

    /// The lock to ask for next, and when. Of boards that are due now one with a doubt comes first, then one whose lock was
    /// given a pulse, if it did not have the last turn: with many boards a round takes longer than the period.
    pub(super) fn next(&self, now: Instant) -> Option<(Place, Instant)> {
        let due = || self.turns.values().filter(|turn| turn.due <= now);
        let hurried = || due().find(|turn| turn.hurried.is_some() && !self.hurried_last);
        let first = due().find(|turn| turn.doubted).or_else(hurried);
        let turn = first.or_else(|| self.turns.values().min_by_key(|turn| turn.due))?;
        Some((turn.place()?, turn.due))
    }

    /// All locks to ask for to know every door of every board once.
    pub(super) fn sweep(&self) -> Vec<Place> {
        self.turns.values().flat_map(|turn| turn.places.iter().copied()).collect()
    }

    /// The board told. True if it had been silent.
    pub(super) fn answered(&mut self, board: u8, doubt: bool, now: Instant) -> bool {
        let (period, hurry) = (self.period, self.hurry);
        let Some(turn) = self.turns.get_mut(&board) else { return false };
        self.hurried_last = turn.hurried.is_some();
        turn.hurried = turn.hurried.filter(|(_, until)| *until > now);
        turn.doubted = doubt;
        if doubt {
            // The same lock once more.
            turn.due = now;
        } else {
            if turn.hurried.is_none() || turn.favoured {
                turn.next = (turn.next + 1) % turn.places.len().max(1);
            }
            turn.favoured = turn.hurried.is_some() && !turn.favoured;
            let share = u32::try_from(turn.places.len()).unwrap_or(u32::MAX).max(1);
            let usual = period / share;
            turn.due = now + if turn.hurried.is_some() { hurry.min(usual) } else { usual };
        }
        std::mem::take(&mut turn.misses) >= MISSES
    }

    /// The board did not tell. True if it counts as silent from now on.
    pub(super) fn missed(&mut self, board: u8, now: Instant) -> bool {
        let Some(turn) = self.turns.get_mut(&board) else { return false };
        self.hurried_last = turn.hurried.is_some();
        turn.doubted = false;
        turn.misses = turn.misses.saturating_add(1);
        turn.due = if turn.misses < MISSES { now } else { now + SILENT_EVERY };
        turn.misses == MISSES
    }

    /// The port is gone, and every board with it, until it answers again.
    pub(super) fn all_silent(&mut self, now: Instant) {
        for turn in self.turns.values_mut() {
            turn.misses = MISSES;
            turn.due = now;
        }
    }

    /// A lock was given a pulse: its board is asked at once, and often for a while.
    pub(super) fn pulsed(&mut self, place: Place, now: Instant) {
        if let Some(turn) = self.turns.get_mut(&place.board()) {
            turn.hurried = Some((place, now + HURRY_FOR));
            turn.favoured = false;
            if turn.misses < MISSES {
                turn.due = now;
            }
        }
    }
}

impl Turn {
    fn place(&self) -> Option<Place> {
        let hurried = self.hurried.filter(|_| !self.favoured).map(|(place, _)| place);
        hurried.or_else(|| self.places.get(self.next).copied())
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: a first moment to count from"
)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(240);
    const HURRY: Duration = Duration::from_millis(80);

    fn schedule(protocol: Protocol, locks: &[(u8, u8)]) -> (Schedule, Instant) {
        let now = Instant::now();
        let places = locks.iter().map(|&(board, lock)| protocol.place(board, lock).unwrap());
        (Schedule::new(protocol, places, PERIOD, HURRY, now), now)
    }

    /// The locks asked for, with the milliseconds since the start, when every board answers at once.
    fn asked(schedule: &mut Schedule, start: Instant, count: usize) -> Vec<(u8, u8, u128)> {
        let mut asked = Vec::new();
        for _ in 0..count {
            let due = schedule.turns.values().map(|turn| turn.due).min().unwrap();
            let (place, due) = schedule.next(due).unwrap();
            schedule.answered(place.board(), false, due);
            asked.push((place.board(), place.lock(), due.duration_since(start).as_millis()));
        }
        asked
    }

    #[test]
    fn boards_take_turns_and_tell_all_their_locks_at_once() {
        let (mut schedule, start) = schedule(Protocol::KerongCu48, &[(0, 3), (0, 4), (7, 1)]);
        let expected = [(0, 3, 0), (7, 1, 0), (0, 3, 240), (7, 1, 240), (0, 3, 480)];
        assert_eq!(asked(&mut schedule, start, 5), expected);
        assert_eq!(schedule.sweep().len(), 2);
    }

    #[test]
    fn a_board_that_tells_one_lock_at_a_time_is_asked_for_each_within_the_period() {
        let (mut schedule, start) = schedule(Protocol::Winnsen, &[(0, 1), (0, 2), (0, 3)]);
        let expected = [(0, 1, 0), (0, 2, 80), (0, 3, 160), (0, 1, 240)];
        assert_eq!(asked(&mut schedule, start, 4), expected);
    }

    #[test]
    fn after_a_pulse_its_lock_has_every_second_turn_for_a_while() {
        let (mut schedule, start) = schedule(Protocol::Winnsen, &[(0, 1), (0, 2), (0, 3)]);
        schedule.pulsed(Protocol::Winnsen.place(0, 3).unwrap(), start);
        let first: Vec<_> = asked(&mut schedule, start, 4);
        assert_eq!(first, [(0, 3, 0), (0, 1, 80), (0, 3, 160), (0, 2, 240)]);
        let later = asked(&mut schedule, start, 80);
        assert_eq!(later[79].2 - later[78].2, 80, "{later:?}");
        assert!(later[74..].windows(2).all(|pair| pair[0].1 % 3 + 1 == pair[1].1), "{later:?}");
    }

    #[test]
    fn a_board_that_misses_is_asked_again_at_once_and_then_seldom_until_it_answers() {
        let (mut schedule, start) = schedule(Protocol::Wkly, &[(1, 1)]);
        schedule.answered(1, false, start);
        assert!(!schedule.missed(1, start) && !schedule.missed(1, start));
        assert_eq!(schedule.next(start).unwrap().1, start);
        assert!(schedule.missed(1, start), "silent from the third");
        assert_eq!(schedule.next(start).unwrap().1, start + SILENT_EVERY);
        assert!(!schedule.missed(1, start), "told once");
        assert!(schedule.answered(1, false, start), "it was silent");
        assert!(!schedule.answered(1, false, start));
    }

    #[test]
    fn a_doubt_about_a_lock_is_settled_by_asking_for_it_again_at_once() {
        let (mut schedule, start) = schedule(Protocol::Winnsen, &[(1, 1), (1, 2)]);
        for hurried in [None, Some(1)] {
            if let Some(lock) = hurried {
                schedule.pulsed(Protocol::Winnsen.place(1, lock).unwrap(), start);
            }
            let (place, due) = schedule.next(start).unwrap();
            schedule.answered(1, true, due);
            assert_eq!(schedule.next(due).unwrap(), (place, due));
            schedule.answered(1, false, due);
            assert_ne!(schedule.next(due).unwrap().0, place);
        }
    }

    #[test]
    fn with_more_boards_than_fit_into_a_period_a_hurried_one_has_every_second_turn() {
        let (mut schedule, mut now) = schedule(Protocol::Wkly, &[(1, 1), (2, 1), (3, 1), (4, 1)]);
        schedule.pulsed(Protocol::Wkly.place(4, 1).unwrap(), now);
        let mut asked = Vec::new();
        for _ in 0..8 {
            // Every exchange takes as long as a third of the period, so everything is always due.
            now += PERIOD / 3;
            let (place, _) = schedule.next(now).unwrap();
            schedule.answered(place.board(), false, now);
            asked.push(place.board());
        }
        assert_eq!(asked, [4, 1, 4, 2, 4, 3, 4, 1]);
        let (place, _) = schedule.next(now + PERIOD).unwrap();
        schedule.answered(place.board(), true, now + PERIOD);
        assert_eq!(schedule.next(now + PERIOD).unwrap().0, place, "a doubt comes first");
    }
}
