//! The daemon as a process of its own, as systemd would run it, and the hall's tool beside it.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use locker_agent::contract::record;
use locker_agent::core::event::Event;

pub(crate) const DEVICE: &str = "luohu-1";
/// For things that take milliseconds; a loaded machine gets time, a hanging program is caught.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cabinet's folder: its configuration, its state, the socket systemd would listen on.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    port: u16,
}

impl Site {
    /// A simulated cabinet of three doors that are shut 300 ms after they opened, and a camera before which the same
    /// person always stands. `more` replaces lines of the configuration: (what stands there, what shall).
    pub(crate) fn new(port: u16, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let photo = sample("obama2.jpg");
        let mut config = format!(
            "[device]\nid = \"{DEVICE}\"\nstate_dir = \"state\"\n\
             [hall]\nhost = \"127.0.0.1\"\nport = {port}\n\
             [cabinet]\ndriver = \"sim\"\nsim_close_after_ms = 300\npulse_ms = 200\nrest_ms = 100\n\
             compartment = [{{ number = 1 }}, {{ number = 2 }}, {{ number = 3 }}]\n\
             [camera]\nkind = \"replay\"\nfiles = [{:?}]\nfps = 10.0\n\
             [recognition]\nleast_change = 0\n\
             [policy]\nremote_enrolment = true\n\
             [control]\nsocket = \"control.sock\"\n",
            photo.to_str().unwrap()
        );
        for (old, new) in more {
            assert!(config.contains(old), "{old:?} is not in the configuration");
            config = config.replace(old, new);
        }
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        Self { folder, port }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts the daemon and returns when it says that it is ready, with the status it gives.
    pub(crate) fn start(&self) -> (Agent, String) {
        let socket = self.folder.path().join("notify");
        _ = std::fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket).unwrap();
        notify.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = locker_agent()
            .args(["run", "--config"])
            .arg(self.config())
            .env("NOTIFY_SOCKET", &socket)
            .stderr(std::fs::File::create(self.folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let agent = Agent { child, notify };
        let mut buffer = [0; 4096];
        loop {
            let length = agent.notify.recv(&mut buffer).unwrap_or_else(|error| {
                panic!("the daemon was not ready in time ({error}):\n{}", self.log())
            });
            let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if said.contains("READY=1") {
                return (agent, said);
            }
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Runs the hall's tool to its end.
    pub(crate) fn hallctl(&self, arguments: &[&str]) -> Output {
        self.hallctl_command().args(arguments).output().unwrap()
    }

    /// Runs the hall's tool and insists that the command was carried out.
    pub(crate) fn done(&self, arguments: &[&str]) {
        let output = self.hallctl(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}\n{}", self.log());
    }

    fn hallctl_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallctl"));
        command.args(["--broker", &format!("127.0.0.1:{}", self.port), "--device", DEVICE]);
        command
    }

    /// Starts the reference receiver: it keeps every event and sends receipts.
    pub(crate) fn receive(&self) -> Hall {
        let store = self.folder.path().join("events.jsonl");
        let mut child = self
            .hallctl_command()
            .args(["--json", "watch", "--receive", "--store"])
            .arg(&store)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = record::decode(line.as_bytes()).unwrap().event;
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Hall { child, events, store }
    }

    /// Runs `locker-agent door`, with answers to its questions.
    pub(crate) fn door(&self, arguments: &[&str], answers: &str) -> Output {
        use std::io::Write as _;
        let mut command = locker_agent();
        command.arg("door").args(arguments).arg("--config").arg(self.config());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have ended without asking.
        _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs `locker-agent journal` on the stopped daemon's state.
    pub(crate) fn journal(&self, what: &str) -> Output {
        locker_agent().args(["journal", what, "--state"]).arg(self.state()).output().unwrap()
    }
}

/// The command under test.
pub(crate) fn locker_agent() -> Command {
    Command::new(env!("CARGO_BIN_EXE_locker-agent"))
}

/// A sample photo of the model directory.
pub(crate) fn sample(name: &str) -> PathBuf {
    let path = locker_agent::models::default_dir().join(name);
    assert!(path.exists(), "{} is missing: run: make models", path.display());
    path
}

/// A running daemon; killed with the test.
pub(crate) struct Agent {
    child: Child,
    /// systemd's end, which it keeps open.
    notify: UnixDatagram,
}

impl Agent {
    /// SIGTERM, then waits for the end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// SIGKILL, as a power cut would end it but for the kernel's buffers.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The receiving hall; killed with the test.
pub(crate) struct Hall {
    child: Child,
    events: Receiver<Event>,
    store: PathBuf,
}

impl Hall {
    /// Waits until the hall has kept such an event.
    pub(crate) fn hears(&self, what: &str, wanted: impl Fn(&Event) -> bool) {
        loop {
            match self.events.recv_timeout(PATIENCE) {
                Ok(event) if wanted(&event) => return,
                Ok(_) => {}
                Err(error) => panic!("the hall did not hear of {what}: {error}"),
            }
        }
    }

    /// Everything it has kept, a record a line.
    pub(crate) fn store(&self) -> Vec<u8> {
        std::fs::read(&self.store).unwrap()
    }

    /// Every event it has kept.
    pub(crate) fn kept(&self) -> Vec<Event> {
        let store = self.store();
        let lines = store.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| record::decode(line).unwrap().event).collect()
    }
}

impl Drop for Hall {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// What a program said on standard error.
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The fixture of that name.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}
