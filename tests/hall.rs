//! The uplink and the hall's tool against a real broker.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use std::ops::ControlFlow;
use std::process::{Command as Process, Output};
use std::sync::Arc;
use std::time::Duration;

use locker_agent::contract::VERSION;
use locker_agent::contract::answer::{AnswerMessage, Reply};
use locker_agent::contract::command::{ParsedCommand, encode};
use locker_agent::contract::malformed::RefusedKind;
use locker_agent::contract::receipt::Receipt;
use locker_agent::contract::state::CabinetState;
use locker_agent::core::command::{Answer, Order, Rejection};
use locker_agent::core::event::Event;
use locker_agent::core::ids::{CompartmentId, DeviceId, EventSeq};
use locker_agent::core::time::WallTime;
use locker_agent::hall::{Credentials, FromHall, HallConfig, Identity, ReplyTo, ToHall, run};
use locker_agent::hallctl::client::new_command;
use locker_agent::hallctl::receiver::{News, watch};
use locker_agent::hallctl::store::EventStore;
use locker_agent::hallctl::{Broker, HallClient};
use locker_agent::ports::Outbox;
use support::mosquitto::{Mosquitto, Subscription, publish};
use support::outbox::{JOURNAL, MemoryOutbox};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const COMMAND: &str = "locker/v1/luohu-1/command";
const RECEIPT: &str = "locker/v1/luohu-1/receipt";

fn device() -> DeviceId {
    "luohu-1".parse().unwrap()
}

/// The agent's uplink in this process; the test plays the app.
struct Cabinet {
    to_hall: mpsc::Sender<ToHall>,
    from_hall: mpsc::Receiver<FromHall>,
    task: JoinHandle<()>,
}

impl Cabinet {
    fn with_queue(port: u16, outbox: &Arc<MemoryOutbox>, queue: usize) -> Self {
        Self::with_config(HallConfig::new("127.0.0.1", port, device()), outbox, queue)
    }

    fn with_config(config: HallConfig, outbox: &Arc<MemoryOutbox>, queue: usize) -> Self {
        let (to_hall, from_app) = mpsc::channel(64);
        let (to_app, from_hall) = mpsc::channel(queue);
        let identity = Identity { version: "0.1.0".into(), wall_clock: || WallTime(7) };
        let outbox = Arc::clone(outbox);
        let task = tokio::spawn(async move {
            run(config, identity, outbox, from_app, to_app).await.unwrap();
        });
        Self { to_hall, from_hall, task }
    }

    fn start(port: u16, outbox: &Arc<MemoryOutbox>) -> Self {
        Self::with_queue(port, outbox, 16)
    }

    async fn connected(port: u16, outbox: &Arc<MemoryOutbox>) -> Self {
        let mut cabinet = Self::start(port, outbox);
        assert_eq!(cabinet.next().await, FromHall::Connected);
        cabinet
    }

    async fn next(&mut self) -> FromHall {
        let next = timeout(Duration::from_secs(20), self.from_hall.recv()).await;
        next.expect("nothing came from the hall").expect("the uplink ended")
    }

    async fn stop(self) {
        self.to_hall.send(ToHall::Stop).await.unwrap();
        timeout(Duration::from_secs(10), self.task).await.unwrap().unwrap();
    }
}

fn erase(id: &str) -> locker_agent::core::command::Command {
    let order = Order::Erase { recipient: "r-4711".parse().unwrap() };
    new_command(order, Some(id.parse().unwrap()), WallTime(1_000), Duration::from_secs(60))
}

fn refused(message: &FromHall) -> RefusedKind {
    let FromHall::Refused { kind, .. } = message else { panic!("not refused: {message:?}") };
    *kind
}

fn command_id(message: &FromHall) -> &str {
    let FromHall::Command { parsed, .. } = message else { panic!("no command: {message:?}") };
    parsed.command.id.as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_events_arrive_once_and_in_order_although_the_broker_is_killed_twice() {
    let mut broker = Mosquitto::running();
    let outbox = Arc::new(MemoryOutbox::with(1_500));
    let cabinet = Cabinet::start(broker.port, &outbox);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");

    let (address, name) = (Broker::new("127.0.0.1", broker.port), device());
    let opened = EventStore::open(&path).unwrap();
    let (mut received, journal) = (0, Arc::clone(&outbox));
    let to_hall = cabinet.to_hall.clone();
    let receiving = watch(&address, &name, Some(opened), |news| {
        if let News::Event { .. } = news {
            received += 1;
            if received == 500 || received == 1_200 {
                broker.kill();
                broker.start();
                journal.record(250);
                to_hall.try_send(ToHall::NewEvents).unwrap();
            }
        }
        if received == 2_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    timeout(Duration::from_secs(120), receiving).await.unwrap().unwrap();

    let stored = std::fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = stored.split(|b| *b == b'\n').filter(|line| !line.is_empty()).collect();
    assert!(lines == outbox.records(), "the store differs from the journal");
    let through = EventStore::open(&path).unwrap().ledger.through(JOURNAL);
    assert_eq!(through, EventSeq(2_000));
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_lets_go_of_events_only_by_the_halls_receipt() {
    let broker = Mosquitto::running();
    let outbox = Arc::new(MemoryOutbox::with(30));
    let mut cabinet = Cabinet::connected(broker.port, &outbox).await;
    let (address, name) = (Broker::new("127.0.0.1", broker.port), device());
    let mut seen = 0;
    let looking = watch(&address, &name, None, |news| {
        match news {
            News::Connected => {
                broker.publish(RECEIPT, &Receipt::new(JOURNAL, EventSeq(0)).encode(), &[]);
            }
            News::Event { .. } => seen += 1,
            News::Lost(_) | News::Held(_) | News::Ahead { .. } | News::Remark(_) => {}
        }
        if seen == 30 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    timeout(Duration::from_secs(30), looking).await.unwrap().unwrap();
    assert_eq!(outbox.acknowledged(), EventSeq(0), "the broker's word was taken for the hall's");

    broker.publish(RECEIPT, &Receipt::new(JOURNAL, EventSeq(31)).encode(), &[]);
    assert_eq!(refused(&cabinet.next().await), RefusedKind::Receipt);
    broker.publish(RECEIPT, &Receipt::new("feed", EventSeq(3)).encode(), &[]);
    assert_eq!(refused(&cabinet.next().await), RefusedKind::Receipt);
    assert_eq!(outbox.acknowledged(), EventSeq(0));

    broker.publish(RECEIPT, &Receipt::new(JOURNAL, EventSeq(20)).encode(), &[]);
    // Messages are handled in order: when the command is here, the receipt has been dealt with.
    broker.publish(COMMAND, &encode(&erase("c-1"), &device(), None), &[]);
    assert_eq!(command_id(&cabinet.next().await), "c-1");
    assert_eq!(outbox.acknowledged(), EventSeq(20));
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_command_is_recognised_fresh_and_old() {
    let broker = Mosquitto::running();
    let retained = |message: &FromHall| match message {
        FromHall::Command { parsed, .. } => parsed.command.retained,
        FromHall::Connected | FromHall::Disconnected { .. } | FromHall::Refused { .. } => {
            panic!("no command: {message:?}")
        }
    };
    let outbox = Arc::new(MemoryOutbox::default());
    let mut cabinet = Cabinet::connected(broker.port, &outbox).await;
    broker.publish(COMMAND, &encode(&erase("c-1"), &device(), None), &["-r"]);
    assert!(retained(&cabinet.next().await));
    cabinet.stop().await;

    let mut cabinet = Cabinet::connected(broker.port, &outbox).await;
    assert!(retained(&cabinet.next().await));
    broker.publish(COMMAND, &[], &["-r"]);
    broker.publish(COMMAND, &encode(&erase("c-2"), &device(), None), &[]);
    assert!(!retained(&cabinet.next().await));
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_and_giants_are_refused_and_the_connection_lives() {
    let broker = Mosquitto::running();
    let mut cabinet = Cabinet::connected(broker.port, &Arc::new(MemoryOutbox::default())).await;
    let other: DeviceId = "luohu-2".parse().unwrap();
    for (payload, kind) in [
        (b"{".to_vec(), RefusedKind::NotJson),
        (vec![0; 300], RefusedKind::NotJson),
        (b"{}".to_vec(), RefusedKind::Field),
        (b"{\"v\":2}".to_vec(), RefusedKind::Version),
        (encode(&erase("c-1"), &other, None), RefusedKind::Misdirected),
        (vec![b'x'; 1024 * 1024 + 1], RefusedKind::TooLarge),
    ] {
        broker.publish(COMMAND, &payload, &[]);
        assert_eq!(refused(&cabinet.next().await), kind);
    }
    // This one the broker itself keeps back.
    broker.publish(COMMAND, &vec![b'x'; 3 * 1024 * 1024], &[]);
    broker.publish(COMMAND, &encode(&erase("c-2"), &device(), None), &[]);
    assert_eq!(command_id(&cabinet.next().await), "c-2");
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_late_is_found() {
    let mut broker = Mosquitto::stopped();
    let mut cabinet = Cabinet::start(broker.port, &Arc::new(MemoryOutbox::default()));
    let FromHall::Disconnected { why } = cabinet.next().await else { panic!("connected?") };
    assert!(why.contains("cannot be reached"), "{why}");
    broker.start();
    assert_eq!(cabinet.next().await, FromHall::Connected);
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_app_loses_no_command() {
    let broker = Mosquitto::running();
    let outbox = Arc::new(MemoryOutbox::default());
    let mut cabinet = Cabinet::with_queue(broker.port, &outbox, 1);
    assert_eq!(cabinet.next().await, FromHall::Connected);
    for n in 0..30 {
        broker.publish(COMMAND, &encode(&erase(&format!("c-{n}")), &device(), None), &[]);
    }
    let mut came = Vec::new();
    for _ in 0..30 {
        came.push(command_id(&cabinet.next().await).to_owned());
    }
    let sent: Vec<String> = (0..30).map(|n| format!("c-{n}")).collect();
    assert_eq!(came, sent);
    cabinet.stop().await;
}

const ANSWER: &str = "locker/v1/luohu-1/answer";

/// Many erasures, as lines, `c-{from}` to `c-{to}`.
fn erasures(from: usize, to: usize) -> Vec<Vec<u8>> {
    (from..=to).map(|n| encode(&erase(&format!("c-{n}")), &device(), None)).collect()
}

/// Answers so many commands; gives their ids in the order in which they came, and how often a connection was lost.
async fn obey_all(cabinet: &mut Cabinet, count: usize) -> (Vec<String>, usize) {
    let (mut came, mut losses) = (Vec::new(), 0);
    while came.len() < count {
        match cabinet.next().await {
            FromHall::Command { parsed, reply } => {
                came.push(parsed.command.id.to_string());
                obey_this(cabinet, parsed, reply).await;
            }
            FromHall::Connected => {}
            FromHall::Disconnected { .. } => losses += 1,
            refused @ FromHall::Refused { .. } => panic!("{refused:?}"),
        }
    }
    (came, losses)
}

fn ids(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|n| format!("c-{n}")).collect()
}

/// Both answers of every erasure, each once, in order, up to and with `c-{last}`.
async fn assert_answered_once_and_in_order(answers: Subscription, last: usize) {
    let lines = tokio::task::spawn_blocking(move || answers.take(2 * last)).await.unwrap();
    let answered = lines.iter().map(|line| {
        let message = AnswerMessage::decode(line.as_bytes()).unwrap();
        (message.id.to_string(), message.answer)
    });
    let done = Answer::Done { compartment: None };
    let expected = ids(1, last)
        .into_iter()
        .flat_map(|id| [Answer::Accepted, done.clone()].map(|a| (id.clone(), Reply::Judged(a))));
    assert!(answered.eq(expected), "{lines:?}");
}

/// A broker that forgets no message because it has too many.
fn patient_broker() -> Mosquitto {
    let mut broker = Mosquitto::stopped();
    broker.configure("max_queued_messages 0");
    broker.start();
    broker
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_queued_while_the_agent_was_away_are_each_answered_once_and_in_order() {
    let broker = patient_broker();
    let answers = broker.subscribe(ANSWER);
    let outbox = Arc::new(MemoryOutbox::with(100));
    Cabinet::connected(broker.port, &outbox).await.stop().await;
    broker.publish_lines(COMMAND, &erasures(1, 500));

    let mut cabinet = Cabinet::start(broker.port, &outbox);
    assert_eq!(obey_all(&mut cabinet, 500).await, (ids(1, 500), 0));
    // What would be said twice would come before the answers to this one.
    broker.publish_lines(COMMAND, &erasures(501, 501));
    assert_eq!(obey_all(&mut cabinet, 1).await, (ids(501, 501), 0));
    assert_answered_once_and_in_order(answers, 501).await;
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_commands_is_answered_to_the_last() {
    let broker = patient_broker();
    let answers = broker.subscribe(ANSWER);
    let mut cabinet = Cabinet::connected(broker.port, &Arc::new(MemoryOutbox::with(100))).await;
    let (came, ()) = tokio::join!(obey_all(&mut cabinet, 500), async {
        tokio::task::block_in_place(|| broker.publish_lines(COMMAND, &erasures(1, 500)));
    });
    assert_eq!(came, (ids(1, 500), 0));
    broker.publish_lines(COMMAND, &erasures(501, 501));
    assert_eq!(obey_all(&mut cabinet, 1).await, (ids(501, 501), 0));
    assert_answered_once_and_in_order(answers, 501).await;
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broker_sends_beyond_all_bounds_is_taken_in_on_a_second_connection() {
    let broker = patient_broker();
    let outbox = Arc::new(MemoryOutbox::default());
    Cabinet::connected(broker.port, &outbox).await.stop().await;
    let photo = [b"\xff\xd8\xff".as_slice(), &[0; 700_000]].concat();
    let enrolment = |n: usize| {
        let order =
            Order::Enrol { recipient: "r-4711".parse().unwrap(), consent: "k-1".parse().unwrap() };
        let id = Some(format!("c-{n}").parse().unwrap());
        let command = new_command(order, id, WallTime(1_000), Duration::from_secs(60));
        encode(&command, &device(), Some(&photo))
    };
    // The answers to these come back only behind everything that follows, and are too many to let more in.
    broker.publish_lines(COMMAND, &erasures(1, 1_100));
    broker.publish_lines(COMMAND, &(1_101..=1_140).map(enrolment).collect::<Vec<_>>());

    let mut cabinet = Cabinet::start(broker.port, &outbox);
    assert_eq!(obey_all(&mut cabinet, 1_140).await, (ids(1, 1_140), 1));
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_too_large_for_the_broker_are_stood_in_for_and_do_not_stop_the_others() {
    let mut broker = Mosquitto::stopped();
    broker.configure("max_packet_size 2000");
    broker.start();
    let outbox = Arc::new(MemoryOutbox::with(2));
    outbox.record_event(Event::AgentStarted { version: "x".repeat(3_000) });
    outbox.record(2);
    let cabinet = Cabinet::start(broker.port, &outbox);
    let folder = tempfile::tempdir().unwrap();
    let opened = EventStore::open(&folder.path().join("events.jsonl")).unwrap();
    let (address, name) = (Broker::new("127.0.0.1", broker.port), device());
    let mut withheld = Vec::new();
    let receiving = watch(&address, &name, Some(opened), |news| {
        if let News::Event { delivery, irregular, .. } = news {
            assert_eq!(irregular.len(), usize::from(delivery.withheld), "{irregular:?}");
            withheld.push(delivery.withheld);
        }
        if withheld.len() == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    timeout(Duration::from_secs(30), receiving).await.unwrap().unwrap();
    assert_eq!(withheld, [false, false, true, false, false]);
    cabinet.stop().await;
}

/// Answers every command of the hall: erasures are done, everything else is rejected.
async fn obey(cabinet: &mut Cabinet) {
    let FromHall::Command { parsed, reply } = cabinet.next().await else { panic!("no command") };
    obey_this(cabinet, parsed, reply).await;
}

async fn obey_this(cabinet: &mut Cabinet, parsed: ParsedCommand, reply: ReplyTo) {
    let id = parsed.command.id;
    let answers = match parsed.command.order {
        Order::Erase { .. } => vec![Answer::Accepted, Answer::Done { compartment: None }],
        Order::Reserve { .. }
        | Order::Enrol { .. }
        | Order::Unlock { .. }
        | Order::Cancel { .. }
        | Order::SetService { .. } => vec![Answer::Rejected { reason: Rejection::NoneFree }],
    };
    for answer in answers {
        let (reply, id) = (reply.clone(), id.clone());
        cabinet.to_hall.send(ToHall::Answer { reply, id, answer }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_answered_to_whoever_sent_it() {
    let broker = Mosquitto::running();
    let mut cabinet = Cabinet::connected(broker.port, &Arc::new(MemoryOutbox::default())).await;
    let address = Broker::new("127.0.0.1", broker.port);
    let client = HallClient::connect(&address, &device()).await.unwrap();
    let mut heard = Vec::new();
    let (command, patience) = (erase("c-1"), Duration::from_secs(20));
    let each = |message: &AnswerMessage| heard.push(message.answer.clone());
    let (answer, ()) =
        tokio::join!(client.command(&command, None, patience, each), obey(&mut cabinet));
    let done = Reply::Judged(Answer::Done { compartment: None });
    assert_eq!(answer.unwrap(), done);
    assert_eq!(heard, [Reply::Judged(Answer::Accepted), done]);

    cabinet.stop().await;
    let nobody = client.command(&command, None, Duration::from_secs(1), |_| {}).await;
    let error = nobody.unwrap_err().to_string();
    assert!(error.contains("luohu-1 is offline"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_command_with_an_id_is_answered_on_the_cabinets_own_topic() {
    let broker = Mosquitto::running();
    let cabinet = Cabinet::connected(broker.port, &Arc::new(MemoryOutbox::default())).await;
    let text = String::from_utf8(encode(&erase("c-9"), &device(), None)).unwrap();
    let payload = text.replace("recipient", "citizen");
    let asked = Process::new("mosquitto_rr")
        .args(["-V", "5", "-q", "1", "-W", "20", "-h", "127.0.0.1", "-p", &broker.port.to_string()])
        .args(["-t", COMMAND, "-e", "locker/v1/luohu-1/answer", "-m", &payload])
        .output()
        .unwrap();
    let answer = asked.stdout;
    let answer = AnswerMessage::decode(&answer).unwrap();
    assert_eq!(answer.id.as_str(), "c-9");
    let Reply::Malformed(_) = answer.answer else { panic!("{answer:?}") };
    cabinet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_and_state_are_there_for_whoever_comes_late() {
    let broker = Mosquitto::running();
    let outbox = Arc::new(MemoryOutbox::default());
    let cabinet = Cabinet::connected(broker.port, &outbox).await;
    let state = CabinetState {
        v: VERSION,
        device: device(),
        journal: JOURNAL.into(),
        version: "0.1.0".into(),
        at_ms: WallTime(7),
        compartments: vec![],
        face_pickup: true,
        refused: [(RefusedKind::NotJson, 2)].into(),
        outbox_depth: 0,
    };
    cabinet.to_hall.send(ToHall::State(state.encode())).await.unwrap();
    let address = Broker::new("127.0.0.1", broker.port);
    let mut client = HallClient::connect(&address, &device()).await.unwrap();
    assert_eq!(client.state().await.unwrap(), state);
    let presence = client.presence().unwrap();
    assert!(presence.online);
    assert_eq!((presence.journal.as_str(), presence.version.as_str()), (JOURNAL, "0.1.0"));

    // Cut off without a good-bye: the broker publishes the will.
    cabinet.task.abort();
    let _ = cabinet.task.await;
    let error = client.command(&erase("c-1"), None, Duration::from_secs(2), |_| {}).await;
    assert!(error.unwrap_err().to_string().contains("is offline"));
    assert!(!client.presence().unwrap().online);
}

fn hallctl(port: u16, words: &[&str]) -> Output {
    Process::new(env!("CARGO_BIN_EXE_hallctl"))
        .env("HALLCTL_BROKER", format!("127.0.0.1:{port}"))
        .env("HALLCTL_DEVICE", "luohu-1")
        .args(words)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn hallctl_says_how_it_ended_in_its_exit_code_and_in_a_sentence() {
    let broker = Mosquitto::running();
    let port = broker.port;
    let mut cabinet = Cabinet::connected(port, &Arc::new(MemoryOutbox::default())).await;
    let tool = |words: &'static [&str]| tokio::task::spawn_blocking(move || hallctl(port, words));

    let (done, ()) = tokio::join!(tool(&["erase", "r-4711"]), obey(&mut cabinet));
    let done = done.unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("carried out"), "{}", text(&done.stdout));

    let words = &["reserve", "licence-118", "r-4711", "--json"];
    let (rejected, ()) = tokio::join!(tool(words), obey(&mut cabinet));
    let rejected = rejected.unwrap();
    assert_eq!(rejected.status.code(), Some(1));
    assert!(text(&rejected.stdout).contains(r#""code":"none_free""#));

    let stranger =
        tool(&["--device", "nobody", "erase", "r-4711", "--timeout", "1"]).await.unwrap();
    assert_eq!(stranger.status.code(), Some(2));
    assert!(text(&stranger.stderr).contains("never been connected"), "{}", text(&stranger.stderr));

    let long = &["unlock", "7", "load", "--operator", "clerk-7", "--reason", " "];
    let blank = tool(long).await.unwrap();
    assert_eq!(blank.status.code(), Some(2));
    assert!(text(&blank.stderr).contains("command.reason"), "{}", text(&blank.stderr));
    cabinet.stop().await;

    drop(broker);
    let unreachable = tool(&["state"]).await.unwrap();
    assert_eq!(unreachable.status.code(), Some(2));
    assert!(text(&unreachable.stderr).contains("cannot be reached"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hallctl_receives_into_a_file_and_goes_on_where_it_stopped() {
    let broker = Mosquitto::running();
    let port = broker.port;
    let outbox = Arc::new(MemoryOutbox::with(40));
    let cabinet = Cabinet::connected(port, &outbox).await;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("events.jsonl").to_str().unwrap().to_owned();
    let receive = |until: &'static str| {
        let store = store.clone();
        let words =
            move || hallctl(port, &["watch", "--receive", "--store", &store, "--until", until]);
        tokio::task::spawn_blocking(words)
    };
    let first = receive("40").await.unwrap();
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert_eq!(text(&first.stdout).lines().count(), 40);
    let again = receive("40").await.unwrap();
    assert_eq!((again.status.code(), text(&again.stdout).as_str()), (Some(0), ""));

    outbox.record(5);
    cabinet.to_hall.send(ToHall::NewEvents).await.unwrap();
    let rest = receive("45").await.unwrap();
    assert_eq!(text(&rest.stdout).lines().count(), 5, "{}", text(&rest.stderr));
    assert_eq!(std::fs::read_to_string(&store).unwrap().lines().count(), 45);
    let last = CompartmentId::new(7).unwrap();
    assert!(text(&rest.stdout).contains(&format!("door {last} is shut")));
    cabinet.stop().await;
    assert_eq!(outbox.acknowledged(), EventSeq(45));
}

/// A broker with the logins `luohu-1` and `hall` (password "secret") and the access list of the document.
fn guarded_broker() -> Mosquitto {
    let broker = Mosquitto::stopped();
    let document = include_str!("../docs/hall-protocol.md");
    let rules = document.split("A mosquitto access list").nth(1).unwrap();
    let rules = rules.split("```").nth(1).unwrap();
    let (rules_file, logins) = (broker.folder().join("rules"), broker.folder().join("logins"));
    std::fs::write(&rules_file, rules).unwrap();
    std::fs::write(&logins, "").unwrap();
    std::fs::write(broker.folder().join("password"), "secret\n").unwrap();
    for user in ["luohu-1", "hall", "stranger"] {
        let mut command = Process::new("mosquitto_passwd");
        let made = command.arg("-b").arg(&logins).args([user, "secret"]).status();
        assert!(made.unwrap().success());
    }
    let (rules, logins) = (rules_file.display(), logins.display());
    broker.configure(&format!(
        "allow_anonymous false\npassword_file {logins}\nacl_file {rules}\nuser root"
    ));
    broker
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_access_rules_let_the_conversation_through_and_nobody_else() {
    let mut broker = guarded_broker();
    broker.start();
    let password_file = broker.folder().join("password");
    let outbox = Arc::new(MemoryOutbox::with(3));
    let login = |username: &str, file: &std::path::Path| {
        let mut config = HallConfig::new("127.0.0.1", broker.port, device());
        let (username, password_file) = (username.to_owned(), file.to_owned());
        config.credentials = Some(Credentials { username, password_file });
        Cabinet::with_config(config, &outbox, 16)
    };
    for (user, file, complaint) in [
        ("luohu-1", broker.folder().join("rules"), "refuses the login as luohu-1"),
        ("luohu-1", broker.folder().join("nothing"), "cannot be read"),
    ] {
        let mut refused = login(user, &file);
        let FromHall::Disconnected { why } = refused.next().await else { panic!("let in") };
        assert!(why.contains(complaint), "{why}");
        refused.stop().await;
    }

    let mut cabinet = login("luohu-1", &password_file);
    assert_eq!(cabinet.next().await, FromHall::Connected);
    let mut address = Broker::new("127.0.0.1", broker.port);
    address.credentials = Some(("stranger".into(), password_file.clone()));
    let stranger = HallClient::connect(&address, &device()).await.unwrap();
    assert!(stranger.command(&erase("c-0"), None, Duration::from_secs(1), |_| {}).await.is_err());
    // Had the stranger's command come through, this one would find nobody to obey it.
    address.credentials = Some(("hall".into(), password_file));
    let client = HallClient::connect(&address, &device()).await.unwrap();
    let (command, patience) = (erase("c-1"), Duration::from_secs(20));
    let (answer, ()) =
        tokio::join!(client.command(&command, None, patience, |_| {}), obey(&mut cabinet));
    assert_eq!(answer.unwrap(), Reply::Judged(Answer::Done { compartment: None }));
    cabinet.stop().await;
}

#[cfg(feature = "demo")]
#[tokio::test(flavor = "multi_thread")]
async fn the_demonstrations_own_broker_carries_the_whole_conversation() {
    let broker = locker_agent::sim::broker::EmbeddedBroker::start(0).unwrap();
    let outbox = Arc::new(MemoryOutbox::with(300));
    let mut cabinet = Cabinet::connected(broker.port, &outbox).await;
    let (address, name) = (Broker::new("127.0.0.1", broker.port), device());

    let client = HallClient::connect(&address, &name).await.unwrap();
    let (command, patience) = (erase("c-1"), Duration::from_secs(20));
    let (answer, ()) =
        tokio::join!(client.command(&command, None, patience, |_| {}), obey(&mut cabinet));
    assert_eq!(answer.unwrap(), Reply::Judged(Answer::Done { compartment: None }));
    assert!(client.presence().is_some_and(|presence| presence.online));

    let folder = tempfile::tempdir().unwrap();
    let opened = EventStore::open(&folder.path().join("events.jsonl")).unwrap();
    let mut received = Vec::new();
    let receiving = watch(&address, &name, Some(opened), |news| {
        if let News::Event { payload, .. } = news {
            received.push(payload);
        }
        if received.len() == 300 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    timeout(Duration::from_secs(60), receiving).await.unwrap().unwrap();
    assert!(received == outbox.records());
    cabinet.stop().await;
}

#[cfg(feature = "demo")]
#[tokio::test(flavor = "multi_thread")]
async fn a_giant_that_the_broker_does_not_keep_back_costs_one_connection_and_no_more() {
    let broker = locker_agent::sim::broker::EmbeddedBroker::start(0).unwrap();
    let mut cabinet = Cabinet::connected(broker.port, &Arc::new(MemoryOutbox::default())).await;
    publish(broker.port, COMMAND, &vec![b'x'; 3 * 1024 * 1024], &[]);
    let FromHall::Disconnected { why } = cabinet.next().await else { panic!("it was taken in") };
    assert!(why.contains("size"), "{why}");
    assert_eq!(cabinet.next().await, FromHall::Connected);
    publish(broker.port, COMMAND, &encode(&erase("c-1"), &device(), None), &[]);
    assert_eq!(command_id(&cabinet.next().await), "c-1");
    cabinet.stop().await;
}
