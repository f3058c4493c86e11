//! Which message a packet id stands for.
//!
//! The MQTT library numbers a message only when it writes it, and reports the number in the order of writing. So
//! what was handed over waits in order for its number, and is found by it when the broker acknowledges.

use std::collections::VecDeque;

/// Messages handed to the MQTT library and not acknowledged by the broker, in the order they were handed over.
#[derive(Debug)]
pub struct InFlight<T> {
    messages: VecDeque<(Option<u16>, T)>,
}

impl<T> Default for InFlight<T> {
    fn default() -> Self {
        Self { messages: VecDeque::new() }
    }
}

impl<T> InFlight<T> {
    /// A message was handed over.
    pub fn handed(&mut self, message: T) {
        self.messages.push_back((None, message));
    }

    /// The library wrote a message under this packet id: the oldest that had none.
    pub fn numbered(&mut self, packet: u16) {
        if let Some((number, _)) = self.messages.iter_mut().find(|(number, _)| number.is_none()) {
            *number = Some(packet);
        }
    }

    /// The broker acknowledged this packet id; gives the message it stood for.
    pub fn settled(&mut self, packet: u16) -> Option<T> {
        let place = self.messages.iter().position(|(number, _)| *number == Some(packet))?;
        self.messages.remove(place).map(|(_, message)| message)
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Everything that is under way, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.messages.iter().map(|(_, message)| message)
    }

    /// The connection is gone: gives back everything whose fate is unknown, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.messages).into_iter().map(|(_, message)| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_out_of_order_find_their_messages() {
        let mut in_flight = InFlight::default();
        for message in ["a", "b", "c"] {
            in_flight.handed(message);
        }
        in_flight.numbered(7);
        in_flight.numbered(8);
        assert_eq!(in_flight.settled(8), Some("b"));
        assert_eq!(in_flight.settled(8), None);
        assert_eq!(in_flight.settled(9), None);
        in_flight.numbered(8);
        assert_eq!(in_flight.settled(8), Some("c"));
        assert_eq!(in_flight.len(), 1);
    }

    #[test]
    fn a_lost_connection_gives_back_what_is_unsettled_in_order() {
        let mut in_flight = InFlight::default();
        for message in 1..=4 {
            in_flight.handed(message);
        }
        in_flight.numbered(1);
        in_flight.numbered(2);
        in_flight.settled(1);
        assert_eq!(in_flight.drain().collect::<Vec<_>>(), [2, 3, 4]);
        assert!(in_flight.is_empty());
    }
}
