use proptest::prelude::*;

use super::*;

const WINDOW: usize = 8;

fn at(seconds: u64) -> Monotonic {
    Monotonic(Duration::from_secs(seconds))
}

fn backlog(acknowledged: u64) -> Backlog {
    let limits = Limits { ahead: 20, ..Limits::default() };
    let mut backlog = Backlog::new(EventSeq(acknowledged), limits);
    backlog.connected();
    backlog
}

/// Sends all that may be sent out of a journal that ends at `newest`; gives what was sent.
fn send(backlog: &mut Backlog, newest: u64, now: Monotonic) -> Vec<u64> {
    let mut sent = Vec::new();
    while let Some(Wanted { after, count }) = backlog.wanted(WINDOW, now) {
        let last = newest.min(after.0 + count as u64);
        if after.0 >= last {
            break;
        }
        for seq in after.0 + 1..=last {
            assert!(backlog.handed(EventSeq(seq), now));
            sent.push(seq);
        }
    }
    sent
}

#[test]
fn sends_in_order_behind_the_receipt_and_stops_at_the_window() {
    let mut backlog = backlog(2);
    assert_eq!(send(&mut backlog, 100, at(0)), (3..=10).collect::<Vec<_>>());
    backlog.settled();
    backlog.settled();
    assert_eq!(send(&mut backlog, 100, at(0)), [11, 12]);
}

#[test]
fn stops_when_the_hall_is_too_far_behind_although_the_broker_takes_everything() {
    let mut backlog = backlog(0);
    let mut sent = 0;
    loop {
        let now = send(&mut backlog, 100, at(0)).len();
        (0..now).for_each(|_| backlog.settled());
        sent += now;
        if now == 0 {
            break;
        }
    }
    assert_eq!(sent, 20);
    assert_eq!(
        backlog.receipt(EventSeq(15), EventSeq(100), at(0)),
        Receipted::Advanced(EventSeq(15))
    );
    assert_eq!(send(&mut backlog, 100, at(0)).first(), Some(&21));
}

#[test]
fn what_the_broker_took_and_the_hall_did_not_is_sent_again_after_a_time_one_at_a_time() {
    let mut backlog = backlog(0);
    send(&mut backlog, 5, at(0));
    (0..5).for_each(|_| backlog.settled());
    backlog.tick(at(4));
    assert!(send(&mut backlog, 5, at(4)).is_empty());
    backlog.tick(at(5));
    assert_eq!(send(&mut backlog, 5, at(5)), [1]);
    backlog.settled();
    backlog.tick(at(14));
    assert!(send(&mut backlog, 5, at(14)).is_empty(), "patience doubles");
    backlog.tick(at(15));
    assert_eq!(send(&mut backlog, 5, at(15)), [1]);
    backlog.receipt(EventSeq(1), EventSeq(5), at(16));
    assert_eq!(send(&mut backlog, 5, at(16)), [2, 3, 4, 5]);
}

#[test]
fn a_reconnect_starts_again_behind_the_receipt() {
    let mut backlog = backlog(0);
    send(&mut backlog, 8, at(0));
    backlog.receipt(EventSeq(3), EventSeq(8), at(0));
    backlog.disconnected();
    assert!(send(&mut backlog, 8, at(0)).is_empty());
    backlog.connected();
    assert_eq!(send(&mut backlog, 8, at(0)), [4, 5, 6, 7, 8]);
}

#[test]
fn a_receipt_without_news_asks_for_what_is_missing_but_not_in_a_storm() {
    let mut backlog = backlog(0);
    send(&mut backlog, 4, at(0));
    (0..4).for_each(|_| backlog.settled());
    assert_eq!(backlog.receipt(EventSeq(0), EventSeq(4), at(1)), Receipted::Repeated);
    assert_eq!(send(&mut backlog, 4, at(1)), [1, 2, 3, 4]);
    (0..4).for_each(|_| backlog.settled());
    backlog.receipt(EventSeq(0), EventSeq(4), at(1));
    assert!(send(&mut backlog, 4, at(1)).is_empty());
    assert_eq!(backlog.next_deadline(), Some(at(2)), "it is not forgotten either");
    backlog.tick(at(2));
    assert_eq!(send(&mut backlog, 4, at(2)), [1, 2, 3, 4]);
}

#[test]
fn a_receipt_for_events_that_never_were_changes_nothing() {
    let mut backlog = backlog(3);
    assert_eq!(backlog.receipt(EventSeq(9), EventSeq(8), at(0)), Receipted::Beyond);
    assert_eq!(backlog.acknowledged(), EventSeq(3));
}

#[test]
fn an_event_out_of_turn_is_not_taken_for_sent() {
    let mut backlog = backlog(3);
    assert!(!backlog.handed(EventSeq(5), at(0)));
    assert!(!backlog.handed(EventSeq(3), at(0)));
    assert!(backlog.handed(EventSeq(4), at(0)));
}

#[test]
fn a_broker_that_refuses_events_is_asked_again_later_and_not_at_once() {
    let mut backlog = backlog(0);
    assert_eq!(send(&mut backlog, 2, at(0)), [1, 2]);
    assert!(backlog.refused(at(0)));
    assert!(!backlog.refused(at(0)), "one refusal of two events");
    assert!(send(&mut backlog, 2, at(4)).is_empty());
    assert_eq!(backlog.next_deadline(), Some(at(5)));
    backlog.tick(at(5));
    assert_eq!(send(&mut backlog, 2, at(5)), [1]);
}

/// What can happen between a cabinet and its hall.
#[derive(Debug, Clone)]
enum Happening {
    Recorded(u64),
    Sent,
    BrokerTook,
    BrokerRefused,
    BrokerForgot,
    HallRead,
    ReceiptArrives,
    OldReceiptArrivesAgain(usize),
    ForgedReceipt(u64),
    Lost,
    Back,
    Waited(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        1 => (1u64..5).prop_map(Happening::Recorded),
        4 => Just(Happening::Sent),
        4 => Just(Happening::BrokerTook),
        1 => Just(Happening::BrokerRefused),
        1 => Just(Happening::BrokerForgot),
        4 => Just(Happening::HallRead),
        4 => Just(Happening::ReceiptArrives),
        1 => (0usize..9).prop_map(Happening::OldReceiptArrivesAgain),
        1 => (1u64..9).prop_map(Happening::ForgedReceipt),
        1 => Just(Happening::Lost),
        1 => Just(Happening::Back),
        1 => (1u64..20).prop_map(Happening::Waited),
    ]
}

/// A hall that keeps the next event and drops all others, behind a broker that may forget.
struct World {
    backlog: Backlog,
    now: u64,
    newest: u64,
    /// Sent and neither taken nor refused by the broker.
    wire: Vec<u64>,
    /// Taken by the broker, not read by the hall.
    broker: Vec<u64>,
    hall_through: u64,
    receipts: Vec<u64>,
}

impl World {
    fn new() -> Self {
        let limits = Limits { ahead: 20, ..Limits::default() };
        let backlog = Backlog::new(EventSeq(0), limits);
        let (wire, broker, receipts) = (Vec::new(), Vec::new(), vec![0]);
        Self { backlog, now: 0, newest: 0, wire, broker, hall_through: 0, receipts }
    }

    fn receipt(&mut self, through: u64) {
        self.backlog.receipt(EventSeq(through), EventSeq(self.newest), at(self.now));
    }

    fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Recorded(count) => self.newest += count,
            Happening::Sent => {
                let sent = send(&mut self.backlog, self.newest, at(self.now));
                assert!(sent.windows(2).all(|pair| pair[0] + 1 == pair[1]), "in order: {sent:?}");
                self.wire.extend(sent);
            }
            Happening::BrokerTook if !self.wire.is_empty() => {
                self.broker.push(self.wire.remove(0));
                self.backlog.settled();
            }
            Happening::BrokerRefused if !self.wire.is_empty() => {
                self.wire.remove(0);
                self.backlog.refused(at(self.now));
            }
            Happening::BrokerForgot => self.broker.clear(),
            Happening::HallRead if !self.broker.is_empty() => {
                let seq = self.broker.remove(0);
                if seq == self.hall_through + 1 {
                    self.hall_through = seq;
                }
                self.receipts.push(self.hall_through);
            }
            Happening::ReceiptArrives => self.receipt(self.receipts[self.receipts.len() - 1]),
            Happening::OldReceiptArrivesAgain(which) => {
                self.receipt(self.receipts[which % self.receipts.len()]);
            }
            Happening::ForgedReceipt(beyond) => self.receipt(self.newest + beyond),
            Happening::Lost => {
                self.wire.clear();
                self.backlog.disconnected();
            }
            Happening::Back => {
                self.wire.clear();
                self.backlog.connected();
            }
            Happening::Waited(seconds) => {
                self.now += seconds;
                self.backlog.tick(at(self.now));
            }
            Happening::BrokerTook | Happening::BrokerRefused | Happening::HallRead => {}
        }
    }
}

proptest! {
    /// Whatever happens: never let go of what the hall lacks, never go backwards, and once things work the hall
    /// gets everything.
    #[test]
    fn the_hall_gets_every_event_whatever_happens(
        story in proptest::collection::vec(happening(), 0..200)
    ) {
        let mut world = World::new();
        for happening in &story {
            let before = world.backlog.acknowledged();
            world.happen(happening);
            let after = world.backlog.acknowledged();
            prop_assert!(after >= before, "went backwards at {happening:?}");
            prop_assert!(after.0 <= world.hall_through, "let go of what the hall lacks");
        }
        world.happen(&Happening::Back);
        for _ in 0..10_000 {
            if world.backlog.acknowledged().0 == world.newest {
                break;
            }
            world.happen(&Happening::Sent);
            world.happen(&Happening::BrokerTook);
            world.happen(&Happening::HallRead);
            world.happen(&Happening::ReceiptArrives);
            world.happen(&Happening::Waited(1));
        }
        prop_assert_eq!(world.backlog.acknowledged().0, world.newest);
    }
}
