//! The journal and the templates on a real disk: killed processes, full disks, damaged files.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

use clap::Parser;
use locker_agent::cli::{self, journal::JournalArgs};
use locker_agent::core::event::Event;
use locker_agent::core::ids::{CompartmentId, EventSeq, ModelId, RecipientId};
use locker_agent::core::time::WallTime;
use locker_agent::journal::{
    JournalReader, JournalWriter, Store, TemplateVault, export, tail, verify,
};
use locker_agent::ports::{Journal, Outbox, Recorded, Template, TemplateStore};
use proptest::prelude::*;

/// What a test's own executable does when it is started again as a child; see `child`.
const CHILD: &str = "STORAGE_TEST_CHILD";

fn event(number: u64) -> Event {
    Event::AgentStarted { version: format!("event {number}") }
}

fn events(count: u64) -> Vec<Event> {
    (1..=count).map(event).collect()
}

fn replayed(writer: &JournalWriter) -> Vec<Recorded> {
    let mut all = Vec::new();
    writer.replay(&mut |recorded| all.push(recorded)).unwrap();
    all
}

fn open(state: &Path) -> (JournalWriter, Arc<JournalReader>) {
    Store::open(state).unwrap()
}

fn refused(state: &Path) -> String {
    match Store::open(state) {
        Ok((writer, _)) => writer.replay(&mut |_| ()).unwrap_err().to_string(),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn what_was_appended_is_replayed_in_order_after_reopening() {
    let state = tempfile::tempdir().unwrap();
    let journal = {
        let (mut writer, reader) = open(state.path());
        assert_eq!(writer.append(WallTime(5), &events(3)).unwrap(), EventSeq(3));
        assert_eq!(writer.append(WallTime(6), &[]).unwrap(), EventSeq(3));
        assert_eq!(writer.append(WallTime(7), &[event(4)]).unwrap(), EventSeq(4));
        reader.journal_id()
    };
    let (writer, reader) = open(state.path());
    assert_eq!(reader.journal_id(), journal);
    let all = replayed(&writer);
    assert_eq!(all.iter().map(|recorded| recorded.seq.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(all.iter().map(|recorded| recorded.at.0).collect::<Vec<_>>(), [5, 5, 5, 7]);
    assert_eq!(all.into_iter().map(|recorded| recorded.event).collect::<Vec<_>>(), events(4));
    let report = verify(&reader).unwrap();
    assert_eq!((report.events, report.first_at), (4, Some(WallTime(5))));
    assert_eq!(report.last_at, Some(WallTime(7)));
}

#[test]
fn export_and_tail_give_the_stored_bytes() {
    let state = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(state.path());
    writer.append(WallTime(1), &events(30)).unwrap();
    let stored = reader.after(EventSeq(0), 100).unwrap();
    let mut lines = Vec::new();
    assert_eq!(export(&reader, &mut lines).unwrap(), 30);
    let expected: Vec<u8> =
        stored.iter().flat_map(|entry| [&entry.record[..], b"\n"].concat()).collect();
    assert_eq!(lines, expected);
    assert_eq!(tail(&reader, 4).unwrap(), stored[26..]);
    assert_eq!(tail(&reader, 400).unwrap(), stored);
}

#[test]
fn an_acknowledgement_moves_forward_only_and_not_beyond_the_newest() {
    let state = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(state.path());
    writer.append(WallTime(1), &events(5)).unwrap();
    reader.acknowledge(EventSeq(3)).unwrap();
    reader.acknowledge(EventSeq(3)).unwrap();
    for wrong in [0, 2, 6] {
        assert!(reader.acknowledge(EventSeq(wrong)).is_err(), "{wrong} was accepted");
        assert_eq!(reader.acknowledged(), EventSeq(3));
    }
}

#[test]
fn a_second_process_is_told_to_stop_the_daemon_first() {
    let state = tempfile::tempdir().unwrap();
    let (mut writer, _reader) = open(state.path());
    for told in [Store::open(state.path()).err(), Store::open_to_read(state.path()).err()] {
        let told = told.unwrap().to_string();
        assert!(told.contains("another process") && told.contains("systemctl stop"), "{told}");
    }
    writer.append(WallTime(1), &[event(1)]).unwrap();
}

#[test]
fn looking_at_a_journal_that_is_not_there_makes_none() {
    let state = tempfile::tempdir().unwrap();
    let told = Store::open_to_read(state.path()).err().unwrap().to_string();
    assert!(told.contains("there is none"), "{told}");
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

#[test]
fn a_lost_tail_is_noticed() {
    let state = tempfile::tempdir().unwrap();
    let (journal, older) = (state.path().join("journal"), state.path().join("older"));
    drop(open(state.path()));
    let (mut writer, _) = open(state.path());
    writer.append(WallTime(1), &events(10)).unwrap();
    drop(writer);
    copy_folder(&journal, &older);
    let (mut writer, _) = open(state.path());
    writer.append(WallTime(2), &events(10)).unwrap();
    drop(writer);
    // The older database with the newer mark: what a damaged place in the log amounts to.
    std::fs::copy(journal.join("newest"), older.join("newest")).unwrap();
    std::fs::remove_dir_all(&journal).unwrap();
    std::fs::rename(&older, &journal).unwrap();
    let told = refused(state.path());
    assert!(told.contains("ends at record 10, but 20 had been recorded"), "{told}");
    assert!(told.contains(&journal.display().to_string()), "{told}");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_missing_database_or_mark_is_not_replaced_by_an_empty_one() {
    for lost in ["db", "newest"] {
        let state = tempfile::tempdir().unwrap();
        let (mut writer, _) = open(state.path());
        writer.append(WallTime(1), &events(3)).unwrap();
        drop(writer);
        std::fs::remove_file(state.path().join("journal").join(lost)).unwrap();
        let told = refused(state.path());
        assert!(told.contains("damaged") && told.contains("backup"), "{lost}: {told}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed_or_harmless() {
    let original = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(original.path());
    for batch in 0..40 {
        writer.append(WallTime(batch), &events(10)).unwrap();
    }
    let all = replayed(&writer);
    drop(writer);
    let length = std::fs::metadata(original.path().join("journal/db")).unwrap().len();
    let mut noticed = 0;
    for step in 0..24 {
        let state = tempfile::tempdir().unwrap();
        copy_folder(original.path(), state.path());
        let mut options = std::fs::OpenOptions::new();
        let db = options.read(true).write(true).open(state.path().join("journal/db")).unwrap();
        let place = (length / 24) * step + step * 37;
        let mut byte = [0];
        db.read_exact_at(&mut byte, place).unwrap();
        db.write_all_at(&[byte[0] ^ 0x10], place).unwrap();
        match Store::open(state.path()) {
            Err(_) => noticed += 1,
            Ok((writer, _)) => {
                let mut found = Vec::new();
                match writer.replay(&mut |recorded| found.push(recorded)) {
                    Ok(()) => assert_eq!(found, all, "a flip at {place} changed what is read"),
                    Err(_) => noticed += 1,
                }
            }
        }
    }
    assert!(noticed > 0, "no flip hit anything");
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Reopen,
    Acknowledge(u64),
    Read(u64, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u64..6).prop_map(Step::Append),
        1 => Just(Step::Reopen),
        2 => (0u64..40).prop_map(Step::Acknowledge),
        2 => (0u64..40, 0usize..10).prop_map(|(after, limit)| Step::Read(after, limit)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_journal_behaves_like_a_list(steps in prop::collection::vec(step(), 1..40)) {
        let state = tempfile::tempdir().unwrap();
        let (mut writer, mut reader) = open(state.path());
        let (mut list, mut acknowledged) = (Vec::new(), 0);
        for step in steps {
            match step {
                Step::Append(count) => {
                    let new: Vec<_> = (0..count).map(|n| event(list.len() as u64 + n)).collect();
                    list.extend(new.iter().cloned());
                    let seq = writer.append(WallTime(1), &new).unwrap();
                    prop_assert_eq!(seq.0, list.len() as u64);
                }
                Step::Reopen => {
                    drop((writer, reader));
                    (writer, reader) = open(state.path());
                }
                Step::Acknowledge(through) => {
                    let lawful = (acknowledged..=list.len() as u64).contains(&through);
                    prop_assert_eq!(reader.acknowledge(EventSeq(through)).is_ok(), lawful);
                    acknowledged = if lawful { through } else { acknowledged };
                }
                Step::Read(after, limit) => {
                    let found = reader.after(EventSeq(after), limit).unwrap();
                    let expected = (after + 1..=list.len() as u64).take(limit);
                    let found: Vec<_> = found.iter().map(|entry| entry.seq.0).collect();
                    prop_assert_eq!(found, expected.collect::<Vec<_>>());
                }
            }
            prop_assert_eq!(reader.newest().0, list.len() as u64);
            prop_assert_eq!(reader.acknowledged().0, acknowledged);
        }
        let found: Vec<_> = replayed(&writer).into_iter().map(|recorded| recorded.event).collect();
        prop_assert_eq!(found, list);
    }
}

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    journal: JournalArgs,
}

#[test]
fn the_command_line_proves_a_journal_whole_unless_a_daemon_has_it() {
    let state = tempfile::tempdir().unwrap();
    let run = |command: &[&str]| {
        let state = state.path().to_str().unwrap();
        let words = [&["journal"], command, &["--state", state]].concat();
        cli::journal::run(CommandLine::try_parse_from(words).unwrap().journal)
    };
    assert_eq!(run(&["verify"]).unwrap(), ExitCode::FAILURE);
    let (mut writer, reader) = open(state.path());
    writer.append(WallTime(1), &events(3)).unwrap();
    assert_eq!(run(&["verify", "--json"]).unwrap(), ExitCode::FAILURE);
    assert!(run(&["stats"]).unwrap_err().to_string().contains("systemctl stop"));
    drop((writer, reader));
    let file = state.path().join("export.jsonl");
    let output = file.to_str().unwrap();
    for command in [
        &["verify"][..],
        &["stats", "--json"],
        &["tail", "-n", "1"],
        &["export", "--output", output],
    ] {
        assert_eq!(run(command).unwrap(), ExitCode::SUCCESS, "{command:?}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 3);
    let again = run(&["export", "--output", output]).unwrap_err().to_string();
    assert!(again.contains("give the name of a new file"), "{again}");
}

/// Events of one batch carry its number, so that half a batch shows.
fn batch(number: u64) -> Vec<Event> {
    vec![event(number); (number % 4 + 1).try_into().unwrap()]
}

/// Appends batches until it is killed or an append fails; says on its output how far it came.
fn child(state: &Path) {
    let (mut writer, reader) = open(state);
    let mut out = std::io::stdout();
    writeln!(out, "begins {}", reader.newest()).unwrap();
    for number in 1.. {
        match writer.append(WallTime(number), &batch(number)) {
            Ok(seq) => writeln!(out, "recorded {seq}").unwrap(),
            Err(fault) => {
                let second = writer.append(WallTime(number), &batch(number)).unwrap_err();
                writeln!(out, "failed {fault} / {second}").unwrap();
                return;
            }
        }
    }
}

/// Runs this executable again, to run only `test`, which calls `child`; `limit` caps its files' size.
fn start_child(test: &str, state: &Path, limit: Option<u32>) -> Child {
    let limit = limit.map_or(String::new(), |kib| format!("trap '' XFSZ; ulimit -f {kib};"));
    let script = format!("{limit} exec \"$0\" \"$@\"");
    Command::new("bash")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, state)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn number(line: &str, word: &str) -> Option<u64> {
    // The test runner may have begun the same line.
    line.split_once(word)?.1.trim().parse().ok()
}

#[test]
fn after_twenty_kills_every_recorded_event_is_there_and_no_batch_is_halved() {
    if let Some(state) = std::env::var_os(CHILD) {
        return child(Path::new(&state));
    }
    let state = tempfile::tempdir().unwrap();
    let mut recorded = 0;
    for round in 0..20u32 {
        let mut running = start_child(
            "after_twenty_kills_every_recorded_event_is_there_and_no_batch_is_halved",
            state.path(),
            None,
        );
        let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
        // From dying while opening to dying hundreds of batches later.
        let wanted = (round * round * 7 + round) % 400;
        let mut seen = 0;
        while seen < wanted {
            let line = lines.next().unwrap().unwrap();
            if let Some(begins) = number(&line, "begins ") {
                assert!(begins >= recorded, "{recorded} were recorded, {begins} are there");
            }
            if let Some(seq) = number(&line, "recorded ") {
                recorded = seq;
                seen += 1;
            }
        }
        running.kill().unwrap();
        running.wait().unwrap();
        // What it managed to say before it died was recorded too.
        for line in lines.map_while(Result::ok) {
            recorded = number(&line, "recorded ").unwrap_or(recorded);
        }
    }
    let (writer, reader) = open(state.path());
    let report = verify(&reader).unwrap();
    assert!(recorded > 1000 && report.events >= recorded, "{recorded} of {}", report.events);
    let all = replayed(&writer);
    let runs: Vec<_> = all.chunk_by(|a, b| (a.at, &a.event) == (b.at, &b.event)).collect();
    for run in runs {
        assert_eq!(run.len(), batch(run[0].at.0).len(), "half a batch at {}", run[0].seq);
    }
}

#[test]
fn a_full_disk_stops_recording_for_good_and_loses_nothing_recorded() {
    if let Some(state) = std::env::var_os(CHILD) {
        return child(Path::new(&state));
    }
    let state = tempfile::tempdir().unwrap();
    let running = start_child(
        "a_full_disk_stops_recording_for_good_and_loses_nothing_recorded",
        state.path(),
        Some(1500),
    );
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let recorded = said.lines().filter_map(|line| number(line, "recorded ")).next_back().unwrap();
    let failed = said.lines().find(|line| line.contains("failed ")).unwrap();
    assert!(failed.contains("nothing more is recorded since this failed"), "{failed}");
    let (mut writer, reader) = open(state.path());
    let found = verify(&reader).unwrap().events;
    // The batch that failed may have reached the disk, whole or not at all.
    assert!((recorded..recorded + 5).contains(&found), "{recorded} recorded, {found} found");
    writer.append(WallTime(1), &[event(1)]).unwrap();
}

fn template(model: &str, first: f32) -> Template {
    let vector = (0..128).map(|index| first + index as f32 * 0.001).collect();
    Template { model: ModelId::new(model).unwrap(), vector }
}

fn recipient(name: &str) -> RecipientId {
    RecipientId::new(name).unwrap()
}

#[test]
fn templates_come_back_after_reopening_and_erased_ones_do_not() {
    let state = tempfile::tempdir().unwrap();
    let mut vault = TemplateVault::open(state.path(), None).unwrap();
    vault.put(&recipient("a"), &template("m1", 0.1)).unwrap();
    vault.put(&recipient("a"), &template("m2", 0.2)).unwrap();
    vault.put(&recipient("ab"), &template("m1", 0.3)).unwrap();
    drop(vault);
    let mut vault = TemplateVault::open(state.path(), None).unwrap();
    let (found, unreadable) = vault.all().unwrap();
    assert_eq!((found.len(), unreadable), (3, 0));
    assert!(found.contains(&(recipient("a"), template("m2", 0.2))));
    vault.erase(&recipient("a")).unwrap();
    drop(vault);
    let (found, _) = TemplateVault::open(state.path(), None).unwrap().all().unwrap();
    assert_eq!(found, [(recipient("ab"), template("m1", 0.3))]);
}

#[test]
fn no_file_of_the_state_folder_holds_a_template_in_the_clear() {
    let state = tempfile::tempdir().unwrap();
    let mut vault = TemplateVault::open(state.path(), None).unwrap();
    let secret = template("m1", 0.1);
    vault.put(&recipient("a"), &secret).unwrap();
    drop(vault);
    let plain: Vec<u8> = secret.vector[..4].iter().flat_map(|n| n.to_le_bytes()).collect();
    let mut searched = BTreeSet::new();
    let mut folders = vec![state.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(plain.len()).any(|window| window == plain), "{path:?}");
            searched.insert(path.file_name().unwrap().to_owned());
        }
    }
    assert!(searched.contains(std::ffi::OsStr::new("db")));
}

#[test]
fn under_another_key_templates_are_counted_as_unreadable_and_new_ones_work() {
    let state = tempfile::tempdir().unwrap();
    let mut vault = TemplateVault::open(state.path(), None).unwrap();
    vault.put(&recipient("a"), &template("m1", 0.1)).unwrap();
    vault.put(&recipient("b"), &template("m1", 0.2)).unwrap();
    drop(vault);
    std::fs::remove_file(state.path().join("gallery.key")).unwrap();
    let mut vault = TemplateVault::open(state.path(), None).unwrap();
    assert_eq!(vault.all().unwrap(), (Vec::new(), 2));
    vault.erase(&recipient("a")).unwrap();
    vault.put(&recipient("a"), &template("m1", 0.5)).unwrap();
    assert_eq!(vault.all().unwrap(), (vec![(recipient("a"), template("m1", 0.5))], 1));
}

#[test]
fn door_numbers_survive_the_journal() {
    let state = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(state.path());
    let closed = Event::DoorClosed { compartment: CompartmentId::new(17).unwrap() };
    writer.append(WallTime(9), std::slice::from_ref(&closed)).unwrap();
    assert_eq!(replayed(&writer)[0].event, closed);
}

#[test]
fn a_new_key_keeps_every_template_and_ends_the_old_one() {
    let state = tempfile::tempdir().unwrap();
    let mut vault = TemplateVault::open(state.path(), None).unwrap();
    for (name, first) in [("a", 0.1), ("b", 0.2)] {
        vault.put(&recipient(name), &template("m1", first)).unwrap();
    }
    let key = state.path().join("gallery.key");
    let before = std::fs::read(&key).unwrap();
    let found = vault.all().unwrap();
    assert_eq!(vault.rotate_key().unwrap(), 2);
    assert_eq!(vault.all().unwrap(), found);
    drop(vault);
    assert_ne!(std::fs::read(&key).unwrap(), before);
    assert!(!state.path().join("gallery.key.old").exists());

    // The power fails after the keys have changed and before the templates have.
    std::fs::rename(&key, state.path().join("gallery.key.old")).unwrap();
    std::fs::write(&key, [9; 32]).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, private).unwrap();
    let vault = TemplateVault::open(state.path(), None).unwrap();
    assert_eq!(vault.all().unwrap(), found);
    assert!(!state.path().join("gallery.key.old").exists());
}
