//! Lock boards on RS-485: whatever comes over the wire, a listener keeps little, and what it understands does not depend on
//! the pieces in which the bytes came.
//!
//! Input: protocol, board, lock, what is asked, the size of the pieces, then the bytes of the wire.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use locker_agent::locks::rs485::protocol::{Listener, Protocol, Question, Reply};

fuzz_target!(|input: &[u8]| {
    let [protocol, board, lock, what, piece, wire @ ..] = input else { return };
    let protocol = match protocol % 8 {
        0 => Protocol::KerongCu16 { open_is_answered: false, high_nibble_is_board: true },
        1 => Protocol::KerongCu16 { open_is_answered: true, high_nibble_is_board: true },
        2 => Protocol::KerongCu16 { open_is_answered: true, high_nibble_is_board: false },
        3 => Protocol::KerongCu48,
        4 => Protocol::KerongCu48Modbus,
        5 => Protocol::Wkly,
        6 => Protocol::Winnsen,
        _ => Protocol::ModbusRelay { channels: 1 + piece % 32 },
    };
    let Ok(place) = protocol.place(*board, *lock) else { return };
    let question = match what % 3 {
        0 => Question::Open { place, width: Duration::from_millis(50 + 10 * u64::from(*what)) },
        1 => Question::Doors { of: place },
        _ => Question::AllOff { board: place.board() },
    };
    let Some(request) = protocol.request(&question) else { return };
    assert!(request.len() <= 9);

    let whole = Listener::new(protocol, question, 0).hear(wire);
    let mut listener = Listener::new(protocol, question, 0);
    let mut pieces = wire.chunks(1 + usize::from(*piece));
    let in_pieces = pieces.find_map(|piece| {
        let reply = listener.hear(piece);
        assert!(listener.kept() <= 510);
        reply
    });
    assert_eq!(whole, in_pieces);
    assert!(!listener.heard().is_empty());

    match (&whole, &question) {
        // Only what was asked is answered, and no door that the board cannot have is told.
        (Some(Reply::Doors(doors)), Question::Doors { .. }) => {
            assert!(doors.keys().all(|lock| (1..=protocol.limits().locks).contains(lock)));
        }
        (Some(Reply::Doors(_)), _) => panic!("doors that nobody asked for"),
        (Some(Reply::Done), Question::Doors { .. }) => panic!("a confirmation instead of doors"),
        // A board that does not answer opens has not confirmed one.
        (Some(Reply::Done), Question::Open { .. }) => assert!(protocol.answers_open()),
        (Some(Reply::Done | Reply::Refused(_)), _) | (None, _) => {}
    }

    // The program's own request is no answer, once its echo is taken out.
    let echoed = [&request, wire].concat();
    assert_eq!(Listener::new(protocol, question, request.len()).hear(&echoed), whole);
});
