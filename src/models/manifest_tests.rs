#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;

fn broken(from: &str, to: &str) -> String {
    assert!(DEFAULT.contains(from), "the default manifest has no {from}");
    Manifest::parse(&DEFAULT.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn both_sets_that_come_with_the_program_are_lawful() {
    let default = Manifest::default_set();
    assert_eq!(default.set().liveness, ["fr_liveness"]);
    let second = include_str!("../../models/opencv-minifasnet.toml");
    let second = Manifest::parse(second).unwrap();
    assert_eq!(second.set().landmarks, None);
    assert_eq!(second.template_model(), default.template_model());
}

#[test]
fn a_set_has_a_runtime_for_both_architectures() {
    let manifest = Manifest::default_set();
    for arch in ["x86_64", "aarch64"] {
        assert!(manifest.runtime(arch).unwrap().serves(arch));
    }
    assert!(manifest.runtime("mips").is_none());
}

#[test]
fn templates_of_an_embedder_that_is_fed_otherwise_have_another_id() {
    let rgb = DEFAULT.replace(
        "height = 112, fit = \"stretch\", colour = \"bgr\"",
        "height = 112, fit = \"stretch\", colour = \"rgb\"",
    );
    let other = Manifest::parse(&rgb).unwrap();
    assert_ne!(other.template_model(), Manifest::default_set().template_model());
}

#[test]
fn an_unknown_field_is_named() {
    let error = broken("divide = 256", "divide = 256, gamma = 2");
    assert!(error.contains("gamma"), "{error}");
}

#[test]
fn a_role_that_nobody_fills_is_named() {
    let error = broken("detector = \"fr_detect\"", "detector = \"fr_detekt\"");
    assert!(error.contains("set.detector") && error.contains("fr_detekt"), "{error}");
    let error = broken("embedder = \"fr_feature\"", "embedder = \"fr_liveness\"");
    assert!(error.contains("set.embedder") && error.contains("liveness"), "{error}");
    let error = broken("landmarks = \"fr_landmark\"", "");
    assert!(error.contains("gives no points"), "{error}");
    let error = broken("liveness = [\"fr_liveness\"]", "liveness = []");
    assert!(error.contains("set.liveness"), "{error}");
}

#[test]
fn a_name_that_is_there_twice_is_refused() {
    let error = broken("name = \"fr_landmark\"", "name = \"fr_detect\"");
    assert!(error.contains("'fr_detect'") && error.contains("twice"), "{error}");
}

#[test]
fn a_file_cannot_leave_the_model_directory() {
    let error = broken("file = \"fr_detect.onnx\"", "file = \"../fr_detect.onnx\"");
    assert!(error.contains("'fr_detect'") && error.contains("plain file name"), "{error}");
}

#[test]
fn senseless_figures_are_refused() {
    for (from, to) in [
        ("divide = 256", "divide = 0"),
        ("width = 320", "width = 99999"),
        ("threshold = 0.65", "threshold = 1.5"),
        ("live_class = 0", "live_class = 3"),
        ("crop = 2.7", "crop = 0.5"),
        ("schema = 1", "schema = 2"),
        ("0.0012479, 0.3975", "0.0012479, 0.1"),
        ("licence = \"MIT\"", "licence = \"\""),
        ("fit = \"stretch\", colour = \"grey\"", "fit = \"pad\", colour = \"grey\""),
        ("archive = \"faceplugin\"", "archive = \"elsewhere\""),
        ("member = \"package/", "member = \"../package/"),
        ("package = \"faceplugin", "package = \"--registry=faceplugin"),
        ("kind = \"npm-pack\"", "kind = \"wheel\""),
    ] {
        let error = broken(from, to);
        assert!(error.contains("entry"), "{to}: {error}");
    }
}

#[test]
fn the_default_set_says_how_alike_a_face_must_be_among_many() {
    let calibration = Manifest::default_set().calibration();
    let among = |people| calibration.similarity_among(people, 1e-4).unwrap();
    assert!(among(1) > 0.45 && among(1) < among(30) && among(30) < 0.6, "{}", among(30));
}
