//! The driver for lock boards against simulated boards on a pty: a real port, real bytes, real time.
#![expect(clippy::unwrap_used, reason = "tests")]

mod boards;

use std::collections::BTreeMap;
use std::time::Duration;

use boards::{Asked, Boards, Fault};
use locker_agent::app::Clock;
use locker_agent::core::ids::CompartmentId;
use locker_agent::locks::rs485::{
    self, BoardWiring, Parity, PortSettings, Protocol, Rs485Locks, Rs485Sensors,
};
use locker_agent::ports::DoorPosition::{Closed, Open};
use locker_agent::ports::{DoorEdge, DoorPosition, DoorSensors, LockBank};

const PULSE: Duration = Duration::from_millis(500);
/// For things that take milliseconds; a loaded machine gets time.
const PATIENCE: Duration = Duration::from_secs(20);
const CU16: Protocol = Protocol::KerongCu16 { open_is_answered: false, high_nibble_is_board: true };
const RELAY: Protocol = Protocol::ModbusRelay { channels: 8 };

fn settings(boards: &Boards, protocol: Protocol) -> PortSettings {
    PortSettings {
        device: boards.device(),
        protocol,
        baud: 19_200,
        parity: Parity::None,
        answer_within: Duration::from_millis(150),
        open_answer_within: Duration::from_millis(300),
        gap: Duration::from_millis(5),
        poll_every: Duration::from_millis(100),
        board_pulse: Duration::from_millis(50),
    }
}

fn door(number: u16) -> CompartmentId {
    CompartmentId::new(number).unwrap()
}

fn edge(number: u16, position: DoorPosition) -> DoorEdge {
    DoorEdge { compartment: door(number), position }
}

/// Compartment 11 is lock 1 of board 1, and so on: four on each board.
fn wiring(boards: &[u8]) -> BTreeMap<CompartmentId, BoardWiring> {
    let locks = boards.iter().flat_map(|&board| (1..=4).map(move |lock| (board, lock)));
    let wired = locks.map(|(board, lock)| {
        let number = door(u16::from(board) * 10 + u16::from(lock));
        (number, BoardWiring { port: 0, board, lock, sensor_inverted: false })
    });
    wired.collect()
}

/// Boards, and the driver after its first round.
fn cabinet(protocol: Protocol, numbers: &[u8]) -> (Boards, Rs485Locks, Rs485Sensors) {
    let boards = Boards::new(protocol, numbers);
    let (locks, mut sensors) =
        rs485::open(&[settings(&boards, protocol)], &wiring(numbers)).unwrap();
    let doors = sensors.positions().unwrap();
    let expected: BTreeMap<_, _> = wiring(numbers).into_keys().map(|door| (door, Closed)).collect();
    assert_eq!(doors, expected, "{protocol}");
    (boards, locks, sensors)
}

fn next(sensors: &mut Rs485Sensors) -> DoorEdge {
    sensors.next_edge(PATIENCE).unwrap().expect("a door should have moved")
}

fn shut(boards: &Boards, board: u8, lock: usize) {
    boards.world().shut.get_mut(&board).unwrap()[lock - 1] = true;
}

#[test]
fn with_every_protocol_a_pulse_opens_the_one_door_and_its_closing_is_seen() {
    let answers = Protocol::KerongCu16 { open_is_answered: true, high_nibble_is_board: true };
    let (cu48, modbus) = (Protocol::KerongCu48, Protocol::KerongCu48Modbus);
    for protocol in [CU16, answers, cu48, modbus, Protocol::Wkly, Protocol::Winnsen, RELAY] {
        let (boards, mut locks, mut sensors) = cabinet(protocol, &[1]);
        locks.pulse(door(13), PULSE).unwrap();
        assert_eq!(next(&mut sensors), edge(13, Open), "{protocol}");
        shut(&boards, 1, 3);
        assert_eq!(next(&mut sensors), edge(13, Closed), "{protocol}");
        let world = boards.world();
        let opened = world.asked.iter().filter(|asked| matches!(asked, Asked::Open { .. }));
        let opened: Vec<_> = opened.collect();
        assert_eq!(opened, [&Asked::Open { board: 1, lock: 3 }], "{protocol}");
    }
}

#[test]
fn an_open_without_a_good_answer_is_an_error_and_is_not_sent_twice() {
    let faults =
        [Fault::Silent, Fault::Late, Fault::Garbled, Fault::Truncated, Fault::OtherAddress];
    for fault in faults {
        let (boards, mut locks, mut sensors) = cabinet(Protocol::Wkly, &[1]);
        boards.world().doors_open = false;
        boards.world().faults.push_back(fault);
        let told = locks.pulse(door(12), PULSE).unwrap_err().to_string();
        assert!(told.contains("board 1") && told.contains("did not answer within"), "{told}");
        assert_eq!(boards.world().opens(), 1, "{fault:?}");
        // The bus is not confused by what came, or comes late.
        boards.world().doors_open = true;
        locks.pulse(door(14), PULSE).unwrap();
        assert_eq!(next(&mut sensors), edge(14, Open), "{fault:?}");
    }
}

#[test]
fn after_an_error_no_other_lock_is_driven_before_the_coil_can_be_off() {
    let boards = Boards::new(Protocol::Wkly, &[1]);
    let board_pulse = Duration::from_millis(900);
    let settings = PortSettings { board_pulse, ..settings(&boards, Protocol::Wkly) };
    let (mut locks, mut sensors) = rs485::open(&[settings], &wiring(&[1])).unwrap();
    sensors.positions().unwrap();
    boards.world().doors_open = false;
    boards.world().faults.push_back(Fault::Silent);
    let clock = Clock::start();
    locks.pulse(door(12), PULSE).unwrap_err();
    assert!(clock.now().mono.0 >= board_pulse, "the board may still drive the first lock");
}

#[test]
fn what_was_heard_instead_of_an_answer_is_told_in_bytes() {
    let (boards, mut locks, _sensors) = cabinet(Protocol::Wkly, &[1]);
    boards.world().doors_open = false;
    boards.world().faults.push_back(Fault::OtherAddress);
    let told = locks.pulse(door(12), PULSE).unwrap_err().to_string();
    assert!(told.contains("57 4B 4C 59 0B 03 82 00 02 00 81"), "{told}");
}

#[test]
fn a_lost_answer_is_made_good_by_the_door_that_is_seen_to_open() {
    let (boards, mut locks, mut sensors) = cabinet(Protocol::Wkly, &[1]);
    boards.world().faults.push_back(Fault::Garbled);
    locks.pulse(door(12), PULSE).unwrap();
    assert_eq!(next(&mut sensors), edge(12, Open));
}

#[test]
fn a_board_that_answers_no_opens_has_to_show_that_it_is_there() {
    let (boards, mut locks, mut sensors) = cabinet(CU16, &[0, 1]);
    boards.world().doors_open = false;
    locks.pulse(door(12), PULSE).unwrap();
    boards.world().dead.push(1);
    let told = locks.pulse(door(12), PULSE).unwrap_err().to_string();
    assert!(told.contains("board 1") && told.contains("does not answer opens"), "{told}");
    boards.world().doors_open = true;
    locks.pulse(door(1), PULSE).unwrap();
    assert_eq!(next(&mut sensors), edge(1, Open));
}

#[test]
fn a_board_that_tells_no_doors_still_opens() {
    let (boards, mut locks, _sensors) = cabinet(Protocol::KerongCu48, &[1, 2]);
    boards.world().blind.push(1);
    let before = boards.world().asked.len();
    boards.wait_until(|world| world.asked.len() > before + 10);
    locks.pulse(door(11), PULSE).unwrap();
    assert_eq!(boards.world().shut[&1], [false, true, true, true]);
}

#[test]
fn one_silent_board_takes_only_its_own_doors_with_it_and_comes_back() {
    let (boards, mut locks, mut sensors) = cabinet(Protocol::KerongCu48, &[1, 2]);
    boards.world().dead.push(2);
    let told = locks.pulse(door(23), PULSE).unwrap_err().to_string();
    assert!(told.contains("compartment 23") && told.contains("nothing was heard"), "{told}");
    locks.pulse(door(11), PULSE).unwrap();
    assert_eq!(next(&mut sensors), edge(11, Open));
    let known = |sensors: &mut Rs485Sensors| sensors.positions().unwrap().len();
    // Its third miss makes it silent; each look waits for another question to the boards.
    while known(&mut sensors) == 8 {
        let before = boards.world().asked.len();
        boards.wait_until(|world| world.asked.len() > before);
    }
    assert_eq!(known(&mut sensors), 4);
    boards.world().dead.clear();
    let mut back: Vec<_> = (0..4).map(|_| next(&mut sensors)).collect();
    back.sort_by_key(|edge| edge.compartment);
    assert_eq!(back, [21, 22, 23, 24].map(|number| edge(number, Closed)));
    locks.pulse(door(23), PULSE).unwrap();
    assert_eq!(next(&mut sensors), edge(23, Open));
}

#[test]
fn a_port_that_is_pulled_out_is_told_and_taken_again_when_it_is_back() {
    let (mut boards, mut locks, mut sensors) = cabinet(Protocol::Winnsen, &[1]);
    boards.pull_out();
    let told = locks.pulse(door(11), PULSE).unwrap_err().to_string();
    assert!(told.contains("compartment 11") && told.contains("port"), "{told}");
    let fault = loop {
        match sensors.next_edge(PATIENCE) {
            Ok(_) => {}
            Err(fault) => break fault.to_string(),
        }
    };
    assert!(fault.contains("port"), "{fault}");
    sensors.positions().unwrap_err();
    let told = locks.pulse(door(11), PULSE).unwrap_err().to_string();
    assert!(told.contains("there is no"), "{told}");
    boards.plug_in();
    boards.wait_until(|world| world.asked.len() > 40);
    locks.pulse(door(12), PULSE).unwrap();
    let position = |sensors: &mut Rs485Sensors| sensors.positions().unwrap()[&door(12)];
    while position(&mut sensors) != Open {
        _ = sensors.next_edge(PATIENCE).unwrap();
    }
}

#[test]
fn an_open_is_tried_on_a_port_that_has_just_come_back() {
    let (mut boards, mut locks, _sensors) = cabinet(Protocol::Wkly, &[1]);
    boards.pull_out();
    while locks.pulse(door(11), PULSE).is_ok() {}
    boards.plug_in();
    locks.pulse(door(11), PULSE).unwrap();
}

#[test]
fn an_open_waits_for_one_exchange_at_most_however_many_boards_there_are() {
    let numbers: Vec<u8> = (1..=12).collect();
    let (boards, mut locks, _sensors) = cabinet(Protocol::Wkly, &numbers);
    for round in 0..5 {
        let from = boards.world().asked.len();
        // In the middle of a sweep.
        boards.wait_until(|world| world.asked.len() >= from + 3 + round);
        let from = boards.world().asked.len();
        locks.pulse(door(121), PULSE).unwrap();
        let asked = boards.world().asked[from..].to_vec();
        let before = asked.iter().position(|asked| matches!(asked, Asked::Open { .. })).unwrap();
        // One that was under way, and one that began while this thread had not given its order yet.
        assert!(before <= 2, "{asked:?}");
    }
}

#[test]
fn an_adapter_that_hears_itself_is_found_out_and_its_echo_opens_nothing() {
    let boards = Boards::new(RELAY, &[1]);
    boards.world().echoes = true;
    let (mut locks, mut sensors) = rs485::open(&[settings(&boards, RELAY)], &wiring(&[1])).unwrap();
    sensors.positions().unwrap();
    boards.world().doors_open = false;
    // The board's answer to an open is the request itself: so is the echo.
    boards.world().faults.push_back(Fault::Silent);
    let told = locks.pulse(door(11), PULSE).unwrap_err().to_string();
    assert!(told.contains("nothing was heard"), "{told}");
    boards.world().doors_open = true;
    locks.pulse(door(11), PULSE).unwrap();
    assert_eq!(next(&mut sensors), edge(11, Open));
}

#[test]
fn an_inverted_switch_is_turned_round() {
    let boards = Boards::new(Protocol::Wkly, &[1]);
    let mut wiring = wiring(&[1]);
    wiring.get_mut(&door(12)).unwrap().sensor_inverted = true;
    let (_locks, mut sensors) = rs485::open(&[settings(&boards, Protocol::Wkly)], &wiring).unwrap();
    let doors = sensors.positions().unwrap();
    assert_eq!((doors[&door(11)], doors[&door(12)]), (Closed, Open));
}

#[test]
fn relay_boards_are_switched_off_at_the_start_and_by_release() {
    let (boards, locks, sensors) = cabinet(RELAY, &[1, 2]);
    let offs = |boards: &Boards| {
        let world = boards.world();
        world.asked.iter().filter(|asked| matches!(asked, Asked::AllOff { .. })).count()
    };
    assert_eq!(offs(&boards), 2);
    drop((locks, sensors));
    rs485::release(&[settings(&boards, RELAY)], &wiring(&[1, 2])).unwrap();
    assert_eq!(offs(&boards), 4);
    boards.world().dead.push(2);
    let told = rs485::release(&[settings(&boards, RELAY)], &wiring(&[1, 2])).unwrap_err();
    assert!(told.to_string().contains("board 2"), "{told}");
}

#[test]
fn of_two_ports_the_one_that_is_there_is_used() {
    let boards = Boards::new(Protocol::Wkly, &[1]);
    let mut absent = settings(&boards, Protocol::Wkly);
    absent.device = "/dev/tty-none".into();
    let mut wired = wiring(&[1]);
    wired.insert(door(99), BoardWiring { port: 1, board: 1, lock: 1, sensor_inverted: false });
    let ports = [settings(&boards, Protocol::Wkly), absent.clone()];
    let (mut locks, mut sensors) = rs485::open(&ports, &wired).unwrap();
    assert_eq!(sensors.positions().unwrap().len(), 4);
    locks.pulse(door(11), PULSE).unwrap();
    let told = locks.pulse(door(99), PULSE).unwrap_err().to_string();
    assert!(told.contains("there is no /dev/tty-none"), "{told}");
    let told = rs485::open(&[absent], &wiring(&[1])).err().unwrap().to_string();
    assert!(told.contains("no port can be used"), "{told}");
}

#[test]
fn an_order_that_had_to_wait_too_long_is_not_carried_out_late() {
    let boards = Boards::new(Protocol::Wkly, &[1, 2, 3, 4]);
    boards.world().dead.extend([1, 2, 3, 4]);
    let mut slow = settings(&boards, Protocol::Wkly);
    slow.answer_within = Duration::from_millis(500);
    let (mut locks, mut sensors) = rs485::open(&[slow], &wiring(&[1, 2, 3, 4])).unwrap();
    // The first round asks every silent board twice.
    let told = locks.pulse(door(11), PULSE).unwrap_err().to_string();
    assert!(told.contains("no pulse was given"), "{told}");
    sensors.positions().unwrap_err();
    assert_eq!(boards.world().opens(), 0);
}

#[test]
fn two_compartments_on_one_lock_are_refused() {
    let boards = Boards::new(Protocol::Wkly, &[1]);
    let mut wired = wiring(&[1]);
    wired.insert(door(99), BoardWiring { port: 0, board: 1, lock: 2, sensor_inverted: false });
    let told = rs485::open(&[settings(&boards, Protocol::Wkly)], &wired).err().unwrap().to_string();
    assert!(told.contains("compartments 12 and 99 are both lock 2 of board 1"), "{told}");
}
