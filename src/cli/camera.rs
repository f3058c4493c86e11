//! `locker-agent camera`: does the camera work, and what does it see?
#![expect(clippy::disallowed_methods, reason = "a command that measures a rate")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::cameras::{V4l2Camera, V4l2Wish};
use crate::config::{CameraSource, Config, ModelsConfig};
use crate::core::guidance::{Guidance, complaint};
use crate::core::policy::QualityGates;
use crate::core::sighting::{Quality, Sighting};
use crate::daemon::{camera_opener, model_store};
use crate::ports::{Camera, FaceEngine as _, Frame};
use crate::vision::Engine;
use crate::vision::picture::{Picture, Pixels};

/// How long frames are counted.
const MEASURED: Duration = Duration::from_secs(3);
/// How long one frame is waited for; the camera itself says when it has waited too long.
const GLANCE: Duration = Duration::from_millis(200);
/// How long a camera may take to its first picture.
const PATIENCE: Duration = Duration::from_secs(70);

/// Check whether the camera works
#[derive(Debug, clap::Args)]
pub struct CameraArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Open the camera and tell its format, size, rate and brightness, and whether it sees a face. Stop the daemon
    /// first: a camera has one user. Ends with 1 and the reason if there are no pictures.
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// The configuration whose camera is checked
    #[arg(long, value_name = "FILE", default_value = "/etc/locker-agent/config.toml")]
    config: PathBuf,
    /// A camera of the kernel instead: a device file or a part of its name
    #[arg(long, value_name = "DEVICE", conflicts_with = "config")]
    device: Option<String>,
}

/// Runs the command; a failure is an error whose text says what to do.
pub fn run(args: &CameraArgs) -> anyhow::Result<ExitCode> {
    let Action::Check(args) = &args.action;
    let (source, models, gates) = match &args.device {
        Some(device) => (usual_source(device), ModelsConfig::default(), QualityGates::default()),
        None => {
            let config = Config::load(&args.config)?;
            (config.camera, config.models, config.recognition.gates)
        }
    };
    let (camera, wished) = open(source)?;
    let seen = watch(camera)?;
    say(&rate_line(seen.rate, wished))?;
    let mut picture = Picture::default();
    let pixels = pixels(&seen.frame, &mut picture)?;
    say(&format!("size        {} x {}", pixels.width, pixels.height))?;
    say(&brightness_line(brightness(pixels)))?;
    match examined(&models, &gates, &seen.frame) {
        Ok(sighting) => {
            let height = sighting.face.as_ref().map(|face| face.quality.face_px);
            say(&face_line(height, gates.face_px))?;
            if let Some(face) = &sighting.face {
                say(&quality_line(&face.quality))?;
                say(&guidance_line(&gates, &sighting))?;
            }
        }
        Err(problem) => say(&format!("face        cannot be said: {problem}"))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn usual_source(device: &str) -> CameraSource {
    CameraSource::V4l2 {
        device: device.to_owned(),
        width: 640,
        height: 480,
        frames_per_second: 15.0,
        settle: Duration::from_millis(500),
        frozen_after: Duration::from_secs(5),
    }
}

/// Opens the camera, telling what it is, and gives the rate that was asked for if one was.
fn open(source: CameraSource) -> anyhow::Result<(Box<dyn Camera>, Option<f32>)> {
    let (kind, wished) = match &source {
        CameraSource::None => {
            bail!(
                "camera.kind is \"none\": there is no camera to check; set it to \"v4l2\" or \"command\""
            )
        }
        CameraSource::V4l2 { device, width, height, frames_per_second, settle, frozen_after } => {
            let camera = V4l2Camera::open(&V4l2Wish {
                device: device.clone(),
                width: *width,
                height: *height,
                frames_per_second: *frames_per_second,
                settle: *settle,
                frozen_after: *frozen_after,
            })?;
            say(&format!("camera      {}", camera.description()))?;
            return Ok((Box::new(camera), Some(*frames_per_second)));
        }
        CameraSource::Command { argv, .. } => (argv.join(" "), None),
        CameraSource::Replay { files, frames_per_second } => {
            (format!("{} files, played over and over", files.len()), Some(*frames_per_second))
        }
        CameraSource::Sim { frames_per_second } => {
            ("simulated, with nobody before it".to_owned(), Some(*frames_per_second))
        }
    };
    let camera = camera_opener(source)()?;
    say(&format!("camera      {kind}"))?;
    Ok((camera, wished))
}

struct Seen {
    frame: Frame,
    /// Frames a second.
    rate: f64,
}

/// Counts frames from the first one on.
fn watch(mut camera: Box<dyn Camera>) -> anyhow::Result<Seen> {
    let asked = Instant::now();
    let mut frame = loop {
        if let Some(frame) = camera.latest(GLANCE)? {
            break frame;
        }
        if asked.elapsed() > PATIENCE {
            bail!("the camera gave no picture within {} s", PATIENCE.as_secs());
        }
    };
    let began = Instant::now();
    let (mut frames, mut last) = (0_u32, Duration::ZERO);
    while began.elapsed() < MEASURED {
        if let Some(next) = camera.latest(GLANCE)? {
            (frame, frames, last) = (next, frames + 1, began.elapsed());
        }
    }
    let rate = if frames == 0 { 0.0 } else { f64::from(frames) / last.as_secs_f64() };
    Ok(Seen { frame, rate })
}

fn pixels<'a>(frame: &'a Frame, picture: &'a mut Picture) -> anyhow::Result<Pixels<'a>> {
    match frame {
        Frame::Encoded(bytes) => {
            picture.decode(bytes)?;
            Ok(picture.pixels())
        }
        Frame::Rgb { width, height, rgb } => Ok(Pixels::new(*width, *height, rgb)?),
    }
}

/// The mean grey level, 0 to 255.
fn brightness(pixels: Pixels<'_>) -> f64 {
    let sum: u64 = pixels.rgb.iter().map(|value| u64::from(*value)).sum();
    sum as f64 / pixels.rgb.len().max(1) as f64
}

/// What the cabinet would see in a frame.
fn examined(
    models: &ModelsConfig,
    gates: &QualityGates,
    frame: &Frame,
) -> Result<Sighting, String> {
    let engine = Engine::load(&model_store(models)?, 1).map_err(|error| error.to_string())?;
    let mut engine = engine.with_frame_gates(gates.clone());
    engine.examine(frame).map_err(|fault| fault.to_string())
}

fn rate_line(rate: f64, wished: Option<f32>) -> String {
    let slow = wished.is_some_and(|wished| rate < f64::from(wished) / 2.0);
    let remark = if slow {
        ", less than half of what camera.fps asks for: cameras take longer over each picture in poor light, and a \
         crowded USB bus slows them down"
    } else {
        ""
    };
    format!("rate        {rate:.1} frames a second{remark}")
}

fn brightness_line(level: f64) -> String {
    let remark = match level {
        level if level < 40.0 => ", very dark: is the lens covered, is there light?",
        level if level > 215.0 => ", very bright: does the sun or a lamp shine into the lens?",
        _ => "",
    };
    format!("brightness  {level:.0} of 255{remark}")
}

fn face_line(face: Option<f32>, least: f32) -> String {
    match face {
        None => "face        none is seen; step before the camera to try".to_owned(),
        Some(height) if height < least => format!(
            "face        {height:.0} pixels high, and {least:.0} are needed: come closer, or aim the camera better"
        ),
        Some(height) => {
            format!("face        {height:.0} pixels high, large enough to be recognised")
        }
    }
}

/// The measurements that the gates look at.
fn quality_line(quality: &Quality) -> String {
    format!(
        "quality     fills {:.2}, sharpness {:.0}, brightness {:.0}, contrast {:.0}, yaw {:.2}, pitch {:.2}, inside {:.2}",
        quality.fills,
        quality.sharpness,
        quality.brightness,
        quality.contrast,
        quality.yaw,
        quality.pitch,
        quality.inside
    )
}

/// What the person would be told.
fn guidance_line(gates: &QualityGates, sighting: &Sighting) -> String {
    let told = complaint(gates, sighting, Guidance::Nothing);
    let sentence = told.map_or("nothing: the face is good enough to be judged", Guidance::sentence);
    format!("guidance    {sentence}")
}

/// Whoever closed the output does not want to hear more.
fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sighting::{FaceBox, FaceReading};

    #[test]
    fn what_is_unusual_is_remarked_on() {
        assert_eq!(rate_line(14.9, Some(15.0)), "rate        14.9 frames a second");
        assert_eq!(rate_line(1.0, None), "rate        1.0 frames a second");
        assert!(rate_line(7.0, Some(15.0)).contains("poor light"));
        assert_eq!(brightness_line(120.0), "brightness  120 of 255");
        assert!(
            brightness_line(5.0).contains("covered") && brightness_line(250.0).contains("lamp")
        );
        assert!(face_line(None, 80.0).contains("none is seen"));
        assert!(face_line(Some(40.0), 80.0).contains("come closer"));
        assert!(face_line(Some(90.0), 80.0).contains("large enough"));
    }

    #[test]
    fn brightness_is_the_mean_over_all_colours() {
        let rgb = [[0, 0, 0], [255, 255, 255]].concat().repeat(128);
        let pixels = Pixels { width: 16, height: 16, rgb: &rgb };
        assert!((brightness(pixels) - 127.5).abs() < 1e-9);
    }

    #[test]
    fn the_installer_reads_what_a_citizen_would_be_told() {
        let quality = Quality {
            face_px: 60.0,
            fills: 0.2,
            sharpness: 100.0,
            brightness: 120.0,
            contrast: 40.0,
            yaw: 0.1,
            pitch: -0.1,
            inside: 1.0,
        };
        assert!(quality_line(&quality).contains("yaw 0.10, pitch -0.10"));
        let place = FaceBox { x: 50.0, y: 50.0, width: 40.0, height: 60.0 };
        let face = FaceReading {
            place,
            quality,
            liveness: None,
            resemblance: None,
            change: None,
            best: None,
            second: None,
        };
        let mut sighting = Sighting { near_faces: 1, face: Some(face) };
        let told = |sighting: &Sighting| guidance_line(&QualityGates::default(), sighting);
        assert_eq!(told(&sighting), "guidance    Please come closer.");
        sighting.near_faces = 2;
        assert!(told(&sighting).contains("One person"));
    }
}
