//! `locker-agent journal`: looks at a journal while no daemon has it open.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::contract::record::to_hex;
use crate::core::time::WallTime;
use crate::journal::{self, ExportFault, JournalReader, Store};
use crate::ports::{JournalFault, Outbox};

/// Look at the journal of a cabinet whose daemon is stopped.
#[derive(Debug, Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// Prove that every record is there and unchanged.
    Verify(Place),
    /// Print the newest records, oldest first, one JSON record a line.
    Tail {
        #[command(flatten)]
        place: Place,
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20)]
        count: usize,
    },
    /// Print every record, one JSON record a line, byte for byte as stored.
    Export {
        #[command(flatten)]
        place: Place,
        /// Write to this new file instead.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Tell how many records there are and how many the hall lacks.
    Stats(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// The state folder, as device.state_dir in the configuration.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/locker-agent")]
    state: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Place {
    fn open(&self) -> Result<std::sync::Arc<JournalReader>, JournalFault> {
        Store::open_to_read(&self.state)
    }
}

/// Exit code 0 if it went well, 1 if `verify` could not prove the journal whole, for the reason it prints.
pub fn run(args: JournalArgs) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match args.command {
        JournalCommand::Verify(place) => verify(&place, &mut out),
        JournalCommand::Tail { place, count } => tail(&place, count, &mut out),
        JournalCommand::Export { place, output } => export(&place, output.as_deref(), &mut out),
        JournalCommand::Stats(place) => stats(&place, &mut out),
    };
    // Whoever reads along may have seen enough, as head does.
    match done.and_then(|code| out.flush().map(|()| code).map_err(Into::into)) {
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        done => done,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    let exported = match error.downcast_ref() {
        Some(ExportFault::Output(cause)) => Some(cause),
        Some(ExportFault::Journal(_)) | None => None,
    };
    exported
        .or_else(|| causes.next())
        .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn verify(place: &Place, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let report = match place.open().and_then(|reader| journal::verify(&reader)) {
        Ok(report) => report,
        Err(fault) if place.json => {
            let problem = fault.to_string();
            writeln!(out, "{}", serde_json::json!({ "proven_whole": false, "problem": problem }))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(fault) => {
            writeln!(out, "not proven whole: {fault}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let head = to_hex(&report.head);
    if place.json {
        let value = serde_json::json!({
            "proven_whole": true,
            "journal": report.journal,
            "events": report.events,
            "first_at_ms": report.first_at.map(|at| at.0),
            "last_at_ms": report.last_at.map(|at| at.0),
            "head": head,
        });
        writeln!(out, "{value}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "whole: {} events in journal {}", report.events, report.journal)?;
    if let Some((first, last)) = report.first_at.zip(report.last_at) {
        writeln!(out, "from {} to {}", date(first), date(last))?;
    }
    writeln!(out, "digest of the last record: {head}")?;
    Ok(ExitCode::SUCCESS)
}

fn tail(place: &Place, count: usize, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    for entry in journal::tail(&*place.open()?, count)? {
        out.write_all(&entry.record)?;
        writeln!(out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn export(place: &Place, to: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let reader = place.open()?;
    let Some(path) = to else {
        journal::export(&reader, out)?;
        return Ok(ExitCode::SUCCESS);
    };
    let name = path.display();
    let file = std::fs::File::create_new(path)
        .with_context(|| format!("{name} cannot be written; give the name of a new file"))?;
    let mut lines = BufWriter::new(file);
    let events = journal::export(&reader, &mut lines)?;
    let file = lines.into_inner().with_context(|| format!("{name} could not be written"))?;
    file.sync_all().with_context(|| format!("{name} could not be made durable"))?;
    if place.json {
        writeln!(out, "{}", serde_json::json!({ "events": events, "file": name.to_string() }))?;
    } else {
        writeln!(out, "{events} events written to {name}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn stats(place: &Place, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let reader = place.open()?;
    let (newest, acknowledged) = (reader.newest().0, reader.acknowledged().0);
    let (journal, bytes) = (reader.journal_id(), reader.bytes()?);
    if place.json {
        let value = serde_json::json!({
            "journal": journal,
            "newest": newest,
            "acknowledged": acknowledged,
            "outbox": newest - acknowledged,
            "bytes": bytes,
        });
        writeln!(out, "{value}")?;
    } else {
        writeln!(out, "journal {journal}: {newest} events, {} KiB on disk", bytes / 1024)?;
        writeln!(out, "the hall has {acknowledged} of them; {} wait", newest - acknowledged)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn date(at: WallTime) -> String {
    let date = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    date.map_or_else(|| format!("{} ms after 1970", at.0), |date| date.to_string())
}
