//! From the first picture with a face to the lock's line: somebody walks up to the real daemon with the real models, the
//! default policy (votes, liveness and the test for still pictures included) and a camera that is replayed at 15 frames a
//! second. Real broker, real journal; the lock is simulated.
//!
//! `cargo run --release --example walk_up [WALK-UPS]`, after `make models`
//!
//! Nobody moves a head in a photo: each frame is cut from it a pixel or so elsewhere and has a grain of its own, as frames
//! of a sensor have. Before the face comes the camera shows a wall, for another number of frames each time, so that the
//! face meets the daemon at any moment between two of its looks. The time begins when the first frame with the face is due,
//! whether or not the daemon looks at it.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::unwrap_used, missing_docs, reason = "shared with the tests")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/mosquitto.rs"]
mod mosquitto;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};
use locker_agent::app::Clock;
use locker_agent::cameras::ReplayCamera;
use locker_agent::config::Config;
use locker_agent::contract::answer::Reply;
use locker_agent::core::command::{Answer, Lifecycle, Order, Purpose};
use locker_agent::core::fitting::Needs;
use locker_agent::core::ids::{CompartmentId, ConsentRef, DepositId, OperatorId, RecipientId};
use locker_agent::core::policy::FacePolicy;
use locker_agent::daemon::{Daemon, Hardware, model_store};
use locker_agent::hallctl::client::new_command;
use locker_agent::hallctl::{Broker, HallClient};
use locker_agent::models::ModelStore;
use locker_agent::ports::{CameraFault, LockBank, LockFault};
use locker_agent::sim::SimCabinet;
use tokio::runtime::Runtime;

const FRAMES_PER_SECOND: f64 = 15.0;
/// Across and down: a camera mounted upright.
const FRAME: [u32; 2] = [480, 640];
/// With the face, of each pair: four seconds.
const FRAMES: usize = 60;
/// The sway of the cut, in pixels either way.
const SWAY: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(10);

/// Which sample is enrolled, and which comes to the door.
const PAIRS: [(&str, &str); 3] = [("obama", "obama2"), ("obama", "obama3"), ("obama2", "obama")];

fn main() -> anyhow::Result<()> {
    let turns = std::env::args().nth(1).map_or(Ok(24), |turns| turns.parse())?;
    let folder = tempfile::tempdir_in("target")?;
    let broker = mosquitto::Mosquitto::running();
    let mut config = Config::demo(folder.path().join("agent"), broker.port);
    config.recognition = FacePolicy::default();
    config.cabinet.locks.pulse = Duration::from_millis(50);
    let store = model_store(&config.models).map_err(anyhow::Error::msg)?;
    let films = films(&store, folder.path())?;
    let cabinet = SimCabinet::new(config.cabinet.doors.numbers());
    let screen = Screen::default();
    screen.show(films[0].after(0));
    let (set, lines) = channel();
    let showing = screen.clone();
    let hardware = Hardware {
        locks: Box::new(Probe { inner: cabinet.locks(), set }),
        sensors: Box::new(cabinet.sensors()),
        open_camera: Box::new(move || Ok(Box::new(showing.play()?))),
    };
    let daemon = Daemon::start(&config, hardware, Box::new(|| ()))?;
    daemon.wait_for_eyes().map_err(anyhow::Error::msg)?;
    let mut hall = Hall::open(broker.port, &config)?;
    let mut times = Vec::new();
    for turn in 0..turns {
        let film = &films[turn % films.len()];
        // Two seconds and up to half a second more, in no order.
        let walls = 30 + turn * 5 % 8;
        screen.show(film.after(walls));
        let walk_up = walk_up(&mut hall, &cabinet, &screen, &lines, (turn, film, walls));
        times
            .push((film.name, walk_up.with_context(|| format!("walk-up {turn} ({})", film.name))?));
    }
    daemon.stop()?;
    for (_, shown) in PAIRS {
        report(shown, times.iter().filter(|(name, _)| *name == shown).map(|(_, took)| *took));
    }
    report("all", times.iter().map(|(_, took)| *took));
    Ok(())
}

/// One document: it is brought, somebody walks up for it, it is collected.
fn walk_up(
    hall: &mut Hall,
    cabinet: &SimCabinet,
    screen: &Screen,
    lines: &Receiver<Instant>,
    (turn, film, walls): (usize, &Film, usize),
) -> anyhow::Result<Duration> {
    let door = hall.bring(turn, &film.enrolled)?;
    lines.recv_timeout(PATIENCE).context("the clerk's line was not set")?;
    cabinet.wait_for_pulse(PATIENCE).context("the clerk's pulse did not end")?;
    screen.forget();
    // The document is in: now somebody is waited for, and the camera is opened.
    cabinet.close(door);
    let set = lines.recv_timeout(PATIENCE).context("was not accepted within ten seconds")?;
    let began = screen.began().context("the camera was not opened")?;
    let first = began + Duration::from_secs_f64(walls as f64 / FRAMES_PER_SECOND);
    ensure!(set > first, "a door opened before anybody came");
    let pulse = cabinet.wait_for_pulse(PATIENCE).context("the pulse did not end")?;
    ensure!(pulse.compartment == door, "another door opened");
    cabinet.close(door);
    hall.wait_until_vacant(door)?;
    Ok(set.duration_since(first))
}

fn report<'a>(name: &str, times: impl Iterator<Item = Duration> + 'a) {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    let (Some(least), Some(most)) = (times.first(), times.last()) else { return };
    println!(
        "{name:8} {:3} walk-ups: median {:4} ms, least {:4} ms, most {:4} ms",
        times.len(),
        times[times.len() / 2].as_millis(),
        least.as_millis(),
        most.as_millis()
    );
}

/// The simulated lock, which also tells when its line was set.
struct Probe<L> {
    inner: L,
    set: Sender<Instant>,
}

impl<L: LockBank> LockBank for Probe<L> {
    fn pulse(&mut self, door: CompartmentId, width: Duration) -> Result<(), LockFault> {
        _ = self.set.send(Instant::now());
        self.inner.pulse(door, width)
    }
}

/// What the camera plays whenever it is opened, and when it was opened last.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<(Vec<PathBuf>, Option<Instant>)>>);

impl Screen {
    fn show(&self, files: Vec<PathBuf>) {
        self.0.lock().unwrap().0 = files;
    }

    fn forget(&self) {
        self.0.lock().unwrap().1 = None;
    }

    fn began(&self) -> Option<Instant> {
        self.0.lock().unwrap().1
    }

    fn play(&self) -> Result<ReplayCamera, CameraFault> {
        let mut playing = self.0.lock().unwrap();
        let camera = ReplayCamera::from_files(&playing.0, FRAMES_PER_SECOND)?;
        playing.1 = Some(Instant::now());
        Ok(camera)
    }
}

/// Somebody at the door, frame by frame, and the photo that the hall has of them.
struct Film {
    name: &'static str,
    enrolled: Vec<u8>,
    wall: PathBuf,
    frames: Vec<PathBuf>,
}

impl Film {
    /// So many frames of a wall, then the face.
    fn after(&self, walls: usize) -> Vec<PathBuf> {
        std::iter::repeat_n(&self.wall, walls).chain(&self.frames).cloned().collect()
    }
}

fn films(store: &ModelStore, folder: &Path) -> anyhow::Result<Vec<Film>> {
    let wall = folder.join("wall.jpg");
    save(&RgbImage::from_pixel(FRAME[0], FRAME[1], image::Rgb([128; 3])), &wall)?;
    let sample =
        |name: &str| store.bytes(name).context("the sample photos are needed: make models");
    let film = |(enrolled, name): (&str, &'static str)| {
        let frames = frames(&sample(name)?, &folder.join(name))?;
        Ok(Film { name, enrolled: sample(enrolled)?, wall: wall.clone(), frames })
    };
    PAIRS.into_iter().map(film).collect()
}

/// Frames of a photo as a camera would give them.
fn frames(photo: &[u8], name: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let whole = image::load_from_memory(photo)?.into_rgb8();
    // As small as it covers the frame and the sway; people in portraits are in the middle and near the top.
    let room = FRAME.map(|side| side + 2 * SWAY);
    let (width, height) = whole.dimensions();
    let scale = (f64::from(room[0]) / f64::from(width)).max(f64::from(room[1]) / f64::from(height));
    let [across, down] = [width, height].map(|side| (f64::from(side) * scale).ceil() as u32);
    let whole = imageops::resize(&whole, across, down, imageops::FilterType::Triangle);
    let left = (across - room[0]) / 2;
    let mut draw = Draw(1);
    let frame = |number| {
        let (x, y) = (left + draw.below(2 * SWAY + 1), draw.below(2 * SWAY + 1));
        let mut cut = imageops::crop_imm(&whole, x, y, FRAME[0], FRAME[1]).to_image();
        for value in cut.iter_mut() {
            *value = value.saturating_add(draw.below(5) as u8).saturating_sub(2);
        }
        let file = name.with_extension(format!("{number}.jpg"));
        save(&cut, &file)?;
        Ok(file)
    };
    (0..FRAMES).map(frame).collect()
}

fn save(frame: &RgbImage, file: &Path) -> anyhow::Result<()> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 80).encode_image(frame)?;
    Ok(std::fs::write(file, jpeg)?)
}

/// The same numbers in every run: a linear congruence.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as u32 % end
    }
}

/// The hall and its clerk.
struct Hall {
    runtime: Runtime,
    client: HallClient,
}

impl Hall {
    fn open(port: u16, config: &Config) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let broker = Broker::new("127.0.0.1", port);
        let client = runtime.block_on(HallClient::connect(&broker, &config.device.id))?;
        Ok(Self { runtime, client })
    }

    /// Reserves, enrols, and opens the door for the clerk.
    fn bring(&self, turn: usize, photo: &[u8]) -> anyhow::Result<CompartmentId> {
        let recipient = RecipientId::new(format!("r-{turn}"))?;
        let reserve = Order::Reserve {
            deposit: DepositId::new(format!("licence-{turn}"))?,
            recipient: recipient.clone(),
            compartment: None,
            needs: Needs::default(),
            collect_by: None,
        };
        let compartment = self.command(reserve, None)?.context("no door was reserved")?;
        let consent = ConsentRef::new("consent-1")?;
        self.command(Order::Enrol { recipient, consent }, Some(photo))?;
        let operator = OperatorId::new("clerk-1")?;
        let (purpose, reason) = (Purpose::Load, "bench".to_owned());
        self.command(Order::Unlock { compartment, purpose, operator, reason }, None)?;
        Ok(compartment)
    }

    fn command(&self, order: Order, photo: Option<&[u8]>) -> anyhow::Result<Option<CompartmentId>> {
        let now = Clock::start().now().wall;
        let command = new_command(order, None, now, Duration::from_secs(60));
        let answered = self.client.command(&command, photo, PATIENCE, |_| ());
        let reply = self.runtime.block_on(answered)?;
        let Reply::Judged(Answer::Done { compartment }) = reply else {
            bail!("a command was answered {reply:?}");
        };
        Ok(compartment)
    }

    fn wait_until_vacant(&mut self, door: CompartmentId) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let state = self.runtime.block_on(self.client.state())?;
            let vacant = |lifecycle| lifecycle == Lifecycle::Vacant;
            if state.compartments.iter().any(|c| c.number == door && vacant(c.lifecycle)) {
                return Ok(());
            }
            // The state is a picture, not a stream.
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the document was not collected")
    }
}
