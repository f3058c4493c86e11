//! The bench's runner, inside the guest: plays the cabinet and the hall around the real daemon, and says for each
//! scenario whether it went as it must, and how long things took by the guest's clock.
#![expect(clippy::disallowed_methods, reason = "the bench measures, and its physics take time")]

mod cabinet;
mod desk;
mod hall;
mod latency;
mod random;
mod trouble;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use cabinet::{Cabinet, DOORS, Pulse};
use hall::{Hall, unlock, until};

/// What the configuration asks for; see `hall.rs`.
const WIDTH: Duration = Duration::from_millis(500);
/// How long a switch has to be quiet.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// How much longer a line may be live on an idle machine: two looks of the physics and a slow system call.
const LATE: Duration = Duration::from_millis(60);
/// Never longer than this, whatever happens: the width and the grace of the second hand.
const CUT: Duration = Duration::from_millis(600);

struct Bench {
    cabinet: Cabinet,
    hall: Hall,
    failed: usize,
}

/// What was measured, or what went wrong.
type Outcome = Result<String, String>;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|word| word == "--power-off") {
        let refused = rustix::system::reboot(rustix::system::RebootCommand::PowerOff);
        say(&format!("the guest cannot be switched off: {refused:?}"));
        return ExitCode::FAILURE;
    }
    let outcome = run();
    match outcome {
        Ok(0) => say("all passed"),
        Ok(failed) => say(&format!("{failed} failed; the daemon's log ends with\n{}", hall::log())),
        Err(problem) => say(&format!("cannot run: {problem}")),
    }
    ExitCode::SUCCESS
}

/// A line for the one who watches the guest's console.
fn say(text: &str) {
    for line in text.lines() {
        _ = writeln!(std::io::stdout(), "bench: {line}");
    }
}

fn run() -> Result<usize, String> {
    let variable = |name: &str| std::env::var(name).map_err(|e| format!("{name}: {e}"));
    let programs = PathBuf::from(variable("BENCH_PROGRAMS")?);
    let models = PathBuf::from(variable("BENCH_MODELS")?);
    let cabinet = Cabinet::build().map_err(|e| format!("gpio-sim: {e}"))?;
    let hall = Hall::open(programs, models)?;
    let mut bench = Bench { cabinet, hall, failed: 0 };
    bench.scenario("first start moves no line", Bench::start);
    bench.scenario("a second program gets no line", Bench::second_program);
    bench.scenario("staff unlock, door closed again", Bench::staff_unlock);
    bench.scenario("recognised face opens the one door", Bench::face);
    bench.scenario("eight doors one after the other", Bench::eight_doors);
    bench.scenario("eight doors shut at once", Bench::eight_closings);
    bench.scenario("eight commands at once, one coil at a time", Bench::eight_commands);
    bench.scenario("jammed door: tried again, then opens", Bench::jam_and_retry);
    bench.scenario("jammed door: fault after three pulses", Bench::jam_and_fault);
    bench.scenario("stuck switch: fault, door stays known shut", Bench::stuck_switch);
    bench.scenario("forced open while idle", Bench::forced);
    bench.scenario("bouncing switch is no move", Bench::bounce);
    bench.scenario("door ajar", Bench::ajar);
    bench.scenario("pulses beside eight busy programs", Bench::load);
    bench.scenario("stop in the middle of a pulse", Bench::stop_in_pulse);
    bench.scenario("start again moves no line", Bench::start);
    bench.scenario("kill -9 in the middle of a pulse", Bench::kill_in_pulse);
    bench.scenario("start after the kill moves no line", Bench::start);
    bench.scenario("kill -9, and the chip keeps the line live", Bench::kill_on_a_keeping_chip);
    bench.scenario("start after that moves no line", Bench::start);
    bench.scenario("frozen in the middle of a pulse: watchdog", Bench::frozen_in_pulse);
    bench.scenario("camera unplugged and plugged in again", Bench::camera_unplugged);
    bench.scenario("from command to line", Bench::command_to_line);
    bench.scenario("random operations", Bench::random_operations);
    Ok(bench.failed)
}

impl Bench {
    fn scenario(&mut self, name: &str, play: fn(&mut Self) -> Outcome) {
        self.cabinet.slowest_glance();
        let began = Instant::now();
        let outcome = play(self);
        let (word, told) = match outcome {
            Ok(measured) => ("ok  ", measured),
            Err(problem) => {
                self.failed += 1;
                ("FAIL", problem)
            }
        };
        let error = millis(self.cabinet.slowest_glance());
        let took = began.elapsed().as_secs_f32();
        say(&format!("{word} {name:44} {took:5.1} s  {told}  (±{error})"));
    }

    fn start(&mut self) -> Outcome {
        let pulses = self.cabinet.pulse_count();
        let events = self.hall.event_count();
        let ready = self.hall.start()?;
        std::thread::sleep(Duration::from_millis(300));
        none(&self.cabinet.pulses_after(pulses))?;
        self.hall.started(events)?;
        check(!hall::log().contains("sampled"), || "the chips give no edges here".into())?;
        Ok(format!("ready after {:.1} s; {}", ready.as_secs_f32(), self.hall.kinds(events)))
    }

    fn second_program(&mut self) -> Outcome {
        let said = self.hall.start_second()?;
        let why = said.find("it is in use by \"locker-agent\"").ok_or(said.clone())?;
        Ok(said[why..].lines().next().unwrap_or_default().to_owned())
    }

    /// Opens a door by command and waits until it is told open; its pulse.
    fn open(&self, door: usize) -> Result<Pulse, String> {
        let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
        self.hall.order(&unlock(&door.to_string(), "inspect"))?;
        self.hall.event(events, "pulse_ended", door)?;
        self.hall.event(events, "door_opened", door)?;
        self.one_pulse(pulses, door)
    }

    fn one_pulse(&self, after: usize, door: usize) -> Result<Pulse, String> {
        let pulses = self.ended_pulses(after)?;
        check(pulses.len() == 1 && pulses[0].door == door, || format!("pulses: {pulses:?}"))?;
        in_time(&pulses[0])?;
        Ok(pulses[0])
    }

    fn ended_pulses(&self, after: usize) -> Result<Vec<Pulse>, String> {
        until("all lines are inactive", || {
            let pulses = self.cabinet.pulses_after(after);
            pulses.iter().all(|pulse| pulse.off.is_some()).then_some(pulses)
        })
    }

    fn close(&self, door: usize) -> Result<(), String> {
        let events = self.hall.event_count();
        self.cabinet.close(door);
        self.hall.event(events, "door_closed", door).map(drop)
    }

    fn staff_unlock(&mut self) -> Outcome {
        let events = self.hall.event_count();
        let pulse = self.open(1)?;
        check(self.cabinet.is_open(1), || "the door is shut".into())?;
        let commanded = self.hall.event(events, "pulse_commanded", 1)?;
        let recorded_at = commanded["at_ms"].as_u64().unwrap_or_default();
        self.close(1)?;
        let expected = ["unlock_authorised", "pulse_commanded"];
        let kinds = self.hall.kinds_of(events, 1);
        check(kinds.starts_with(&expected.map(String::from)), || format!("{kinds:?}"))?;
        let after = pulse.on_at_ms.saturating_sub(recorded_at);
        Ok(format!("decided to live {after} ms, pulse {}", millis(width(&pulse))))
    }

    fn face(&mut self) -> Outcome {
        let photo = self.hall.photo();
        self.hall.order(&["reserve", "licence-1", "r-1", "--compartment", "2"])?;
        self.hall.order(&["enrol", "r-1", &photo, "--consent", "form-1"])?;
        let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
        self.hall.order(&unlock("2", "load"))?;
        self.hall.event(events, "pulse_ended", 2)?;
        self.cabinet.close(2);
        self.hall.event(events, "deposit_loaded", 2)?;
        let loaded = Instant::now();
        // Nobody commands this one: the person before the camera does.
        until("the face opens its door", || self.cabinet.is_open(2).then_some(()))?;
        let opened = loaded.elapsed();
        self.ended_pulses(pulses)?;
        self.cabinet.close(2);
        self.hall.event(events, "deposit_collected", 2)?;
        let doors: Vec<_> = self.cabinet.pulses_after(pulses).iter().map(|p| p.door).collect();
        check(doors == [2, 2], || format!("pulsed: {doors:?}"))?;
        Ok(format!("open {:.1} s after the document lay there", opened.as_secs_f32()))
    }

    fn eight_doors(&mut self) -> Outcome {
        let mut widths = Vec::new();
        for door in 1..=DOORS {
            widths.push(width(&self.open(door)?));
        }
        Ok(spread("pulses", &widths))
    }

    fn eight_closings(&mut self) -> Outcome {
        let events = self.hall.event_count();
        let began = Instant::now();
        self.cabinet.close_all();
        for door in 1..=DOORS {
            self.hall.event(events, "door_closed", door)?;
            let mut kinds = self.hall.kinds_of(events, door);
            // Opening all eight takes longer than the first may stand open.
            kinds.retain(|kind| kind != "door_ajar");
            check(kinds == ["door_closed"], || format!("door {door}: {kinds:?}"))?;
        }
        Ok(format!("all at the hall after {}", millis(began.elapsed())))
    }

    fn eight_commands(&mut self) -> Outcome {
        let pulses = self.cabinet.pulse_count();
        let sent: Result<Vec<Child>, String> =
            (1..=DOORS).map(|door| self.hall.unlock(door)).collect();
        let mut done = 0;
        for mut child in sent? {
            done += usize::from(child.wait().is_ok_and(|status| status.success()));
        }
        let seen = self.ended_pulses(pulses)?;
        check(seen.len() == done, || format!("{done} done, {} pulses", seen.len()))?;
        check(done > 0, || "none was obeyed".into())?;
        check(self.cabinet.overlaps() == 0, || "two coils were live at once".into())?;
        let events = self.hall.event_count();
        let open: Vec<_> = (1..=DOORS).filter(|&door| self.cabinet.is_open(door)).collect();
        self.cabinet.close_all();
        for door in open {
            self.hall.event(events, "door_closed", door)?;
        }
        Ok(format!("{done} obeyed, {} told to come again, 0 overlaps", DOORS - done))
    }

    fn jam_and_retry(&mut self) -> Outcome {
        let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
        self.cabinet.jam(3, true);
        let mut command = self.hall.unlock(3)?;
        until("the second pulse", || (self.cabinet.pulse_count() == pulses + 2).then_some(()))?;
        self.cabinet.jam(3, false);
        check(command.wait().is_ok_and(|status| status.success()), || "not done".into())?;
        self.hall.event(events, "door_opened", 3)?;
        let seen = self.ended_pulses(pulses)?;
        self.close(3)?;
        Ok(format!("{} pulses, {} apart", seen.len(), millis(seen[1].on - seen[0].on)))
    }

    fn jam_and_fault(&mut self) -> Outcome {
        let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
        self.cabinet.jam(4, true);
        let answer = self.hall.order(&unlock("4", "inspect"));
        let told = last_line(&answer.err().ok_or("the command is said to be done")?);
        let fault = self.hall.event(events, "compartment_faulted", 4)?;
        check(fault["event"]["fault"] == "did_not_open", || fault.to_string())?;
        let seen = self.ended_pulses(pulses)?;
        check(seen.len() == 3, || format!("{} pulses", seen.len()))?;
        let widths: Vec<_> = seen.iter().map(width).collect();
        self.cabinet.jam(4, false);
        Ok(format!("{}; hall told: {told}", spread("pulses", &widths)))
    }

    fn stuck_switch(&mut self) -> Outcome {
        let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
        self.cabinet.stick(5, true);
        let answer = self.hall.order(&unlock("5", "inspect"));
        let told = last_line(&answer.err().ok_or("the command is said to be done")?);
        self.hall.event(events, "compartment_faulted", 5)?;
        check(self.cabinet.is_open(5), || "the door never opened".into())?;
        let count = self.ended_pulses(pulses)?.len();
        // The switch works again and shows the open door: nobody has the authority for it now.
        self.cabinet.stick(5, false);
        self.hall.event(events, "door_forced", 5)?;
        self.close(5)?;
        Ok(format!("{count} pulses; hall told: {told}"))
    }

    fn forced(&mut self) -> Outcome {
        let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
        let began = Instant::now();
        self.cabinet.force(6);
        self.hall.event(events, "door_forced", 6)?;
        let told = began.elapsed();
        none(&self.cabinet.pulses_after(pulses))?;
        self.close(6)?;
        Ok(format!("at the hall after {}", millis(told)))
    }

    fn bounce(&mut self) -> Outcome {
        let events = self.hall.event_count();
        let shut = self.cabinet.rattle(7, 20);
        self.cabinet.force(7);
        self.hall.event(events, "door_forced", 7)?;
        let open = self.cabinet.rattle(7, 20);
        self.close(7)?;
        let longest = shut.max(open);
        if longest >= DEBOUNCE {
            return Ok(format!("not judged: this machine stalled for {}", millis(longest)));
        }
        let kinds = self.hall.kinds_of(events, 7);
        check(kinds == ["door_forced", "door_closed"], || format!("{kinds:?}"))?;
        Ok(format!("40 bounces within {} each, 2 moves", millis(longest)))
    }

    fn ajar(&mut self) -> Outcome {
        let events = self.hall.event_count();
        self.open(8)?;
        let began = Instant::now();
        self.hall.event(events, "door_ajar", 8)?;
        let told = began.elapsed();
        self.close(8)?;
        Ok(format!("at the hall {:.1} s after it opened", told.as_secs_f32()))
    }

    fn load(&mut self) -> Outcome {
        let mut busy = Vec::new();
        for _ in 0..8 {
            let program = Command::new("sh").args(["-c", "while :; do :; done"]).spawn();
            busy.push(program.map_err(|e| e.to_string())?);
        }
        let widths = self.pulses_under_load();
        for mut program in busy {
            _ = program.kill();
            _ = program.wait();
        }
        widths.map(|widths| spread("pulses", &widths))
    }

    fn pulses_under_load(&self) -> Result<Vec<Duration>, String> {
        let mut widths = Vec::new();
        for door in [1, 2, 8] {
            let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
            self.hall.order(&unlock(&door.to_string(), "inspect"))?;
            self.hall.event(events, "pulse_ended", door)?;
            widths.extend(self.ended_pulses(pulses)?.iter().map(width));
            self.close(door)?;
        }
        let longest = widths.iter().max().copied().unwrap_or_default();
        let bound = CUT + self.cabinet.slowest_glance() * 2;
        check(longest <= bound, || format!("{longest:?}, more than {bound:?}"))?;
        Ok(widths)
    }

    /// Sends an unlock and waits until its line has been live for 150 ms.
    fn halfway(&self, door: usize) -> Result<Child, String> {
        let pulses = self.cabinet.pulse_count();
        self.cabinet.jam(door, true);
        let command = self.hall.unlock(door)?;
        until("the line is live", || (self.cabinet.pulse_count() > pulses).then_some(()))?;
        std::thread::sleep(Duration::from_millis(150));
        Ok(command)
    }

    fn stop_in_pulse(&mut self) -> Outcome {
        let (pulses, events) = (self.cabinet.pulse_count(), self.hall.event_count());
        let mut command = self.halfway(6)?;
        self.hall.signal(Signal::TERM)?;
        let began = Instant::now();
        let status = self.hall.ended()?;
        let took = began.elapsed();
        check(status.success(), || status.to_string())?;
        let pulse = self.one_pulse(pulses, 6)?;
        self.hall.event(events, "pulse_ended", 6)?;
        self.cabinet.jam(6, false);
        _ = command.kill();
        _ = command.wait();
        Ok(format!(
            "pulse finished ({}) and recorded, ended after {}",
            millis(width(&pulse)),
            millis(took)
        ))
    }

    fn kill_in_pulse(&mut self) -> Outcome {
        let pulses = self.cabinet.pulse_count();
        let mut command = self.halfway(7)?;
        self.hall.signal(Signal::KILL)?;
        let killed = Instant::now();
        self.hall.ended()?;
        let pulse = self.ended_pulses(pulses)?[0];
        let off = pulse.off.unwrap_or(killed).saturating_duration_since(killed);
        check(width(&pulse) < WIDTH, || format!("the pulse went on: {pulse:?}"))?;
        self.cabinet.jam(7, false);
        _ = command.kill();
        _ = command.wait();
        Ok(format!(
            "line inactive {} after the kill, live for {}",
            millis(off),
            millis(width(&pulse))
        ))
    }

    /// The simulated chip lets go of a line to its pull: pulled to active it is one that keeps its outputs.
    fn kill_on_a_keeping_chip(&mut self) -> Outcome {
        let pulses = self.cabinet.pulse_count();
        let mut command = self.halfway(1)?;
        self.cabinet.keep_live(1, true);
        self.hall.signal(Signal::KILL)?;
        let killed = Instant::now();
        self.hall.ended()?;
        _ = command.kill();
        _ = command.wait();
        std::thread::sleep(WIDTH);
        let left = self.cabinet.pulses_after(pulses);
        check(left[0].off.is_none(), || "this chip switches off by itself".into())?;
        let released = Instant::now();
        let took = self.hall.release()?;
        let seen = self.cabinet.pulses_after(pulses);
        self.cabinet.keep_live(1, false);
        self.cabinet.jam(1, false);
        self.ended_pulses(pulses)?;
        let off = seen[0].off.ok_or("release did not switch it off")?;
        let after = off.saturating_duration_since(released);
        Ok(format!(
            "live {} after the kill; `release` switched it off after {} of its {}",
            millis(released - killed),
            millis(after),
            millis(took)
        ))
    }
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// The end of a command, behind who said it and the command's id.
fn last_line(said: &str) -> String {
    let line = said.lines().last().unwrap_or_default();
    line.split_once(", ").map_or(line, |(_, rest)| rest).to_owned()
}

fn none(pulses: &[Pulse]) -> Result<(), String> {
    check(pulses.is_empty(), || format!("lines moved: {pulses:?}"))
}

fn width(pulse: &Pulse) -> Duration {
    pulse.width().unwrap_or_default()
}

fn in_time(pulse: &Pulse) -> Result<(), String> {
    let width = width(pulse);
    let lawful = (WIDTH - LATE)..=(WIDTH + LATE * 2);
    check(lawful.contains(&width), || format!("the pulse took {width:?} instead of {WIDTH:?}"))
}

fn spread(what: &str, widths: &[Duration]) -> String {
    let least = widths.iter().min().copied().unwrap_or_default();
    let most = widths.iter().max().copied().unwrap_or_default();
    format!("{} {what} of {} to {}", widths.len(), millis(least), millis(most))
}

fn millis(span: Duration) -> String {
    format!("{:.0} ms", span.as_secs_f32() * 1000.0)
}
