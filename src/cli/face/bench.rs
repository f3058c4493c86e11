//! How long one frame takes, stage by stage, next to the bare models in the same run.
#![expect(clippy::disallowed_methods, reason = "a command that measures itself")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use serde_json::json;

use super::{SetArgs, say, say_json};
use crate::core::ids::{ModelId, RecipientId};
use crate::files::{LARGEST_PICTURE, read_at_most};
use crate::models::{Content, Form, ModelStore};
use crate::ports::{FaceEngine, Frame, Template};
use crate::vision::gallery::Gallery;
use crate::vision::picture::Picture;
use crate::vision::{Engine, Pipeline};

/// The frame measured: what a common camera delivers.
const FRAME: (u32, u32) = (640, 480);
/// Quality of its JPEG, about that of a camera.
const JPEG_QUALITY: u8 = 80;
/// People with a document waiting.
const PEOPLE: usize = 1_000;
/// Runs before the first that counts.
const WARM_UP: usize = 5;

#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// Photo to make the frame of [default: a sample photo of the model set]
    #[arg(long, value_name = "FILE")]
    photo: Option<PathBuf>,
    /// Frames to measure
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// Run every model in one form [default: what models tune chose]
    #[arg(long, value_name = "FORM")]
    form: Option<FormArg>,
    /// Save the frame that is measured, so that other programs can be given the same
    #[arg(long, value_name = "FILE")]
    save_frame: Option<PathBuf>,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    set: SetArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum FormArg {
    Shipped,
    Prepared,
}

pub(super) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let store = match args.form {
        None => args.set.store()?,
        Some(FormArg::Shipped) => args.set.store()?.always(Form::Shipped),
        Some(FormArg::Prepared) => args.set.store()?.always(Form::Prepared),
    };
    let started = Instant::now();
    let mut engine = Engine::load(&store, args.set.threads())?;
    let load_ms = millis(started);
    let photo = match &args.photo {
        Some(path) => read_at_most(path, LARGEST_PICTURE)?,
        None => store.bytes(sample(&store)?)?,
    };
    let jpeg = frame_of(engine.pipeline(), &photo)?;
    if let Some(path) = &args.save_frame {
        std::fs::write(path, &jpeg).with_context(|| format!("write {}", path.display()))?;
    }
    let times = measure(&mut engine, &jpeg, args.runs as usize)?;
    report(args, &times, &jpeg, load_ms);
    Ok(ExitCode::SUCCESS)
}

/// Examines the frame, then its stages one by one, then the bare models, and so on in turn.
fn measure(engine: &mut Engine, jpeg: &[u8], runs: usize) -> anyhow::Result<Times> {
    let (model, length) = engine.pipeline().template_model();
    let crowd = crowd(model, length);
    let mut gallery = Gallery::new(model.clone(), length);
    gallery.replace(crowd.clone());
    engine.look_for(crowd);
    let frame = Frame::Encoded(jpeg.to_vec());
    let (mut times, mut picture) = (Times::default(), Picture::default());
    for run in 0..WARM_UP + runs {
        if run == WARM_UP {
            times = Times::default();
        }
        let started = Instant::now();
        let sighting = engine.examine(&frame)?;
        times.note("pipeline", started);
        ensure!(
            sighting.face.is_some(),
            "the frame made of the photo shows no face: use another one"
        );
        stages(&mut times, engine.pipeline(), jpeg, &mut picture, &gallery)?;
        bare_models(&mut times, engine.pipeline())?;
    }
    Ok(times)
}

/// Every model once, on the input that the stages have left in it.
fn bare_models(times: &mut Times, pipeline: &mut Pipeline) -> anyhow::Result<()> {
    let all = Instant::now();
    for network in pipeline.networks() {
        let started = Instant::now();
        network.run()?;
        times.note(&format!("model {}", network.name()), started);
    }
    times.note("all models", all);
    Ok(())
}

/// The set's first sample photo.
fn sample(store: &ModelStore) -> anyhow::Result<&str> {
    let mut files = store.manifest().files().iter();
    let sample = files.find(|file| file.content == Content::Sample);
    let sample = sample
        .ok_or_else(|| anyhow!("the manifest lists no sample photo: give one with --photo"))?;
    Ok(&sample.name)
}

/// The same steps as [`Engine::examine`], each timed.
fn stages(
    times: &mut Times,
    pipeline: &mut Pipeline,
    jpeg: &[u8],
    picture: &mut Picture,
    gallery: &Gallery,
) -> anyhow::Result<()> {
    let mut at = Instant::now();
    let mut note = |name: &str| {
        times.note(&format!("stage {name}"), at);
        at = Instant::now();
    };
    picture.decode(jpeg)?;
    note("decode");
    let pixels = picture.pixels();
    let face = pipeline.detect(pixels)?.first().cloned().ok_or_else(|| anyhow!("no face"))?;
    note("detect");
    let points = pipeline.points(pixels, &face)?;
    note("landmarks");
    ensure!(pipeline.align(pixels, &points), "the face cannot be aligned");
    pipeline.measure(pixels, face.bounds, &points);
    note("align");
    pipeline.liveness(pixels, face.bounds)?;
    note("liveness");
    let template = pipeline.embed()?;
    note("embed");
    gallery.closest(&template);
    note("match");
    Ok(())
}

fn report(args: &BenchArgs, times: &Times, jpeg: &[u8], load_ms: f64) {
    const STAGES: [&str; 7] =
        ["decode", "detect", "landmarks", "align", "liveness", "embed", "match"];
    let stages: Vec<(&str, f64)> =
        STAGES.iter().map(|name| (*name, times.median(&format!("stage {name}")))).collect();
    let models: BTreeMap<&str, f64> = times.models();
    // One frame's bare runs in a row, not the sum of medians: what else the machine does then falls on both.
    let model_sum = times.median("all models");
    let pipeline = times.median("pipeline");
    let ratio = pipeline / model_sum;
    if args.json {
        let stages: BTreeMap<&str, f64> = stages.into_iter().collect();
        say_json(&json!({
            "frame": format!("{}x{}", FRAME.0, FRAME.1), "jpeg_bytes": jpeg.len(),
            "runs": args.runs, "threads": args.set.threads(), "people": PEOPLE,
            "load_ms": load_ms, "stages_ms": stages, "models_ms": models,
            "model_sum_ms": model_sum, "pipeline_ms": pipeline, "ratio": ratio,
        }));
        return;
    }
    say(&format!(
        "{} frames of {}x{} ({} bytes of JPEG), {} thread(s) per model, median ms",
        args.runs,
        FRAME.0,
        FRAME.1,
        jpeg.len(),
        args.set.threads()
    ));
    for (name, ms) in &stages {
        say(&format!("  {name:<10} {ms:7.3}"));
    }
    say(&format!("pipeline, decoding included {pipeline:.3}"));
    let list: Vec<String> = models.iter().map(|(name, ms)| format!("{name} {ms:.3}")).collect();
    say(&format!("bare models {model_sum:.3} ({})", list.join(", ")));
    say(&format!("ratio {ratio:.3}; models loaded in {load_ms:.0} ms"));
}

/// Measurements by name, in milliseconds.
#[derive(Default)]
struct Times {
    by_name: BTreeMap<String, Vec<f64>>,
}

impl Times {
    fn note(&mut self, name: &str, since: Instant) {
        self.by_name.entry(name.to_owned()).or_default().push(millis(since));
    }

    fn median(&self, name: &str) -> f64 {
        self.by_name.get(name).map_or(0.0, |times| median(times))
    }

    fn models(&self) -> BTreeMap<&str, f64> {
        let models = self.by_name.iter();
        models.filter_map(|(n, t)| Some((n.strip_prefix("model ")?, median(t)))).collect()
    }
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// A 640x480 JPEG frame: the photo itself if it is one, or else cut out of it around its largest face.
fn frame_of(pipeline: &mut Pipeline, photo: &[u8]) -> anyhow::Result<Vec<u8>> {
    let picture = Picture::decoded(photo)?;
    let pixels = picture.pixels();
    let fits = (pixels.width, pixels.height) == (FRAME.0 as usize, FRAME.1 as usize);
    if fits && image::guess_format(photo)? == image::ImageFormat::Jpeg {
        return Ok(photo.to_vec());
    }
    let face = pipeline.detect(pixels)?.first().cloned();
    let bounds =
        face.ok_or_else(|| anyhow!("there is no face in the photo: use another one"))?.bounds;
    let (width, height) = (pixels.width as f32, pixels.height as f32);
    let scale = (FRAME.0 as f32 / width).max(FRAME.1 as f32 / height);
    let scaled = |side: f32, least: u32| ((side * scale).round() as u32).max(least);
    let (across, down) = (scaled(width, FRAME.0), scaled(height, FRAME.1));
    let start = |middle: f32, side: u32, room: u32| {
        ((middle * scale - side as f32 / 2.0).max(0.0) as u32).min(room - side)
    };
    let left = start((bounds.left + bounds.right) / 2.0, FRAME.0, across);
    let top = start((bounds.top + bounds.bottom) / 2.0, FRAME.1, down);
    let image = image::RgbImage::from_raw(width as u32, height as u32, pixels.rgb.to_vec())
        .ok_or_else(|| anyhow!("the photo's pixels do not add up"))?;
    let resized = imageops::resize(&image, across, down, FilterType::Triangle);
    let frame = imageops::crop_imm(&resized, left, top, FRAME.0, FRAME.1).to_image();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(&frame)?;
    Ok(jpeg)
}

/// People who look like nobody: unit vectors in directions drawn by a fixed linear congruence.
fn crowd(model: &ModelId, length: usize) -> Vec<(RecipientId, Vec<Template>)> {
    let mut state = 1_u64;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    (0..PEOPLE)
        .filter_map(|person| {
            let mut vector: Vec<f32> = (0..length).map(|_| draw()).collect();
            let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            vector.iter_mut().for_each(|v| *v /= norm);
            let recipient = RecipientId::new(format!("person-{person}")).ok()?;
            Some((recipient, vec![Template { model: model.clone(), vector }]))
        })
        .collect()
}
