//! The daemon's end of the control socket.

use std::fs::{self, Permissions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::peer::operator_at;
use super::protocol::{Doorway, LONGEST_LINE, Reply, Request};
use super::{Asked, ControlFault, Doors};
use crate::contract::command::check_reason;
use crate::contract::state::CompartmentState;

/// People who may ask at the same time; there is one cabinet to stand at.
const MOST_VISITORS: usize = 4;
/// Who says nothing for so long is shown out.
const PATIENCE: Duration = Duration::from_secs(10);
/// Its owner and its group may ask.
const MODE: u32 = 0o660;

/// The socket; it disappears with this.
#[derive(Debug)]
pub struct Server {
    socket: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.socket);
    }
}

/// Serves a control socket at this path from threads of its own. What another daemon left there is replaced; a
/// living one is not.
pub fn serve(socket: &Path, doors: Arc<dyn Doors>) -> Result<Server, ControlFault> {
    let not_made = |error: io::Error| ControlFault::NotMade {
        socket: socket.display().to_string(),
        problem: error.to_string(),
    };
    if UnixStream::connect(socket).is_ok() {
        let taken = io::Error::new(io::ErrorKind::AddrInUse, "another daemon serves it");
        return Err(not_made(taken));
    }
    let listener = bind(socket).map_err(not_made)?;
    let visitors = Arc::new(AtomicUsize::new(0));
    let receive = move || {
        for stream in listener.incoming().flatten() {
            receive(stream, &doors, &visitors);
        }
    };
    thread::Builder::new().name("control".into()).spawn(receive).map_err(not_made)?;
    Ok(Server { socket: socket.to_owned() })
}

/// The socket gets its name only once it has its mode.
fn bind(socket: &Path) -> io::Result<UnixListener> {
    let mut new = socket.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    _ = fs::remove_file(&new);
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(MODE))?;
    fs::rename(&new, socket)?;
    Ok(listener)
}

/// Gives a visitor a thread, or asks them to come back.
fn receive(stream: UnixStream, doors: &Arc<dyn Doors>, visitors: &Arc<AtomicUsize>) {
    if visitors.fetch_add(1, Ordering::Relaxed) >= MOST_VISITORS {
        visitors.fetch_sub(1, Ordering::Relaxed);
        let busy = "others are being served: try again in a moment".to_owned();
        _ = send(&stream, &Reply::Refused(busy));
        return;
    }
    let (doors, leaving) = (Arc::clone(doors), Arc::clone(visitors));
    let talk = move || {
        if let Err(error) = talk(&stream, doors.as_ref()) {
            tracing::debug!(%error, "the control socket's visitor is gone");
        }
        leaving.fetch_sub(1, Ordering::Relaxed);
    };
    if thread::Builder::new().name("control-visitor".into()).spawn(talk).is_err() {
        visitors.fetch_sub(1, Ordering::Relaxed);
    }
}

fn talk(stream: &UnixStream, doors: &dyn Doors) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        reader.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut line)?;
        match line.last() {
            None => return Ok(()),
            Some(b'\n') => send(stream, &judge(stream, &line, doors))?,
            Some(_) => {
                let said = format!("a request is one line of at most {LONGEST_LINE} bytes");
                return send(stream, &Reply::Refused(said));
            }
        }
    }
}

fn send(mut stream: &UnixStream, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply).map_err(io::Error::other)?;
    line.push(b'\n');
    stream.write_all(&line)
}

fn judge(stream: &UnixStream, line: &[u8], doors: &dyn Doors) -> Reply {
    let answered = match serde_json::from_slice(line) {
        Ok(Request::Look) => doors.look().map(|view| {
            Reply::Doors(view.compartments.iter().map(CompartmentState::from).collect())
        }),
        Ok(Request::Open(doorway)) => return open(stream, doorway, doors),
        Err(error) => return Reply::Refused(format!("this is no request: {error}")),
    };
    answered.unwrap_or_else(|fault| Reply::Refused(fault.to_string()))
}

fn open(stream: &UnixStream, doorway: Doorway, doors: &dyn Doors) -> Reply {
    let Doorway { compartment, reason, even_loaded, sudo_user } = doorway;
    if let Err(problem) = check_reason(&reason) {
        return Reply::Refused(format!("the reason {problem}"));
    }
    let Some(operator) = operator_at(stream, sudo_user.as_deref()) else {
        return Reply::Refused(
            "the system does not tell who asks, so nothing is opened".to_owned(),
        );
    };
    let asked = Asked { compartment, operator, reason, even_loaded };
    match doors.open(asked) {
        Ok(answer) => Reply::Ended(answer),
        Err(fault) => Reply::Refused(fault.to_string()),
    }
}
