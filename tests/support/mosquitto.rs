//! A mosquitto of the test's own: its port, its folder, ended with the test.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const INSTALL: &str = "mosquitto is needed: apt-get install mosquitto mosquitto-clients";

pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Mosquitto {
    /// A broker that does not run yet.
    pub(crate) fn stopped() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             log_dest stderr\nlog_type all\n"
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        Self { port, folder, child: None }
    }

    pub(crate) fn running() -> Self {
        let mut broker = Self::stopped();
        broker.start();
        broker
    }

    /// Starts it and returns when it says that it is running.
    pub(crate) fn start(&mut self) {
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "mosquitto"]
            .into_iter()
            .find(|path| !path.contains('/') || PathBuf::from(path).exists())
            .unwrap();
        let mut child = Command::new(program)
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{INSTALL} ({error})"));
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let runs = log.by_ref().map_while(Result::ok).any(|line| line.contains("running"));
        self.child = Some(child);
        assert!(runs, "mosquitto did not start on port {}", self.port);
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Where to put files that the configuration names.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds to the configuration before the start.
    pub(crate) fn configure(&self, more: &str) {
        let file = self.folder.path().join("mosquitto.conf");
        let config = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{config}{more}\n")).unwrap();
    }

    /// Subscribes for good: the broker keeps from now on what [`Subscription::take`] will read.
    pub(crate) fn subscribe(&self, topic: &'static str) -> Subscription {
        let subscription = Subscription { port: self.port, topic };
        let status = subscription.command().arg("-E").status();
        assert!(status.unwrap_or_else(|error| panic!("{INSTALL} ({error})")).success());
        subscription
    }

    /// Publishes each payload, which must be one line.
    pub(crate) fn publish_lines(&self, topic: &str, payloads: &[Vec<u8>]) {
        let mut lines = payloads.join(&b'\n');
        lines.push(b'\n');
        let port = self.port.to_string();
        let mut child = Command::new("mosquitto_pub")
            .args(["-V", "5", "-q", "1", "-h", "127.0.0.1", "-p", &port, "-t", topic, "-l"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{INSTALL} ({error})"));
        child.stdin.take().unwrap().write_all(&lines).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "mosquitto_pub: {status}");
    }

    /// Publishes a payload of any size.
    pub(crate) fn publish(&self, topic: &str, payload: &[u8], more: &[&str]) {
        publish(self.port, topic, payload, more);
    }
}

/// A session of the hall's that the broker keeps.
pub(crate) struct Subscription {
    port: u16,
    topic: &'static str,
}

impl Subscription {
    fn command(&self) -> Command {
        let mut command = Command::new("mosquitto_sub");
        command
            .args(["-V", "5", "-q", "1", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(["-i", "listener", "-c", "-x", "3600", "-t", self.topic]);
        command
    }

    /// The next messages, as lines; fewer if they do not come within half a minute.
    pub(crate) fn take(&self, count: usize) -> Vec<String> {
        let output = self.command().args(["-C", &count.to_string(), "-W", "30"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Publishes a payload of any size to any broker, with `mosquitto_pub`.
pub(crate) fn publish(port: u16, topic: &str, payload: &[u8], more: &[&str]) {
    let mut child = Command::new("mosquitto_pub")
        .args(["-V", "5", "-q", "1", "-h", "127.0.0.1", "-p", &port.to_string(), "-t", topic])
        .arg(if payload.is_empty() { "-n" } else { "-s" })
        .args(more)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{INSTALL} ({error})"));
    child.stdin.take().unwrap().write_all(payload).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "mosquitto_pub: {status}");
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}
