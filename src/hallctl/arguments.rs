//! The command line of `hallctl`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::HallFault;
use crate::contract::command::LARGEST_WITH_PHOTO;
use crate::core::command::{Order, Purpose};
use crate::core::ids::{
    CommandId, CompartmentId, ConsentRef, DepositId, DeviceId, OperatorId, RecipientId,
};
use crate::core::time::WallTime;
use crate::files::{FileFault, read_at_most};

/// Talks to a document locker the way the hall does: sends commands, shows and receives events.
///
/// Exit code: 0 done, 1 rejected or failed, 2 wrong usage, no connection or no answer.
#[derive(Debug, Parser)]
#[command(name = "hallctl", version, max_term_width = 100)]
pub struct Arguments {
    /// The MQTT broker, host:port [default: HALLCTL_BROKER, else localhost:1883]
    #[arg(long, global = true)]
    pub broker: Option<String>,
    /// The cabinet [default: HALLCTL_DEVICE]
    #[arg(long, global = true)]
    pub device: Option<DeviceId>,
    /// Log in to the broker as this user
    #[arg(long, global = true, requires = "password_file")]
    pub username: Option<String>,
    /// The file that holds the password
    #[arg(long, global = true)]
    pub password_file: Option<PathBuf>,
    /// Talk to a broker on another machine although nothing is encrypted
    #[arg(long, global = true)]
    pub allow_insecure: bool,
    /// Print JSON, one object a line, as it travels
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Keep a compartment for a document
    Reserve {
        /// The document
        deposit: DepositId,
        /// Who will collect it
        recipient: RecipientId,
        /// A certain compartment instead of any that is free
        #[arg(long)]
        compartment: Option<CompartmentId>,
        /// Count the document as expired after this many hours
        #[arg(long)]
        collect_within_hours: Option<u32>,
        /// How to send it
        #[command(flatten)]
        sending: Sending,
    },
    /// Make a template of a photo, so that a recipient can be recognised
    Enrol {
        /// Whose face
        recipient: RecipientId,
        /// A JPEG or PNG that shows only this person
        photo: PathBuf,
        /// Where the consent is on record
        #[arg(long)]
        consent: ConsentRef,
        /// How to send it
        #[command(flatten)]
        sending: Sending,
    },
    /// Forget a recipient's templates
    Erase {
        /// Whose
        recipient: RecipientId,
        /// How to send it
        #[command(flatten)]
        sending: Sending,
    },
    /// Open one door for a member of staff
    Unlock {
        /// Which door
        compartment: CompartmentId,
        /// What for
        purpose: For,
        /// Who answers for it
        #[arg(long)]
        operator: OperatorId,
        /// Why, for the record
        #[arg(long)]
        reason: String,
        /// How to send it
        #[command(flatten)]
        sending: Sending,
    },
    /// Take back a reservation that was never loaded
    Cancel {
        /// The document
        deposit: DepositId,
        /// How to send it
        #[command(flatten)]
        sending: Sending,
    },
    /// Take a compartment out of service, or return it after a check
    Service {
        /// In or out
        which: InOrOut,
        /// Which compartment
        compartment: CompartmentId,
        /// Who answers for it
        #[arg(long)]
        operator: OperatorId,
        /// How to send it
        #[command(flatten)]
        sending: Sending,
    },
    /// Show the cabinet's events as they come
    Watch(Watch),
    /// Show the cabinet as it is now
    State,
}

/// How to send a command.
#[derive(Debug, Clone, Args)]
pub struct Sending {
    /// The command's id, to ask again about the same command [default: random]
    #[arg(long)]
    pub id: Option<CommandId>,
    /// For how long it may be obeyed, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub ttl: u32,
    /// How long to wait for its end, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,
}

/// How to watch.
#[derive(Debug, Clone, Args)]
pub struct Watch {
    /// Receive: keep every event once and in order, then tell the cabinet that it may let go of it
    #[arg(long, requires = "store")]
    pub receive: bool,
    /// The file to keep events in, one a line
    #[arg(long, requires = "receive")]
    pub store: Option<PathBuf>,
    /// End after the event with this sequence number
    #[arg(long)]
    pub until: Option<u64>,
    /// End after so many events
    #[arg(long)]
    pub count: Option<u64>,
}

/// What a door is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the purposes of core::command::Purpose")]
pub enum For {
    Load,
    Collect,
    Recall,
    Inspect,
}

/// Into service or out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum InOrOut {
    In,
    Out,
}

/// What a task comes down to.
#[derive(Debug)]
pub enum Plan {
    /// Send an order and wait for its end.
    Order {
        /// The order.
        order: Order,
        /// The photo of an enrolment.
        photo: Option<Vec<u8>>,
        /// How.
        sending: Sending,
    },
    /// Watch events.
    Watch(Watch),
    /// Show the state.
    State,
}

impl Task {
    /// Reads what has to be read and says what is to be done.
    pub fn plan(self, now: WallTime) -> Result<Plan, HallFault> {
        let mut photo = None;
        let (order, sending) = match self {
            Self::Watch(watch) => return Ok(Plan::Watch(watch)),
            Self::State => return Ok(Plan::State),
            Self::Reserve { deposit, recipient, compartment, collect_within_hours, sending } => {
                let hours = |hours| Duration::from_secs(u64::from(hours) * 3600);
                let collect_by = collect_within_hours.map(|count| now.plus(hours(count)));
                (Order::Reserve { deposit, recipient, compartment, collect_by }, sending)
            }
            Self::Enrol { recipient, photo: file, consent, sending } => {
                let problem = |e: FileFault| HallFault::Usage(e.to_string());
                photo = Some(read_at_most(&file, LARGEST_WITH_PHOTO).map_err(problem)?);
                (Order::Enrol { recipient, consent }, sending)
            }
            Self::Erase { recipient, sending } => (Order::Erase { recipient }, sending),
            Self::Unlock { compartment, purpose, operator, reason, sending } => {
                (Order::Unlock { compartment, purpose: purpose.into(), operator, reason }, sending)
            }
            Self::Cancel { deposit, sending } => (Order::Cancel { deposit }, sending),
            Self::Service { which, compartment, operator, sending } => {
                let in_service = which == InOrOut::In;
                (Order::SetService { compartment, in_service, operator }, sending)
            }
        };
        Ok(Plan::Order { order, photo, sending })
    }
}

impl From<For> for Purpose {
    fn from(purpose: For) -> Self {
        match purpose {
            For::Load => Self::Load,
            For::Collect => Self::Collect,
            For::Recall => Self::Recall,
            For::Inspect => Self::Inspect,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_unlock_becomes_an_order() {
        let words =
            ["hallctl", "unlock", "7", "recall", "--operator", "clerk-7", "--reason", "late"];
        let Task::Unlock { .. } = Arguments::try_parse_from(words).unwrap().task else {
            panic!("not an unlock")
        };
        assert!(Arguments::try_parse_from(["hallctl", "unlock", "0", "load"]).is_err());
        assert!(Arguments::try_parse_from(["hallctl", "watch", "--receive"]).is_err());
    }
}
