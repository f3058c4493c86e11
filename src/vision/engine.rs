//! The face engine of the locker: frames in, sightings out.

use super::gallery::Gallery;
use super::geometry::Bounds;
use super::last_face::LastFace;
use super::picture::{Picture, Pixels};
use super::pipeline::{Pipeline, VisionError};
use super::{quality, still};
use crate::core::ids::{ModelId, RecipientId};
use crate::core::policy::QualityGates;
use crate::core::sighting::{FaceBox, FaceReading, Quality, Sighting};
use crate::models::ModelStore;
use crate::ports::{FaceEngine, FaceFault, Frame, PhotoFault, Template};

/// What an enrolment photo must measure. Looser than the gates for a live frame: a photo is chosen once and
/// checked by a clerk, but a template of a bad one would refuse its owner for good. The defaults let pass every
/// one of 80 ORL portraits (two each of 40 people; the least sharp measured 62, the darkest 72, the most turned
/// 0.45) and refuse a press photo blurred by 14 pixels, darkened to an eighth, or 91 pixels wide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnrolmentGates {
    /// Least height of the face in pixels.
    pub min_face_px: f32,
    /// Least sharpness (see [`Quality::sharpness`]).
    pub min_sharpness: f32,
    /// Least and greatest mean grey level.
    pub brightness: (f32, f32),
    /// Least standard deviation of the grey levels.
    pub min_contrast: f32,
    /// Greatest turn to the side, either way.
    pub max_yaw: f32,
    /// Greatest tilt up or down.
    pub max_pitch: f32,
    /// Least part of the face inside the photo.
    pub min_inside: f32,
}

impl Default for EnrolmentGates {
    fn default() -> Self {
        Self {
            min_face_px: 60.0,
            min_sharpness: 20.0,
            brightness: (35.0, 225.0),
            min_contrast: 15.0,
            max_yaw: 0.6,
            max_pitch: 0.6,
            min_inside: 0.85,
        }
    }
}

/// Owns the models and the gallery; lives on one thread.
pub struct Engine {
    pipeline: Pipeline,
    gallery: Gallery,
    picture: Picture,
    gates: EnrolmentGates,
    frame_gates: QualityGates,
    last: LastFace,
}

impl Engine {
    /// Verifies and loads a set. Each model runs on `threads` threads.
    pub fn load(store: &ModelStore, threads: usize) -> Result<Self, VisionError> {
        let pipeline = Pipeline::load(store, threads)?;
        let (model, length) = pipeline.template_model();
        let gallery = Gallery::new(model.clone(), length);
        Ok(Self {
            pipeline,
            gallery,
            picture: Picture::default(),
            gates: EnrolmentGates::default(),
            frame_gates: QualityGates::default(),
            last: LastFace::default(),
        })
    }

    /// Enrols with other gates.
    #[must_use]
    pub fn with_gates(mut self, gates: EnrolmentGates) -> Self {
        self.gates = gates;
        self
    }

    /// Judges frames by other gates: a face that does not pass them is measured, and then neither judged nor compared.
    #[must_use]
    pub fn with_frame_gates(mut self, gates: QualityGates) -> Self {
        self.frame_gates = gates;
        self
    }

    /// The models, for measuring stage by stage.
    pub fn pipeline(&mut self) -> &mut Pipeline {
        &mut self.pipeline
    }

    /// What this engine's templates are comparable with.
    pub fn model(&self) -> &ModelId {
        self.pipeline.template_model().0
    }
}

impl FaceEngine for Engine {
    fn examine(&mut self, frame: &Frame) -> Result<Sighting, FaceFault> {
        let Self { pipeline, gallery, picture, frame_gates, last, .. } = self;
        let mut sight = |pixels: Pixels<'_>| sight(pipeline, gallery, frame_gates, last, pixels);
        let sighting = match frame {
            Frame::Encoded(bytes) => picture
                .decode(bytes)
                .map_err(VisionError::from)
                .and_then(|()| sight(picture.pixels())),
            Frame::Rgb { width, height, rgb } => {
                Pixels::new(*width, *height, rgb).map_err(VisionError::from).and_then(sight)
            }
        };
        self.picture.wipe();
        self.pipeline.wipe();
        if sighting.is_err() {
            self.last.forget();
        }
        sighting.map_err(|e| FaceFault { problem: e.to_string() })
    }

    fn forget(&mut self) {
        self.last.forget();
    }

    fn enrol(&mut self, photo: &[u8]) -> Result<Template, PhotoFault> {
        let template = enrolled(&mut self.pipeline, &self.gates, photo);
        self.pipeline.wipe();
        template
    }

    fn look_for(&mut self, people: Vec<(RecipientId, Vec<Template>)>) {
        self.last.forget();
        let left_out = self.gallery.replace(people);
        if left_out > 0 {
            tracing::warn!(left_out, model = %self.model(), "templates of another model are not compared");
        }
    }
}

/// Looks at one frame. What is too poor to be judged is not shown to the liveness and embedding models: blur turns
/// attacks into living faces, and most frames of somebody who walks up are blurred.
fn sight(
    pipeline: &mut Pipeline,
    gallery: &Gallery,
    gates: &QualityGates,
    last: &mut LastFace,
    pixels: Pixels<'_>,
) -> Result<Sighting, VisionError> {
    let faces = pipeline.detect(pixels)?;
    let near_faces = still::near_faces(faces);
    let Some(face) = faces.first().cloned() else {
        last.nobody();
        return Ok(Sighting::default());
    };
    let points = pipeline.points(pixels, &face)?;
    let aligned = pipeline.align(pixels, &points);
    let quality = if aligned {
        pipeline.measure(pixels, face.bounds, &points)
    } else {
        quality::unmeasurable(face.bounds)
    };
    let mut reading = FaceReading {
        place: place(face.bounds),
        quality,
        liveness: None,
        resemblance: None,
        change: aligned.then(|| last.change(pipeline.aligned())).flatten(),
        best: None,
        second: None,
    };
    if aligned && gates.flaw(&quality).is_none() {
        let liveness = pipeline.liveness(pixels, face.bounds);
        let liveness = liveness.inspect_err(|e| tracing::error!("liveness did not run: {e}")).ok();
        reading.liveness = liveness;
        if !gallery.is_empty() {
            let template = pipeline.embed()?;
            reading.resemblance = last.resemblance(&template);
            (reading.best, reading.second) = gallery.closest(&template);
        }
    }
    Ok(Sighting { near_faces, face: Some(reading) })
}

fn place(bounds: Bounds) -> FaceBox {
    let middle = bounds.middle();
    FaceBox { x: middle.x, y: middle.y, width: bounds.width(), height: bounds.height() }
}

fn enrolled(
    pipeline: &mut Pipeline,
    gates: &EnrolmentGates,
    photo: &[u8],
) -> Result<Template, PhotoFault> {
    let no = |sentence: String| PhotoFault(sentence);
    let mut picture =
        Picture::decoded(photo).map_err(|e| no(format!("The photo is not usable: {e}.")))?;
    let face = still::look(pipeline, &picture, false);
    picture.wipe();
    let face = face.map_err(|e| no(format!("The photo could not be examined: {e}.")))?.ok_or_else(
        || no("There is no face in the photo: take one from the front, in good light.".into()),
    )?;
    if face.near_faces > 1 {
        let count = face.near_faces;
        return Err(no(format!(
            "There are {count} faces in the photo: take one of this person alone."
        )));
    }
    if let Some(sentence) = gates.complaint(&face.quality, face.margin_added) {
        return Err(no(sentence));
    }
    face.template
        .ok_or_else(|| no("The face in the photo cannot be made out: take another one.".into()))
}

impl EnrolmentGates {
    /// What is wrong with a face for enrolment, as a sentence for the person who took the photo.
    fn complaint(&self, quality: &Quality, cut_tightly: bool) -> Option<String> {
        let (darkest, brightest) = self.brightness;
        let inside = cut_tightly || quality.inside >= self.min_inside;
        if quality.face_px < self.min_face_px {
            Some(format!(
                "The face is only {:.0} pixels high, and {:.0} are needed: come closer or use a larger photo.",
                quality.face_px, self.min_face_px
            ))
        } else if !inside {
            Some("The face is cut off at the edge: take a photo with the whole face.".into())
        } else if quality.brightness < darkest {
            Some("The face is too dark: take the photo in better light.".into())
        } else if quality.brightness > brightest {
            Some("The face is too bright: take the photo in softer light.".into())
        } else if quality.contrast < self.min_contrast {
            Some("The face has too little contrast: take the photo in better light.".into())
        } else if quality.sharpness < self.min_sharpness {
            Some("The face is blurred: hold the camera still and take another photo.".into())
        } else if quality.yaw.abs() > self.max_yaw {
            Some("The face is turned to the side: look straight into the camera.".into())
        } else if quality.pitch.abs() > self.max_pitch {
            Some("The face is tilted up or down: look straight into the camera.".into())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const GOOD: Quality = Quality {
        face_px: 200.0,
        fills: 0.4,
        sharpness: 300.0,
        brightness: 120.0,
        contrast: 50.0,
        yaw: 0.1,
        pitch: 0.1,
        inside: 1.0,
    };

    fn complaint(quality: Quality) -> String {
        EnrolmentGates::default().complaint(&quality, false).unwrap()
    }

    #[test]
    fn a_good_photo_draws_no_complaint() {
        assert_eq!(EnrolmentGates::default().complaint(&GOOD, false), None);
    }

    #[test]
    fn every_fault_of_a_photo_has_its_own_sentence() {
        assert!(complaint(Quality { face_px: 30.0, ..GOOD }).contains("30 pixels"));
        assert!(complaint(Quality { inside: 0.5, ..GOOD }).contains("cut off"));
        assert!(complaint(Quality { brightness: 10.0, ..GOOD }).contains("too dark"));
        assert!(complaint(Quality { brightness: 250.0, ..GOOD }).contains("too bright"));
        assert!(complaint(Quality { contrast: 2.0, ..GOOD }).contains("contrast"));
        assert!(complaint(Quality { sharpness: 1.0, ..GOOD }).contains("blurred"));
        assert!(complaint(Quality { yaw: -0.9, ..GOOD }).contains("turned"));
        assert!(complaint(Quality { pitch: 0.9, ..GOOD }).contains("tilted"));
    }

    #[test]
    fn a_tightly_cut_id_photo_may_lack_the_hair() {
        let cut = Quality { inside: 0.7, ..GOOD };
        assert_eq!(EnrolmentGates::default().complaint(&cut, true), None);
    }
}
