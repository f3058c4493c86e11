//! The thread that looks: it owns the camera and the models.
//!
//! It looks only while somebody has a document waiting: where nobody can be recognised nobody is filmed, and the
//! camera is closed, from the start on. So a camera that does not work is found out when it is needed, and until then
//! faces count as available (`camera check` tries it beforehand). A camera or model that fails switches faces off, never
//! the agent: staff can still open doors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::Clock;
use super::inbox::{Inbox, Message};
use crate::core::attention::Attention;
use crate::core::ids::{CommandId, RecipientId};
use crate::core::input::Input;
use crate::core::policy::AttentionPolicy;
use crate::core::time::Monotonic;
use crate::ports::{Camera, CameraFault, FaceEngine, FaceFault, Frame, PhotoFault, Template};

/// Opens the camera; called again whenever it was lost.
pub type OpenCamera = Box<dyn FnMut() -> Result<Box<dyn Camera>, CameraFault> + Send>;
/// Loads the models, once, on the thread that will use them. The error is a sentence for the log.
pub type OpenEngine = Box<dyn FnOnce() -> Result<Box<dyn FaceEngine>, String> + Send>;

/// How the eyes came up, and later each change: an error means that faces are off and says why.
pub type EyesReport = Result<(), String>;

/// How long to wait for a frame before looking at the orders.
const GLANCE: Duration = Duration::from_millis(200);
/// How long to sleep when nobody is waited for. An order ends it, and news come with one.
const REST: Duration = Duration::from_secs(60);
/// How long after a fault to try again.
const AFTER_FAULT: Duration = Duration::from_secs(2);
/// So many frames in a row that cannot be judged, and faces are off until a good one.
const MOST_DAMAGED: u32 = 10;
/// Reports that may wait for whoever is interested.
const REPORTS: usize = 16;
/// Photos of the hall that may wait.
const ORDERS: usize = 64;

/// Templates of the people to look for.
type People = Vec<(RecipientId, Vec<Template>)>;

/// What the eyes are asked to do.
enum Look {
    /// The people to look for have changed.
    Anew,
    /// Make a template of a photo.
    AtPhoto { command: CommandId, recipient: RecipientId, photo: Vec<u8> },
}

/// What the thread that looks is made of.
pub(super) struct Eyesight {
    pub(super) clock: Clock,
    pub(super) policy: AttentionPolicy,
    pub(super) open_engine: OpenEngine,
    pub(super) open_camera: OpenCamera,
}

/// The way to the thread that looks. No call ever waits for it.
pub(super) struct Eyes {
    orders: SyncSender<Look>,
    /// The newest people to look for, until they are picked up.
    people: Arc<Mutex<Option<People>>>,
    reported: Option<Receiver<EyesReport>>,
}

/// What the thread listens to, before it is started.
pub(super) struct Asleep {
    orders: Receiver<Look>,
    people: Arc<Mutex<Option<People>>>,
    report: SyncSender<EyesReport>,
}

impl Asleep {
    /// Starts the thread.
    pub(super) fn wake(self, eyesight: Eyesight, inbox: Inbox) -> std::io::Result<()> {
        thread::Builder::new().name("eyes".into()).spawn(move || {
            let lived = catch_unwind(AssertUnwindSafe(|| live(eyesight, &inbox, self)));
            if lived.is_err() {
                inbox.send(Message::Died("eyes"));
            }
        })?;
        Ok(())
    }
}

impl Eyes {
    /// The way to the thread, and the thread that is still to be started: what is asked for before that it knows from
    /// its beginning.
    pub(super) fn new() -> (Self, Asleep) {
        let (orders, received) = sync_channel(ORDERS);
        let (report, reported) = sync_channel(REPORTS);
        let people = Arc::new(Mutex::new(None));
        let asleep = Asleep { orders: received, people: Arc::clone(&people), report };
        (Self { orders, people, reported: Some(reported) }, asleep)
    }

    /// Gives away the words whether the eyes can see: the first when they are up, then each change.
    pub(super) fn report(&mut self) -> Option<Receiver<EyesReport>> {
        self.reported.take()
    }

    /// From now on looks for these people and nobody else.
    pub(super) fn look_for(&self, people: People) {
        *self.people.lock().unwrap_or_else(PoisonError::into_inner) = Some(people);
        // When the queue is full the thread is awake and will see the news anyway.
        _ = self.orders.try_send(Look::Anew);
    }

    /// Makes a template of a photo. False when too many are waiting.
    pub(super) fn look_at_photo(
        &self,
        command: CommandId,
        recipient: RecipientId,
        photo: Vec<u8>,
    ) -> bool {
        self.orders.try_send(Look::AtPhoto { command, recipient, photo }).is_ok()
    }
}

fn live(eyesight: Eyesight, inbox: &Inbox, asleep: Asleep) {
    let Asleep { orders, people: news, report } = asleep;
    let Eyesight { clock, policy, open_engine, open_camera } = eyesight;
    let engine = match open_engine() {
        Ok(engine) => engine,
        Err(problem) => {
            tracing::error!(%problem, "faces are off; staff can still open doors");
            _ = report.send(Err(problem));
            return refuse_photos(inbox, &orders);
        }
    };
    let mut eyes = Looker {
        engine,
        open_camera,
        camera: None,
        inbox: inbox.clone(),
        news,
        report,
        able: None,
        anybody: false,
        policy,
        attention: Attention::default(),
        next_look: Duration::ZERO,
        damaged: 0,
        clock,
    };
    eyes.look(&orders);
}

/// Without models every photo gets an answer all the same.
fn refuse_photos(inbox: &Inbox, orders: &Receiver<Look>) {
    for order in orders {
        if let Look::AtPhoto { command, recipient, .. } = order {
            let result = Err(PhotoFault("face recognition is not running on this device".into()));
            if !inbox.send(Message::Enrolled { command, recipient, result }) {
                return;
            }
        }
    }
}

struct Looker {
    engine: Box<dyn FaceEngine>,
    open_camera: OpenCamera,
    camera: Option<Box<dyn Camera>>,
    inbox: Inbox,
    news: Arc<Mutex<Option<People>>>,
    report: SyncSender<EyesReport>,
    able: Option<bool>,
    anybody: bool,
    policy: AttentionPolicy,
    attention: Attention,
    /// How long the next look may wait.
    next_look: Duration,
    /// Frames in a row that could not be judged.
    damaged: u32,
    clock: Clock,
}

impl Looker {
    fn look(&mut self, orders: &Receiver<Look>) {
        loop {
            if !self.hear_the_news() {
                return;
            }
            let pause = self.pause();
            let order = if pause.is_zero() {
                orders.try_recv().map_err(|none| none == TryRecvError::Disconnected)
            } else {
                orders.recv_timeout(pause).map_err(|none| none == RecvTimeoutError::Disconnected)
            };
            let alive = match order {
                Ok(order) => self.obey(order),
                Err(true) => false,
                Err(false) => self.glance(),
            };
            if !alive {
                return;
            }
        }
    }

    fn pause(&self) -> Duration {
        match (self.anybody, self.able) {
            (false, _) => REST,
            (true, None | Some(true)) => self.next_look,
            // The camera is open: its frames are tried further.
            (true, Some(false)) if self.camera.is_some() => self.next_look,
            (true, Some(false)) => AFTER_FAULT,
        }
    }

    /// Takes up whom to look for. False when the agent is gone.
    fn hear_the_news(&mut self) -> bool {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(people) = news {
            self.anybody = !people.is_empty();
            self.engine.look_for(people);
        }
        if self.anybody {
            return true;
        }
        self.camera = None;
        self.next_look = Duration::ZERO;
        self.damaged = 0;
        // How the camera is now nobody knows; who is enrolled next makes it needed, and tried.
        self.tell_ability(Ok(()))
    }

    /// Carries out one order. False when the agent is gone.
    fn obey(&mut self, order: Look) -> bool {
        match order {
            Look::Anew => true,
            Look::AtPhoto { command, recipient, photo } => {
                let photo = Zeroizing::new(photo);
                let result = self.engine.enrol(&photo);
                self.inbox.send(Message::Enrolled { command, recipient, result })
            }
        }
    }

    /// Looks once, if there is anybody to look for. False when the agent is gone.
    fn glance(&mut self) -> bool {
        if !self.anybody {
            return true;
        }
        self.next_look = Duration::ZERO;
        match self.frame() {
            Ok(frame) => {
                // Where frames come that nobody can judge, only a good one switches faces on.
                let told = self.damaged >= MOST_DAMAGED || self.tell_ability(Ok(()));
                let at = self.clock.now().mono;
                told && frame.is_none_or(|frame| self.examine(at, &frame))
            }
            Err(problem) => {
                if self.able != Some(false) {
                    tracing::error!(%problem, "faces are off until the camera is back");
                }
                self.camera = None;
                self.damaged = 0;
                self.engine.forget();
                self.tell_ability(Err(problem))
            }
        }
    }

    fn frame(&mut self) -> Result<Option<Frame>, String> {
        self.camera()?;
        let Some(camera) = self.camera.as_mut() else { return Ok(None) };
        camera.latest(GLANCE).map_err(|fault| fault.to_string())
    }

    fn camera(&mut self) -> Result<(), String> {
        if self.camera.is_none() {
            self.camera = Some((self.open_camera)().map_err(|fault| fault.to_string())?);
        }
        Ok(())
    }

    fn examine(&mut self, at: Monotonic, frame: &Frame) -> bool {
        match self.engine.examine(frame) {
            Ok(sighting) => {
                let now = self.clock.now().mono;
                self.damaged = 0;
                self.next_look = self.attention.after_look(&self.policy, now, &sighting);
                self.tell_ability(Ok(())) && self.inbox.send(Message::Saw { at, sighting })
            }
            Err(FaceFault { problem }) => self.skip(&problem),
        }
    }

    /// A frame that cannot be judged. One says nothing; only such frames are a camera that does not work.
    fn skip(&mut self, problem: &str) -> bool {
        self.damaged = self.damaged.saturating_add(1);
        self.next_look = self.policy.idle_interval;
        if self.damaged == 1 {
            tracing::warn!(%problem, "a frame was skipped; told again after a good one");
        }
        if self.damaged != MOST_DAMAGED {
            return true;
        }
        tracing::error!(%problem, "faces are off until a frame can be judged again");
        self.tell_ability(Err(format!(
            "none of the camera's last {MOST_DAMAGED} frames could be judged: {problem}"
        )))
    }

    /// Says whether faces can open doors, when that changes.
    fn tell_ability(&mut self, ability: EyesReport) -> bool {
        let able = ability.is_ok();
        if self.able == Some(able) {
            return true;
        }
        self.able = Some(able);
        // Where nobody takes the reports away, the first ones are enough.
        _ = self.report.try_send(ability);
        self.inbox.send(Message::Observed(Input::FacesAvailable(able)))
    }
}
