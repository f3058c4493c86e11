#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::core::command::{OrderKind, Purpose};
use crate::core::ids::CompartmentId;

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0];

fn device() -> DeviceId {
    DeviceId::new("luohu-1").unwrap()
}

fn compartment(number: u16) -> CompartmentId {
    CompartmentId::new(number).unwrap()
}

fn one_of_each_kind() -> Vec<Order> {
    let deposit = || "licence-118".parse().unwrap();
    let recipient = || "r-4711".parse().unwrap();
    let operator = || "clerk-7".parse().unwrap();
    vec![
        Order::Reserve {
            deposit: deposit(),
            recipient: recipient(),
            compartment: Some(compartment(7)),
            needs: Needs { size: Size::Large, low: true },
            collect_by: Some(WallTime(9_000_000)),
        },
        Order::Enrol { recipient: recipient(), consent: "consent-88".parse().unwrap() },
        Order::Erase { recipient: recipient() },
        Order::Unlock {
            compartment: compartment(7),
            purpose: Purpose::Load,
            operator: operator(),
            reason: "放入营业执照".into(),
        },
        Order::Cancel { deposit: deposit() },
        Order::SetService { compartment: compartment(7), in_service: false, operator: operator() },
    ]
}

fn command(order: Order) -> Command {
    Command {
        id: "c-1".parse().unwrap(),
        issued_at: WallTime(1_000_000),
        expires_at: WallTime(1_060_000),
        retained: false,
        order,
    }
}

fn unlock() -> Value {
    let bytes = encode(&command(one_of_each_kind().swap_remove(3)), &device(), None);
    serde_json::from_slice(&bytes).unwrap()
}

fn refused(message: &Value) -> Malformed {
    parse(message.to_string().as_bytes(), &device()).unwrap_err()
}

#[test]
fn every_kind_of_command_arrives_as_it_was_sent() {
    let kinds: Vec<OrderKind> = one_of_each_kind().iter().map(Order::kind).collect();
    assert_eq!(kinds.len(), crate::contract::names::variants_of::<OrderKind>("").len());
    for order in one_of_each_kind() {
        let photo = (order.kind() == OrderKind::Enrol).then_some(JPEG);
        let sent = command(order);
        let parsed = parse(&encode(&sent, &device(), photo), &device()).unwrap();
        assert_eq!(parsed.command, sent);
        assert_eq!(parsed.photo.as_deref(), photo);
    }
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    let order = Order::Reserve {
        deposit: "d".parse().unwrap(),
        recipient: "r".parse().unwrap(),
        compartment: None,
        needs: Needs::default(),
        collect_by: None,
    };
    let sent = command(order);
    assert_eq!(parse(&encode(&sent, &device(), None), &device()).unwrap().command, sent);
}

#[test]
fn every_missing_field_is_named_and_the_id_is_kept_for_the_answer() {
    for field in ["v", "device", "issued_at_ms", "expires_at_ms", "command"] {
        let mut message = unlock();
        message.as_object_mut().unwrap().remove(field);
        let malformed = refused(&message);
        assert_eq!(malformed.field, field);
        assert_eq!(malformed.id, Some("c-1".parse().unwrap()));
    }
    for field in ["type", "compartment", "purpose", "operator", "reason"] {
        let mut message = unlock();
        message["command"].as_object_mut().unwrap().remove(field);
        assert_eq!(refused(&message).field, format!("command.{field}"));
    }
    let mut message = unlock();
    message.as_object_mut().unwrap().remove("id");
    assert_eq!((refused(&message).field.as_str(), refused(&message).id), ("id", None));
}

#[test]
fn wrong_values_are_refused_by_field_and_kind() {
    let long_reason = "x".repeat(LONGEST_REASON + 1);
    let cases: [(&str, Value, &str, RefusedKind); 15] = [
        ("/v", json!(2), "v", RefusedKind::Version),
        ("/v", json!("1"), "v", RefusedKind::Field),
        ("/device", json!("luohu-2"), "device", RefusedKind::Misdirected),
        ("/id", json!("a/b"), "id", RefusedKind::Field),
        ("/expires_at_ms", json!(1_000_000), "expires_at_ms", RefusedKind::Field),
        ("/expires_at_ms", json!(9e30), "expires_at_ms", RefusedKind::Field),
        ("/issued_at_ms", json!(-1), "issued_at_ms", RefusedKind::Field),
        ("/command/type", json!("explode"), "command.type", RefusedKind::Field),
        ("/command/compartment", json!(0), "command.compartment", RefusedKind::Field),
        ("/command/compartment", json!(70_000), "command.compartment", RefusedKind::Field),
        ("/command/purpose", json!("steal"), "command.purpose", RefusedKind::Field),
        ("/command/purpose", json!("reopen"), "command.purpose", RefusedKind::Field),
        ("/command/reason", json!("  "), "command.reason", RefusedKind::Field),
        ("/command/reason", json!(long_reason), "command.reason", RefusedKind::Field),
        ("/command/reason", json!("a\u{1b}[31m"), "command.reason", RefusedKind::Field),
    ];
    for (pointer, value, field, kind) in cases {
        let mut message = unlock();
        *message.pointer_mut(pointer).unwrap() = value.clone();
        let malformed = refused(&message);
        assert_eq!((malformed.field.as_str(), malformed.kind), (field, kind), "{value}");
        assert!(!malformed.remedy.is_empty());
    }
}

#[test]
fn unknown_fields_are_refused_but_ext_is_left_to_later_versions() {
    let mut message = unlock();
    message["ext"] = json!({ "trace": "t-1" });
    assert!(parse(message.to_string().as_bytes(), &device()).is_ok());
    message["extra"] = json!(1);
    assert_eq!(refused(&message).field, "extra");
    let mut message = unlock();
    message["command"]["force"] = json!(true);
    assert_eq!(refused(&message).field, "command.force");
}

#[test]
fn a_field_given_twice_is_refused_whichever_reading_would_win() {
    let text =
        unlock().to_string().replace("\"compartment\":7", "\"compartment\":7,\"compartment\":8");
    assert_eq!(parse(text.as_bytes(), &device()).unwrap_err().kind, RefusedKind::NotJson);
}

#[test]
fn sizes_are_limited_with_and_without_a_photo() {
    let mut message = unlock();
    message["ext"] = json!({ "padding": "x".repeat(LARGEST_WITHOUT_PHOTO) });
    let malformed = refused(&message);
    assert_eq!(malformed.kind, RefusedKind::TooLarge);
    assert_eq!(malformed.id, Some("c-1".parse().unwrap()));

    let enrol = command(one_of_each_kind().swap_remove(1));
    let photo = |size: usize| [JPEG, &vec![0; size]].concat();
    let fits = encode(&enrol, &device(), Some(&photo(700_000)));
    assert!(parse(&fits, &device()).is_ok());
    let too_large = encode(&enrol, &device(), Some(&photo(800_000)));
    assert_eq!(parse(&too_large, &device()).unwrap_err().kind, RefusedKind::TooLarge);
}

#[test]
fn a_photo_must_be_there_and_be_a_picture() {
    let enrol = command(one_of_each_kind().swap_remove(1));
    for photo in [None, Some(b"GIF89a".as_slice())] {
        let malformed = parse(&encode(&enrol, &device(), photo), &device()).unwrap_err();
        assert_eq!(malformed.field, "command.photo");
    }
}

proptest! {
    #[test]
    fn no_bytes_whatever_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes, &device());
    }

    #[test]
    fn a_damaged_command_is_refused_or_still_whole(at in 0usize..200, with in any::<u8>()) {
        let mut bytes = unlock().to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        if let Err(malformed) = parse(&bytes, &device()) {
            prop_assert!(!malformed.field.is_empty() && !malformed.remedy.is_empty());
        }
    }
}

#[test]
fn the_sizes_go_by_their_names_smallest_first() {
    for size in Size::ALL {
        assert_eq!(serde_json::to_value(size).unwrap(), json!(size.name()));
    }
    assert!(Size::ALL.is_sorted());
}

#[test]
fn a_reservation_that_needs_nothing_says_nothing_of_it() {
    let order = Order::Reserve {
        deposit: "d".parse().unwrap(),
        recipient: "r".parse().unwrap(),
        compartment: None,
        needs: Needs::default(),
        collect_by: None,
    };
    let text = String::from_utf8(encode(&command(order), &device(), None)).unwrap();
    assert!(!text.contains("size") && !text.contains("low"), "{text}");
}

#[test]
fn a_size_that_is_none_and_a_low_that_is_no_answer_are_refused() {
    for (field, value) in [("size", json!("huge")), ("size", json!(3)), ("low", json!("yes"))] {
        let mut message = unlock();
        message["command"] = json!({ "type": "reserve", "deposit": "d", "recipient": "r" });
        message["command"][field] = value;
        assert_eq!(refused(&message).field, format!("command.{field}"));
    }
}
