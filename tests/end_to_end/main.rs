//! The whole product as its users run it: the daemon, the hall's tool and a real broker, each a process of its own.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod by_hand;
#[path = "../support"]
mod support {
    pub(crate) mod agent;
    #[allow(dead_code, reason = "the uplink's tests use the rest")]
    pub(crate) mod mosquitto;
}

use locker_agent::contract::command::encode;
use locker_agent::core::command::{Command, Failure, Order, Purpose, Rejection};
use locker_agent::core::event::{Authority, Event};
use locker_agent::core::ids::{CommandId, CompartmentId};
use locker_agent::core::time::WallTime;
use support::agent::{DEVICE, Site, complaint, fixture, locker_agent, sample};
use support::mosquitto::Mosquitto;

fn reserve_and_enrol(site: &Site) {
    site.done(&["reserve", "passport-1", "r-5521"]);
    let photo = sample("obama.jpg");
    site.done(&["enrol", "r-5521", photo.to_str().unwrap(), "--consent", "consent-1"]);
}

fn load(site: &Site) {
    site.done(&["unlock", "1", "load", "--operator", "clerk-7", "--reason", "bringing it"]);
}

#[test]
fn the_main_job_survives_broker_restarts_with_nothing_lost() {
    let mut broker = Mosquitto::running();
    let site = Site::new(broker.port, &[]);
    let hall = site.receive();
    let (agent, status) = site.start();
    assert!(status.contains("STATUS=ready"), "{status}");
    reserve_and_enrol(&site);
    broker.kill();
    broker.start();
    load(&site);
    // The broker dies while the door is open and the citizen is at the camera.
    broker.kill();
    broker.start();
    hall.hears("the collection", |event| matches!(event, Event::DepositCollected { .. }));
    hall.hears("the erasure", |event| matches!(event, Event::TemplatesErased { .. }));
    assert!(agent.terminate().success(), "{}", site.log());

    let events = hall.kept();
    let by_face = |event: &&Event| {
        matches!(event, Event::UnlockAuthorised { authority: Authority::Face { .. }, .. })
    };
    assert_eq!(events.iter().filter(by_face).count(), 1);
    let verified = site.journal("verify");
    assert!(verified.status.success(), "{verified:?}");
    let exported = site.journal("export");
    assert_eq!(
        String::from_utf8_lossy(&hall.store()),
        String::from_utf8_lossy(&exported.stdout),
        "the hall holds the journal, byte for byte"
    );
}

#[test]
fn a_kill_in_the_middle_of_a_pulse_is_reported_and_not_repeated() {
    let broker = Mosquitto::running();
    let site = Site::new(broker.port, &[("pulse_ms = 200", "pulse_ms = 1000")]);
    let hall = site.receive();
    let (agent, _) = site.start();
    site.done(&["reserve", "passport-1", "r-5521"]);
    let unlock = |site: &Site| {
        let reason = ["--operator", "clerk-7", "--reason", "bringing it", "--id", "unlock-1"];
        let what = ["unlock", "1", "load", "--ttl", "200", "--timeout", "30"];
        site.hallctl(&[&what[..], &reason[..]].concat())
    };
    std::thread::scope(|threads| {
        let answered = threads.spawn(|| unlock(&site));
        hall.hears("the pulse", |event| matches!(event, Event::PulseCommanded { .. }));
        agent.kill();
        let (agent, _) = site.start();
        hall.hears("the interruption", |event| matches!(event, Event::UnlockInterrupted { .. }));
        assert_eq!(answered.join().unwrap().status.code(), Some(1), "failed: interrupted");
        let again = unlock(&site);
        assert_eq!(again.status.code(), Some(1), "the same command, the same answer: {again:?}");
        assert!(agent.terminate().success());
    });
    let events = hall.kept();
    let pulses = events.iter().filter(|event| matches!(event, Event::PulseCommanded { .. }));
    assert_eq!(pulses.count(), 1);
    let failed =
        |event: &Event| matches!(event, Event::CommandFailed { reason: Failure::Interrupted, .. });
    assert!(events.iter().any(failed));
}

#[test]
fn a_retained_unlock_opens_nothing_however_often_the_agent_connects() {
    let mut broker = Mosquitto::running();
    let site = Site::new(broker.port, &[]);
    let hall = site.receive();
    let (agent, _) = site.start();
    let order = Order::Unlock {
        compartment: CompartmentId::new(2).unwrap(),
        purpose: Purpose::Inspect,
        operator: "mallory".parse().unwrap(),
        reason: "left at the broker".into(),
    };
    let payload = encode(&command("retained-1", order), &DEVICE.parse().unwrap(), None);
    let topic = format!("locker/v1/{DEVICE}/command");
    broker.publish(&topic, &payload, &["-r"]);
    let retained =
        |event: &Event| matches!(event, Event::CommandRejected { reason: Rejection::Retained, .. });
    hall.hears("the refusal", retained);
    assert!(agent.terminate().success());
    let (agent, _) = site.start();
    broker.kill();
    broker.start();
    broker.publish(&topic, &payload, &["-r"]);
    // A command behind it: when it is answered, the retained one has been dealt with.
    site.done(&["reserve", "passport-1", "r-5521"]);
    assert!(agent.terminate().success());
    let opened = |event: &Event| matches!(event, Event::UnlockAuthorised { .. });
    assert!(!hall.kept().iter().any(opened));
}

fn command(id: &str, order: Order) -> Command {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let issued_at = WallTime(u64::try_from(since.as_millis()).unwrap());
    let expires_at = issued_at.plus(std::time::Duration::from_secs(120));
    Command { id: CommandId::new(id).unwrap(), issued_at, expires_at, retained: false, order }
}

#[test]
fn without_a_broker_it_starts_and_tells_the_hall_later() {
    let mut broker = Mosquitto::stopped();
    let site = Site::new(broker.port, &[]);
    let (agent, status) = site.start();
    assert!(status.contains("READY=1"), "{status}");
    broker.start();
    let hall = site.receive();
    hall.hears("the start", |event| matches!(event, Event::AgentStarted { .. }));
    assert!(agent.terminate().success());
}

#[test]
fn without_models_faces_are_off_and_staff_still_open_doors() {
    let broker = Mosquitto::running();
    let site = Site::new(broker.port, &[("[policy]", "[models]\ndir = \"nowhere\"\n[policy]")]);
    let (agent, status) = site.start();
    assert!(status.contains("faces are off"), "{status}");
    assert!(status.contains("nowhere") && status.contains("models fetch"), "{status}");
    site.done(&["reserve", "passport-1", "r-5521"]);
    load(&site);
    assert!(agent.terminate().success());
}

#[test]
fn a_second_daemon_on_the_same_state_is_refused_with_a_reason() {
    let broker = Mosquitto::running();
    let site = Site::new(broker.port, &[]);
    let (agent, _) = site.start();
    let second = locker_agent().args(["run", "--config"]).arg(site.config()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = complaint(&second);
    assert!(said.contains("state/journal") && said.contains("running"), "{said}");
    assert!(agent.terminate().success());
}

#[test]
fn a_broken_configuration_starts_nothing_and_is_told_whole() {
    let site = Site::new(
        1,
        &[
            ("pulse_ms = 200", "pulse_ms = 9000\ncolour = \"red\""),
            ("{ number = 2 }", "{ number = 1 }"),
        ],
    );
    let output = locker_agent().args(["run", "--config"]).arg(site.config()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = complaint(&output);
    for expected in ["config.toml", "cabinet.pulse_ms = 9000", "50", "1000", "colour", "number"] {
        assert!(said.contains(expected), "{expected:?} is missing in:\n{said}");
    }
    assert!(!site.state().exists(), "nothing was begun");
}

#[test]
fn the_demonstration_plays_once_and_every_step_is_observed() {
    let attack = fixture("faces/attack.jpg");
    let output = locker_agent().args(["demo", "--once", "--attack"]).arg(attack).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", complaint(&output));
    for step in ["stranger is refused", "photo of a photo is refused", "byte for byte"] {
        assert!(told.contains(step), "{step:?} is missing in:\n{told}");
    }
}
