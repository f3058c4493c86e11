//! The carrying, with a simulated cabinet, a journal in memory and eyes that see what they are told.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::*;
use crate::core::command::{Answer, Command, Order, Purpose, Rejection};
use crate::core::event::Event;
use crate::core::fitting::{Fitting, Needs};
use crate::core::ids::{
    CommandId, CompartmentId, ConsentRef, DepositId, EventSeq, ModelId, OperatorId, RecipientId,
};
use crate::core::policy::Policy;
use crate::core::sighting::{Candidate, FaceBox, FaceReading, Quality, Sighting};
use crate::core::time::WallTime;
use crate::core::view::CabinetView;
use crate::ports::{
    CameraFault, DoorEdge, DoorPosition, DoorSensors, FaceEngine, FaceFault, Frame, Journal,
    JournalFault, LockBank, LockFault, PhotoFault, Recorded, SensorFault, Template, TemplateFault,
    TemplateStore, Uplink,
};
use crate::sim::{SimCabinet, SimCamera};

const PATIENCE: Duration = Duration::from_secs(10);

fn door(number: u16) -> CompartmentId {
    CompartmentId::new(number).unwrap()
}

fn wang() -> RecipientId {
    RecipientId::new("wang").unwrap()
}

/// What happened, in order, across all threads.
#[derive(Clone, Default)]
struct World {
    record: Arc<(Mutex<Vec<Event>>, Condvar)>,
    disk_full: Arc<Mutex<bool>>,
    templates: Arc<Mutex<Vec<(RecipientId, Template)>>>,
    pulses_at_record: Arc<Mutex<Vec<usize>>>,
}

struct MemoryJournal(World, SimCabinet);

impl Journal for MemoryJournal {
    fn append(&mut self, _: WallTime, events: &[Event]) -> Result<EventSeq, JournalFault> {
        if *self.0.disk_full.lock().unwrap() {
            let problem = "no space left on the device".to_owned();
            return Err(JournalFault { path: "memory".to_owned(), problem });
        }
        if events.iter().any(|event| matches!(event, Event::PulseCommanded { .. })) {
            self.0.pulses_at_record.lock().unwrap().push(self.1.pulses().len());
        }
        let mut record = self.0.record.0.lock().unwrap();
        record.extend_from_slice(events);
        self.0.record.1.notify_all();
        Ok(EventSeq(record.len() as u64))
    }

    fn replay(&self, each: &mut dyn FnMut(Recorded)) -> Result<(), JournalFault> {
        for (i, event) in self.0.record.0.lock().unwrap().iter().enumerate() {
            let seq = EventSeq(i as u64 + 1);
            each(Recorded { seq, at: WallTime(1), event: event.clone() });
        }
        Ok(())
    }
}

struct MemoryTemplates(World);

impl TemplateStore for MemoryTemplates {
    fn put(&mut self, who: &RecipientId, template: &Template) -> Result<(), TemplateFault> {
        self.0.templates.lock().unwrap().push((who.clone(), template.clone()));
        Ok(())
    }
    fn all(&self) -> Result<(Vec<(RecipientId, Template)>, usize), TemplateFault> {
        Ok((self.0.templates.lock().unwrap().clone(), 0))
    }
    fn erase(&mut self, who: &RecipientId) -> Result<(), TemplateFault> {
        self.0.templates.lock().unwrap().retain(|(other, _)| other != who);
        Ok(())
    }
}

/// Sees the first person it looks for in every picture that is not an empty wall.
#[derive(Default)]
struct Seer(Vec<RecipientId>);

/// A picture that nobody can make out.
const DAMAGED: &[u8] = b"damaged";

/// The way to eyes that see.
fn seeing() -> OpenEngine {
    Box::new(|| Ok(Box::new(Seer::default())))
}

impl FaceEngine for Seer {
    fn examine(&mut self, frame: &Frame) -> Result<Sighting, FaceFault> {
        if matches!(frame, Frame::Encoded(bytes) if bytes == DAMAGED) {
            return Err(FaceFault { problem: "the picture is cut off".to_owned() });
        }
        let (Frame::Encoded(_), Some(who)) = (frame, self.0.first()) else {
            return Ok(Sighting::default());
        };
        let quality = Quality {
            face_px: 200.0,
            fills: 0.4,
            sharpness: 100.0,
            brightness: 120.0,
            contrast: 40.0,
            yaw: 0.0,
            pitch: 0.0,
            inside: 1.0,
        };
        let best = Some(Candidate { recipient: who.clone(), similarity: 0.8 });
        let place = FaceBox { x: 320.0, y: 240.0, width: 150.0, height: 200.0 };
        let (liveness, resemblance, change) = (Some(0.9), Some(0.8), Some(2.0));
        let face =
            FaceReading { place, quality, liveness, resemblance, change, best, second: None };
        Ok(Sighting { near_faces: 1, face: Some(face) })
    }
    fn forget(&mut self) {}
    fn enrol(&mut self, photo: &[u8]) -> Result<Template, PhotoFault> {
        if photo.is_empty() {
            return Err(PhotoFault("there is no face in the photo".to_owned()));
        }
        Ok(Template { model: ModelId::new("seer").unwrap(), vector: vec![1.0] })
    }
    fn look_for(&mut self, people: Vec<(RecipientId, Vec<Template>)>) {
        self.0 = people.into_iter().map(|(who, _)| who).collect();
    }
}

struct Told(SyncSender<(CommandId, Answer)>);

impl Uplink for Told {
    fn answer(&mut self, command: &CommandId, answer: &Answer) {
        self.0.send((command.clone(), answer.clone())).unwrap();
    }
    fn recorded(&mut self) {}
    fn show(&mut self, _: &CabinetView) {}
}

/// A cabinet of three doors with everything simulated, and eyes that see.
fn parts(
    world: &World,
    cabinet: &SimCabinet,
    camera: SimCamera,
    told: SyncSender<(CommandId, Answer)>,
) -> Parts {
    let mut policy = Policy::default();
    policy.hall.remote_enrolment = true;
    policy.locks.rest = Duration::from_millis(1);
    Parts {
        policy,
        fitted: (1..=3).map(|number| (door(number), Fitting::default())).collect(),
        journal: Box::new(MemoryJournal(world.clone(), cabinet.clone())),
        templates: Box::new(MemoryTemplates(world.clone())),
        locks: Box::new(cabinet.locks()),
        sensors: Box::new(cabinet.sensors()),
        open_engine: Box::new(|| Ok(Box::new(Seer::default()))),
        open_camera: Box::new(move || Ok(Box::new(camera.clone()))),
        uplink: Box::new(Told(told)),
        heartbeat: Box::new(|| ()),
    }
}

fn send(agent: &AgentHandle, id: &str, order: Order, photo: Option<Vec<u8>>) {
    let now = Clock::start().now().wall;
    let expires_at = now.plus(Duration::from_secs(60));
    let id = CommandId::new(id).unwrap();
    let command = Command { id, issued_at: now, expires_at, retained: false, order };
    assert!(agent.inbox().send(Message::Command { command, photo }));
}

struct Bench {
    world: World,
    cabinet: SimCabinet,
    camera: SimCamera,
    answers: Receiver<(CommandId, Answer)>,
    agent: AgentHandle,
    commands: u32,
}

impl Bench {
    fn new() -> Self {
        Self::with(World::default(), seeing())
    }

    fn with(world: World, open_engine: OpenEngine) -> Self {
        Self::before(world, open_engine, None)
    }

    /// With another camera than the simulated one.
    fn before(world: World, open_engine: OpenEngine, other: Option<OpenCamera>) -> Self {
        let cabinet = SimCabinet::with_pace((1..=3).map(door), 0.1);
        let camera = SimCamera::new(50.0);
        let (told, answers) = sync_channel(100);
        let parts = parts(&world, &cabinet, camera.clone(), told);
        let open_camera = other.unwrap_or(parts.open_camera);
        let agent = Agent::start(Parts { open_engine, open_camera, ..parts }).unwrap();
        Self { world, cabinet, camera, answers, agent, commands: 0 }
    }

    fn send(&mut self, order: Order, photo: Option<Vec<u8>>) -> CommandId {
        self.commands += 1;
        let id = CommandId::new(format!("c{}", self.commands)).unwrap();
        send(&self.agent, id.as_str(), order, photo);
        id
    }

    /// Sends an order and waits for its last answer.
    fn order(&mut self, order: Order, photo: Option<Vec<u8>>) -> Answer {
        let id = self.send(order, photo);
        loop {
            let (about, answer) = self.answers.recv_timeout(PATIENCE).unwrap();
            if about == id && answer != Answer::Accepted {
                return answer;
            }
        }
    }

    fn reserve(&mut self) {
        let deposit = DepositId::new("passport").unwrap();
        let order = Order::Reserve {
            deposit,
            recipient: wang(),
            compartment: None,
            needs: Needs::default(),
            collect_by: None,
        };
        assert_eq!(self.order(order, None), Answer::Done { compartment: Some(door(1)) });
    }

    fn enrol(&mut self, photo: Vec<u8>) -> Answer {
        let consent = ConsentRef::new("consent").unwrap();
        self.order(Order::Enrol { recipient: wang(), consent }, Some(photo))
    }

    fn unlock(purpose: Purpose) -> Order {
        let operator = OperatorId::new("clerk").unwrap();
        Order::Unlock { compartment: door(1), purpose, operator, reason: "test".into() }
    }

    fn load(&mut self) {
        let answer = self.order(Self::unlock(Purpose::Load), None);
        assert_eq!(answer, Answer::Done { compartment: Some(door(1)) });
        self.cabinet.close(door(1));
    }

    /// Asks the agent how it stands until faces are on, or off.
    fn wait_until_faces_are(&self, on: bool) {
        let clock = Clock::start();
        while clock.now().mono.0 < PATIENCE {
            let (reply, view) = sync_channel(1);
            self.agent.inbox().send(Message::Look(reply));
            if view.recv_timeout(PATIENCE).unwrap().faces_on == on {
                return;
            }
            std::thread::yield_now();
        }
        panic!("faces are not {}", if on { "on" } else { "off" });
    }

    /// Waits until such an event is on record.
    fn recorded(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        let (record, grown) = &*self.world.record;
        let missing = |record: &mut Vec<Event>| !record.iter().any(&wanted);
        let waited = grown.wait_timeout_while(record.lock().unwrap(), PATIENCE, missing).unwrap();
        !waited.1.timed_out()
    }
}

#[test]
fn a_recognised_face_opens_the_door_and_every_pulse_was_on_record_first() {
    let mut bench = Bench::new();
    bench.agent.wait_for_eyes().unwrap();
    bench.reserve();
    assert_eq!(bench.enrol(vec![1]), Answer::Done { compartment: None });
    bench.load();
    bench.camera.show(vec![1]);
    assert!(bench.cabinet.wait_until_open(door(1), PATIENCE));
    bench.cabinet.close(door(1));
    let world = bench.world.clone();
    assert!(bench.recorded(|event| matches!(event, Event::DepositCollected { .. })));
    bench.agent.stop().unwrap();
    assert!(world.templates.lock().unwrap().is_empty(), "templates go with the last document");
    assert_eq!(*world.pulses_at_record.lock().unwrap(), vec![0, 1], "recorded, then pulsed");
}

#[test]
fn a_door_shut_over_nothing_is_no_document_loaded_and_one_shut_over_it_is() {
    let mut bench = Bench::new();
    bench.cabinet.see_inside(door(1), false);
    bench.reserve();
    bench.load();
    assert!(bench.recorded(|event| matches!(event, Event::DepositNotLoaded { .. })));
    assert!(bench.recorded(|event| matches!(event, Event::PulseEnded { .. })));
    let answer = bench.order(Bench::unlock(Purpose::Load), None);
    assert_eq!(answer, Answer::Done { compartment: Some(door(1)) });
    bench.cabinet.see_inside(door(1), true);
    bench.cabinet.close(door(1));
    assert!(bench.recorded(|event| matches!(event, Event::DepositLoaded { .. })));
    bench.cabinet.see_inside(door(1), false);
    assert!(bench.recorded(|event| matches!(event, Event::DepositMissing { .. })));
    bench.agent.stop().unwrap();
}

#[test]
fn without_a_record_nothing_opens_and_the_agent_ends() {
    let mut bench = Bench::new();
    bench.reserve();
    *bench.world.disk_full.lock().unwrap() = true;
    bench.send(Bench::unlock(Purpose::Load), None);
    let ended = bench.agent.join().unwrap_err();
    assert!(ended.to_string().contains("no door can be opened without a record"), "{ended}");
    assert!(bench.cabinet.pulses().is_empty());
}

/// A driver that waits for a board that never answers.
struct Hanging;

impl LockBank for Hanging {
    fn pulse(&mut self, _: CompartmentId, _: Duration) -> Result<(), LockFault> {
        loop {
            std::thread::park();
        }
    }
}

#[test]
fn a_lock_driver_that_hangs_ends_the_agent_so_that_the_lines_are_released() {
    let (told, _answers) = sync_channel(100);
    let world = World::default();
    let cabinet = SimCabinet::with_pace([door(1)], 0.1);
    let agent = Agent::start(Parts {
        locks: Box::new(Hanging),
        ..parts(&world, &cabinet, SimCamera::new(50.0), told)
    })
    .unwrap();
    send(&agent, "c1", Bench::unlock(Purpose::Inspect), None);
    assert!(matches!(agent.join(), Err(AgentFault::LocksHang)));
}

#[test]
fn without_models_staff_can_still_open_and_enrolment_says_why_not() {
    let broken: OpenEngine = Box::new(|| Err("fr_detect is missing".to_owned()));
    let mut bench = Bench::with(World::default(), broken);
    assert_eq!(bench.agent.wait_for_eyes(), Err("fr_detect is missing".to_owned()));
    bench.reserve();
    let refused = Answer::Rejected { reason: Rejection::FaceUnavailable };
    assert_eq!(bench.enrol(vec![1]), refused);
    bench.load();
    bench.agent.stop().unwrap();
}

#[test]
fn a_camera_that_is_unplugged_switches_faces_off_and_on_again() {
    let mut bench = Bench::new();
    bench.agent.wait_for_eyes().unwrap();
    bench.reserve();
    bench.enrol(vec![1]);
    bench.load();
    bench.camera.unplug();
    bench.wait_until_faces_are(false);
    let unavailable = Answer::Rejected { reason: Rejection::FaceUnavailable };
    assert_eq!(bench.enrol(vec![1]), unavailable);
    bench.camera.show(vec![1]);
    assert!(bench.cabinet.wait_until_open(door(1), PATIENCE), "it sees again");
    bench.agent.stop().unwrap();
}

/// Switches that cannot be read when the agent starts.
struct Mute;

impl DoorSensors for Mute {
    fn positions(&mut self) -> Result<BTreeMap<CompartmentId, DoorPosition>, SensorFault> {
        Err(SensorFault { problem: "no board answers".to_owned() })
    }
    fn next_edge(&mut self, _: Duration) -> Result<Option<DoorEdge>, SensorFault> {
        Err(SensorFault { problem: "no board answers".to_owned() })
    }
}

#[test]
fn without_its_switches_the_agent_starts_and_pulses_all_the_same() {
    let (world, camera) = (World::default(), SimCamera::new(50.0));
    let cabinet = SimCabinet::with_pace((1..=3).map(door), 0.1);
    let (told, answers) = sync_channel(100);
    let parts = parts(&world, &cabinet, camera, told);
    let agent = Agent::start(Parts { sensors: Box::new(Mute), ..parts }).unwrap();
    let operator = OperatorId::new("clerk").unwrap();
    let (purpose, reason) = (Purpose::Inspect, "test".to_owned());
    let order = Order::Unlock { compartment: door(1), purpose, operator, reason };
    send(&agent, "c1", order, None);
    assert_eq!(answers.recv_timeout(PATIENCE).unwrap().1, Answer::Accepted);
    assert!(cabinet.wait_for_pulse(PATIENCE).is_some());
    agent.stop().unwrap();
}

#[test]
fn an_unusable_photo_is_answered_with_the_reason() {
    let mut bench = Bench::new();
    bench.agent.wait_for_eyes().unwrap();
    bench.reserve();
    let Answer::Failed { reason } = bench.enrol(vec![]) else { panic!("it was taken") };
    let text = format!("{reason:?}");
    assert!(text.contains("there is no face in the photo"), "{text}");
    assert!(bench.world.templates.lock().unwrap().is_empty());
    bench.agent.stop().unwrap();
}

#[test]
fn a_stop_in_the_middle_of_a_pulse_waits_for_its_end_and_records_it() {
    let mut bench = Bench::new();
    bench.reserve();
    bench.send(Bench::unlock(Purpose::Load), None);
    bench.cabinet.wait_for_pulse(PATIENCE).unwrap();
    bench.agent.stop().unwrap();
    let record = bench.world.record.0.lock().unwrap();
    assert!(record.iter().any(|event| matches!(event, Event::PulseEnded { .. })));
}

#[test]
fn templates_of_people_who_are_not_enrolled_are_erased_at_start() {
    let world = World::default();
    let stranger = Template { model: ModelId::new("seer").unwrap(), vector: vec![0.5] };
    world.templates.lock().unwrap().push((wang(), stranger));
    let bench = Bench::with(world.clone(), seeing());
    assert!(world.templates.lock().unwrap().is_empty());
    bench.agent.stop().unwrap();
}

/// A way to a camera that is not there; each try is told.
fn broken_camera() -> (OpenCamera, Receiver<()>) {
    let (tried, tries) = sync_channel(100);
    let open = move || {
        tried.send(()).unwrap();
        let problem = "it is not there".to_owned();
        Err(CameraFault { camera: "video0".to_owned(), problem })
    };
    (Box::new(open), tries)
}

#[test]
fn nobody_is_waited_for_and_so_the_camera_is_never_opened() {
    let (open_camera, tries) = broken_camera();
    let mut bench = Bench::before(World::default(), seeing(), Some(open_camera));
    assert_eq!(bench.agent.wait_for_eyes(), Ok(()), "the models are up, the camera is not asked");
    bench.reserve();
    // The thread has looked for orders, and at a photo, and has not tried the camera.
    assert_eq!(bench.enrol(vec![1]), Answer::Done { compartment: None });
    assert!(tries.try_recv().is_err());
    bench.agent.stop().unwrap();
}

#[test]
fn a_camera_that_does_not_open_when_it_is_needed_is_reported_until_nobody_needs_it() {
    let (open_camera, tries) = broken_camera();
    let mut bench = Bench::before(World::default(), seeing(), Some(open_camera));
    bench.agent.wait_for_eyes().unwrap();
    bench.reserve();
    bench.enrol(vec![1]);
    bench.load();
    tries.recv_timeout(PATIENCE).unwrap();
    bench.wait_until_faces_are(false);
    let report = bench.agent.news_of_eyes();
    let problem = "the camera video0 gives no pictures: it is not there".to_owned();
    assert_eq!(report, Some(Err(problem)));
    bench.order(Order::Erase { recipient: wang() }, None);
    bench.wait_until_faces_are(true);
    assert_eq!(bench.agent.news_of_eyes(), Some(Ok(())), "others can be enrolled");
    bench.agent.stop().unwrap();
}

#[test]
fn a_camera_that_is_needed_at_the_start_is_tried_before_the_agent_says_that_it_sees() {
    let world = World::default();
    let mut bench = Bench::with(world.clone(), seeing());
    bench.agent.wait_for_eyes().unwrap();
    bench.reserve();
    bench.enrol(vec![1]);
    bench.load();
    assert!(bench.recorded(|event| matches!(event, Event::DepositLoaded { .. })));
    bench.agent.stop().unwrap();
    let (open_camera, _tries) = broken_camera();
    let bench = Bench::before(world, seeing(), Some(open_camera));
    let report = bench.agent.wait_for_eyes().unwrap_err();
    assert_eq!(report, "the camera video0 gives no pictures: it is not there");
    bench.agent.stop().unwrap();
}

#[test]
fn a_camera_whose_frames_cannot_be_judged_switches_faces_off_until_one_can() {
    let mut bench = Bench::new();
    bench.agent.wait_for_eyes().unwrap();
    bench.reserve();
    bench.enrol(vec![1]);
    bench.load();
    bench.camera.show(DAMAGED.to_vec());
    bench.wait_until_faces_are(false);
    let report = bench.agent.news_of_eyes().unwrap().unwrap_err();
    assert!(report.contains("last 10 frames") && report.contains("cut off"), "{report}");
    bench.camera.show_nothing();
    bench.wait_until_faces_are(true);
    bench.agent.stop().unwrap();
}
