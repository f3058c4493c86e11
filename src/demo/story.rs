//! One document's life, step by step. A step is told when it was observed: an answer on the wire, an event in the
//! hall's books, a pulse at the lock, an open door.
#![expect(clippy::wildcard_enum_match_arm, reason = "a step looks for one event among many")]

use std::time::Duration;

use anyhow::{bail, ensure};

use super::stage::Stage;
use super::teller::Teller;
use crate::contract::answer::Reply;
use crate::core::command::{Answer, Order, Purpose};
use crate::core::event::{Authority, Event, Refusal};
use crate::core::fitting::Needs;
use crate::core::ids::{CompartmentId, ConsentRef, DepositId, OperatorId, RecipientId};
use crate::journal::{Store, export, verify};
use crate::ports::Outbox as _;

/// How long a lock or a door may take.
const SOON: Duration = Duration::from_secs(5);

/// Plays everything up to the collected document.
pub(super) fn play(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    let case = Case::new()?;
    let door = reserve(stage, teller, &case)?;
    enrol(stage, teller, &case)?;
    load(stage, teller, &case, door)?;
    teller.say("\nPeople come to the camera:");
    refuse(stage, teller, &stage.photos.stranger, STRANGER)?;
    match &stage.photos.attack {
        Some(photo) => refuse(stage, teller, photo, ATTACK)?,
        None => teller.say("           (no attack sample was given, so none is shown)"),
    }
    collect(stage, teller, &case, door)
}

/// Who and what the story is about.
struct Case {
    deposit: DepositId,
    recipient: RecipientId,
    operator: OperatorId,
    consent: ConsentRef,
}

impl Case {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            deposit: DepositId::new("passport-4711")?,
            recipient: RecipientId::new("r-5521")?,
            operator: OperatorId::new("clerk-7")?,
            consent: ConsentRef::new("consent-2026-118")?,
        })
    }
}

fn reserve(stage: &Stage, teller: &mut Teller, case: &Case) -> anyhow::Result<CompartmentId> {
    teller.say("\nThe hall and the clerk:");
    let order = Order::Reserve {
        deposit: case.deposit.clone(),
        recipient: case.recipient.clone(),
        compartment: None,
        needs: Needs::default(),
        collect_by: None,
    };
    let answer = stage.command(order, None)?;
    let Reply::Judged(Answer::Done { compartment: Some(door) }) = answer else {
        bail!("the hall's reservation was answered {answer:?}");
    };
    let text = format!("{} is reserved for {} in compartment {door}", case.deposit, case.recipient);
    teller.saw_stage("reserve: command to answer", &text);
    Ok(door)
}

fn enrol(stage: &Stage, teller: &mut Teller, case: &Case) -> anyhow::Result<()> {
    let (recipient, consent) = (case.recipient.clone(), case.consent.clone());
    let order = Order::Enrol { recipient, consent };
    expect_done(&stage.command(order, Some(&stage.photos.citizen_on_file))?, "the enrolment")?;
    let text = format!("{} is enrolled from one photo; only a template is kept", case.recipient);
    teller.saw_stage("enrol: photo to stored template", &text);
    Ok(())
}

fn load(
    stage: &Stage,
    teller: &mut Teller,
    case: &Case,
    door: CompartmentId,
) -> anyhow::Result<()> {
    let order = Order::Unlock {
        compartment: door,
        purpose: Purpose::Load,
        operator: case.operator.clone(),
        reason: format!("bringing {}", case.deposit),
    };
    expect_done(&stage.command(order, None)?, "the clerk's unlock")?;
    only_open(stage, door)?;
    let text = format!("{} asked, and door {door} is open", case.operator);
    teller.saw_stage("unlock: command to open door", &text);
    let pulse = stage.cabinet.wait_for_pulse(SOON);
    ensure!(pulse.is_some_and(|p| p.compartment == door), "the lock's pulse did not end");
    stage.cabinet.close(door);
    stage.books.wait_for(0, "the document was loaded", |event| match event {
        Event::DepositLoaded { deposit, .. } if *deposit == case.deposit => Some(()),
        _ => None,
    })?;
    teller.saw("the document is in, the door is shut, the hall knows");
    Ok(())
}

/// Somebody who must not be let in.
#[derive(Clone, Copy)]
struct Unwanted {
    who: &'static str,
    /// As what they are to be refused.
    reason: Refusal,
    /// What to do if that is not what happens.
    remedy: &'static str,
}

const STRANGER: Unwanted = Unwanted {
    who: "a stranger",
    reason: Refusal::NotRecognised,
    remedy: "fetch the sample photos anew: locker-agent models fetch --samples",
};
const ATTACK: Unwanted = Unwanted {
    who: "a photo of a photo",
    reason: Refusal::PresentationAttack,
    remedy: "give --attack one face on paper or on a screen, held up to a camera",
};

/// What became of somebody at the camera.
#[derive(Clone, Copy)]
enum Verdict {
    Refused(Refusal),
    LetIn,
}

impl Unwanted {
    /// Whether it ended as it should; if not, the sentence that says how.
    fn check(self, verdict: Verdict) -> anyhow::Result<()> {
        let Self { who, reason, remedy } = self;
        match verdict {
            Verdict::Refused(found) if found == reason => Ok(()),
            Verdict::Refused(found) => {
                bail!("{who} was refused as {found:?} and not as {reason:?}: {remedy}")
            }
            Verdict::LetIn => bail!("{who} was let in and not refused as {reason:?}: {remedy}"),
        }
    }
}

/// Shows somebody who must not be let in: the hall hears of it, and no lock moves.
fn refuse(
    stage: &Stage,
    teller: &mut Teller,
    photo: &[u8],
    unwanted: Unwanted,
) -> anyhow::Result<()> {
    let Unwanted { who, reason, remedy } = unwanted;
    let (pulses, events) = (stage.cabinet.pulses().len(), stage.books.len());
    teller.mark();
    stage.camera.show(photo.to_vec());
    let what = format!("{who} was refused: {remedy}");
    let verdict = stage.books.wait_for(events, &what, |event| match event {
        Event::FaceRefused { reason } => Some(Verdict::Refused(*reason)),
        Event::UnlockAuthorised { .. } => Some(Verdict::LetIn),
        _ => None,
    })?;
    stage.camera.show_nothing();
    unwanted.check(verdict)?;
    ensure!(stage.cabinet.pulses().len() == pulses, "{who} was refused, and yet a lock moved");
    teller.saw(&format!("{who} is refused ({reason:?}), and no lock moves"));
    let leaves = stage.config.recognition.leave_after + Duration::from_millis(300);
    #[expect(clippy::disallowed_methods, reason = "people need a moment to leave")]
    std::thread::sleep(leaves);
    Ok(())
}

fn collect(
    stage: &Stage,
    teller: &mut Teller,
    case: &Case,
    door: CompartmentId,
) -> anyhow::Result<()> {
    let (pulses, events) = (stage.cabinet.pulses().len(), stage.books.len());
    teller.mark();
    stage.camera.show(stage.photos.citizen_at_the_door.clone());
    let opened = stage.cabinet.wait_until_open(door, SOON);
    ensure!(opened, "the citizen's other photo did not open door {door} within 5 s");
    teller.saw_stage(
        "walk-up: photo before the camera to open door",
        &format!("the citizen's other photo is accepted, and door {door} springs open"),
    );
    only_open(stage, door)?;
    ensure!(stage.cabinet.wait_for_pulse(SOON).is_some(), "the lock's pulse did not end");
    let seen = stage.cabinet.pulses();
    let moved: Vec<_> = seen[pulses..].iter().map(|pulse| pulse.compartment).collect();
    ensure!(moved == [door], "exactly lock {door} should have moved, but {moved:?} did");
    let by_face = Authority::Face { recipient: case.recipient.clone() };
    stage.books.wait_for(events, "the face was the authority", |event| match event {
        Event::UnlockAuthorised { authority, compartment, .. } => {
            (*authority == by_face && *compartment == door).then_some(())
        }
        _ => None,
    })?;
    stage.camera.show_nothing();
    teller.mark();
    stage.cabinet.close(door);
    stage.books.wait_for(events, "the document was collected", |event| match event {
        Event::DepositCollected { deposit, .. } if *deposit == case.deposit => Some(()),
        _ => None,
    })?;
    teller.saw_stage("collected: closed door to the hall's books", "collected; the hall knows");
    stage.books.wait_for(events, "the templates were erased", |event| match event {
        Event::TemplatesErased { recipient, .. } if *recipient == case.recipient => Some(()),
        _ => None,
    })?;
    teller.saw("the citizen's template is erased: nothing waits for them any more");
    Ok(())
}

/// Stops the agent and compares the two books: the device's journal and what the hall received.
pub(super) fn close(mut stage: Stage, teller: &mut Teller) -> anyhow::Result<()> {
    teller.say("\nThe books:");
    stage.wait_until_acknowledged()?;
    teller.saw("the cabinet says that the hall has acknowledged everything");
    let (config, books, cabinet) = stage.stop()?;
    let reader = Store::open_to_read(&config.device.state_dir)?;
    let report = verify(&reader)?;
    let mut journal = Vec::new();
    export(&reader, &mut journal)?;
    let received: Vec<u8> =
        books.records().into_iter().flat_map(|record| [record, b"\n".to_vec()].concat()).collect();
    ensure!(
        received == journal,
        "the hall's events differ from the journal: {} against {} bytes",
        received.len(),
        journal.len()
    );
    ensure!(
        reader.acknowledged() == reader.newest(),
        "the device still waits for receipts: {} of {}",
        reader.acknowledged(),
        reader.newest()
    );
    ensure!(cabinet.overlaps().is_empty(), "two locks were energised at once");
    teller.saw(&format!("the journal verifies: {} events, an unbroken chain", report.events));
    teller.saw("the hall holds the same events, byte for byte, once each and in order");
    teller.table();
    Ok(())
}

fn expect_done(reply: &Reply, what: &str) -> anyhow::Result<()> {
    ensure!(matches!(reply, Reply::Judged(Answer::Done { .. })), "{what} was answered {reply:?}");
    Ok(())
}

/// Exactly this door is open.
fn only_open(stage: &Stage, door: CompartmentId) -> anyhow::Result<()> {
    let numbers = stage.config.cabinet.doors.numbers();
    let open: Vec<_> = numbers.into_iter().filter(|n| stage.cabinet.is_open(*n)).collect();
    ensure!(open == [door], "exactly door {door} should be open, but {open:?} are");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_attack_that_is_let_in_or_refused_for_another_reason_is_told_in_a_sentence() {
        assert!(ATTACK.check(Verdict::Refused(Refusal::PresentationAttack)).is_ok());
        let said = ATTACK.check(Verdict::LetIn).unwrap_err().to_string();
        assert!(said.starts_with("a photo of a photo was let in and not refused"), "{said}");
        let said = ATTACK.check(Verdict::Refused(Refusal::NotRecognised)).unwrap_err().to_string();
        assert!(said.contains("as NotRecognised and not as PresentationAttack: give"), "{said}");
    }
}
