//! What came from the hall and waits for room in the app's queue. Pure: no connection.

use std::collections::VecDeque;

use super::connection::RECEIVE_AT_ONCE;
use super::inbound::{FromHall, ReplyTo};
use crate::contract::answer::Reply;
use crate::core::ids::CommandId;

/// Notices that wait for room in the app's queue.
const MOST_NOTICES: usize = 4;
/// With so many waiting the connection is not read any more: that is what holds the broker back, because not every
/// broker keeps to the number it was asked to (mosquitto 2.0.11 does not when it empties its queue).
const MANY: usize = RECEIVE_AT_ONCE as usize + MOST_NOTICES;
/// Bytes that may wait in all while the connection must be read for other reasons.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// What a message takes besides a photo, in bytes, rounded up.
const OVERHEAD: usize = 512;

/// A message for the app, and what follows once the app has it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) message: FromHall,
    /// The packet to acknowledge; none for a notice of the uplink's own.
    pub(super) packet: Option<u16>,
    /// What the uplink itself answers, to whom.
    pub(super) answer: Option<(ReplyTo, CommandId, Reply)>,
}

impl Held {
    fn bytes(&self) -> usize {
        match &self.message {
            FromHall::Command { parsed, .. } => {
                OVERHEAD + parsed.photo.as_ref().map_or(0, Vec::len)
            }
            FromHall::Connected | FromHall::Disconnected { .. } | FromHall::Refused { .. } => {
                OVERHEAD
            }
        }
    }
}

/// The messages that wait, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    messages: VecDeque<Held>,
    bytes: usize,
    overflowed: bool,
}

impl Waiting {
    /// Takes a message; false if there is no room for it. Once one found no room, none that comes after it on this
    /// connection does, so that the broker, which hears of none of them, delivers them again in order.
    #[must_use]
    pub(super) fn hold(&mut self, held: Held) -> bool {
        self.overflowed |= self.bytes >= MOST_BYTES;
        if self.overflowed {
            return false;
        }
        self.bytes += held.bytes();
        self.messages.push_back(held);
        true
    }

    /// Takes news of the uplink's own. If the app does not listen, the oldest such news is forgotten.
    pub(super) fn notice(&mut self, message: FromHall) {
        let notices = self.messages.iter().filter(|held| held.packet.is_none()).count();
        if notices >= MOST_NOTICES
            && let Some(oldest) = self.messages.iter().position(|held| held.packet.is_none())
        {
            self.messages.remove(oldest);
        }
        self.messages.push_back(Held { message, packet: None, answer: None });
    }

    /// The oldest.
    pub(super) fn next(&mut self) -> Option<Held> {
        let held = self.messages.pop_front()?;
        if held.packet.is_some() {
            self.bytes = self.bytes.saturating_sub(held.bytes());
        }
        Some(held)
    }

    /// Whether so many wait that the connection should rest.
    pub(super) fn are_many(&self) -> bool {
        self.messages.len() >= MANY
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether messages of this connection found no room, and those before them have all been handed over: time to
    /// have the broker deliver them again.
    pub(super) fn wants_more(&self) -> bool {
        self.overflowed && self.messages.is_empty()
    }

    /// The broker delivers again what was not acknowledged; its packet ids mean nothing on the next connection.
    pub(super) fn connection_lost(&mut self) {
        self.messages.retain(|held| held.packet.is_none());
        (self.bytes, self.overflowed) = (0, false);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::contract::command::ParsedCommand;
    use crate::core::command::{Command, Order};
    use crate::core::time::WallTime;

    fn held(packet: u16, bytes: usize) -> Held {
        let command = Command {
            id: "c-1".parse().unwrap(),
            issued_at: WallTime(1),
            expires_at: WallTime(2),
            retained: false,
            order: Order::Cancel { deposit: "d".parse().unwrap() },
        };
        let parsed = ParsedCommand { command, photo: Some(vec![0; bytes]) };
        let reply = ReplyTo { topic: "t".into(), correlation: None };
        let message = FromHall::Command { parsed, reply };
        Held { message, packet: Some(packet), answer: None }
    }

    #[test]
    fn what_finds_no_room_is_left_to_the_broker_with_all_that_follows() {
        let mut waiting = Waiting::default();
        let megabyte = 1024 * 1024;
        let taken = (1..=100).filter(|packet| waiting.hold(held(*packet, megabyte))).count();
        assert_eq!(taken, 16);
        for packet in 1..=16 {
            assert!(!waiting.wants_more());
            assert_eq!(waiting.next().and_then(|held| held.packet), Some(packet));
            assert!(!waiting.hold(held(101, 0)), "a later message would overtake the others");
        }
        assert!(waiting.wants_more());
        waiting.connection_lost();
        assert!(!waiting.wants_more() && waiting.hold(held(1, megabyte)));
    }

    #[test]
    fn a_lost_connection_leaves_only_the_latest_notices() {
        let mut waiting = Waiting::default();
        for packet in 1..=6 {
            assert!(waiting.hold(held(packet, 0)));
            waiting.notice(FromHall::Disconnected { why: packet.to_string() });
        }
        assert_eq!(waiting.messages.len(), 6 + MOST_NOTICES);
        waiting.connection_lost();
        let whys = std::iter::from_fn(|| waiting.next()).map(|held| held.message);
        let latest = (3..=6).map(|n: u16| FromHall::Disconnected { why: n.to_string() });
        assert!(whys.eq(latest));
    }
}
