//! The devices that the configuration names.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::app::OpenCamera;
use crate::cameras::{CommandCameras, CommandWish, ReplayCamera, V4l2Camera, V4l2Wish};
use crate::config::{
    Bias, BusLock, BusParity, BusPort, BusProtocol, CameraSource, ChipLines, Config, Doors,
    LineOfChip, Lines,
};
use crate::core::ids::CompartmentId;
use crate::locks::rs485::{self, BoardWiring, Parity, PortSettings, Protocol};
use crate::locks::{
    GpioLocks, GpioSensors, GpioWiring, InsideLine, LineAddress, LockDrive, RppalLocks,
    RppalSensors, SwitchBias, Wiring,
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
/// Boards that time their pulses themselves are told to switch off where they can be told so.
pub fn release_locks(doors: &Doors) -> anyhow::Result<()> {
    match doors {
        Doors::Sim { .. } => Ok(()),
        Doors::Gpio { doors } => {
            GpioLocks::open(&chip_wirings(doors)).map(drop).context(GPIO_REFUSED)
        }
        Doors::Rppal(doors) => RppalLocks::open(&wirings(doors)).map(drop).context(RPPAL_REFUSED),
        Doors::Rs485 { doors, ports } => {
            rs485::release(&port_settings(ports), &board_wirings(doors)).context(RS485_REFUSED)
        }
    }
}

const GPIO_REFUSED: &str = "the lines of cabinet.driver \"gpio\" cannot be used";
const RPPAL_REFUSED: &str = "cabinet.driver is \"rppal\", and the header cannot be used";

const RS485_REFUSED: &str = "the boards of cabinet.driver \"rs485\" cannot be used";

/// Takes locks and door switches into use; lock lines are inactive from here on.
pub fn open_doors(doors: &Doors) -> anyhow::Result<(Box<dyn LockBank>, Box<dyn DoorSensors>)> {
    match doors {
        Doors::Sim { doors, close_after } => {
            tracing::warn!("cabinet.driver is \"sim\": no real door will open");
            let cabinet = SimCabinet::new(doors.iter().copied());
            cabinet.close_doors_after(*close_after)?;
            Ok((Box::new(cabinet.locks()), Box::new(cabinet.sensors())))
        }
        Doors::Gpio { doors } => {
            let wiring = chip_wirings(doors);
            let locks = GpioLocks::open(&wiring).context(GPIO_REFUSED)?;
            let sensors = GpioSensors::open(&wiring).context(GPIO_REFUSED)?;
            Ok((Box::new(locks), Box::new(sensors)))
        }
        Doors::Rppal(doors) => {
            let wiring = wirings(doors);
            let locks = RppalLocks::open(&wiring).context(RPPAL_REFUSED)?;
            let sensors = RppalSensors::open(&wiring).context(RPPAL_REFUSED)?;
            Ok((Box::new(locks), Box::new(sensors)))
        }
        Doors::Rs485 { doors, ports } => {
            let opened = rs485::open(&port_settings(ports), &board_wirings(doors));
            let (locks, sensors) = opened.context(RS485_REFUSED)?;
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

fn board_wirings(doors: &BTreeMap<CompartmentId, BusLock>) -> BTreeMap<CompartmentId, BoardWiring> {
    let wiring = |door: &BusLock| BoardWiring {
        port: door.port,
        board: door.board,
        lock: door.lock,
        sensor_inverted: door.sensor_inverted,
    };
    doors.iter().map(|(number, door)| (*number, wiring(door))).collect()
}

fn port_settings(ports: &[BusPort]) -> Vec<PortSettings> {
    let settings = |port: &BusPort| PortSettings {
        device: port.device.clone(),
        protocol: board_protocol(port.protocol),
        baud: port.baud,
        parity: match port.parity {
            BusParity::None => Parity::None,
            BusParity::Even => Parity::Even,
            BusParity::Odd => Parity::Odd,
        },
        answer_within: port.answer_within,
        open_answer_within: port.open_answer_within,
        gap: port.gap,
        poll_every: port.poll_every,
        board_pulse: port.board_pulse,
    };
    ports.iter().map(settings).collect()
}

/// The driver's name for a protocol of the configuration.
fn board_protocol(protocol: BusProtocol) -> Protocol {
    match protocol {
        BusProtocol::KerongCu16 { open_is_answered, high_nibble_is_board } => {
            Protocol::KerongCu16 { open_is_answered, high_nibble_is_board }
        }
        BusProtocol::KerongCu48 => Protocol::KerongCu48,
        BusProtocol::KerongCu48Modbus => Protocol::KerongCu48Modbus,
        BusProtocol::Wkly => Protocol::Wkly,
        BusProtocol::Winnsen => Protocol::Winnsen,
        BusProtocol::ModbusRelay { channels } => Protocol::ModbusRelay { channels },
    }
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
        debounce: lines.debounce,
        inside: lines
            .occupancy
            .as_ref()
            .map(|line| InsideLine { line: address(line), inverted: lines.occupancy_inverted }),
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
        occupancy_line: lines.occupancy,
        occupancy_inverted: lines.occupancy_inverted,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_knows_the_limits_of_the_lock_boards() {
        let cu16 = |high_nibble_is_board| BusProtocol::KerongCu16 {
            open_is_answered: false,
            high_nibble_is_board,
        };
        for read in [
            cu16(true),
            cu16(false),
            BusProtocol::KerongCu48,
            BusProtocol::KerongCu48Modbus,
            BusProtocol::Wkly,
            BusProtocol::Winnsen,
            BusProtocol::ModbusRelay { channels: 32 },
        ] {
            let (boards, locks) = read.limits();
            let driven = board_protocol(read).limits();
            let expected = u64::from(driven.first_board)..=u64::from(driven.last_board);
            assert_eq!((boards, locks), (expected, u64::from(driven.locks)), "{read:?}");
        }
    }
}
