//! The moves of one door switch: how a door that moves is told from a switch with a loose wire.

use std::collections::VecDeque;

use super::input::DoorPosition;
use super::policy::FlapPolicy;
use super::time::Monotonic;

/// What a switch reported lately. Volatile: a restart begins anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwitchWatch {
    /// Where the door is by the newest report, whether it was believed or not.
    pub(super) reported: Option<DoorPosition>,
    /// The newest moves, never more than the policy allows.
    moves: VecDeque<Monotonic>,
}

impl SwitchWatch {
    /// Takes a move that no session explains. True if there were too many in too short a time: no hand moves a door
    /// like that.
    pub(super) fn flaps(&mut self, policy: &FlapPolicy, now: Monotonic) -> bool {
        while self.moves.front().is_some_and(|first| now.since(*first) >= policy.within) {
            self.moves.pop_front();
        }
        if self.moves.len() >= policy.moves as usize {
            self.moves.clear();
            return true;
        }
        self.moves.push_back(now);
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn flaps_at(moves: impl IntoIterator<Item = u64>) -> Vec<bool> {
        let policy = FlapPolicy { moves: 3, within: Duration::from_secs(10) };
        let mut watch = SwitchWatch::default();
        let at = |seconds| Monotonic(Duration::from_secs(seconds));
        moves.into_iter().map(|seconds| watch.flaps(&policy, at(seconds))).collect()
    }

    #[test]
    fn one_move_more_than_allowed_within_the_span_flaps_and_the_count_begins_anew() {
        assert_eq!(flaps_at([0, 1, 2, 3, 4]), [false, false, false, true, false]);
    }

    #[test]
    fn the_same_moves_spread_out_do_not() {
        assert_eq!(flaps_at([0, 4, 8, 12, 16, 20]), [false; 6]);
        assert_eq!(flaps_at([0, 4, 8, 9]), [false, false, false, true]);
    }
}
