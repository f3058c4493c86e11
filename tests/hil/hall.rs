//! The programs around the cabinet: a broker, the hall's receiver, the daemon itself.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cabinet::Cabinet;

/// The cabinet's name at the hall.
const DEVICE: &str = "bench";
const EVENTS: &str = "events.jsonl";
const LOG: &str = "agent.log";
/// As a cabinet is set up that people use.
pub(crate) const UNHURRIED: &str =
    "pulse_ms = 500\nrest_ms = 200\nopen_within_ms = 1000\ndebounce_ms = 100\najar_after_s = 5";
/// How long anything may take that should happen at once; the guest's system calls are slow.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Broker, hall and daemon.
pub(crate) struct Hall {
    programs: PathBuf,
    models: PathBuf,
    agent: Option<Child>,
    _others: [Child; 2],
}

impl Hall {
    /// Starts a broker and the hall's receiver.
    pub(crate) fn open(programs: PathBuf, models: PathBuf) -> Result<Self, String> {
        // Without the second line a command waits up to 40 ms for the acknowledgement of the message before it.
        let settings = "listener 1883 127.0.0.1\nset_tcp_nodelay true\nallow_anonymous true\n";
        fs::write("broker.conf", settings).map_err(|e| e.to_string())?;
        let mut broker = Command::new("mosquitto");
        broker.args(["-c", "broker.conf"]);
        let broker = spawn(broker, "broker.log")?;
        let mut watch = Command::new(programs.join("hallctl"));
        watch.args(["--broker", "127.0.0.1:1883", "--device", DEVICE]);
        watch.args(["watch", "--receive", "--store", EVENTS]);
        until("the broker listens", || {
            std::net::TcpStream::connect(("127.0.0.1", 1883)).is_ok().then_some(())
        })?;
        let watch = spawn(watch, "hall.log")?;
        let hall = Self { programs, models, agent: None, _others: [broker, watch] };
        hall.configure(&hall.somebody_at_the_door(), UNHURRIED)?;
        Ok(hall)
    }

    /// Writes the configuration for the daemon's next start.
    pub(crate) fn configure(&self, camera: &str, timing: &str) -> Result<(), String> {
        let config = format!(
            "[device]\nid = \"{DEVICE}\"\nstate_dir = \"/run/bench/disk/state\"\n[hall]\nhost = \"127.0.0.1\"\n\
             [cabinet]\ndriver = \"gpio\"\n{timing}\n{}\n[camera]\n{camera}\n[models]\ndir = \"{}\"\n\
             [recognition]\nleast_change = 0\n[policy]\nremote_enrolment = true\n[control]\nsocket = \"/run/bench/control.sock\"\n",
            Cabinet::wiring(),
            self.models.display()
        );
        fs::write("config.toml", config).map_err(|e| e.to_string())
    }

    /// A camera before which the same person always stands.
    pub(crate) fn somebody_at_the_door(&self) -> String {
        let photo = self.models.join("obama2.jpg");
        format!("kind = \"replay\"\nfiles = [\"{}\"]\nfps = 5.0", photo.display())
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) fn start(&mut self) -> Result<Duration, String> {
        self.start_as(self.daemon())
    }

    /// Starts the daemon as a service manager does that wants to hear from it on `socket` every `watchdog`.
    pub(crate) fn start_watched(
        &mut self,
        socket: &Path,
        watchdog: Duration,
    ) -> Result<Duration, String> {
        let mut daemon = Command::new("sh");
        // The number of the process, which is the daemon's own only once it is the daemon.
        daemon.args(["-c", "WATCHDOG_PID=$$ exec \"$0\" run --config config.toml"]);
        daemon.arg(self.programs.join("locker-agent")).env("NOTIFY_SOCKET", socket);
        daemon.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        self.start_as(daemon)
    }

    fn start_as(&mut self, daemon: Command) -> Result<Duration, String> {
        let began = Instant::now();
        _ = fs::remove_file(LOG);
        self.agent = Some(spawn(daemon, LOG)?);
        let ready = until("the daemon is ready", || {
            let log = fs::read_to_string(LOG).unwrap_or_default();
            log.lines().find(|line| line.contains("INFO ready")).map(str::to_owned)
        });
        let ready = ready.map_err(|late| format!("{late}; its log:\n{}", log()))?;
        if ready.contains("faces are off") {
            return Err(ready);
        }
        Ok(began.elapsed())
    }

    fn daemon(&self) -> Command {
        let mut daemon = Command::new(self.programs.join("locker-agent"));
        daemon.args(["run", "--config", "config.toml"]);
        daemon
    }

    /// What a second daemon on the same lines says.
    pub(crate) fn start_second(&self) -> Result<String, String> {
        let ended = self.daemon().output().map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        if ended.status.success() { Err("it started".to_owned()) } else { Ok(said) }
    }

    /// What the service unit does when the daemon has ended: how long it took.
    pub(crate) fn release(&self) -> Result<Duration, String> {
        let began = Instant::now();
        let mut release = Command::new(self.programs.join("locker-agent"));
        let ended = release.args(["release", "--config", "config.toml"]).output();
        let ended = ended.map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        if ended.status.success() { Ok(began.elapsed()) } else { Err(said) }
    }

    /// Sends the daemon a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), String> {
        let agent = self.agent.as_ref().ok_or("there is no daemon")?;
        kill_process(Pid::from_child(agent), signal).map_err(|e| e.to_string())
    }

    /// Waits until the daemon has ended.
    pub(crate) fn ended(&mut self) -> Result<ExitStatus, String> {
        let mut agent = self.agent.take().ok_or("there is no daemon")?;
        until("the daemon ends", || agent.try_wait().ok().flatten())
    }

    /// Sends a command as the hall does; its end, in a sentence.
    pub(crate) fn order(&self, words: &[&str]) -> Result<String, String> {
        let ended = self.command(words).output().map_err(|e| e.to_string())?;
        let said = [ended.stdout, ended.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        if ended.status.success() { Ok(said) } else { Err(said) }
    }

    /// Opens a door at the cabinet itself, if it may be opened now.
    pub(crate) fn by_hand(&self, door: usize) -> Result<(), String> {
        let mut command = Command::new(self.programs.join("locker-agent"));
        command.args(["door", "--config", "config.toml", "open", &door.to_string()]);
        let ended = command.args(["--reason", "bench"]).output().map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        // Busy, jammed and stuck doors are refused; a daemon that does not answer is not.
        if ended.status.success() || said.contains("door ") { Ok(()) } else { Err(said) }
    }

    /// Commands a door to be opened by the staff, and does not wait for it.
    pub(crate) fn unlock(&self, door: usize) -> Result<Child, String> {
        let door = door.to_string();
        let mut command = self.command(&unlock(&door, "inspect"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map_err(|e| e.to_string())
    }

    /// The photo of the person before the camera, another one than the camera shows.
    pub(crate) fn photo(&self) -> String {
        self.models.join("obama.jpg").display().to_string()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join("hallctl"));
        command.args(["--broker", "127.0.0.1:1883", "--device", DEVICE]).args(words);
        command
    }

    /// Whether the daemon's log of this start says this.
    pub(crate) fn said(&self, words: &str) -> usize {
        fs::read_to_string(LOG).unwrap_or_default().matches(words).count()
    }

    /// Stops the daemon in good order.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        self.signal(Signal::TERM)?;
        let status = self.ended()?;
        if status.success() { Ok(()) } else { Err(status.to_string()) }
    }

    /// How many events of this type the hall holds after the first so many, by door.
    pub(crate) fn count_by_door(&self, after: usize, kind: &str, door: usize) -> usize {
        let of_door = |event: &&Value| {
            event["event"]["type"] == kind && event["event"]["compartment"] == door
        };
        events().iter().skip(after).filter(of_door).count()
    }

    /// How many events of this type the hall holds after the first so many.
    pub(crate) fn count(&self, after: usize, kind: &str) -> usize {
        events().iter().skip(after).filter(|event| event["event"]["type"] == kind).count()
    }

    /// How many events the hall holds.
    pub(crate) fn event_count(&self) -> usize {
        events().len()
    }

    /// Waits for an event after the first so many: its type, of this door.
    pub(crate) fn event(&self, after: usize, kind: &str, door: usize) -> Result<Value, String> {
        let looked_for = format!("the event {kind} of door {door}");
        let found = until(&looked_for, || {
            let of_door = |event: &Value| event["event"]["compartment"] == door;
            events().into_iter().skip(after).find(|e| e["event"]["type"] == kind && of_door(e))
        });
        found.map_err(|late| format!("{late}; since then: {}", kinds(after)))
    }

    /// Waits until the daemon's start is at the hall.
    pub(crate) fn started(&self, after: usize) -> Result<(), String> {
        until("the event agent_started", || {
            let started = |event: &Value| kind(event) == "agent_started";
            events().iter().skip(after).any(started).then_some(())
        })
    }

    /// The types of events after the first so many.
    pub(crate) fn kinds(&self, after: usize) -> String {
        kinds(after)
    }

    /// The types of events after the first so many, of one door.
    pub(crate) fn kinds_of(&self, after: usize, door: usize) -> Vec<String> {
        let of_door = events().into_iter().skip(after);
        let of_door = of_door.filter(|event| event["event"]["compartment"] == door);
        of_door.map(|event| kind(&event)).collect()
    }
}

/// An unlock's words.
pub(crate) fn unlock<'a>(door: &'a str, purpose: &'a str) -> [&'a str; 7] {
    ["unlock", door, purpose, "--operator", "clerk-1", "--reason", "bench"]
}

/// The end of the daemon's log.
pub(crate) fn log() -> String {
    let log = fs::read_to_string(LOG).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

fn events() -> Vec<Value> {
    let text = fs::read_to_string(EVENTS).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn kind(event: &Value) -> String {
    event["event"]["type"].as_str().unwrap_or_default().to_owned()
}

fn kinds(after: usize) -> String {
    events().iter().skip(after).map(kind).collect::<Vec<_>>().join(", ")
}

/// Looks until there is something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if began.elapsed() > SOON {
            return Err(format!("not within {} s: {what}", SOON.as_secs()));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn spawn(mut command: Command, log: &str) -> Result<Child, String> {
    let file = File::create(Path::new(log)).map_err(|e| e.to_string())?;
    let copy = file.try_clone().map_err(|e| e.to_string())?;
    let spawned = command.stdin(Stdio::null()).stdout(file).stderr(copy).spawn();
    spawned.map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))
}
