//! The child's side: start it, read it, note its last words, end it with everything it started.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Shelf;
use crate::cameras::huffman;
use crate::cameras::kernel::dies_with_its_parent;
use crate::cameras::mjpeg::Splitter;

/// How quickly the thread notices that it is no longer wanted.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// How long a child that was asked to end may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a program that has closed its output may take to be gone.
const LEAVING: Duration = Duration::from_secs(1);
/// What is kept of a line.
const LONGEST_LINE: usize = 200;

/// Runs the program until it ends or nobody wants its pictures any more.
pub(super) fn serve(argv: &[String], shelf: &Shelf) {
    let mut running = match Running::start(argv) {
        Ok(running) => running,
        Err(error) => return shelf.end(not_started(&error)),
    };
    let ended = running.read(shelf);
    let patience = if shelf.state().unwanted { Duration::ZERO } else { LEAVING };
    let status = running.end(patience);
    running.hear_last_words(shelf);
    let how = match (ended, status) {
        (Err(error), _) => format!("its output cannot be read: {error}"),
        (Ok(()), Ok(status)) => format!("it has ended ({status})"),
        (Ok(()), Err(error)) => format!("it has ended, and how is not known ({error})"),
    };
    let words = shelf.last_words();
    shelf.end(format!("{how}{words}; try the command by hand, as the user of this program"));
}

fn not_started(error: &io::Error) -> String {
    let remedy = if error.kind() == io::ErrorKind::PermissionDenied {
        "see that the user of this program may run it"
    } else {
        "install it, or correct camera.command"
    };
    format!("it cannot be started: {error}; {remedy}")
}

struct Running {
    child: Child,
    output: ChildStdout,
    errors: Option<ChildStderr>,
    line: Vec<u8>,
}

impl Running {
    fn start(argv: &[String]) -> io::Result<Self> {
        let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its own group, so that what it starts can be ended with it.
        command.process_group(0);
        dies_with_its_parent(&mut command);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let errors = child.stderr.take();
        Ok(Self { child, output, errors, line: Vec::new() })
    }

    /// Reads until the output ends or nobody wants it.
    fn read(&mut self, shelf: &Shelf) -> io::Result<()> {
        let mut splitter = Splitter::default();
        let mut piece = vec![0; 64 * 1024];
        while !shelf.state().unwanted {
            let (output, errors) = self.wait_for_either()?;
            if errors {
                self.hear(shelf, &mut piece);
            }
            if output {
                let read = match self.output.read(&mut piece) {
                    Ok(0) => return Ok(()),
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                splitter.feed(&piece[..read], |picture| {
                    if let Some(picture) = huffman::completed(picture) {
                        shelf.put(picture);
                    }
                });
            }
        }
        Ok(())
    }

    /// Whether there is something to read, or the end, on output and errors.
    fn wait_for_either(&self) -> io::Result<(bool, bool)> {
        let mut ready = vec![PollFd::new(&self.output, PollFlags::IN)];
        ready.extend(self.errors.iter().map(|errors| PollFd::new(errors, PollFlags::IN)));
        match poll(&mut ready, Some(&GLANCE)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let waits = |at: usize| ready.get(at).is_some_and(|fd| !fd.revents().is_empty());
        Ok((waits(0), waits(1)))
    }

    /// Reads what there is of the errors, and keeps the last line.
    fn hear(&mut self, shelf: &Shelf, piece: &mut [u8]) {
        let read = self.errors.as_mut().map_or(Ok(0), |errors| errors.read(piece));
        match read {
            Ok(0) | Err(_) => self.errors = None,
            Ok(read) => {
                for byte in &piece[..read] {
                    if matches!(byte, b'\n' | b'\r') {
                        self.note_line(shelf);
                    } else if self.line.len() < LONGEST_LINE {
                        self.line.push(*byte);
                    }
                }
            }
        }
    }

    fn note_line(&mut self, shelf: &Shelf) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
        if !line.trim().is_empty() {
            line.trim().clone_into(&mut shelf.state().last_line);
        }
    }

    /// After the child's end: what it managed to say, without waiting for others that hold the pipe.
    fn hear_last_words(&mut self, shelf: &Shelf) {
        let mut piece = [0; 4096];
        while let Some(errors) = &self.errors {
            let mut ready = [PollFd::from_borrowed_fd(errors.as_fd(), PollFlags::IN)];
            if !matches!(poll(&mut ready, Some(&Timespec::default())), Ok(1..)) {
                break;
            }
            self.hear(shelf, &mut piece);
        }
        self.note_line(shelf);
    }

    /// Asks the child and all it started to end, and makes them if they do not. A child that ends by itself within
    /// `patience` keeps its own status: its output closes a moment before it is gone.
    fn end(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        let mut status = self.has_ended_within(patience)?;
        if status.is_none() {
            self.signal(Signal::TERM);
            status = self.has_ended_within(FAREWELL)?;
        }
        self.signal(Signal::KILL);
        status.map_or_else(|| self.child.wait(), Ok)
    }

    fn has_ended_within(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || began.elapsed() >= patience {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // A group that is empty has ended already.
            _ = kill_process_group(group, signal);
        }
    }
}
