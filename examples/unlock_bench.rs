//! From the hall's command to the line: an unlock is published, recorded durably, and its line is set, beside one MQTT
//! round trip and one `fdatasync` alone in the same run. Real broker, real journal; the lock is simulated.
//!
//! `cargo run --release --example unlock_bench [FOLDER]`: measure in a folder on the disk that matters.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::unwrap_used, missing_docs, reason = "shared with the tests")]

#[path = "../tests/hil/desk.rs"]
mod desk;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/mosquitto.rs"]
mod mosquitto;

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use desk::{Desk, Echo, RECORD, spread};
use locker_agent::config::Config;
use locker_agent::core::ids::CompartmentId;
use locker_agent::daemon::{Daemon, Hardware};
use locker_agent::ports::{CameraFault, LockBank, LockFault};
use locker_agent::sim::SimCabinet;

const TURNS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(10);

/// The simulated lock, which also tells when its line was set.
struct Probe<L> {
    inner: L,
    set: Sender<Instant>,
}

impl<L: LockBank> LockBank for Probe<L> {
    fn pulse(&mut self, door: CompartmentId, width: Duration) -> Result<(), LockFault> {
        _ = self.set.send(Instant::now());
        self.inner.pulse(door, width)
    }
}

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    let broker = mosquitto::Mosquitto::running();
    let mut config = Config::demo(folder.path().join("agent"), broker.port);
    config.cabinet.locks.pulse = Duration::from_millis(50);
    config.cabinet.rest_between_pulses = Duration::from_millis(100);
    let cabinet = SimCabinet::new(config.cabinet.doors.numbers());
    let (set, lines) = channel();
    let hardware = Hardware {
        locks: Box::new(Probe { inner: cabinet.locks(), set }),
        sensors: Box::new(cabinet.sensors()),
        open_camera: Box::new(|| {
            Err(CameraFault { camera: "none".into(), problem: "not for this measurement".into() })
        }),
    };
    let daemon = Daemon::start(&config, hardware, Box::new(|| ()))?;
    let measured = measure(broker.port, config.device.id.as_str(), folder.path(), &cabinet, &lines);
    daemon.stop()?;
    measured
}

fn measure(
    port: u16,
    device: &str,
    folder: &std::path::Path,
    cabinet: &SimCabinet,
    lines: &Receiver<Instant>,
) -> anyhow::Result<()> {
    let mut desk = Desk::open(port, device).map_err(|e| anyhow!(e))?;
    let mut echo = Echo::open(&desk.runtime, port).map_err(|e| anyhow!(e))?;
    let mut bare = File::create(folder.join("bare"))?;
    let (mut spans, mut echoes, mut syncs, mut answers) = (vec![], vec![], vec![], vec![]);
    for turn in 0..TURNS {
        echoes.push(desk.runtime.block_on(echo.once()).map_err(|e| anyhow!(e))?);
        let began = Instant::now();
        bare.write_all(&RECORD)?;
        bare.sync_data()?;
        syncs.push(began.elapsed());

        let door = CompartmentId::new(u16::try_from(turn % 12 + 1)?)?;
        let command = desk.unlock(door.number().into()).map_err(|e| anyhow!(e))?;
        let began = Instant::now();
        desk.send(&command).map_err(|e| anyhow!(e))?;
        answers.push(began.elapsed());
        let set = lines.recv_timeout(PATIENCE).context("no line was set")?;
        spans.push(set.duration_since(began));
        cabinet.wait_for_pulse(PATIENCE).context("the pulse did not end")?;
        cabinet.close(door);
        // The coil rests, and the closed door goes on record.
        std::thread::sleep(Duration::from_millis(150));
    }
    report(spread(spans), spread(echoes), spread(syncs), spread(answers));
    Ok(())
}

type Spread = (Duration, Duration);

fn report(line: Spread, echo: Spread, sync: Spread, answer: Spread) {
    let row = |name: &str, (median, worst): Spread| {
        let millis = |span: Duration| span.as_secs_f64() * 1000.0;
        println!("{name:28} {:8.2} ms {:8.2} ms", millis(median), millis(worst));
    };
    println!("{TURNS} unlocks {:>22} {:>11}", "median", "p99");
    row("command to line", line);
    row("MQTT round trip alone", echo);
    row("fdatasync alone", sync);
    row("command to final answer", answer);
    let ratio = |line: Duration, echo: Duration, sync: Duration| {
        line.as_secs_f64() / (echo + sync).as_secs_f64()
    };
    println!(
        "command to line over round trip + fdatasync: median {:.2}, p99 {:.2}",
        ratio(line.0, echo.0, sync.0),
        ratio(line.1, echo.1, sync.1)
    );
}
