//! The stage: broker, hall, cabinet, camera and agent, all on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::books::Books;
use super::teller::Teller;
use crate::app::Clock;
use crate::config::Config;
use crate::contract::answer::Reply;
use crate::core::command::Order;
use crate::daemon::{Daemon, Hardware, model_store};
use crate::files::{LARGEST_PICTURE, read_at_most};
use crate::hallctl::client::new_command;
use crate::hallctl::{Broker, HallClient};
use crate::models::ModelStore;
use crate::sim::broker::EmbeddedBroker;
use crate::sim::{SimCabinet, SimCamera};
use crate::vision::picture::Picture;

/// How long the demonstration's hall waits for the end of a command.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything and everybody on the stage.
pub(super) struct Stage {
    pub(super) config: Config,
    pub(super) cabinet: SimCabinet,
    pub(super) camera: SimCamera,
    pub(super) photos: Photos,
    pub(super) books: Books,
    pub(super) daemon: Daemon,
    pub(super) broker: Broker,
    hall: HallClient,
    runtime: Runtime,
}

/// The people who come to the locker, as files' bytes.
pub(super) struct Photos {
    /// What the hall sends for enrolment.
    pub(super) citizen_on_file: Vec<u8>,
    /// The same person on another day.
    pub(super) citizen_at_the_door: Vec<u8>,
    pub(super) stranger: Vec<u8>,
    /// A photo of a photo, if there is one.
    pub(super) attack: Option<Vec<u8>>,
}

impl Stage {
    pub(super) fn set(
        state: &Path,
        models: Option<PathBuf>,
        attack: Option<&Path>,
        teller: &mut Teller,
    ) -> anyhow::Result<Self> {
        let embedded = EmbeddedBroker::start(0)?;
        let mut config = Config::demo(state.join("agent"), embedded.port);
        config.models.dir = models;
        let store = model_store(&config.models).map_err(anyhow::Error::msg)?;
        let photos = Photos::read(&store, attack)?;
        let numbers = config.cabinet.doors.numbers();
        teller.say(&format!(
            "A broker on 127.0.0.1:{}, a simulated cabinet of {} doors, the agent's journal in {}.",
            embedded.port,
            numbers.len(),
            config.device.state_dir.display()
        ));
        let cabinet = SimCabinet::new(numbers);
        let camera = SimCamera::new(10.0);
        let runtime = Runtime::new().context("the asynchronous runtime does not start")?;
        let broker = Broker::new("127.0.0.1", embedded.port);
        let device = config.device.id.clone();
        let file = state.join("hall-events.jsonl");
        let books = Books::open(&runtime, broker.clone(), device.clone(), &file)?;
        books.wait_until_listening()?;
        teller.saw("the hall listens");

        let daemon = Daemon::start(&config, hardware(&cabinet, &camera), Box::new(|| ()))?;
        daemon.wait_for_eyes().map_err(anyhow::Error::msg)?;
        teller.saw_stage("start to ready (models verified and loaded)", "the agent is ready");

        let hall = runtime.block_on(HallClient::connect(&broker, &device))?;
        teller.saw("the hall is connected");
        Ok(Self { config, cabinet, camera, photos, books, daemon, broker, hall, runtime })
    }

    /// Sends a command as the hall does and gives its final answer.
    pub(super) fn command(&self, order: Order, photo: Option<&[u8]>) -> anyhow::Result<Reply> {
        let now = Clock::start().now().wall;
        let command = new_command(order, None, now, Duration::from_secs(60));
        let answer = self.hall.command(&command, photo, PATIENCE, |_| ());
        Ok(self.runtime.block_on(answer)?)
    }

    /// Waits until the cabinet says that the hall has acknowledged everything.
    pub(super) fn wait_until_acknowledged(&mut self) -> anyhow::Result<()> {
        let clock = Clock::start();
        while clock.now().mono.0 < PATIENCE {
            if self.runtime.block_on(self.hall.state())?.outbox_depth == 0 {
                return Ok(());
            }
            #[expect(clippy::disallowed_methods, reason = "the state is a picture, not a stream")]
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("the cabinet still waits for receipts after {PATIENCE:?}")
    }

    /// Stops the agent, then gives the rest back for inspection.
    pub(super) fn stop(self) -> anyhow::Result<(Config, Books, SimCabinet)> {
        self.daemon.stop()?;
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        Ok((self.config, self.books, self.cabinet))
    }
}

fn hardware(cabinet: &SimCabinet, camera: &SimCamera) -> Hardware {
    let camera = camera.clone();
    Hardware {
        locks: Box::new(cabinet.locks()),
        sensors: Box::new(cabinet.sensors()),
        open_camera: Box::new(move || Ok(Box::new(camera.clone()))),
    }
}

impl Photos {
    fn read(store: &ModelStore, attack: Option<&Path>) -> anyhow::Result<Self> {
        let sample = |name: &str| {
            store.bytes(name).context("the demonstration needs the sample photos: run: locker-agent models fetch --samples (or make models)")
        };
        Ok(Self {
            citizen_on_file: sample("obama")?,
            citizen_at_the_door: sample("obama2")?,
            stranger: sample("biden")?,
            attack: attack.map(read_attack).transpose()?,
        })
    }
}

/// The attack's bytes, once they are known to be a picture: before the story begins, and not in the middle of it.
fn read_attack(file: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read_at_most(file, LARGEST_PICTURE).context("--attack cannot be used")?;
    let mut picture = Picture::decoded(&bytes)
        .with_context(|| format!("--attack cannot be used: {}", file.display()))?;
    picture.wipe();
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_attack_that_is_no_picture_is_refused_before_the_story() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("attack.jpg");
        std::fs::write(&file, b"hi").unwrap();
        let said = format!("{:#}", read_attack(&file).unwrap_err());
        assert!(said.contains("attack.jpg: the file is not a JPEG, PNG or PNM picture"), "{said}");
        let said = format!("{:#}", read_attack(Path::new("/dev/zero")).unwrap_err());
        assert!(said.contains("--attack cannot be used: /dev/zero is not an ordinary"), "{said}");
    }
}
