//! A daemon that hangs, and a camera that goes away.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::hall::{UNHURRIED, unlock, until};
use super::{Bench, Outcome, check, millis, width};

/// In place of the unit's `WatchdogSec`, which is longer.
const WATCHDOG: Duration = Duration::from_secs(3);
/// Where the simulated camera is taken from the kernel and given back, as a plug pulled and put in.
const CAMERA_DRIVER: &str = "/sys/bus/platform/drivers/vivid";
const CAMERA: &str = "vivid.0";

impl Bench {
    /// The bench is the service manager here: it hears the daemon's heartbeat and kills it when that stops.
    pub(super) fn frozen_in_pulse(&mut self) -> Outcome {
        self.hall.stop()?;
        let path = Path::new("/run/bench/notify");
        _ = fs::remove_file(path);
        let manager = UnixDatagram::bind(path).map_err(|e| e.to_string())?;
        manager.set_read_timeout(Some(WATCHDOG)).map_err(|e| e.to_string())?;
        self.hall.start_watched(path, WATCHDOG)?;
        forget(&manager)?;
        let beats = (0..3).map(|_| heartbeat(&manager)).collect::<Result<Vec<_>, _>>()?;
        let slowest = beats.into_iter().max().unwrap_or_default();

        let pulses = self.cabinet.pulse_count();
        let mut command = self.halfway(3)?;
        self.hall.signal(Signal::STOP)?;
        let frozen = Instant::now();
        while heartbeat(&manager).is_ok() {}
        let noticed = frozen.elapsed();
        self.hall.signal(Signal::KILL)?;
        self.hall.ended()?;
        self.hall.release()?;
        let pulse = self.ended_pulses(pulses)?[0];
        self.cabinet.jam(3, false);
        _ = command.kill();
        _ = command.wait();
        check(self.cabinet.pulses_after(pulses).len() == 1, || "pulsed again".into())?;
        let events = self.hall.event_count();
        self.hall.start()?;
        self.hall.event(events, "unlock_interrupted", 3)?;
        Ok(format!(
            "a beat at least every {}; silence noticed after {}, line live for {}",
            millis(slowest),
            millis(noticed),
            millis(width(&pulse))
        ))
    }

    /// Nobody's face is in the simulated picture; it is the device that matters here.
    pub(super) fn camera_unplugged(&mut self) -> Outcome {
        self.hall.stop()?;
        self.hall.configure("kind = \"v4l2\"\ndevice = \"/dev/video0\"", UNHURRIED)?;
        self.hall.start()?;
        let photo = self.hall.photo();
        self.hall.order(&["reserve", "licence-2", "r-2", "--compartment", "2"])?;
        self.hall.order(&["enrol", "r-2", &photo, "--consent", "form-2"])?;
        let events = self.hall.event_count();
        self.hall.order(&unlock("2", "load"))?;
        self.hall.event(events, "pulse_ended", 2)?;
        self.cabinet.close(2);
        self.hall.event(events, "deposit_loaded", 2)?;
        until("the camera is open", || (self.hall.said("the camera is open") > 0).then_some(()))?;

        let opened = self.hall.said("the camera is open");
        let pulled = Instant::now();
        plug("unbind")?;
        until("the loss is noticed", || {
            (self.hall.said("faces are off until the camera is back") > 0).then_some(())
        })?;
        let noticed = pulled.elapsed();
        self.open(1)?;
        self.close(1)?;
        let plugged = Instant::now();
        plug("bind")?;
        until("the camera is open again", || {
            (self.hall.said("the camera is open") > opened).then_some(())
        })?;
        let back = plugged.elapsed();

        let events = self.hall.event_count();
        self.hall.order(&unlock("2", "recall"))?;
        self.hall.event(events, "pulse_ended", 2)?;
        self.cabinet.close(2);
        self.hall.event(events, "deposit_recalled", 2)?;
        self.hall.stop()?;
        self.hall.configure(&self.hall.somebody_at_the_door(), UNHURRIED)?;
        self.hall.start()?;
        Ok(format!(
            "noticed after {}, staff open doors meanwhile, pictures again {} after it was back",
            millis(noticed),
            millis(back)
        ))
    }
}

/// Takes away what was said so far.
fn forget(manager: &UnixDatagram) -> Result<(), String> {
    manager.set_nonblocking(true).map_err(|e| e.to_string())?;
    while manager.recv(&mut [0; 512]).is_ok() {}
    manager.set_nonblocking(false).map_err(|e| e.to_string())
}

/// Waits for the next heartbeat; how long it took.
fn heartbeat(manager: &UnixDatagram) -> Result<Duration, String> {
    let began = Instant::now();
    let mut said = [0; 512];
    loop {
        let length = manager.recv(&mut said).map_err(|_| "no heartbeat".to_owned())?;
        if String::from_utf8_lossy(&said[..length]).contains("WATCHDOG=1") {
            return Ok(began.elapsed());
        }
    }
}

fn plug(how: &str) -> Result<(), String> {
    fs::write(Path::new(CAMERA_DRIVER).join(how), CAMERA).map_err(|e| format!("{how}: {e}"))
}
