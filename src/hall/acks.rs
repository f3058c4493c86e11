//! Which acknowledgements the broker is owed. Pure: no connection.
//!
//! The MQTT library takes one request at a time and prefers none of them over reading, so a broker that sends fast
//! is owed more than the library's queue holds. What is owed waits here, where it costs three bytes and cannot be
//! refused; the library gets a few at a time, in the order in which the messages arrived, as MQTT 5 demands.

use std::collections::VecDeque;

/// Acknowledgements that the library may have and not have written.
pub(super) const MOST_UNDER_WAY: usize = 16;

/// The acknowledgements of one connection.
#[derive(Debug, Default)]
pub(super) struct Acks {
    owed: VecDeque<(u16, Owed)>,
    under_way: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    /// The message has not been dealt with.
    Later,
    Now,
}

impl Acks {
    /// A message came under this packet id; 0 asks for no acknowledgement.
    pub(super) fn arrived(&mut self, packet: u16) {
        if packet != 0 {
            self.owed.push_back((packet, Owed::Later));
        }
    }

    /// The message has been dealt with.
    pub(super) fn due(&mut self, packet: u16) {
        let waits = |(number, owed): &&mut (u16, Owed)| *number == packet && *owed == Owed::Later;
        if let Some((_, owed)) = self.owed.iter_mut().find(waits) {
            *owed = Owed::Now;
        }
    }

    /// The next one to hand to the library, if it may have one.
    pub(super) fn next(&mut self) -> Option<u16> {
        let (packet, _) = *self.owed.front().filter(|(_, owed)| *owed == Owed::Now)?;
        if self.under_way >= MOST_UNDER_WAY {
            return None;
        }
        self.owed.pop_front();
        self.under_way += 1;
        Some(packet)
    }

    /// The library wrote one.
    pub(super) fn written(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether every message that arrived has been dealt with and the broker told so.
    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty() && self.under_way == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(acks: &mut Acks) -> Vec<u16> {
        std::iter::from_fn(|| acks.next()).collect()
    }

    #[test]
    fn acknowledgements_go_out_in_the_order_of_arrival() {
        let mut acks = Acks::default();
        [4, 0, 5, 6].into_iter().for_each(|packet| acks.arrived(packet));
        acks.due(6);
        acks.due(5);
        acks.due(0);
        assert!(all(&mut acks).is_empty());
        acks.due(4);
        assert_eq!(all(&mut acks), [4, 5, 6]);
        assert!(!acks.is_empty());
        (0..3).for_each(|_| acks.written());
        assert!(acks.is_empty());
    }

    #[test]
    fn what_the_library_has_no_room_for_stays_owed() {
        let mut acks = Acks::default();
        for packet in 1..=500 {
            acks.arrived(packet);
            acks.due(packet);
        }
        let mut written = Vec::new();
        while !acks.is_empty() {
            let handed = all(&mut acks);
            assert!(handed.len() <= MOST_UNDER_WAY);
            written.extend(handed);
            acks.written();
        }
        assert_eq!(written, (1..=500).collect::<Vec<u16>>());
    }
}
