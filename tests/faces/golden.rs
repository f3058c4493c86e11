//! Pictures whose numbers are pinned: an upgrade of a model, the runtime or this program that moves them is noticed here,
//! before people at a door notice it.
//!
//! After a change that is meant, write the file anew and say why: `GOLDEN=write cargo nextest run golden_`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use super::photo;

/// Pairs, and their similarity.
const PAIRS: [(&str, &str); 4] = [
    ("obama.jpg", "obama2.jpg"),
    ("obama.jpg", "obama3.jpg"),
    ("biden.jpg", "live.jpg"),
    ("attack.jpg", "live.jpg"),
];

/// How far a number may be from its pinned value, by the name it stands under. Boxes and points are in pixels.
fn tolerance(name: &str, pinned: f64) -> f64 {
    match name {
        "box" | "landmarks" => 1.0,
        "liveness" | "score" => 0.01,
        "similarity" => 0.005,
        // Shares and places: 0 to 1, or about 0.
        "fills" | "inside" | "pitch" | "yaw" => 0.02,
        // Grey levels, their square, pixels.
        _ => pinned.abs() * 0.02,
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// One of the repository, or else one of the model directory.
fn picture(name: &str) -> PathBuf {
    let here = fixture(&format!("faces/{name}"));
    if here.exists() { here } else { photo(name) }
}

/// What the program says of a pair, without what depends on where the files lie.
fn said(a: &str, b: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locker-agent"));
    command.args(["face", "compare", "--json"]).args([picture(a), picture(b)]);
    let output = command.output().unwrap();
    let mut said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    for face in ["a", "b"] {
        if let Some(fields) = said[face].as_object_mut() {
            fields.remove("file");
        }
    }
    json!({ "a": said["a"], "b": said["b"], "similarity": said["similarity"] })
}

/// The names of everything that is not as it was.
fn moved(name: &str, path: &str, pinned: &Value, seen: &Value, moved_so_far: &mut Vec<String>) {
    match (pinned, seen) {
        (Value::Object(pinned), Value::Object(seen)) => {
            let names: std::collections::BTreeSet<_> = pinned.keys().chain(seen.keys()).collect();
            for key in names {
                let nothing = Value::Null;
                let (was, is) = (pinned.get(key), seen.get(key));
                let path = format!("{path}.{key}");
                moved(key, &path, was.unwrap_or(&nothing), is.unwrap_or(&nothing), moved_so_far);
            }
        }
        (Value::Array(pinned), Value::Array(seen)) if pinned.len() == seen.len() => {
            for (index, (was, is)) in pinned.iter().zip(seen).enumerate() {
                moved(name, &format!("{path}[{index}]"), was, is, moved_so_far);
            }
        }
        (Value::Number(was), Value::Number(is)) => {
            let (was, is) = (was.as_f64().unwrap(), is.as_f64().unwrap());
            if (was - is).abs() > tolerance(name, was) {
                moved_so_far.push(format!("{path}: {was} became {is}"));
            }
        }
        _ if pinned == seen => {}
        _ => moved_so_far.push(format!("{path}: {pinned} became {seen}")),
    }
}

#[test]
fn golden_frames_read_as_they_always_did() {
    let file = fixture("golden.json");
    let seen: Map<String, Value> =
        PAIRS.iter().map(|(a, b)| (format!("{a} {b}"), said(a, b))).collect();
    let seen = Value::Object(seen);
    if std::env::var_os("GOLDEN").is_some_and(|wish| wish == "write") {
        let text = serde_json::to_string_pretty(&seen).unwrap();
        std::fs::write(&file, format!("{text}\n")).unwrap();
    }
    let pinned = std::fs::read(&file).unwrap();
    let pinned: Value = serde_json::from_slice(&pinned).unwrap();
    let mut changed = Vec::new();
    moved("", "", &pinned, &seen, &mut changed);
    assert!(changed.is_empty(), "moved:\n{}", changed.join("\n"));
}

#[test]
fn a_number_that_moved_too_far_is_named() {
    let pinned = json!({ "liveness": 0.9, "box": [10.0, 20.0] });
    let mut changed = Vec::new();
    moved("", "", &pinned, &json!({ "liveness": 0.905, "box": [10.5, 20.0] }), &mut changed);
    assert_eq!(changed, Vec::<String>::new());
    moved("", "", &pinned, &json!({ "liveness": 0.8, "box": [12.0, 20.0] }), &mut changed);
    assert_eq!(changed, [".box[0]: 10 became 12", ".liveness: 0.9 became 0.8"]);
}
