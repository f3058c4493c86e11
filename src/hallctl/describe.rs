//! Answers and events as sentences.

use crate::contract::answer::{AnswerMessage, MalformedReason, MalformedReply, Reply};
use crate::contract::record;
use crate::contract::state::{CabinetState, CompartmentState};
use crate::core::command::{Answer, Failure, Lifecycle, Rejection};
use crate::core::event::{Authority, Event};
use crate::core::time::WallTime;

/// A moment as people write it, in UTC.
pub fn moment(at: WallTime) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .map_or_else(|_| format!("{} ms", at.0), |t| t.to_string())
}

/// An answer.
pub fn answer(message: &AnswerMessage) -> String {
    let AnswerMessage { device, id, answer, .. } = message;
    match answer {
        Reply::Judged(Answer::Accepted) => format!("{device} accepted {id}: it has begun"),
        Reply::Judged(Answer::Done { compartment: Some(compartment) }) => {
            format!("{device} carried out {id}: compartment {compartment}")
        }
        Reply::Judged(Answer::Done { compartment: None }) => format!("{device} carried out {id}"),
        Reply::Judged(Answer::Rejected { reason }) => {
            format!("{device} rejected {id}: {}", rejection(reason))
        }
        Reply::Judged(Answer::Failed { reason }) => {
            format!("{device} accepted {id}, but {}", failure(reason))
        }
        Reply::Malformed(MalformedReply::Rejected {
            reason: MalformedReason::Malformed { field, remedy },
        }) => format!("{device} rejected {id}: {field} {remedy}"),
    }
}

/// Why a command was not obeyed, and what to do.
pub fn rejection(reason: &Rejection) -> String {
    let sentence = match reason {
        Rejection::Retained => {
            "it was retained by the broker; send commands without the retain flag"
        }
        Rejection::Expired => "it is too late; send a new one",
        Rejection::NotYetValid => "it is dated in the future; compare the clocks",
        Rejection::LivesTooLong => "it would be valid for too long; give it an earlier expiry",
        Rejection::NoSuchCompartment => "there is no such compartment",
        Rejection::NoSuchDeposit => "no such document is here",
        Rejection::DepositExists => "a document of that name is already here",
        Rejection::NoneFree => "no compartment is free",
        Rejection::NoneFits => {
            "no free compartment is large enough and, if that was asked for, low"
        }
        Rejection::TooSmall => "the compartment is smaller than that; name a larger one or none",
        Rejection::NotLow => {
            "the compartment cannot be reached from a wheelchair; name a low one or none"
        }
        Rejection::Occupied => {
            "nothing should be in the compartment, but its sensor sees something; look inside"
        }
        Rejection::WrongState { state } => {
            return format!("the compartment is {}, which does not allow it", lifecycle(*state));
        }
        Rejection::Busy => "a door is open or being opened; try again with a new id",
        Rejection::OutOfService => {
            "the compartment is out of service or faulty until it is checked"
        }
        Rejection::RemoteEnrolmentOff => "this cabinet does not enrol on the hall's word",
        Rejection::NoGroundToEnrol => "the recipient has no document here; reserve one first",
        Rejection::FaceUnavailable => "face recognition is not running on this cabinet",
    };
    sentence.to_owned()
}

/// What went wrong with an accepted command.
pub fn failure(reason: &Failure) -> String {
    match reason {
        Failure::DoorDidNotOpen => "the door did not open".to_owned(),
        Failure::DoorUnseen => {
            "the door's switch is broken: the lock was driven, look at the door yourself".to_owned()
        }
        Failure::Interrupted => {
            "the cabinet restarted in between: whether it happened is unknown, look at the door"
                .to_owned()
        }
        Failure::NothingWaiting => {
            "the recipient's last document left meanwhile, so the template was not kept".to_owned()
        }
        Failure::UnusablePhoto { detail } => format!("no template could be made: {detail}"),
    }
}

/// A record of the journal, if it can be understood here.
pub fn recorded(payload: &[u8]) -> String {
    match record::decode(payload) {
        Ok(record) => {
            format!("{} #{} {}", moment(record.at), record.seq, event(&record.event))
        }
        Err(fault) => format!("an event that this program does not know: {fault}"),
    }
}

/// What happened.
pub fn event(event: &Event) -> String {
    match event {
        Event::AgentStarted { version } => format!("the agent started, version {version}"),
        Event::CommandAccepted { command, order, .. } => {
            format!("{order:?} {command} was accepted")
        }
        Event::CommandRejected { command, order, reason, .. } => {
            format!("{order:?} {command} was rejected: {}", rejection(reason))
        }
        Event::CommandDone { command, order, compartment, .. } => {
            let place = compartment.map(|number| format!(": compartment {number}"));
            format!("{order:?} {command} was carried out{}", place.unwrap_or_default())
        }
        Event::CommandFailed { command, order, reason, .. } => {
            format!("{order:?} {command} failed: {}", failure(reason))
        }
        Event::DepositReserved { deposit, recipient, compartment, .. } => {
            format!("compartment {compartment} is kept for {deposit} of {recipient}")
        }
        Event::ReservationCancelled { deposit, compartment } => {
            format!("compartment {compartment} is no longer kept for {deposit}")
        }
        Event::DepositLoaded { deposit, compartment } => {
            format!("{deposit} is in compartment {compartment}")
        }
        Event::DepositCollected { deposit, compartment, recipient } => {
            format!("{recipient} collected {deposit} from compartment {compartment}")
        }
        Event::DepositRecalled { deposit, compartment } => {
            format!("{deposit} was taken back from compartment {compartment}")
        }
        Event::DepositExpired { deposit, compartment } => {
            format!("{deposit} in compartment {compartment} was not collected in time")
        }
        Event::DepositNotLoaded { deposit, compartment } => format!(
            "door {compartment} was shut and {deposit} is not inside: put it in, or cancel it"
        ),
        Event::DepositLeftBehind { deposit, compartment, .. } => {
            format!("door {compartment} was shut and {deposit} still lies inside")
        }
        Event::DepositMissing { deposit, compartment } => {
            format!("ALARM: {deposit} should lie in compartment {compartment} and does not")
        }
        Event::TemplatesOutdated { recipient, .. } => {
            format!("{recipient} has to be enrolled anew: the model has changed")
        }
        Event::RecipientEnrolled { recipient, .. } => format!("{recipient} can be recognised"),
        Event::TemplatesErased { recipient, cause } => {
            format!("the templates of {recipient} are gone ({cause:?})")
        }
        Event::UnlockAuthorised { unlock, compartment, purpose, authority } => {
            let on_whose_word = by(authority);
            format!("opening {unlock}: compartment {compartment} to {purpose:?}, {on_whose_word}")
        }
        Event::PulseCommanded { unlock, compartment, attempt } => {
            format!("opening {unlock}: pulse {attempt} for compartment {compartment}")
        }
        Event::PulseEnded { unlock, attempt, problem, .. } => match problem {
            None => format!("opening {unlock}: pulse {attempt} is over"),
            Some(problem) => format!("opening {unlock}: pulse {attempt} went wrong: {problem}"),
        },
        Event::UnlockInterrupted { unlock, compartment } => {
            format!("opening {unlock} of compartment {compartment} was cut short; outcome unknown")
        }
        Event::DoorOpened { unlock, compartment, already_open: false } => {
            format!("opening {unlock}: door {compartment} is open")
        }
        Event::DoorOpened { unlock, compartment, already_open: true } => format!(
            "opening {unlock}: door {compartment} is open, as its switch had said before: it may be broken"
        ),
        Event::DoorClosed { compartment, unseen: false } => format!("door {compartment} is shut"),
        Event::DoorClosed { compartment, unseen: true } => {
            format!("door {compartment} is shut; that happened while the cabinet was off")
        }
        Event::DoorForced { compartment } => {
            format!("ALARM: door {compartment} opened and nobody was allowed to open it")
        }
        Event::DoorAjar { compartment, reminder } => {
            format!("ALARM: door {compartment} has been open too long (reminder {reminder})")
        }
        Event::FaceRefused { reason } => format!("somebody was not let in ({reason:?})"),
        Event::FacePaused { until } => {
            format!("too many failures: faces are not tried until {}", moment(*until))
        }
        Event::CompartmentFaulted { compartment, fault } => {
            format!("compartment {compartment} needs somebody to look at it ({fault:?})")
        }
        Event::LockTried { compartment, operator, reason } => {
            format!("{operator} tries the lock of compartment {compartment} by hand: {reason}")
        }
        Event::ServiceChanged { compartment, in_service: true, operator } => {
            format!("{operator} returned compartment {compartment} to service")
        }
        Event::ServiceChanged { compartment, in_service: false, operator } => {
            format!("{operator} took compartment {compartment} out of service")
        }
    }
}

fn by(authority: &Authority) -> String {
    match authority {
        Authority::Face { recipient } => format!("recognised as {recipient}"),
        Authority::Visit { recipient, since } => {
            format!("for {recipient}, who was recognised at opening {since}")
        }
        Authority::Staff { command, operator, reason } => {
            format!("on {operator}'s word ({command}): {reason}")
        }
        Authority::Local { operator, reason, .. } => {
            format!("at the cabinet, for {operator}: {reason}")
        }
    }
}

/// A whole cabinet, a line a compartment.
pub fn state(state: &CabinetState) -> String {
    let face = if state.face_pickup { "on" } else { "off" };
    let refused: u64 = state.refused.values().sum();
    let mut text = format!(
        "{} (version {}, journal {}) at {}\nface pickup {face}, {} events not acknowledged, {refused} messages refused",
        state.device,
        state.version,
        state.journal,
        moment(state.at_ms),
        state.outbox_depth,
    );
    for compartment in &state.compartments {
        text.push('\n');
        text.push_str(&one_compartment(compartment));
    }
    text
}

fn one_compartment(compartment: &CompartmentState) -> String {
    let CompartmentState {
        number,
        size,
        low,
        lifecycle: place,
        door,
        deposit,
        contents_verified,
        occupied,
    } = compartment;
    let size = if *low { format!("{}, low", size.name()) } else { size.name().to_owned() };
    let door = format!("{door:?}").to_lowercase();
    let deposit = deposit.as_ref().map(|deposit| format!("  {deposit}")).unwrap_or_default();
    let seen = match contents_verified {
        Some(false) => "  (MAY HAVE BEEN EMPTIED UNSEEN: look inside)",
        Some(true) | None => "",
    };
    let inside = match occupied {
        Some(true) => "  something inside",
        Some(false) => "  empty",
        None => "",
    };
    format!("{number:>4}  {size:<16} {:<14} door {door}{deposit}{inside}{seen}", lifecycle(*place))
}

fn lifecycle(place: Lifecycle) -> &'static str {
    match place {
        Lifecycle::Vacant => "vacant",
        Lifecycle::Reserved => "reserved",
        Lifecycle::Loading => "being loaded",
        Lifecycle::Loaded => "loaded",
        Lifecycle::Collecting => "being emptied",
        Lifecycle::Expired => "expired",
        Lifecycle::Recalling => "being recalled",
        Lifecycle::Inspecting => "inspected",
        Lifecycle::Reopened => "opened again",
        Lifecycle::Fault => "faulty",
        Lifecycle::OutOfService => "out of service",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_fixture_reads_as_a_sentence_that_names_its_door_and_its_document() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/events");
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let sentence = recorded(text.trim_end().as_bytes());
            assert!(sentence.starts_with("2026-11-"), "{sentence}");
            if text.contains("\"deposit\"") {
                assert!(sentence.contains("licence-2026-118"), "{sentence}");
            }
            if text.contains("\"compartment\":7") && !text.contains("pulse_ended") {
                assert!(sentence.contains('7'), "{sentence}");
            }
        }
    }
}
