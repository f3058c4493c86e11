//! A serial port: opened raw, read with a time, lost when its adapter is pulled out.
//!
//! `rustix` is in the tree already and has all that is needed; a crate for serial ports would add what this does not use
//! (enumeration, other systems, modem lines).

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, OptionalActions, QueueSelector, ioctl_tiocexcl, ioctl_tiocnxcl, tcflush,
    tcgetattr, tcsetattr,
};

use super::protocol::Parity;

/// How long the kernel may take to accept a request: its buffer holds hundreds.
const WRITE_WITHIN: Duration = Duration::from_millis(200);

/// The port cannot be used, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct PortFault(String);

pub(super) struct SerialPort {
    file: OwnedFd,
}

impl SerialPort {
    /// Opens the port for this program alone, raw, with eight bits and one stop bit.
    pub(super) fn open(device: &Path, baud: u32, parity: Parity) -> Result<Self, PortFault> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file =
            open(device, flags, Mode::empty()).map_err(|error| opening(device, error, baud))?;
        let set_up = || {
            let mut modes = tcgetattr(&file)?;
            modes.make_raw();
            modes.control_modes -= ControlModes::CSTOPB
                | ControlModes::CRTSCTS
                | ControlModes::PARENB
                | ControlModes::PARODD;
            modes.control_modes |= ControlModes::CS8 | ControlModes::CREAD | ControlModes::CLOCAL;
            modes.control_modes |= match parity {
                Parity::None => ControlModes::empty(),
                Parity::Even => ControlModes::PARENB,
                Parity::Odd => ControlModes::PARENB | ControlModes::PARODD,
            };
            modes.set_speed(baud)?;
            tcsetattr(&file, OptionalActions::Now, &modes)?;
            ioctl_tiocexcl(&file)
        };
        set_up().map_err(|error| opening(device, error, baud))?;
        Ok(Self { file })
    }

    /// Drops what came and was not read: late answers, noise.
    pub(super) fn forget_input(&self) -> Result<(), PortFault> {
        tcflush(&self.file, QueueSelector::IFlush).map_err(lost)
    }

    /// Hands all bytes to the kernel.
    pub(super) fn send(&self, mut bytes: &[u8]) -> Result<(), PortFault> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.file, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if !self.is_ready(PollFlags::OUT, WRITE_WITHIN)? {
                        return Err(PortFault("the port takes no more bytes".to_owned()));
                    }
                }
                Err(error) => return Err(lost(error)),
            }
        }
        Ok(())
    }

    /// Waits for bytes; none when the time is over.
    pub(super) fn receive(&self, room: &mut [u8], wait: Duration) -> Result<usize, PortFault> {
        if !self.is_ready(PollFlags::IN, wait)? {
            return Ok(0);
        }
        match rustix::io::read(&self.file, room) {
            Ok(0) => Err(PortFault("the port was hung up".to_owned())),
            Ok(count) => Ok(count),
            Err(Errno::INTR | Errno::AGAIN) => Ok(0),
            Err(error) => Err(lost(error)),
        }
    }

    fn is_ready(&self, for_what: PollFlags, wait: Duration) -> Result<bool, PortFault> {
        let mut files = [PollFd::new(&self.file, for_what)];
        let wait = Timespec::try_from(wait).unwrap_or_default();
        match poll(&mut files, Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(lost(error)),
        }
        let seen = files[0].revents();
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        if seen.intersects(gone) && !seen.contains(PollFlags::IN) {
            return Err(PortFault("the port was hung up".to_owned()));
        }
        Ok(seen.intersects(for_what))
    }
}

impl Drop for SerialPort {
    fn drop(&mut self) {
        // A port that is gone has nobody to be kept from.
        let _ = ioctl_tiocnxcl(&self.file);
    }
}

fn lost(error: Errno) -> PortFault {
    PortFault(match error {
        Errno::IO | Errno::NODEV | Errno::NXIO => "the port was hung up".to_owned(),
        other => format!("the port failed: {other}"),
    })
}

fn opening(device: &Path, error: Errno, baud: u32) -> PortFault {
    let device = device.display();
    PortFault(match error {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => format!(
            "there is no {device}: plug the adapter in, and name it as /dev/serial/by-id shows it, so that it keeps \
             its name"
        ),
        Errno::ACCESS | Errno::PERM => format!(
            "no permission for {device}: put the program's user into the group dialout (usermod -aG dialout USER)"
        ),
        Errno::BUSY => format!("{device} is in use by another program: stop that one"),
        Errno::NOTTY => format!("{device} is no serial port: correct the device of the port"),
        Errno::INVAL => format!("{device} does not do {baud} baud with this parity"),
        other => format!("{device} cannot be opened: {other}"),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn told(device: &Path) -> String {
        SerialPort::open(device, 9600, Parity::None).err().unwrap().to_string()
    }

    #[test]
    fn a_port_that_cannot_be_opened_is_named_with_a_remedy() {
        assert!(told(Path::new("/dev/tty-none")).contains("/dev/serial/by-id"));
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(told(file.path()).contains("is no serial port"), "{}", told(file.path()));
    }
}
