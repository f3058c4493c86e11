//! Anything in any order, many times: whatever happens, at most one line is live, and never without a record.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::cabinet::DOORS;
use super::desk::Desk;
use super::{Bench, CUT, Outcome, check, millis, width};

/// Short pulses and little patience: the order of things matters here, not their length.
const HURRIED: &str = "pulse_ms = 100\nrest_ms = 100\nopen_within_ms = 500\ndebounce_ms = 20\npulse_attempts = 2\najar_after_s = 5";

/// Numbers that look random and are the same in every run with this seed (xorshift64*, Vigna 2016).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize;
        high % sides
    }

    fn door(&mut self) -> usize {
        self.throw(DOORS) + 1
    }
}

#[derive(Default)]
struct Tally {
    unlocks: usize,
    kills: usize,
    hands: usize,
}

impl Bench {
    pub(super) fn random_operations(&mut self) -> Outcome {
        let number = |name: &str, usual: u64| {
            std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
        };
        let (operations, seed) = (number("BENCH_OPERATIONS", 1000), number("BENCH_SEED", 1));
        self.hall.stop()?;
        self.hall.configure(&self.hall.somebody_at_the_door(), HURRIED)?;
        self.hall.start()?;
        let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
        let overlaps = self.cabinet.overlaps();
        let mut desk = Desk::open(1883, "bench")?;
        let (mut dice, mut tally) = (Dice(seed | 1), Tally::default());
        for _ in 0..operations {
            self.operate(&mut desk, &mut dice, &mut tally)?;
        }
        (1..=DOORS).for_each(|door| self.cabinet.jam(door, false));
        let seen = self.ended_pulses(pulses)?;
        self.hall.stop()?;
        self.hall.start()?;
        self.hall.started(events)?;
        let faults = self.judge(&seen, events, overlaps, &tally)?;
        Ok(format!(
            "{operations} (seed {seed}): {} unlocks, {} kills, {} by hand; {} pulses, 0 overlaps, longest {}; {faults} faults told",
            tally.unlocks,
            tally.kills,
            tally.hands,
            seen.len(),
            millis(seen.iter().map(width).max().unwrap_or_default())
        ))
    }

    fn operate(
        &mut self,
        desk: &mut Desk,
        dice: &mut Dice,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let door = dice.door();
        match dice.throw(100) {
            0..45 => {
                tally.unlocks += 1;
                let command = desk.unlock(door)?;
                // Some commands come while another is under way.
                if dice.throw(4) == 0 {
                    let other = desk.unlock(dice.door())?;
                    tally.unlocks += 1;
                    let patience = Duration::from_secs(20);
                    let both = async {
                        tokio::join!(
                            desk.client.command(&command, None, patience, |_| ()),
                            desk.client.command(&other, None, patience, |_| ())
                        )
                    };
                    let (first, second) = desk.runtime.block_on(both);
                    first.and(second).map_err(|e| e.to_string())?;
                } else {
                    desk.send(&command)?;
                }
            }
            45..80 => self.cabinet.close(door),
            80..86 => self.cabinet.force(door),
            86..90 => {
                self.cabinet.rattle(door, 5);
            }
            90..94 => self.cabinet.jam(door, dice.throw(2) == 0),
            94..97 => self.cabinet.stick(door, dice.throw(3) == 0),
            97..99 => {
                tally.hands += 1;
                self.hall.by_hand(door)?;
            }
            _ => {
                tally.kills += 1;
                self.hall.signal(Signal::KILL)?;
                self.hall.ended()?;
                self.hall.start()?;
            }
        }
        Ok(())
    }

    /// What must be true afterwards; how many compartments were said to be faulty.
    fn judge(
        &self,
        seen: &[super::Pulse],
        events: usize,
        overlaps: usize,
        tally: &Tally,
    ) -> Result<usize, String> {
        let began = Instant::now();
        // The hall has everything when nothing more comes.
        let mut held = self.hall.event_count();
        while began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_secs(1));
            let now = self.hall.event_count();
            if now == held {
                break;
            }
            held = now;
        }
        check(self.cabinet.overlaps() == overlaps, || "two lines were live at once".into())?;
        let longest = seen.iter().map(width).max().unwrap_or_default();
        let bound = CUT + self.cabinet.slowest_glance() * 2;
        check(longest <= bound, || format!("a pulse of {longest:?}, more than {bound:?}"))?;
        for door in 1..=DOORS {
            let live = seen.iter().filter(|pulse| pulse.door == door).count();
            let recorded = self.hall.count_by_door(events, "pulse_commanded", door);
            // A daemon that is killed between the record and the line has recorded one more.
            check(live <= recorded && recorded - live <= tally.kills, || {
                format!("door {door}: {live} pulses, {recorded} recorded")
            })?;
        }
        Ok(self.hall.count(events, "compartment_faulted"))
    }
}
