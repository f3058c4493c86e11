//! The installer's commands, beside a running daemon and without one.

use locker_agent::contract::record;
use locker_agent::core::event::{Authority, Event};

use crate::support::agent::{Site, complaint};

/// No broker listens there: the cabinet works without a hall.
const NOWHERE: u16 = 1;

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn recorded(site: &Site) -> Vec<Event> {
    let exported = site.journal("export");
    assert!(exported.status.success(), "{exported:?}");
    let lines = exported.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| record::decode(line).unwrap().event).collect()
}

fn openings_by_hand(events: &[Event]) -> Vec<(String, String)> {
    let mut by_hand = Vec::new();
    for event in events {
        if let Event::UnlockAuthorised { authority, .. } = event
            && let Authority::Local { operator, reason, .. } = authority
        {
            by_hand.push((operator.to_string(), reason.clone()));
        }
    }
    by_hand
}

/// As the program names whoever runs the tests.
fn myself() -> String {
    let user = std::process::Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
    match std::env::var("SUDO_USER") {
        Ok(caller) if user == "root" => format!("sudo:{caller}"),
        _ => user,
    }
}

#[test]
fn a_running_daemon_opens_a_door_for_whoever_may_use_its_socket() {
    let site = Site::new(NOWHERE, &[]);
    let (agent, _) = site.start();
    let socket = std::fs::metadata(site.folder.path().join("control.sock")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&socket.permissions());
    assert_eq!(mode & 0o777, 0o660);

    let opened = site.door(&["open", "2", "--reason", "the hinge squeaks"], "");
    assert!(opened.status.success(), "{}", complaint(&opened));
    assert_eq!(said(&opened), "door 2 is open\n");
    let nowhere = site.door(&["open", "99", "--reason", "x"], "");
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(complaint(&nowhere).contains("door 99 stays shut"), "{}", complaint(&nowhere));
    let blank = site.door(&["open", "2", "--reason", " "], "");
    assert!(complaint(&blank).contains("the reason is blank"), "{}", complaint(&blank));

    let tested = site.door(&["test", "--all"], "");
    assert!(tested.status.success(), "{}\n{}", said(&tested), complaint(&tested));
    assert_eq!(said(&tested).matches(" yes ").count(), 6, "{}", said(&tested));
    let mapped = site.door(&["map"], "");
    assert!(complaint(&mapped).contains("stop it first"), "{}", complaint(&mapped));

    assert!(agent.terminate().success());
    assert!(!site.folder.path().join("control.sock").exists(), "the socket is left behind");
    let by_hand = openings_by_hand(&recorded(&site));
    assert_eq!(by_hand.len(), 4);
    assert_eq!(by_hand[0], (myself(), "the hinge squeaks".to_owned()));
}

#[test]
fn without_a_daemon_the_same_commands_work_and_leave_the_same_record() {
    let site = Site::new(NOWHERE, &[]);
    let listed = site.door(&["list", "--json"], "");
    let doors: serde_json::Value = serde_json::from_slice(&listed.stdout)
        .unwrap_or_else(|error| panic!("{error}: {listed:?}"));
    assert_eq!(doors.as_array().unwrap().len(), 3);
    assert_eq!(doors[0]["door"], "closed");
    let tested = site.door(&["test", "1", "3"], "");
    assert!(tested.status.success(), "{}\n{}", said(&tested), complaint(&tested));
    let by_hand = openings_by_hand(&recorded(&site));
    assert_eq!(by_hand, vec![(myself(), "door test".to_owned()); 2]);
}

#[test]
fn a_socket_that_a_killed_daemon_left_is_replaced() {
    let site = Site::new(NOWHERE, &[]);
    let (agent, _) = site.start();
    agent.kill();
    assert!(site.folder.path().join("control.sock").exists());
    let alone = site.door(&["open", "1", "--reason", "looking"], "");
    assert!(alone.status.success(), "{}", complaint(&alone));
    let (agent, _) = site.start();
    let asked = site.door(&["open", "1", "--reason", "looking again"], "");
    assert!(asked.status.success(), "{}", complaint(&asked));
    assert!(agent.terminate().success());
}

#[test]
fn mapping_writes_the_numbers_that_the_installer_saw_and_keeps_the_old_file() {
    let site = Site::new(NOWHERE, &[]);
    let before = std::fs::read_to_string(site.config()).unwrap();
    let stopped = site.door(&["map"], "2\nq\n");
    assert_eq!(stopped.status.code(), Some(1), "{}", complaint(&stopped));
    assert_eq!(std::fs::read_to_string(site.config()).unwrap(), before);

    let mapped = site.door(&["map", "--reason", "first mounting"], "2\n1\n\n");
    assert!(mapped.status.success(), "{}\n{}", said(&mapped), complaint(&mapped));
    let numbers = "compartment = [{ number = 2 }, { number = 1 }, { number = 3 }]";
    assert!(std::fs::read_to_string(site.config()).unwrap().contains(numbers));
    let old = site.folder.path().join("config.toml.old");
    assert_eq!(std::fs::read_to_string(old).unwrap(), before);
    let tried = |event: &&Event| matches!(event, Event::LockTried { reason, .. } if reason == "first mounting");
    assert_eq!(recorded(&site).iter().filter(tried).count(), 3);
}

#[test]
fn mapping_says_what_it_could_not_tell_and_writes_nothing() {
    let site = Site::new(NOWHERE, &[]);
    let before = std::fs::read_to_string(site.config()).unwrap();
    let mapped = site.door(&["map"], "1\n1\n-\n");
    assert_eq!(mapped.status.code(), Some(1));
    let why = complaint(&mapped);
    assert!(why.contains("locks of 1 and 2") && why.contains("3 opened no door"), "{why}");
    assert_eq!(std::fs::read_to_string(site.config()).unwrap(), before);
}
