#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const CU16: Protocol = Protocol::KerongCu16 { open_is_answered: false, high_nibble_is_board: true };
const CU16_ANSWERS: Protocol =
    Protocol::KerongCu16 { open_is_answered: true, high_nibble_is_board: true };
const RELAY: Protocol = Protocol::ModbusRelay { channels: 8 };

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn open(protocol: Protocol, board: u8, lock: u8) -> Question {
    let place = protocol.place(board, lock).unwrap();
    Question::Open { place, width: Duration::from_millis(500) }
}

fn doors(protocol: Protocol, board: u8, lock: u8) -> Question {
    Question::Doors { of: protocol.place(board, lock).unwrap() }
}

/// Shut doors out of so many.
fn shut(locks: u8, shut: &[u8]) -> Reply {
    Reply::Doors((1..=locks).map(|lock| (lock, position(shut.contains(&lock)))).collect())
}

fn failed(why: &str) -> Reply {
    Reply::Refused(why.to_owned())
}

/// Every question with its frame and an answer to it. Frames that public sources print are marked; the others follow
/// from the same rules.
fn exchanges() -> Vec<(Protocol, Question, &'static str, &'static str, Reply)> {
    use Protocol::{KerongCu48, KerongCu48Modbus, Winnsen, Wkly};
    vec![
        // Printed: lock 1, lock 16, status.
        (
            CU16_ANSWERS,
            open(CU16, 0, 1),
            "02 00 31 03 36",
            "02 00 35 FE FF 00 00 03 37",
            Reply::Done,
        ),
        (
            CU16_ANSWERS,
            open(CU16, 0, 16),
            "02 0F 31 03 45",
            "02 0F 35 FF 7F 00 00 03 C7",
            Reply::Done,
        ),
        (
            CU16,
            doors(CU16, 0, 7),
            "02 00 30 03 35",
            "02 00 35 81 01 FF 00 03 BB",
            shut(16, &[1, 8, 9]),
        ),
        (CU16, doors(CU16, 2, 7), "02 20 30 03 55", "02 20 35 00 80 00 00 03 DA", shut(16, &[16])),
        // Printed: device 0, lock 0.
        (KerongCu48, open(KerongCu48, 0, 1), "02 00 00 61 03 66", "02 00 00 75 00 77", Reply::Done),
        (
            KerongCu48,
            open(KerongCu48, 5, 48),
            "02 05 2F 61 03 9A",
            "02 05 2F 75 00 AB",
            Reply::Done,
        ),
        (
            KerongCu48,
            open(KerongCu48, 5, 48),
            "02 05 2F 61 03 9A",
            "02 05 2F 00 00 36",
            failed("the board answers 00, failed"),
        ),
        (
            KerongCu48,
            doors(KerongCu48, 0, 1),
            "02 00 00 60 03 65",
            "02 00 00 75 06 01 00 00 00 00 80 FE",
            shut(48, &[1, 48]),
        ),
        (
            KerongCu48Modbus,
            open(KerongCu48Modbus, 1, 1),
            "01 05 00 00 00 00 CD CA",
            "01 05 00 00 00 00 CD CA",
            Reply::Done,
        ),
        (
            KerongCu48Modbus,
            doors(KerongCu48Modbus, 1, 1),
            "01 01 00 00 00 30 3C 1E",
            "01 01 06 03 00 00 00 00 80 A1 3F",
            shut(48, &[1, 2, 48]),
        ),
        // Printed: lock 1 of board 0 and its answer, all states of a board and their answer.
        (
            Wkly,
            open(Wkly, 0, 1),
            "57 4B 4C 59 09 00 82 01 83",
            "57 4B 4C 59 0B 00 82 00 01 00 81",
            Reply::Done,
        ),
        (
            Wkly,
            open(Wkly, 10, 1),
            "57 4B 4C 59 09 0A 82 01 89",
            "57 4B 4C 59 0A 0A 82 FF 01 75",
            failed("the board answers FF, failed"),
        ),
        (
            Wkly,
            doors(Wkly, 0, 3),
            "57 4B 4C 59 08 00 84 85",
            "57 4B 4C 59 0E 00 84 00 04 00 01 01 00 87",
            shut(4, &[2, 3]),
        ),
        (Winnsen, open(Winnsen, 1, 9), "90 06 05 01 09 03", "90 07 85 01 09 01 03", Reply::Done),
        (
            Winnsen,
            open(Winnsen, 1, 9),
            "90 06 05 01 09 03",
            "90 07 85 01 09 02 03",
            failed("the board answers 02, its coil is cooling"),
        ),
        (
            Winnsen,
            doors(Winnsen, 1, 9),
            "90 06 12 01 09 03",
            "90 07 92 01 00 09 03",
            Reply::Doors([(9, DoorPosition::Closed)].into()),
        ),
        // Printed: relay 1 on for 700 ms is 01 05 02 00 00 07 8D B0.
        (
            RELAY,
            open(RELAY, 1, 1),
            "01 05 02 00 00 05 0C 71",
            "01 05 02 00 00 05 0C 71",
            Reply::Done,
        ),
        (
            RELAY,
            open(RELAY, 1, 8),
            "01 05 02 07 00 05 BD B0",
            "01 85 02 C3 51",
            failed("the board answers Modbus exception 02: it has no such address"),
        ),
        // Printed: all off; the inputs of a board.
        (
            RELAY,
            Question::AllOff { board: 1 },
            "01 05 00 FF 00 00 FD FA",
            "01 05 00 FF 00 00 FD FA",
            Reply::Done,
        ),
        (
            RELAY,
            doors(RELAY, 1, 1),
            "01 02 00 00 00 08 79 CC",
            "01 02 01 05 61 8B",
            shut(8, &[1, 3]),
        ),
    ]
}

fn heard(protocol: Protocol, question: Question, bytes: &[u8]) -> Option<Reply> {
    Listener::new(protocol, question, 0).hear(bytes)
}

#[test]
fn every_question_has_its_frame_and_understands_its_answer() {
    for (protocol, question, request, answer, reply) in exchanges() {
        let sent = protocol.request(&question).unwrap();
        assert_eq!(Hex(&sent).to_string(), request, "{protocol} {question:?}");
        let got = heard(protocol, question, &bytes(answer));
        assert_eq!(got, Some(reply), "{protocol} {question:?} {answer}");
    }
}

#[test]
fn a_flipped_bit_is_no_answer_where_there_is_a_checksum() {
    for (protocol, question, _, answer, _) in exchanges() {
        if protocol == Protocol::Winnsen {
            continue;
        }
        let good = bytes(answer);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(heard(protocol, question, &bad), None, "{protocol} {}", Hex(&bad));
        }
    }
}

#[test]
fn the_answer_of_another_board_is_no_answer() {
    for (protocol, question, _, answer, _) in exchanges() {
        let other = match question {
            Question::Open { place, width } => Question::Open {
                place: protocol.place(place.board() ^ 3, place.lock()).unwrap(),
                width,
            },
            Question::Doors { of } => {
                Question::Doors { of: protocol.place(of.board() ^ 3, of.lock()).unwrap() }
            }
            Question::AllOff { board } => Question::AllOff { board: board ^ 3 },
        };
        assert_eq!(heard(protocol, other, &bytes(answer)), None, "{protocol} {answer}");
    }
}

#[test]
fn the_answer_for_another_lock_opens_nothing() {
    for (protocol, question, _, answer, _) in exchanges() {
        // A CU16 may answer with the board's address alone.
        let Question::Open { place, width } = question else { continue };
        if matches!(protocol, Protocol::KerongCu16 { .. }) && place.lock() == 1 {
            continue;
        }
        let place = protocol.place(place.board(), 2).unwrap();
        let got = heard(protocol, Question::Open { place, width }, &bytes(answer));
        assert!(!matches!(got, Some(Reply::Done)), "{protocol} {answer}");
    }
}

/// All but Modbus, whose boards repeat the request: there the bus finds the echo out beforehand.
#[test]
fn the_programs_own_request_is_no_answer() {
    for (protocol, question, request, _, _) in exchanges() {
        let modbus = matches!(protocol, Protocol::KerongCu48Modbus | Protocol::ModbusRelay { .. });
        if modbus && !matches!(question, Question::Doors { .. }) {
            let twice = [bytes(request), bytes(request)].concat();
            let listen = || Listener::new(protocol, question, bytes(request).len());
            assert_eq!(listen().hear(&bytes(request)), None);
            assert_eq!(listen().hear(&twice), Some(Reply::Done));
        } else {
            assert_eq!(heard(protocol, question, &bytes(request)), None, "{protocol} {request}");
        }
    }
}

#[test]
fn an_unlock_that_is_not_answered_by_the_setting_is_not_answered() {
    assert!(!CU16.answers_open() && CU16_ANSWERS.answers_open());
    assert_eq!(heard(CU16, open(CU16, 0, 1), &bytes("02 00 35 FE FF 00 00 03 37")), None);
}

#[test]
fn winnsen_states_are_told_from_locks_in_either_order() {
    for (lock, answer, closed) in [
        (1, "90 07 92 00 01 01 03", false),
        (1, "90 07 92 00 01 00 03", true),
        (1, "90 07 92 00 00 01 03", true),
        (2, "90 07 92 00 02 01 03", false),
        (2, "90 07 92 00 01 02 03", false),
        (2, "90 07 92 00 00 02 03", true),
    ] {
        let question = doors(Protocol::Winnsen, 0, lock);
        let expected = Reply::Doors([(lock, position(closed))].into());
        assert_eq!(heard(Protocol::Winnsen, question, &bytes(answer)), Some(expected), "{answer}");
    }
    let question = doors(Protocol::Winnsen, 0, 2);
    assert_eq!(heard(Protocol::Winnsen, question, &bytes("90 07 92 00 03 01 03")), None);
}

#[test]
fn a_place_that_cannot_be_is_refused_with_the_range() {
    let one_board = Protocol::KerongCu16 { open_is_answered: false, high_nibble_is_board: false };
    for (protocol, board, lock) in [
        (CU16, 16, 1),
        (CU16, 0, 17),
        (CU16, 0, 0),
        (one_board, 1, 1),
        (Protocol::KerongCu48, 0, 49),
        (Protocol::KerongCu48Modbus, 0, 1),
        (Protocol::Wkly, 32, 1),
        (RELAY, 0, 1),
        (RELAY, 1, 9),
    ] {
        let told = protocol.place(board, lock).unwrap_err().to_string();
        assert!(told.contains("locks 1 to"), "{told}");
    }
}

#[test]
fn a_relay_pulse_is_counted_in_tenths_rounded_up_and_never_longer_than_a_second() {
    let tenths = |millis| modbus::flash_tenths(Duration::from_millis(millis)).0;
    assert_eq!([0, 50, 100, 101, 500, 1000, 60_000].map(tenths), [1, 1, 1, 2, 5, 10, 10]);
    assert_eq!(RELAY.pulse_given(Duration::from_millis(450)), Some(Duration::from_millis(500)));
    assert_eq!(CU16.pulse_given(Duration::from_millis(450)), None);
}

fn any_protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![
        any::<(bool, bool)>().prop_map(|(open_is_answered, high_nibble_is_board)| {
            Protocol::KerongCu16 { open_is_answered, high_nibble_is_board }
        }),
        Just(Protocol::KerongCu48),
        Just(Protocol::KerongCu48Modbus),
        Just(Protocol::Wkly),
        Just(Protocol::Winnsen),
        (1_u8..=32).prop_map(|channels| Protocol::ModbusRelay { channels }),
    ]
}

/// A question that the protocol has, about any lock.
fn any_question() -> impl Strategy<Value = (Protocol, Question)> {
    (any_protocol(), any::<u8>(), any::<u8>(), any::<bool>(), 50_u64..=1000).prop_map(
        |(protocol, board, lock, opens, millis)| {
            let limits = protocol.limits();
            let board = board.clamp(limits.first_board, limits.last_board);
            let place = protocol.place(board, lock.clamp(1, limits.locks)).unwrap();
            let width = Duration::from_millis(millis);
            let question =
                if opens { Question::Open { place, width } } else { Question::Doors { of: place } };
            (protocol, question)
        },
    )
}

proptest! {
    #[test]
    fn an_answer_is_found_after_garbage_in_whatever_pieces_it_comes(
        which in 0..exchanges().len(),
        garbage in proptest::collection::vec(any::<u8>(), 0..600),
        pieces in proptest::collection::vec(1_usize..40, 1..20),
    ) {
        let (protocol, question, _, answer, reply) = exchanges().swap_remove(which);
        // Garbage that is itself an answer is one.
        prop_assume!(heard(protocol, question, &garbage).is_none());
        let stream = [garbage, bytes(answer)].concat();
        let mut listener = Listener::new(protocol, question, 0);
        let mut rest = stream.as_slice();
        let mut got = None;
        for size in pieces.iter().cycle() {
            let (piece, left) = rest.split_at((*size).min(rest.len()));
            rest = left;
            got = listener.hear(piece);
            if got.is_some() || rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(got, Some(reply));
    }

    #[test]
    fn random_bytes_neither_panic_nor_pile_up(
        (protocol, question) in any_question(),
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..10),
    ) {
        let mut listener = Listener::new(protocol, question, 0);
        for piece in &pieces {
            listener.hear(piece);
            prop_assert!(listener.kept() <= 510);
        }
        prop_assert!(listener.heard().contains("heard"));
    }

    /// 88 is "hold on" for WKLY, 86 and 87 open more than one lock; a relay board's 00FF switches all of them on.
    #[test]
    fn no_request_can_hold_a_lock_on_or_open_more_than_one((protocol, question) in any_question()) {
        let request = protocol.request(&question).unwrap();
        match protocol {
            Protocol::Wkly => prop_assert!([0x82, 0x84].contains(&request[6])),
            Protocol::KerongCu16 { .. } => prop_assert!([0x30, 0x31].contains(&request[2])),
            Protocol::KerongCu48 => prop_assert!([0x60, 0x61].contains(&request[3])),
            Protocol::Winnsen => prop_assert!([0x05, 0x12].contains(&request[2])),
            Protocol::KerongCu48Modbus => {
                prop_assert!(request[1] == 1 || request[1] == 5 && request[4..6] == [0, 0]);
            }
            Protocol::ModbusRelay { channels } => {
                let flashes = request[1] == 5 && request[2] == 2 && request[3] < channels;
                let briefly = request[4] == 0 && (1..=10).contains(&request[5]);
                prop_assert!(request[1] == 2 || flashes && briefly);
            }
        }
    }
}
