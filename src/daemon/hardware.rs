//! The devices that the configuration names.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::app::OpenCamera;
use crate::cameras::{CommandCameras, CommandWish, ReplayCamera, V4l2Camera, V4l2Wish};
use crate::config::{Bias, CameraSource, ChipLines, Config, Doors, LineOfChip, Lines};
use crate::core::ids::CompartmentId;
use crate::locks::{
    GpioLocks, GpioSensors, GpioWiring, LineAddress, LockDrive, RppalLocks, RppalSensors,
    SwitchBias, Wiring,
};
use crate::ports::{Camera, CameraFault, DoorSensors, LockBank};
use crate::sim::{SimCabinet, SimCamera};

/// Locks, door switches and camera of one cabinet.
pub struct Hardware {
    /// The locks.
    pub locks: Box<dyn LockBank>,
    /// The door switches.
    pub sensors: Box<dyn DoorSensors>,
    /// The camera, opened when it is needed and again after it was lost.
    pub open_camera: OpenCamera,
}

impl Hardware {
    /// Takes the devices into use; lock lines are inactive from here on.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let (locks, sensors) = open_doors(&config.cabinet.doors)?;
        Ok(Self { locks, sensors, open_camera: camera_opener(config.camera.clone()) })
    }
}

/// Takes every lock line at its inactive level and gives it back. No daemon may be running.
pub fn release_locks(doors: &Doors) -> anyhow::Result<()> {
    match doors {
        Doors::Sim { .. } => Ok(()),
        Doors::Gpio { doors, .. } => {
            GpioLocks::open(&chip_wirings(doors)).map(drop).context(GPIO_REFUSED)
        }
        Doors::Rppal(doors) => RppalLocks::open(&wirings(doors)).map(drop).context(RPPAL_REFUSED),
    }
}

const GPIO_REFUSED: &str = "the lines of cabinet.driver \"gpio\" cannot be used";
const RPPAL_REFUSED: &str = "cabinet.driver is \"rppal\", and the header cannot be used";

/// Takes locks and door switches into use; lock lines are inactive from here on.
pub fn open_doors(doors: &Doors) -> anyhow::Result<(Box<dyn LockBank>, Box<dyn DoorSensors>)> {
    match doors {
        Doors::Sim { doors, close_after } => {
            tracing::warn!("cabinet.driver is \"sim\": no real door will open");
            let cabinet = SimCabinet::new(doors.iter().copied());
            cabinet.close_doors_after(*close_after)?;
            Ok((Box::new(cabinet.locks()), Box::new(cabinet.sensors())))
        }
        Doors::Gpio { doors, debounce } => {
            let wiring = chip_wirings(doors);
            let locks = GpioLocks::open(&wiring).context(GPIO_REFUSED)?;
            let sensors = GpioSensors::open(&wiring, *debounce).context(GPIO_REFUSED)?;
            Ok((Box::new(locks), Box::new(sensors)))
        }
        Doors::Rppal(doors) => {
            let wiring = wirings(doors);
            let locks = RppalLocks::open(&wiring).context(RPPAL_REFUSED)?;
            let sensors = RppalSensors::open(&wiring).context(RPPAL_REFUSED)?;
            Ok((Box::new(locks), Box::new(sensors)))
        }
    }
}

fn chip_wirings(doors: &BTreeMap<CompartmentId, ChipLines>) -> BTreeMap<CompartmentId, GpioWiring> {
    doors.iter().map(|(number, lines)| (*number, chip_wiring(lines))).collect()
}

fn wirings(doors: &BTreeMap<CompartmentId, Lines>) -> BTreeMap<CompartmentId, Wiring> {
    doors.iter().map(|(number, lines)| (*number, wiring(*lines))).collect()
}

fn chip_wiring(lines: &ChipLines) -> GpioWiring {
    GpioWiring {
        lock: address(&lines.lock),
        active_low: lines.active_low,
        drive: if lines.open_drain { LockDrive::OpenDrain } else { LockDrive::PushPull },
        switch: address(&lines.sensor),
        switch_inverted: lines.sensor_inverted,
        bias: match lines.sensor_bias {
            Bias::PullUp => SwitchBias::PullUp,
            Bias::PullDown => SwitchBias::PullDown,
            Bias::External => SwitchBias::External,
        },
    }
}

fn address(line: &LineOfChip) -> LineAddress {
    match line.clone() {
        LineOfChip::Offset { chip, offset } => LineAddress::Offset { chip, offset },
        LineOfChip::Name { chip, name } => LineAddress::Name { chip, name },
    }
}

fn wiring(lines: Lines) -> Wiring {
    Wiring {
        lock_line: lines.lock,
        sensor_line: lines.sensor,
        active_low: lines.active_low,
        sensor_inverted: lines.sensor_inverted,
    }
}

/// The way to open the camera that a configuration names, as often as it is lost.
pub fn camera_opener(source: CameraSource) -> OpenCamera {
    match source {
        CameraSource::None => Box::new(|| {
            Err(CameraFault {
                camera: "none".to_owned(),
                problem: "camera.kind is \"none\": faces open no doors here".to_owned(),
            })
        }),
        CameraSource::Sim { frames_per_second } => {
            Box::new(move || Ok(Box::new(SimCamera::new(f64::from(frames_per_second)))))
        }
        CameraSource::V4l2 { device, width, height, frames_per_second, settle, frozen_after } => {
            let wish = V4l2Wish { device, width, height, frames_per_second, settle, frozen_after };
            Box::new(move || {
                let camera = V4l2Camera::open(&wish)?;
                tracing::info!(camera = camera.description(), "the camera is open");
                Ok(Box::new(camera))
            })
        }
        CameraSource::Command { argv, frozen_after } => {
            let mut cameras = CommandCameras::new(CommandWish { argv, frozen_after });
            Box::new(move || Ok(Box::new(cameras.open()?)))
        }
        CameraSource::Replay { files, frames_per_second } => Box::new(move || {
            let camera = ReplayCamera::from_files(&files, f64::from(frames_per_second))?;
            Ok(Box::new(camera) as Box<dyn Camera>)
        }),
    }
}
