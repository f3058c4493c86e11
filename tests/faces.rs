//! Faces end to end, with the real models and real photos of the model directory.
//!
//! Tests whose names begin with `second_set_` need a directory with another set's files in
//! `LOCKER_SECOND_SET` and are left out of the plain run by their name.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "faces/frames.rs"]
mod frames;
#[path = "faces/golden.rs"]
mod golden;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{DynamicImage, ImageFormat, RgbImage, imageops};
use locker_agent::core::ids::RecipientId;
use locker_agent::core::sighting::Sighting;
use locker_agent::models::prepared::RECORD;
use locker_agent::models::{Content, Digest, Form, Manifest, ModelStore, Record, default_dir};
use locker_agent::ports::{FaceEngine, Frame, Template};
use locker_agent::vision::trial::{self, Finding};
use locker_agent::vision::{Engine, Pipeline};
use serde_json::Value;

/// The model directory, once everything this machine needs of the default set is in it.
fn models() -> PathBuf {
    let store = ModelStore::new(Manifest::default_set(), default_dir());
    for file in store.manifest().files() {
        let needed = file.serves(std::env::consts::ARCH);
        let path = store.path(&file.name).unwrap();
        assert!(
            !needed || path.is_file(),
            "{} is missing\nrun: locker-agent models fetch (or make models)",
            path.display()
        );
    }
    store.dir().to_owned()
}

fn photo(name: &str) -> PathBuf {
    models().join(name)
}

fn face(args: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_locker-agent")).arg("face").args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    let shown = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {shown}"))
}

/// A run that must end with exit code 2, and what it said.
fn refused(args: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let output = face(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty(), "a refusal must not look like a result");
    said
}

fn png(image: RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A wall: even, with a little texture, and nobody before it.
fn wall() -> Vec<u8> {
    png(RgbImage::from_fn(320, 240, |x, y| {
        let value = 120 + ((x * 7 + y * 13) % 11) as u8;
        image::Rgb([value, value, value])
    }))
}

#[test]
fn photos_of_one_person_are_the_same() {
    let output = face(&[&"compare", &photo("obama.jpg"), &photo("obama2.jpg"), &"--json"]);
    assert_eq!(output.status.code(), Some(0));
    let report = json(&output);
    assert_eq!(report["same"], true);
    assert!(report["similarity"].as_f64().unwrap() > 0.7, "{report}");
    // The reference: the same recipe in Python with the same models, to the pixel.
    let expected = [383.0, 90.0, 603.0, 405.0];
    for (found, expected) in report["a"]["box"].as_array().unwrap().iter().zip(expected) {
        assert!((found.as_f64().unwrap() - expected).abs() < 1.0, "{report}");
    }
    assert!((report["b"]["liveness"].as_f64().unwrap() - 0.82).abs() < 0.03, "{report}");
    assert_eq!(report["a"]["landmarks"].as_array().unwrap().len(), 5);
    assert!(report["a"]["quality"]["sharpness"].as_f64().unwrap() > 100.0, "{report}");
}

#[test]
fn photos_of_two_people_are_different() {
    let output = face(&[&"compare", &photo("obama.jpg"), &photo("biden.jpg")]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("different people"), "{said}");
}

#[test]
fn a_picture_that_cannot_be_judged_is_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for (path, reason) in [
        (write("wall.png", &wall()), "no face"),
        (write("two.jpg", b"hi"), "not a JPEG, PNG or PNM"),
        (write("huge.ppm", b"P6 10000 5000 255\n"), "10000 x 5000 pixels"),
        (dir.path().join("absent.jpg"), "No such file"),
    ] {
        let said = refused(&[&"compare", &photo("obama.jpg"), &path]);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(said.contains(name) && said.contains(reason), "{said}");
    }
}

#[test]
fn what_has_no_end_or_is_far_too_large_is_refused_unread() {
    let dir = tempfile::tempdir().unwrap();
    let (sparse, pipe) = (dir.path().join("sparse.jpg"), dir.path().join("pipe.jpg"));
    std::fs::File::create(&sparse).unwrap().set_len(2 << 30).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (good, zero) = (photo("obama.jpg"), Path::new("/dev/zero"));
    for (path, reason) in [
        (sparse.as_path(), "more than 20971520 bytes"),
        (&pipe, "not an ordinary file"),
        (zero, "not an ordinary file"),
    ] {
        let name = path.to_str().unwrap();
        for said in [refused(&[&"compare", &good, &path]), refused(&[&"bench", &"--photo", &path])]
        {
            assert!(said.contains(name) && said.contains(reason), "{said}");
        }
        let said = refused(&[&"eval", &path]);
        assert!(path == sparse || said.contains(reason), "{said}");
    }
    let list = dir.path().join("pairs.csv");
    std::fs::write(&list, "file_x,file_y,same\nsparse.jpg,sparse.jpg,yes\n").unwrap();
    assert!(refused(&[&"eval", &list]).contains("line 2: "), "the row is named");
}

#[test]
fn a_missing_or_altered_model_is_never_run() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(models()).unwrap() {
        let from = entry.unwrap().path();
        std::os::unix::fs::symlink(&from, dir.path().join(from.file_name().unwrap())).unwrap();
    }
    let model = dir.path().join("fr_landmark.onnx");
    let photo = photo("obama.jpg");
    std::fs::remove_file(&model).unwrap();
    let said = refused(&[&"compare", &photo, &photo, &"--models", &dir.path()]);
    assert!(said.contains("fr_landmark.onnx") && said.contains("models fetch"), "{said}");
    let mut bytes = std::fs::read(models().join("fr_landmark.onnx")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&model, bytes).unwrap();
    let said = refused(&[&"compare", &photo, &photo, &"--models", &dir.path()]);
    assert!(said.contains("fr_landmark") && said.contains("not used"), "{said}");
}

#[test]
fn an_evaluation_counts_pairs_and_pictures_without_a_face() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("wall.png"), wall()).unwrap();
    let mut rows = "file_x,file_y,same\n".to_owned();
    for (x, y, same) in
        [("obama", "obama2", "yes"), ("obama", "biden", "no"), ("obama2", "biden", "no")]
    {
        let [x, y] = [x, y].map(|name| photo(&format!("{name}.jpg")).display().to_string());
        rows += &format!("{x},{y},{same}\n");
    }
    rows += &format!("wall.png,{},no\n", photo("biden.jpg").display());
    let list = dir.path().join("pairs.csv");
    std::fs::write(&list, &rows).unwrap();
    let report = json(&face(&[&"eval", &list, &"--json"]));
    assert_eq!((&report["genuine"], &report["impostor"]), (&1.into(), &2.into()));
    assert_eq!((&report["no_face"], &report["pairs_without_face"]), (&1.into(), &1.into()));
    assert_eq!(report["tar_at_no_false_accept"], 1.0);
    assert!(report["threshold_at_no_false_accept"].is_number(), "{report}");
    // Two impostors show no false accept rate below one in two: the figures are those of no false accept, and said so.
    for rate in ["far_1e-2", "far_1e-3", "far_1e-4"] {
        for figure in ["tar_at", "threshold_at"] {
            let none = &report[format!("{figure}_no_false_accept")];
            assert_eq!(&report[format!("{figure}_{rate}")], none, "{report}");
        }
    }
    assert_eq!(report["far_resolution"], 0.5);
    assert_eq!(report["not_measured"].as_array().unwrap().len(), 3);
    let said = String::from_utf8(face(&[&"eval", &list]).stdout).unwrap();
    assert!(said.contains("TAR at far_1e-4: it takes 10000 impostor pairs"), "{said}");
    assert!(!said.contains('{'), "a person reads a table: {said}");
    assert_eq!(report["best_accuracy"], 1.0);
    assert!(report["ms_per_image"].as_f64().unwrap() > 0.0);
    assert!(report["genuine_scores"]["p50"].is_number() && report["impostor_scores"].is_object());
}

#[test]
fn a_benchmark_reports_every_stage_and_the_ratio_to_the_bare_models() {
    let report = json(&face(&[&"bench", &"--runs", &"2", &"--json"]));
    for stage in ["decode", "detect", "landmarks", "align", "liveness", "embed", "match"] {
        assert!(report["stages_ms"][stage].as_f64().unwrap() > 0.0, "{stage}: {report}");
    }
    let [pipeline, models] = ["pipeline_ms", "model_sum_ms"].map(|k| report[k].as_f64().unwrap());
    assert!((report["ratio"].as_f64().unwrap() - pipeline / models).abs() < 1e-6);
    assert_eq!(report["models_ms"].as_object().unwrap().len(), 4);
}

fn recipient(name: &str) -> RecipientId {
    RecipientId::new(name).unwrap()
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(photo(name)).unwrap()
}

fn waiting_for_two(engine: &mut Engine) -> Vec<(RecipientId, Vec<Template>)> {
    ["obama", "biden"]
        .map(|name| {
            let template = engine.enrol(&read(&format!("{name}.jpg"))).unwrap();
            (recipient(name), vec![template])
        })
        .into()
}

fn seen(engine: &mut Engine, frame: Vec<u8>) -> Sighting {
    engine.examine(&Frame::Encoded(frame)).unwrap()
}

#[test]
fn a_person_with_a_document_waiting_is_recognised_and_nobody_else() {
    let store = ModelStore::new(Manifest::default_set(), models());
    let mut engine = Engine::load(&store, 1).unwrap();
    let people = waiting_for_two(&mut engine);
    engine.look_for(people.clone());
    let sighting = seen(&mut engine, read("obama2.jpg"));
    let reading = sighting.face.unwrap();
    let (best, second) = (reading.best.unwrap(), reading.second.unwrap());
    assert_eq!((best.recipient, second.recipient), (recipient("obama"), recipient("biden")));
    assert!(best.similarity > 0.45 && second.similarity < 0.45);
    assert!(reading.liveness.unwrap() > 0.5);
    assert_eq!(sighting.near_faces, 1);

    let foreign = people.into_iter().map(|(who, mut templates)| {
        templates[0].model = "another-model".parse().unwrap();
        (who, templates)
    });
    engine.look_for(foreign.collect());
    assert_eq!(seen(&mut engine, read("obama2.jpg")).face.unwrap().best, None);
    assert_eq!(seen(&mut engine, wall()), Sighting::default());
    let pixels = Frame::Rgb { width: 640, height: 480, rgb: vec![0; 7] };
    assert!(engine.examine(&pixels).unwrap_err().to_string().contains("need"));
    assert!(engine.examine(&Frame::Encoded(read("obama.jpg")[..9000].to_vec())).is_err());
}

#[test]
fn an_enrolment_photo_must_show_one_usable_face() {
    let store = ModelStore::new(Manifest::default_set(), models());
    let mut engine = Engine::load(&store, 1).unwrap();
    let mut complaint = |photo: &[u8]| engine.enrol(photo).unwrap_err().to_string();
    assert!(complaint(&wall()).contains("no face"));
    assert!(complaint(b"hi").contains("not usable"));
    let obama = image::load_from_memory(&read("obama.jpg")).unwrap().into_rgb8();
    let mut two = RgbImage::new(obama.width() * 2, obama.height());
    imageops::replace(&mut two, &obama, 0, 0);
    imageops::replace(&mut two, &obama, i64::from(obama.width()), 0);
    assert!(complaint(&png(two)).contains("2 faces"));
    let small = imageops::resize(&obama, 91, 113, imageops::FilterType::Triangle);
    assert!(complaint(&png(small)).contains("pixels high"));
    let blurred = imageops::blur(&obama, 14.0);
    assert!(complaint(&png(blurred)).contains("blurred"));
    let dark = RgbImage::from_fn(obama.width(), obama.height(), |x, y| {
        image::Rgb(obama.get_pixel(x, y).0.map(|value| value / 8))
    });
    assert!(complaint(&png(dark)).contains("too dark"));
}

/// A folder of pictures: (where, what).
fn labelled(pictures: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (place, picture) in pictures {
        let path = dir.path().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, picture).unwrap();
    }
    dir
}

fn fixture(name: &str) -> Vec<u8> {
    let faces = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/faces");
    std::fs::read(faces.join(name)).unwrap()
}

#[test]
fn attacks_are_measured_by_their_kind_and_what_is_not_judged_apart() {
    let dir = labelled(&[
        ("live/a.jpg", fixture("live.jpg")),
        ("live/wall.png", wall()),
        ("print/a.jpg", fixture("attack.jpg")),
        ("screen/wall.png", wall()),
    ]);
    let report = json(&face(&[&"pad-eval", &dir.path(), &"--json"]));
    assert_eq!(report["worst_attack"], "print");
    assert_eq!(report["worst_apcer"]["rate"], 0.0);
    assert_eq!(report["worst_apcer"]["interval_95"][1], 0.975, "one attack shows next to nothing");
    assert_eq!(report["kinds"]["live"]["bpcer"]["rate"], 0.0);
    assert_eq!(report["kinds"]["live"]["no_response"]["count"], 1);
    assert_eq!(report["kinds"]["screen"]["apcer"]["rate"], Value::Null);
    let strict = json(&face(&[&"pad-eval", &dir.path(), &"--json", &"--threshold", &"0.99"]));
    assert_eq!(strict["kinds"]["live"]["bpcer"]["rate"], 1.0);
    let said = String::from_utf8(face(&[&"pad-eval", &dir.path()]).stdout).unwrap();
    assert!(
        said.starts_with("worst attack: print, APCER 0.00 % (0 of 1, 0.00 to 97.5 %)"),
        "{said}"
    );
    assert!(refused(&[&"pad-eval", &dir.path().join("live")]).contains("no folders in it"));
    assert!(refused(&[&"pad-eval", &dir.path().join("gone")]).contains("gone cannot be read"));
    let lone = labelled(&[("live/a.jpg", wall())]);
    assert!(refused(&[&"pad-eval", &lone.path()]).contains("at least one folder of attacks"));
}

#[test]
fn a_calibration_says_what_its_pictures_show_and_what_they_cannot() {
    let dir = labelled(&[
        ("a/1.jpg", read("obama.jpg")),
        ("a/2.jpg", read("obama2.jpg")),
        ("b/1.jpg", read("biden.jpg")),
        ("b/wall.png", wall()),
    ]);
    let lines = dir.path().join("calibration.toml");
    let report = json(&face(&[&"calibrate", &dir.path(), &"--json", &"--write", &lines]));
    assert_eq!((&report["genuine"], &report["impostor"]), (&1.into(), &2.into()));
    assert_eq!((&report["no_face"], &report["suggested"]), (&1.into(), &Value::Null));
    let warned = report["warnings"][0].as_str().unwrap();
    assert!(warned.contains("2 impostor pairs are too few"), "{warned}");
    assert!(std::fs::read_to_string(lines).unwrap().starts_with("# too few"));
    let lone = labelled(&[("a/1.jpg", read("obama.jpg"))]);
    assert!(refused(&[&"calibrate", &lone.path()]).contains("only one person"));
    let unlike = labelled(&[("a/1.jpg", read("obama.jpg")), ("b/1.jpg", read("biden.jpg"))]);
    assert!(refused(&[&"calibrate", &unlike.path()]).contains("there are 0 and 1"));
}

/// A store over another set's manifest: its own files from `LOCKER_SECOND_SET`, the rest as usual.
fn second_set() -> ModelStore {
    let given = std::env::var_os("LOCKER_SECOND_SET").expect(
        "set LOCKER_SECOND_SET to a directory with the files of models/opencv-minifasnet.toml",
    );
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/opencv-minifasnet.toml");
    let store = ModelStore::new(Manifest::read(&manifest).unwrap(), models()).beside(given);
    for file in store.manifest().files() {
        let by_hand = file.origin.is_none() && matches!(file.content, Content::Model { .. });
        let path = store.path(&file.name).unwrap();
        assert!(
            !by_hand || path.is_file(),
            "LOCKER_SECOND_SET is set, but {} is not in it: put it there",
            file.file
        );
    }
    store
}

#[test]
fn second_set_recognises_without_a_change_of_the_program() {
    let mut engine = Engine::load(&second_set(), 1).unwrap();
    let people = waiting_for_two(&mut engine);
    engine.look_for(people);
    let reading = seen(&mut engine, read("obama2.jpg")).face.unwrap();
    let (best, second) = (reading.best.unwrap(), reading.second.unwrap());
    assert_eq!((best.recipient, second.recipient), (recipient("obama"), recipient("biden")));
    assert!(best.similarity > 0.45 && second.similarity < 0.45);
    assert!(reading.liveness.unwrap() > 0.9);
}

/// A model directory with everything of the usual one but the record of prepared models.
fn models_without_record() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(models()).unwrap() {
        let from = entry.unwrap().path();
        if from.file_name().unwrap() != RECORD {
            std::os::unix::fs::symlink(&from, dir.path().join(from.file_name().unwrap())).unwrap();
        }
    }
    dir
}

#[test]
fn prepared_models_say_what_the_shipped_ones_say() {
    let dir = models_without_record();
    let store = ModelStore::new(Manifest::default_set(), dir.path());
    let mut accepted = Vec::new();
    for finding in trial::examine(&store, None).unwrap() {
        match finding {
            Finding::Accepted(line) => accepted.push(line),
            Finding::NothingToGain { .. } => {}
            Finding::Refused { model, reason } => panic!("{model}: {reason}"),
        }
    }
    for model in ["fr_feature", "fr_liveness"] {
        let line = accepted.iter().find(|line| line.name == model).unwrap();
        assert!(line.inputs == 2 && line.difference < 1e-5, "{line:?}");
    }
}

#[test]
fn only_a_model_that_was_checked_here_runs_prepared() {
    let dir = models_without_record();
    let store = ModelStore::new(Manifest::default_set(), dir.path());
    let form = |why: &str| {
        let model = store.model("fr_feature").unwrap();
        let said = model.instead.unwrap_or_default();
        assert!(said.contains(why), "{said}");
        model.form
    };
    assert_eq!(form("models tune"), Form::Shipped);
    let output = Command::new(env!("CARGO_BIN_EXE_locker-agent"))
        .args(["models", "tune", "--runs", "1", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("fr_feature"), "{said}");
    let mut record = Record::read(dir.path()).unwrap().unwrap();
    let line = record.models.iter_mut().find(|line| line.name == "fr_feature").unwrap();
    line.form = Form::Prepared;
    let honest = line.prepared;
    line.prepared = Digest::of(b"others");
    record.write(dir.path()).unwrap();
    assert_eq!(form("another form"), Form::Shipped);
    let line = record.models.iter_mut().find(|line| line.name == "fr_feature").unwrap();
    line.prepared = honest;
    record.write(dir.path()).unwrap();
    assert_eq!(form(""), Form::Prepared);
    std::fs::write(dir.path().join(RECORD), "damaged").unwrap();
    assert_eq!(form("cannot be read"), Form::Shipped);
}

#[test]
fn what_is_not_a_number_never_leaves_a_model() {
    for form in [Form::Shipped, Form::Prepared] {
        let store = ModelStore::new(Manifest::default_set(), models()).always(form);
        let mut pipeline = Pipeline::load(&store, 1).unwrap();
        let mut refused = 0;
        for network in pipeline.networks() {
            network.input().fill(f32::INFINITY);
            match network.run() {
                Ok(()) => {
                    let outputs = (0..network.outputs()).flat_map(|index| network.output(index));
                    assert!(outputs.into_iter().all(|value| value.is_finite()));
                }
                Err(fault) => {
                    assert!(fault.to_string().contains("not a number"), "{fault}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0, "an infinite picture must break at least one model");
    }
}
