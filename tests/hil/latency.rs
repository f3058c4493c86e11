//! From the hall's command to the live line, beside what its parts cost alone in the same run.

use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use super::desk::{Desk, Echo, RECORD, spread};
use super::hall::until;
use super::{Bench, Outcome, check, millis};

const TURNS: usize = 40;
/// Longer than `rest_ms` of the bench's configuration.
const RESTED: Duration = Duration::from_millis(250);

impl Bench {
    pub(super) fn command_to_line(&mut self) -> Outcome {
        let mut desk = Desk::open(1883, "bench")?;
        let mut echo = Echo::open(&desk.runtime, 1883)?;
        let mut file = File::create("/run/bench/disk/bare").map_err(|e| e.to_string())?;
        let (mut lines, mut echoes, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..TURNS {
            let door = turn % 8 + 1;
            echoes.push(desk.runtime.block_on(echo.once())?);
            let began = Instant::now();
            file.write_all(&RECORD).and_then(|()| file.sync_data()).map_err(|e| e.to_string())?;
            syncs.push(began.elapsed());

            // The supply's rest after the pulse before is not what is measured here.
            std::thread::sleep(RESTED);
            let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
            let command = desk.unlock(door)?;
            let began = Instant::now();
            desk.send(&command)?;
            let pulse = until("the line is live", || self.cabinet.pulses_after(pulses).pop())?;
            lines.push(pulse.on.saturating_duration_since(began));
            self.hall.event(events, "pulse_ended", door)?;
            self.close(door)?;
        }
        let (line, echo, sync) = (spread(lines), spread(echoes), spread(syncs));
        check(line.0 > Duration::ZERO, || "no line was seen".into())?;
        let of =
            |(median, worst): (Duration, Duration)| format!("{}/{}", millis(median), millis(worst));
        Ok(format!(
            "{TURNS} commands: median/p99 {}; MQTT echo {}, fdatasync {}: p99 {:.1} times their sum",
            of(line),
            of(echo),
            of(sync),
            line.1.as_secs_f32() / (echo.1 + sync.1).as_secs_f32()
        ))
    }
}
