//! The configuration: one TOML file, read once, checked whole, then used as types with units.
//!
//! Every field is read in one place that holds its name, range and default. A file with any problem starts
//! nothing, and all its problems are told at once. `config.example.toml` documents every field.

mod cabinet;
mod faces;
mod hall;
mod problem;
mod reader;
mod recognition;
mod remap;
mod rs485;
mod wiring;

use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use cabinet::{CabinetConfig, Doors};
pub use hall::{HallConfig, Login};
pub use problem::{ConfigFault, Problem};
pub use recognition::{CameraSource, ModelsConfig};
pub use remap::{Remap, RemapFault};
pub use rs485::{BusLock, BusParity, BusPort, BusProtocol};
pub use wiring::{Bias, ChipLines, LineOfChip, Lines};

use crate::core::ids::DeviceId;
use crate::core::policy::{AttentionPolicy, FacePolicy, HallPolicy, Policy};
use reader::{Findings, Section};

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which cabinet this is, and where it keeps its state.
    pub device: DeviceConfig,
    /// The central server.
    pub hall: HallConfig,
    /// Locks, doors and their timing.
    pub cabinet: CabinetConfig,
    /// Where pictures come from.
    pub camera: CameraSource,
    /// Where the models are.
    pub models: ModelsConfig,
    /// When a face counts as recognised.
    pub recognition: FacePolicy,
    /// How often the camera's frames are looked at.
    pub attention: AttentionPolicy,
    /// What the hall may ask for.
    pub rules: HallPolicy,
    /// Where people at the cabinet may ask for doors.
    pub control_socket: PathBuf,
    /// What is written to the log.
    pub log: LogLevel,
}

/// Which cabinet this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceConfig {
    /// Its name at the hall.
    pub id: DeviceId,
    /// The folder of journal, templates and key.
    pub state_dir: PathBuf,
}

/// How much is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the usual five levels")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The level's name, as filters know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The demonstration's configuration: a simulated cabinet of six doors, everything else as by default.
const DEMO: &str = include_str!("demo.toml");

impl Config {
    /// Reads and checks a file.
    pub fn load(file: &Path) -> Result<Self, ConfigFault> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let remedy = "give the path of a readable UTF-8 file with --config";
            ConfigFault::single(file, format!("the file cannot be read: {error}; {remedy}"))
        })?;
        Self::parse(&text, file)
    }

    /// Checks a text that stands in `file`; relative paths are meant from the folder of that file.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigFault> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut findings = Findings::new(text, folder);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let message = error.message().replace('\n', "; ");
            findings.at(error.span(), format!("this is not TOML: {message}"));
        }
        let config = if errors.is_empty() { read(table.get_ref(), &mut findings) } else { None };
        let problems = findings.into_problems();
        let file = file.to_owned();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigFault { file, problems }),
        }
    }

    /// The demonstration: simulated hardware, a broker on this machine, state in a folder of the caller's.
    pub fn demo(state_dir: PathBuf, broker_port: u16) -> Self {
        let mut config = Self::parse(DEMO, Path::new("demo.toml"))
            .expect("the built-in configuration is held valid by a test");
        config.control_socket = state_dir.join("control.sock");
        config.device.state_dir = state_dir;
        config.hall.port = broker_port;
        config
    }
}

/// Reads every section even after a problem, so that all problems are found.
impl Config {
    /// The rules that the core decides by.
    pub fn policy(&self) -> Policy {
        Policy {
            locks: self.cabinet.locks.clone(),
            doors: self.cabinet.door_rules.clone(),
            faces: self.recognition.clone(),
            attention: self.attention.clone(),
            hall: self.rules.clone(),
        }
    }
}

fn read<'i>(table: &DeTable<'i>, findings: &mut Findings<'i>) -> Option<Config> {
    let mut file = Section::whole_file(table, findings);
    let device = read_section(&mut file, "device", read_device);
    let hall = read_section(&mut file, "hall", HallConfig::read);
    let cabinet = read_section(&mut file, "cabinet", CabinetConfig::read);
    let camera = read_section(&mut file, "camera", CameraSource::read);
    let models = read_section(&mut file, "models", ModelsConfig::read);
    let (recognition, attention) = read_section(&mut file, "recognition", |section| {
        faces::read_recognition(section, camera.as_ref())
    });
    let rules = read_section(&mut file, "policy", hall::read_rules);
    let control_socket = read_section(&mut file, "control", read_control);
    let log = read_section(&mut file, "log", read_log);
    file.close();
    Some(Config {
        device: device?,
        hall: hall?,
        cabinet: cabinet?,
        camera: camera?,
        models,
        recognition,
        attention,
        rules,
        control_socket,
        log,
    })
}

fn read_section<'i, T>(
    file: &mut Section<'_, 'i>,
    name: &'static str,
    read: impl FnOnce(&mut Section<'_, 'i>) -> T,
) -> T {
    let mut section = file.section(name);
    let value = read(&mut section);
    section.close();
    value
}

fn read_device(section: &mut Section<'_, '_>) -> Option<DeviceConfig> {
    let id = section.parsed("id", DeviceId::new);
    let state_dir = section.path_value("state_dir");
    if id.is_none() {
        section.missing("id", "name the cabinet as the hall knows it, like id = \"luohu-1\"");
    }
    let state_dir = state_dir.unwrap_or_else(|| PathBuf::from("/var/lib/locker-agent"));
    Some(DeviceConfig { id: id?, state_dir })
}

fn read_control(section: &mut Section<'_, '_>) -> PathBuf {
    let socket = section.path_value("socket");
    socket.unwrap_or_else(|| PathBuf::from("/run/locker-agent/control.sock"))
}

fn read_log(section: &mut Section<'_, '_>) -> LogLevel {
    let levels =
        [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    let words = levels.map(|level| (level.as_str(), level));
    section.choice("level", &words).unwrap_or(LogLevel::Info)
}
