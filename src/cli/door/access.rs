//! The way to the doors: the running daemon, or this process itself.

use std::process::ExitCode;

use crate::config::Config;
use crate::contract::command::check_reason;
use crate::contract::state::CompartmentState;
use crate::control::{Asked, Client, ControlFault, Doors as _, Doorway, local_user};
use crate::core::command::Answer;
use crate::core::ids::CompartmentId;
use crate::daemon::{Alone, start_log};

/// Whoever moves the doors.
pub(super) enum Access {
    /// The daemon that runs.
    Daemon(Client),
    /// Nobody else, so this process.
    Alone(Box<Alone>),
}

impl Access {
    /// Does something with the doors, and leaves them in good order however it ends.
    pub(super) fn with(
        config: &Config,
        work: impl FnOnce(&mut Self) -> anyhow::Result<ExitCode>,
    ) -> anyhow::Result<ExitCode> {
        let mut access = Self::open_way(config)?;
        let done = work(&mut access);
        match access {
            Self::Daemon(_) => done,
            Self::Alone(alone) => {
                let stopped = alone.stop();
                let code = done?;
                stopped.map(|()| code)
            }
        }
    }

    fn open_way(config: &Config) -> anyhow::Result<Self> {
        match Client::connect(&config.control_socket) {
            Ok(client) => Ok(Self::Daemon(client)),
            Err(ControlFault::NobodyThere { .. }) => {
                start_log("error");
                Ok(Self::Alone(Box::new(Alone::start(config)?)))
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// How all doors stand.
    pub(super) fn look(&mut self) -> Result<Vec<CompartmentState>, ControlFault> {
        match self {
            Self::Daemon(client) => client.look(),
            Self::Alone(alone) => {
                let view = alone.desk.look()?;
                Ok(view.compartments.iter().map(CompartmentState::from).collect())
            }
        }
    }

    /// Opens a door and waits until it was seen open, or will not open.
    pub(super) fn open(
        &mut self,
        compartment: CompartmentId,
        reason: &str,
        even_loaded: bool,
    ) -> Result<Answer, ControlFault> {
        check_reason(reason)
            .map_err(|wrong| ControlFault::Refused(format!("the reason {wrong}")))?;
        let reason = reason.to_owned();
        match self {
            Self::Daemon(client) => {
                let sudo_user = std::env::var("SUDO_USER").ok();
                client.open(Doorway { compartment, reason, even_loaded, sudo_user })
            }
            Self::Alone(alone) => {
                let operator = local_user();
                alone.desk.open(Asked { compartment, operator, reason, even_loaded })
            }
        }
    }
}
