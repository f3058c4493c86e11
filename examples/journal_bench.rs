//! How many events a second become durable here, next to a bare file with the same bytes and `fdatasync`.
//!
//! `cargo run --release --example journal_bench [FOLDER]`: measure in a folder on the disk that matters.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::fs::File;
use std::io::{Result, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use locker_agent::core::event::{Authority, Event};
use locker_agent::core::ids::{CompartmentId, RecipientId, UnlockId};
use locker_agent::core::time::WallTime;
use locker_agent::journal::{JournalWriter, Store};
use locker_agent::ports::{Journal, Outbox};

const TURN: Duration = Duration::from_millis(500);
const TURNS: usize = 6;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    let (mut writer, reader) = Store::open(folder.path())?;
    let event = Event::UnlockAuthorised {
        unlock: UnlockId(4711),
        compartment: CompartmentId::new(17)?,
        purpose: locker_agent::core::command::Purpose::Collect,
        authority: Authority::Face { recipient: RecipientId::new("recipient-0123456789")? },
    };
    writer.append(WallTime(0), std::slice::from_ref(&event))?;
    let bytes = reader.after(locker_agent::core::ids::EventSeq(0), 1)?[0].record.len();
    println!("{bytes} bytes a record, {TURNS} turns of {TURN:?} each, interleaved");
    for batch in [1, 100] {
        let events = vec![event.clone(); batch];
        let bare_bytes = vec![b'x'; bytes * batch];
        let mut bare = File::create(folder.path().join(format!("bare-{batch}")))?;
        let (mut journal_rates, mut bare_rates) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            journal_rates.push(rate(batch, || append(&mut writer, &events))?);
            bare_rates.push(rate(batch, || {
                bare.write_all(&bare_bytes)?;
                bare.sync_data()
            })?);
        }
        let (journal, bare) = (median(journal_rates), median(bare_rates));
        println!(
            "batches of {batch}: journal {journal:.0} events/s, bare file {bare:.0}, ratio {:.2}",
            journal / bare
        );
    }
    println!(
        "{} events, {} KiB in {}",
        reader.newest(),
        reader.bytes()? / 1024,
        shown(folder.path())
    );
    drop((writer, reader));
    let began = Instant::now();
    let (writer, reader) = Store::open(folder.path())?;
    let opened = began.elapsed();
    writer.replay(&mut |_| ())?;
    println!(
        "reopened in {opened:?}, {} replayed in {:?}",
        reader.newest(),
        began.elapsed() - opened
    );
    Ok(())
}

fn append(writer: &mut JournalWriter, events: &[Event]) -> Result<()> {
    writer.append(WallTime(1), events).map(|_| ()).map_err(std::io::Error::other)
}

fn rate(batch: usize, mut once: impl FnMut() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    let mut done = 0;
    while began.elapsed() < TURN {
        once()?;
        done += batch;
    }
    Ok(done as f64 / began.elapsed().as_secs_f64())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    (rates[rates.len() / 2] + rates[(rates.len() - 1) / 2]) / 2.0
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
