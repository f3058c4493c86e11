//! The installer's end of the control socket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::ControlFault;
use super::protocol::{Doorway, Reply, Request};
use crate::contract::state::CompartmentState;
use crate::core::command::Answer;

/// The longest that an opening takes: five attempts of half a minute each.
const PATIENCE: Duration = Duration::from_secs(180);
/// A cabinet of 999 doors answers in less, in bytes.
const LONGEST_REPLY: u64 = 1 << 20;

/// A connection to the running daemon.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
}

impl Client {
    /// Connects; [`ControlFault::NobodyThere`] when no daemon serves this path.
    pub fn connect(socket: &Path) -> Result<Self, ControlFault> {
        let stream = UnixStream::connect(socket).map_err(|error| {
            let socket = socket.display().to_string();
            let kind = error.kind();
            if matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) {
                ControlFault::NobodyThere { socket }
            } else if kind == io::ErrorKind::PermissionDenied {
                ControlFault::Forbidden { socket }
            } else {
                ControlFault::Broken(format!("{socket}: {error}"))
            }
        })?;
        let ready = stream.set_read_timeout(Some(PATIENCE)).map(|()| BufReader::new(stream));
        let reader = ready.map_err(|error| ControlFault::Broken(error.to_string()))?;
        Ok(Self { reader })
    }

    /// How all doors stand.
    pub fn look(&mut self) -> Result<Vec<CompartmentState>, ControlFault> {
        match self.ask(&Request::Look)? {
            Reply::Doors(doors) => Ok(doors),
            Reply::Refused(why) => Err(ControlFault::Refused(why)),
            Reply::Ended(_) => Err(ControlFault::Broken("it answers another question".into())),
        }
    }

    /// Opens a door and waits for the end of it.
    pub fn open(&mut self, doorway: Doorway) -> Result<Answer, ControlFault> {
        match self.ask(&Request::Open(doorway))? {
            Reply::Ended(answer) => Ok(answer),
            Reply::Refused(why) => Err(ControlFault::Refused(why)),
            Reply::Doors(_) => Err(ControlFault::Broken("it answers another question".into())),
        }
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, ControlFault> {
        let broken = |error: io::Error| ControlFault::Broken(error.to_string());
        let mut line = serde_json::to_vec(request).map_err(|e| broken(io::Error::other(e)))?;
        line.push(b'\n');
        self.reader.get_mut().write_all(&line).map_err(broken)?;
        let mut answer = Vec::new();
        let mut limited = self.reader.by_ref().take(LONGEST_REPLY);
        limited.read_until(b'\n', &mut answer).map_err(broken)?;
        if answer.is_empty() {
            return Err(ControlFault::Broken("the daemon ended the connection".into()));
        }
        serde_json::from_slice(&answer).map_err(|error| broken(io::Error::other(error)))
    }
}
