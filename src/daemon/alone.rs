//! An agent for one command of an installer, while no daemon runs: doors and journal, no camera and no hall.
//!
//! The same core and the same record: what is done by hand is in the journal and reaches the hall with the rest.

use anyhow::Context as _;

use super::desk::Desk;
use super::hardware::open_doors;
use super::{credentials, make_private_dir};
use crate::app::{Agent, AgentHandle, Parts};
use crate::config::Config;
use crate::core::command::Answer;
use crate::core::ids::CommandId;
use crate::core::view::CabinetView;
use crate::journal::{Store, TemplateVault};
use crate::ports::{CameraFault, Uplink};

/// The agent, until [`Alone::stop`].
pub struct Alone {
    agent: AgentHandle,
    /// Where it is asked.
    pub desk: Desk,
}

impl Alone {
    /// Takes doors and journal into use. Fails while a daemon has them.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        let state_dir = &config.device.state_dir;
        make_private_dir(state_dir)?;
        let (journal, _outbox) = Store::open(state_dir).context(
            "no daemon answers at the control socket, and this command cannot do its work alone",
        )?;
        let templates = TemplateVault::open(state_dir, credentials().as_deref())?;
        let (locks, sensors) = open_doors(&config.cabinet.doors)?;
        let agent = Agent::start(Parts {
            policy: config.policy(),
            fitted: config.cabinet.doors.numbers().into_iter().collect(),
            rest: config.cabinet.rest_between_pulses,
            journal: Box::new(journal),
            templates: Box::new(templates),
            locks,
            sensors,
            open_engine: Box::new(|| Err("not for this command".to_owned())),
            open_camera: Box::new(|| {
                let problem = "not for this command".to_owned();
                Err(CameraFault { camera: "none".to_owned(), problem })
            }),
            uplink: Box::new(NoHall),
            heartbeat: Box::new(|| ()),
        })?;
        let desk = Desk::new(agent.inbox());
        Ok(Self { agent, desk })
    }

    /// Finishes what is under way.
    pub fn stop(self) -> anyhow::Result<()> {
        Ok(self.agent.stop()?)
    }
}

/// The hall hears of it when the daemon runs again: everything is in the journal.
struct NoHall;

impl Uplink for NoHall {
    fn answer(&mut self, _: &CommandId, _: &Answer) {}
    fn recorded(&mut self) {}
    fn show(&mut self, _: &CabinetView) {}
}
