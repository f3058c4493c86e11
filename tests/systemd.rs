//! The unit is one that systemd accepts, and as closed as a program with locks and a camera can be.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// In tenths, of 100. What remains is the network, the devices and looking at /proc/cpuinfo. Rises only with a reason.
const MOST_EXPOSURE: &str = "16";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn unit() -> String {
    std::fs::read_to_string(folder().join("locker-agent.service")).unwrap()
}

/// The unit as it would be installed, except that it starts the binary just built: `verify` insists on one.
fn installable(dir: &Path) -> PathBuf {
    let text = unit().replace("/usr/bin/locker-agent", env!("CARGO_BIN_EXE_locker-agent"));
    let path = dir.join("locker-agent.service");
    std::fs::write(&path, text).unwrap();
    path
}

fn run(program: &str, arguments: &[&str], last: &Path) -> (bool, String) {
    let output: Output =
        Command::new(program).args(arguments).arg(last).output().unwrap_or_else(|cause| {
            panic!("{program}: {cause}; install it: apt-get install systemd")
        });
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn systemd_accepts_the_unit_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let unit = installable(dir.path());
    let (passed, said) = run("systemd-analyze", &["verify", "--man=no"], &unit);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("locker-agent")).collect();
    assert!(passed && ours.is_empty(), "{said}");
}

#[test]
fn systemd_would_have_said_so_if_a_line_were_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = installable(dir.path());
    let broken = std::fs::read_to_string(&path).unwrap().replace("WatchdogSec=", "WatchdogSecs=");
    std::fs::write(&path, broken).unwrap();
    let (_, said) = run("systemd-analyze", &["verify", "--man=no"], &path);
    assert!(said.contains("WatchdogSecs"), "{said}");
}

#[test]
fn the_unit_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let threshold = format!("--threshold={MOST_EXPOSURE}");
    let arguments = ["security", "--offline=true", "--no-pager", &threshold];
    let (passed, said) = run("systemd-analyze", &arguments, &installable(dir.path()));
    assert!(passed, "more exposed than {MOST_EXPOSURE} tenths\n{said}");
}

#[test]
fn the_unit_watches_restarts_and_keeps_its_state() {
    let unit = unit();
    for line in [
        "Type=notify",
        "NotifyAccess=main",
        "WatchdogSec=30s",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "User=locker-agent",
        "StateDirectory=locker-agent",
        "LimitCORE=0",
        "ExecStart=/usr/bin/locker-agent run --config /etc/locker-agent/config.toml",
        "ExecStopPost=-/usr/bin/locker-agent release --config /etc/locker-agent/config.toml",
    ] {
        assert!(unit.lines().any(|written| written == line), "the unit has lost: {line}");
    }
}

#[test]
fn the_account_that_the_unit_names_is_made() {
    let file = folder().join("locker-agent.sysusers");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().any(|line| line.starts_with("u locker-agent ")), "{text}");
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("etc/sysusers.d");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::copy(&file, place.join("locker-agent.conf")).unwrap();
    let (passed, said) = run("systemd-sysusers", &["--root"], root.path());
    assert!(passed, "{said}");
    let made = std::fs::read_to_string(root.path().join("etc/group")).unwrap();
    for group in ["gpio", "video", "dialout"] {
        let line = made.lines().find(|line| line.starts_with(&format!("{group}:")));
        assert!(line.is_some_and(|line| line.ends_with(":locker-agent")), "{group}: {made}");
    }
}

#[test]
fn the_account_may_use_the_chips() {
    let rules = std::fs::read_to_string(folder().join("60-locker-agent.rules")).unwrap();
    let rule = rules.lines().find(|line| line.starts_with("SUBSYSTEM==")).unwrap();
    for part in ["SUBSYSTEM==\"gpio\"", "GROUP=\"gpio\"", "MODE=\"0660\""] {
        assert!(rule.split(", ").any(|given| given == part), "{part} is not in: {rule}");
    }
}
