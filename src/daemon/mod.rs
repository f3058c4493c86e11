//! The wiring: from a configuration to a running agent.

mod alone;
mod desk;
mod hall_task;
mod hardware;
mod link;
mod log;
mod signals;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::mpsc;

pub use alone::Alone;
pub use hardware::{Hardware, camera_opener, open_doors, release_locks};
pub use log::start_log;
pub use signals::stop_signals;

use crate::app::{Agent, AgentHandle, Clock, EyesReport, Inbox, OpenEngine, Parts};
use crate::config::{CameraSource, Config, ModelsConfig};
use crate::control;
use crate::core::policy::{Factors, LivenessMode, Policy};
use crate::hall;
use crate::journal::{Store, TemplateVault};
use crate::models::{Manifest, ModelStore, default_dir};
use crate::ports::Outbox;
use crate::vision::Engine;
use desk::Desk;
use hall_task::HallTask;
use link::HallLink;

/// Messages that may wait on the way to the hall's task: answers and states, a kilobyte or so each. The task takes
/// them whatever else it does.
const TO_HALL: usize = 256;
/// Messages that may wait on the way from the hall's task. Each may carry a photo of 0.75 MB, so few: what does not
/// find room here waits at the broker.
const FROM_HALL: usize = 8;

/// A running agent with its connection to the hall.
pub struct Daemon {
    agent: AgentHandle,
    hall: HallTask,
    /// There while it is served.
    _control: Option<control::Server>,
}

impl Daemon {
    /// Opens the state, rebuilds it, and starts everything. Faces may still be coming up when it returns.
    pub fn start(
        config: &Config,
        hardware: Hardware,
        mut heartbeat: Box<dyn FnMut() + Send>,
    ) -> anyhow::Result<Self> {
        let (hall_config, identity) = (hall_config(config), link::identity());
        hall_config.check()?;
        let state_dir = &config.device.state_dir;
        make_private_dir(state_dir)?;
        let (journal, outbox) = Store::open(state_dir)?;
        let templates = TemplateVault::open(state_dir, credentials().as_deref())?;
        let (to_hall, from_app) = mpsc::channel(TO_HALL);
        let (to_app, from_hall) = mpsc::channel(FROM_HALL);
        let outbox: Arc<dyn Outbox> = outbox;
        let link = HallLink::new(config.device.id.clone(), to_hall.clone(), Arc::clone(&outbox));
        let current = link.clone();
        let parts = Parts {
            policy: policy(config),
            fitted: config.cabinet.fittings.clone(),
            journal: Box::new(journal),
            templates: Box::new(templates),
            locks: hardware.locks,
            sensors: hardware.sensors,
            open_engine: engine_opener(config),
            open_camera: hardware.open_camera,
            uplink: Box::new(link.clone()),
            heartbeat: Box::new(move || {
                heartbeat();
                current.refresh();
            }),
        };
        let agent = Agent::start(parts)?;
        let control = serve_control(&config.control_socket, agent.inbox())?;
        link::listen(link, from_hall, agent.inbox())?;
        let hall = hall::run(hall_config, identity, outbox, from_app, to_app);
        Ok(Self { agent, hall: HallTask::start(to_hall, hall)?, _control: control })
    }

    /// Waits until the models are up (and, if anybody is waited for, the camera), or are known not to come up.
    pub fn wait_for_eyes(&self) -> EyesReport {
        self.agent.wait_for_eyes()
    }

    /// Whether faces have gone off or on since that was last asked.
    pub fn news_of_eyes(&self) -> Option<EyesReport> {
        self.agent.news_of_eyes()
    }

    /// Whether the agent or its way to the hall has ended by itself; [`Daemon::stop`] tells why.
    pub fn has_ended(&self) -> bool {
        self.agent.has_ended() || self.hall.has_ended()
    }

    /// Finishes what is under way, says good-bye to the hall, and tells how it ended.
    pub fn stop(self) -> anyhow::Result<()> {
        // Once the agent has gone, the hall's task may end because of that.
        let hall_had_ended = self.hall.has_ended();
        let agent = self.agent.stop();
        let hall = self.hall.stop();
        agent?;
        hall?;
        anyhow::ensure!(!hall_had_ended, "the hall's task ended although nobody had told it to");
        Ok(())
    }
}

/// The site's rules, and what the models' manifest adds: which model makes templates, and the calibration where the site
/// has none of its own.
fn policy(config: &Config) -> Policy {
    let mut policy = config.policy();
    let faces = &mut policy.faces;
    if let Ok(store) = model_store(&config.models) {
        faces.embedder = Some(store.manifest().template_model());
        if faces.calibration.points().is_empty() {
            faces.calibration = store.manifest().calibration();
        }
    }
    if faces.calibration.points().is_empty() {
        tracing::warn!(
            "the models have no calibration: the similarity asked for does not rise with the people waiting"
        );
    }
    match faces.liveness.mode {
        LivenessMode::Off => {
            tracing::warn!(
                "recognition.liveness is \"off\": any photo of the right face opens a door"
            );
        }
        LivenessMode::Passive | LivenessMode::Active => {}
    }
    match faces.factors {
        Factors::Face => {}
        Factors::FaceAndCode | Factors::Code => {
            tracing::warn!(
                "recognition.factors asks for a code, and nothing here takes one yet: the staff opens the doors"
            );
        }
    }
    policy
}

/// Serves the control socket if its folder is there; systemd makes it.
fn serve_control(socket: &Path, inbox: Inbox) -> anyhow::Result<Option<control::Server>> {
    if !socket.parent().is_some_and(Path::is_dir) {
        tracing::info!(?socket, "no control socket: its folder does not exist");
        return Ok(None);
    }
    Ok(Some(control::serve(socket, Arc::new(Desk::new(inbox)))?))
}

/// Loads the models on the thread that will use them.
fn engine_opener(config: &Config) -> OpenEngine {
    if config.camera == CameraSource::None {
        return Box::new(|| Err("camera.kind is \"none\": faces open no doors here".to_owned()));
    }
    let (models, gates) = (config.models.clone(), config.recognition.gates.clone());
    Box::new(move || {
        let clock = Clock::start();
        let store = model_store(&models)?;
        let engine = Engine::load(&store, 1).map_err(|fault| fault.to_string())?;
        let engine = engine.with_frame_gates(gates);
        tracing::info!(model = %engine.model(), took = ?clock.now().mono.0, "models are loaded");
        Ok(Box::new(engine))
    })
}

/// The files that the configuration's manifest names.
pub fn model_store(models: &ModelsConfig) -> Result<ModelStore, String> {
    let dir = models.dir.clone().unwrap_or_else(default_dir);
    let Some(file) = &models.manifest else {
        return Ok(ModelStore::new(Manifest::default_set(), dir));
    };
    let manifest = Manifest::read(file).map_err(|fault| fault.to_string())?;
    Ok(ModelStore::new(manifest, dir).beside(file.parent().unwrap_or(Path::new("."))))
}

/// The hall's part of the configuration, in the uplink's own type.
fn hall_config(config: &Config) -> hall::HallConfig {
    let file = &config.hall;
    let credentials = file.login.as_ref().map(|login| hall::Credentials {
        username: login.username.clone(),
        password_file: login.password_file.clone(),
    });
    hall::HallConfig {
        credentials,
        keep_alive: file.keep_alive,
        allow_insecure: file.allow_insecure,
        ..hall::HallConfig::new(file.host.clone(), file.port, config.device.id.clone())
    }
}

/// Where the service manager puts what it hands over.
pub fn credentials() -> Option<std::path::PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(Into::into)
}

/// The state directory holds the record and the templates: nobody else on the machine needs to read it.
fn make_private_dir(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).with_context(|| {
        format!(
            "the state directory {} cannot be made; create it for the agent's user or set \
             device.state_dir to one that it may write",
            dir.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::calibration::{Calibration, RatePoint};

    #[test]
    fn a_site_without_a_calibration_has_that_of_its_models() {
        let mut config = Config::demo("state".into(), 1);
        let of_models = Manifest::default_set().calibration();
        assert_eq!(policy(&config).faces.calibration, of_models);
        let point = |rate, similarity| RatePoint { rate, similarity };
        let own = Calibration::new(vec![point(1e-2, 0.5), point(1e-3, 0.6)]);
        config.recognition.calibration = own.clone().unwrap_or_default();
        assert_eq!(Ok(policy(&config).faces.calibration), own);
        config.recognition.calibration = Calibration::default();
        config.models.manifest = Some("/nowhere/models.toml".into());
        let unknown = policy(&config).faces;
        assert!((unknown.similarity_among(1000) - unknown.similarity).abs() < 1e-6, "the floor");
    }
}
