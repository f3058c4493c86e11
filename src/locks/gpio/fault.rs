//! What can be wrong with lines, as sentences for the person who wires the board.

use std::path::Path;

use gpiocdev::{Chip, Error};
use gpiocdev_uapi::{Errno, Error as KernelError};

use super::find::{Found, Part};
use crate::core::ids::CompartmentId;

/// Lines could not be taken into use.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the sentences say it")]
pub enum GpioFault {
    #[error(
        "there is no GPIO chip under /dev: this machine has none, its driver is not loaded, or the service's \
         sandbox hides it; set cabinet.driver = \"sim\" to try the program without locks"
    )]
    NoChips,
    #[error(
        "no permission for {path}: put the program's user into the group gpio (usermod -aG gpio USER), and install \
         60-locker-agent.rules into /usr/lib/udev/rules.d so that the group may use the chips (udevadm trigger)"
    )]
    NoPermission { path: String },
    #[error("the chip {chip} cannot be used: {reason}; gpiodetect lists the chips, here {present}")]
    NoSuchChip { chip: String, reason: String, present: String },
    #[error(
        "the chip {chip} is there more than once, as {paths}: give one of these paths, \
         or the lines by name"
    )]
    AmbiguousChip { chip: String, paths: String },
    #[error("{user} is line {offset} of {chip}, which has lines 0 to {last} only")]
    OutOfRange { user: String, chip: String, offset: u32, last: u32 },
    #[error("{user} is line \"{name}\", which {place} not have; gpioinfo lists the names")]
    NoSuchName { user: String, name: String, place: String },
    #[error(
        "{user} is line \"{name}\", which is there more than once: {places}; give its chip too"
    )]
    AmbiguousName { user: String, name: String, places: String },
    #[error("line {offset} of {chip} is both {first} and {second}: every line has one use")]
    TwoUses { chip: String, offset: u32, first: String, second: String },
    #[error(
        "line {offset} of {chip} cannot be {user}: it is in use by \"{consumer}\"; stop that, \
         free the line in the board's configuration, or wire the door to another"
    )]
    Busy { user: String, chip: String, offset: u32, consumer: String },
    #[error("line {offset} of {chip} cannot be {user}: {reason}; check the wiring")]
    Refused { user: String, chip: String, offset: u32, reason: String },
    #[error("the system gives no thread to limit pulses with: {0}")]
    Thread(std::io::Error),
}

impl GpioFault {
    /// The kernel refused a line: who has it, if that is why.
    pub(super) fn refused(
        compartment: CompartmentId,
        part: Part,
        line: &Found,
        error: &Error,
    ) -> Self {
        let (user, chip, offset) = (part.of(compartment), line.shown(), line.offset);
        match error_number(error) {
            Some(EBUSY) => Self::Busy { user, chip, offset, consumer: consumer(line) },
            Some(EACCES | EPERM) => Self::NoPermission { path: line.chip.display().to_string() },
            _ => Self::Refused { user, chip, offset, reason: error.to_string() },
        }
    }

    /// A chip could not be opened or asked.
    pub(super) fn chip(path: &Path, error: &Error, present: &str) -> Self {
        let chip = path.display().to_string();
        match error_number(error) {
            Some(EACCES | EPERM) => Self::NoPermission { path: chip },
            Some(ENOENT) => Self::NoSuchChip {
                chip,
                reason: "it is not there".to_owned(),
                present: present.to_owned(),
            },
            _ => Self::NoSuchChip { chip, reason: error.to_string(), present: present.to_owned() },
        }
    }
}

// Of Linux, the same on every architecture that it runs lockers on.
const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const EBUSY: i32 = 16;

/// Whether the line is taken or forbidden, which asking in another way does not change.
pub(super) fn is_final(error: &Error) -> bool {
    matches!(error_number(error), Some(EPERM | EACCES | EBUSY | ENOENT))
}

fn error_number(error: &Error) -> Option<i32> {
    let (Error::Os(Errno(number)) | Error::Uapi(_, KernelError::Os(Errno(number)))) = error else {
        return None;
    };
    Some(*number)
}

fn consumer(line: &Found) -> String {
    let info = Chip::from_path(&line.chip).and_then(|chip| chip.line_info(line.offset));
    match info {
        Ok(info) if !info.consumer.is_empty() => info.consumer,
        Ok(_) | Err(_) => "a driver without a name".to_owned(),
    }
}
