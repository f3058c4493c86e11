//! Two photos: the same person?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use super::{SCORE_PLACES, SetArgs, rounded, say, say_json};
use crate::core::policy::FacePolicy;
use crate::files::{LARGEST_PICTURE, read_at_most};
use crate::ports::Template;
use crate::vision::Pipeline;
use crate::vision::picture::Picture;
use crate::vision::products::cosine;
use crate::vision::still::{self, StillFace};

/// Below this height in pixels a face is a guess and not compared.
const LEAST_FACE_PX: f32 = 20.0;

#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// One photo
    a: PathBuf,
    /// The other photo
    b: PathBuf,
    /// Similarity from which on the two are the same person, -1 to 1
    #[arg(long, value_name = "COSINE", default_value_t = FacePolicy::default().similarity, value_parser = cosine_value, allow_negative_numbers = true)]
    threshold: f32,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    set: SetArgs,
}

fn cosine_value(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|value| (-1.0..=1.0).contains(value))
        .ok_or_else(|| "give a number from -1 to 1".to_owned())
}

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let mut pipeline = Pipeline::load(&args.set.store()?, args.set.threads())?;
    let a = Subject::look(&mut pipeline, &args.a)?;
    let b = Subject::look(&mut pipeline, &args.b)?;
    let similarity = cosine(&a.template.vector, &b.template.vector);
    let same = similarity >= args.threshold;
    if args.json {
        let (threshold, model) = (args.threshold, a.template.model.as_str());
        say_json(&json!({
            "same": same, "similarity": rounded(similarity, SCORE_PLACES),
            "threshold": rounded(threshold, SCORE_PLACES), "model": model,
            "a": a.json(), "b": b.json(),
        }));
    } else {
        let verdict = if same { "the same person" } else { "different people" };
        say(&a.text());
        say(&b.text());
        say(&format!("similarity {similarity:.4}, threshold {:.2}: {verdict}", args.threshold));
    }
    Ok(ExitCode::from(u8::from(!same)))
}

struct Subject<'a> {
    path: &'a Path,
    size: (usize, usize),
    face: StillFace,
    template: Template,
}

impl<'a> Subject<'a> {
    fn look(pipeline: &mut Pipeline, path: &'a Path) -> anyhow::Result<Self> {
        let place = || path.display().to_string();
        let bytes = read_at_most(path, LARGEST_PICTURE)?;
        let picture = Picture::decoded(&bytes).with_context(place)?;
        let size = (picture.pixels().width, picture.pixels().height);
        let face = still::look(pipeline, &picture, true)?
            .ok_or_else(|| anyhow!("{}: there is no face in the picture", place()))?;
        if face.quality.face_px < LEAST_FACE_PX {
            let px = face.quality.face_px;
            return Err(anyhow!(
                "{}: the face is only {px:.0} pixels high; at least {LEAST_FACE_PX:.0} are needed",
                place()
            ));
        }
        let template = face
            .template
            .clone()
            .ok_or_else(|| anyhow!("{}: the face in the picture cannot be made out", place()))?;
        Ok(Self { path, size, face, template })
    }

    fn text(&self) -> String {
        let (bounds, quality) = (&self.face.bounds, &self.face.quality);
        let points: Vec<String> = self
            .face
            .points
            .in_order()
            .iter()
            .map(|p| format!("({:.0}, {:.0})", p.x, p.y))
            .collect();
        let others = match self.face.near_faces {
            0 | 1 => String::new(),
            faces => format!("\n  {faces} faces of about that size; the largest is compared"),
        };
        format!(
            "{}: {} x {} pixels\n  face {:.0} x {:.0} at ({:.0}, {:.0}), score {:.4}{}{others}\n  \
             eyes, nose, mouth {}\n  sharpness {:.0}, brightness {:.0}, contrast {:.0}, yaw {:.2}, \
             pitch {:.2}, inside {:.2}\n  liveness {:.3}",
            self.path.display(),
            self.size.0,
            self.size.1,
            bounds.width(),
            bounds.height(),
            bounds.left,
            bounds.top,
            self.face.score,
            if self.face.margin_added { ", found with a margin added" } else { "" },
            points.join(" "),
            quality.sharpness,
            quality.brightness,
            quality.contrast,
            quality.yaw,
            quality.pitch,
            quality.inside,
            self.face.liveness.unwrap_or_default(),
        )
    }

    fn json(&self) -> Value {
        let (bounds, quality) = (&self.face.bounds, &self.face.quality);
        let pixels = |value: f32| rounded(value, 2);
        let part = |value: f32| rounded(value, SCORE_PLACES);
        let points: Vec<[f64; 2]> =
            self.face.points.in_order().iter().map(|p| [pixels(p.x), pixels(p.y)]).collect();
        let sides = [bounds.left, bounds.top, bounds.right, bounds.bottom].map(pixels);
        json!({
            "file": self.path.display().to_string(),
            "width": self.size.0,
            "height": self.size.1,
            "box": sides,
            "score": part(self.face.score),
            "near_faces": self.face.near_faces,
            "margin_added": self.face.margin_added,
            "landmarks": points,
            "liveness": self.face.liveness.map(part),
            "quality": {
                "face_px": pixels(quality.face_px),
                "sharpness": pixels(quality.sharpness),
                "brightness": pixels(quality.brightness),
                "contrast": pixels(quality.contrast),
                "fills": part(quality.fills),
                "yaw": part(quality.yaw),
                "pitch": part(quality.pitch),
                "inside": part(quality.inside),
            },
        })
    }
}
