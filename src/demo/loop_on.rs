//! After the story: the cabinet stays up for whoever wants to play.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::ensure;

use super::stage::Stage;
use super::teller::line;

/// How long a visitor of the simulated hall leaves a door open, in beats.
const BEAT: Duration = Duration::from_secs(1);
const OPEN_FOR: u32 = 3;
/// The citizen comes to the camera for the first beats of every round.
const ROUND: u32 = 20;
const AT_THE_CAMERA: u32 = 4;

/// Closes doors that were opened and sends the citizen to the camera now and then, until Ctrl-C.
pub(super) fn until_stopped(stage: &Stage, stop: &Receiver<()>) -> anyhow::Result<()> {
    invite(stage);
    let mut open_since = std::collections::BTreeMap::new();
    for beat in 1_u32.. {
        match stop.recv_timeout(BEAT) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        ensure!(!stage.daemon.has_ended(), "the agent has ended by itself; its log says why");
        match beat % ROUND {
            0 => stage.camera.show(stage.photos.citizen_at_the_door.clone()),
            AT_THE_CAMERA => stage.camera.show_nothing(),
            _ => {}
        }
        for door in stage.config.cabinet.doors.numbers() {
            if !stage.cabinet.is_open(door) {
                open_since.remove(&door);
            } else if beat - *open_since.entry(door).or_insert(beat) >= OPEN_FOR {
                line(&format!("  (door {door} is pushed shut)"));
                stage.cabinet.close(door);
            }
        }
    }
    Ok(())
}

fn invite(stage: &Stage) {
    let hallctl = format!(
        "hallctl --broker {}:{} --device {}",
        stage.broker.host, stage.broker.port, stage.config.device.id
    );
    line(
        "\nThe cabinet stays up until Ctrl-C. Doors are pushed shut after 3 s; the citizen comes by",
    );
    line("every 20 s. Be the hall in a second terminal:");
    line(&format!("  {hallctl} state"));
    line(&format!("  {hallctl} reserve licence-118 r-5521"));
    line(&format!("  {hallctl} enrol r-5521 obama.jpg --consent consent-2026-118"));
    line(&format!(
        "  {hallctl} unlock 1 load --operator clerk-7 --reason \"bringing licence-118\""
    ));
    line(&format!("  {hallctl} watch"));
}
