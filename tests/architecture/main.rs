//! Holds the import arrows of ARCHITECTURE.md: which room of the library may name which, and which driver lives where.
#![expect(clippy::unwrap_used, reason = "tests")]

mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{NamedPath, Reading, read};

/// Room, what it may name of the library, and what its test modules may name besides.
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    ("core", &[], &[]),
    ("contract", &["core"], &[]),
    ("files", &[], &[]),
    ("host", &[], &[]),
    ("ports", &["core"], &[]),
    ("models", &["core"], &[]),
    ("vision", &["core", "files", "ports", "models"], &[]),
    ("cameras", &["core", "files", "ports"], &[]),
    ("locks", &["core", "ports"], &["sim"]),
    ("journal", &["core", "ports", "contract"], &[]),
    ("hall", &["core", "host", "ports", "contract"], &["sim"]),
    ("sim", &["core", "ports"], &[]),
    ("control", &["core", "contract", "files"], &[]),
    ("hallctl", &["core", "files", "host", "contract"], &[]),
    ("config", &["core", "host"], &[]),
    ("app", &["core", "ports"], &["sim"]),
    ("daemon", WIRED, &[]),
    ("demo", EVERY_ROOM, &[]),
    ("cli", EVERY_ROOM, &[]),
    ("main", EVERY_ROOM, &[]),
    ("bin", EVERY_ROOM, &[]),
    ("lib", &[], &[]),
];

const EVERY_ROOM: &[&str] = &[
    "core", "contract", "files", "host", "ports", "models", "vision", "cameras", "locks",
    "journal", "hall", "sim", "control", "hallctl", "config", "app", "daemon", "demo", "cli",
];

/// Every room that the daemon is put together from.
const WIRED: &[&str] = &[
    "core", "contract", "ports", "models", "vision", "cameras", "locks", "journal", "hall", "sim",
    "control", "config", "app",
];

/// A crate that may be named only under these paths of `src`.
const DRIVERS: &[(&str, &[&str])] = &[
    ("ort", &["vision/onnx.rs"]),
    ("sled", &["journal"]),
    ("rumqttc", &["hall", "hallctl"]),
    ("rumqttd", &["sim"]),
    ("gpiocdev", &["locks/gpio"]),
    ("gpiocdev_uapi", &["locks/gpio"]),
    ("rppal", &["locks"]),
    ("rustix", &["cameras", "control", "locks/gpio", "locks/rs485"]),
    ("clap", &["cli", "daemon", "demo", "hallctl", "main.rs", "bin"]),
    ("anyhow", &["cli", "daemon", "demo", "hallctl", "main.rs", "bin"]),
    ("tracing_subscriber", &["cli", "daemon", "demo", "hallctl", "main.rs", "bin"]),
    ("toml", &["config", "models"]),
];

/// Rooms that may name no crates but these, however many the package has.
const SPARE_ROOMS: &[(&str, &[&str])] =
    &[("core", &["serde", "thiserror"]), ("ports", &["serde", "thiserror", "zeroize"])];

/// What the standard library has that a pure decision has no use for. `*` and bare modules count as all of it.
const IMPURE: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread"];

/// Files that may hold unsafe code, each with the reason.
const UNSAFE_FILES: &[(&str, &str)] = &[
    ("cameras/kernel.rs", "the kernel's video interface"),
    ("vision/products.rs", "loops compiled for processors that have been asked for it"),
];

/// Past this a file is two files.
const LONGEST_FILE: usize = 400;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

#[test]
fn every_file_keeps_the_arrows() {
    let crates = external_crates();
    let mut broken = Vec::new();
    for (file, text) in sources() {
        broken.extend(violations(&file, &text, &crates));
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn unsafe_code_stays_in_its_files() {
    let opts_in = ["expect(", "allow("].map(|attribute| format!("{attribute}unsafe_code"));
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| {
            let text: String = text.split_whitespace().collect();
            opts_in.iter().any(|attribute| text.contains(attribute))
        })
        .map(|(file, _)| file)
        .collect();
    let allowed: Vec<&str> = UNSAFE_FILES.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, allowed, "Cargo.toml denies unsafe code elsewhere: argue for each new file");
}

/// A promise that names a test which is no longer there is an empty one.
#[test]
fn every_test_that_the_requirements_name_exists() {
    let document = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let quoted = document.split('`').skip(1).step_by(2);
    let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let names: Vec<&str> =
        quoted.filter(|text| is_name(text) && text.matches('_').count() >= 3).collect();
    assert!(names.len() > 50, "the document names {} tests", names.len());
    let tests = ["src", "tests"].map(|folder| texts_below(&root().join(folder))).concat();
    let missing = names.iter().filter(|name| !tests.contains(&format!("fn {name}(")));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// Every Rust file below a folder, one after the other.
fn texts_below(folder: &Path) -> String {
    let mut texts = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.push_str(&texts_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    texts
}

#[test]
fn exceptions_name_files_that_are_still_long() {
    for (file, reason) in LONG_FILES {
        let text = fs::read_to_string(root().join("src").join(file)).unwrap_or_default();
        let long = read(&text, &module_of(file)).lines_without_tests > LONGEST_FILE;
        assert!(long, "{file} is no longer long ({reason}): take it off the list");
    }
}

/// Every sentence that is to be said about one file; `file` is its path under `src`.
fn violations(file: &str, text: &str, crates: &[String]) -> Vec<String> {
    let room = room_of(file);
    let Some(row) = ROOMS.iter().find(|row| row.0 == room) else {
        return vec![format!(
            "src/{file}: the room '{room}' has no row in ROOMS: decide what it may import"
        )];
    };
    let reading = read(text, &module_of(file));
    let whole_file_is_test = file.ends_with("tests.rs");
    let mut said = Vec::new();
    for path in &reading.paths {
        let in_tests = path.in_tests || whole_file_is_test;
        let complaint = wrong_room(row, path, in_tests)
            .or_else(|| wrong_driver(file, path, crates))
            .or_else(|| if in_tests { None } else { wrong_crate(room, path, crates) })
            .or_else(|| impure(room, path));
        said.extend(complaint.map(|why| format!("src/{file}:{}: {why}", path.line)));
    }
    said.extend(too_long(file, &reading).filter(|_| !whole_file_is_test));
    said
}

fn wrong_room(row: &(&str, &[&str], &[&str]), path: &NamedPath, in_tests: bool) -> Option<String> {
    let (room, allowed, allowed_in_tests) = row;
    let [first, target, ..] = path.segments.as_slice() else { return None };
    let target = target.as_str();
    let known = EVERY_ROOM.contains(&target) || target == "*";
    if !(first == "crate" || first == "locker_agent") || !known || target == *room {
        return None;
    }
    let lawful = allowed.contains(&target) || in_tests && allowed_in_tests.contains(&target);
    (!lawful).then(|| format!("'{room}' may not import '{target}', only {allowed:?}"))
}

fn wrong_driver(file: &str, path: &NamedPath, crates: &[String]) -> Option<String> {
    let name = path.segments.first().filter(|name| crates.contains(name))?;
    let (_, homes) = DRIVERS.iter().find(|(driver, _)| driver == name)?;
    let at_home = homes.iter().any(|home| Path::new(file).starts_with(home));
    let single_file_room = homes.iter().any(|home| file == format!("{home}.rs"));
    (!at_home && !single_file_room).then(|| format!("the crate '{name}' belongs in {homes:?} only"))
}

fn wrong_crate(room: &str, path: &NamedPath, crates: &[String]) -> Option<String> {
    let (_, allowed) = SPARE_ROOMS.iter().find(|(spare, _)| *spare == room)?;
    let name = path.segments.first().filter(|name| crates.contains(name))?;
    (path.segments.len() > 1 && !allowed.contains(&name.as_str()))
        .then(|| format!("'{room}' does without the crate '{name}'; it has {allowed:?}"))
}

fn impure(room: &str, path: &NamedPath) -> Option<String> {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    let bad = match segments.as_slice() {
        ["std", "time", "Duration", ..] => false,
        ["std", "time" | "*", ..] => true,
        ["std", module, ..] => IMPURE.contains(module),
        _ => false,
    };
    (room == "core" && bad).then(|| {
        format!(
            "'core' is pure: '{}' must arrive as an argument or leave as an effect",
            segments.join("::")
        )
    })
}

fn too_long(file: &str, reading: &Reading) -> Option<String> {
    let lines = reading.lines_without_tests;
    let excepted = LONG_FILES.iter().any(|(long, _)| *long == file);
    (lines > LONGEST_FILE && !excepted).then(|| {
        format!("src/{file}: {lines} lines without tests, more than {LONGEST_FILE}: divide it")
    })
}

fn room_of(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// `hall/wire.rs` is the module `hall::wire`; `hall/mod.rs` is `hall`; the roots are the crate itself.
fn module_of(file: &str) -> Vec<&str> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if matches!(stem, "lib" | "main") || stem.starts_with("bin/") {
        return Vec::new();
    }
    stem.split('/').collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn external_crates() -> Vec<String> {
    let manifest: toml::Table =
        toml::from_str(&fs::read_to_string(root().join("Cargo.toml")).unwrap()).unwrap();
    let names = manifest["dependencies"].as_table().unwrap().keys();
    names.map(|name| name.replace('-', "_")).collect()
}

/// Every `.rs` file under `src`, with its path from there.
fn sources() -> Vec<(String, String)> {
    let base = root().join("src");
    let (mut folders, mut found) = (vec![base.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&base).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 10, "only {} sources found under {}", found.len(), base.display());
    found.sort();
    found
}

mod the_test_itself {
    use super::{LONGEST_FILE, external_crates, violations};

    fn said(file: &str, text: &str) -> Vec<String> {
        violations(file, text, &external_crates())
    }

    fn refuses(file: &str, text: &str, because: &str) {
        let said = said(file, text);
        assert!(said.len() == 1 && said[0].contains(because), "{file}: {text}\ngave {said:?}");
    }

    fn accepts(file: &str, text: &str) {
        assert_eq!(said(file, text), Vec::<String>::new(), "{file}: {text}");
    }

    #[test]
    fn finds_an_adapter_that_imports_another() {
        refuses("hall/client.rs", "use crate::journal::Store;", "'hall' may not import 'journal'");
        refuses("hall/client.rs", "fn f() { let s = crate::journal::Store::new(); }", "'journal'");
        refuses("vision/mod.rs", "use super::locks::Gpio;", "'locks'");
        refuses("vision/a.rs", "use crate::{core::ids, sim::Door};", "'sim'");
    }

    #[test]
    fn finds_a_nested_import_once_for_each_name() {
        let said = said("app/mod.rs", "use crate::{core::ids, sim::{Door, Wall}};");
        assert_eq!(said.len(), 2, "{said:?}");
    }

    #[test]
    fn finds_a_wildcard_of_the_whole_crate() {
        refuses("ports/mod.rs", "use crate::*;", "'*'");
    }

    #[test]
    fn nobody_but_the_edge_imports_cli_or_app() {
        refuses("hall/mod.rs", "use crate::app::run;", "'app'");
        refuses("app/mod.rs", "use crate::cli::Args;", "'cli'");
        accepts("main.rs", "use locker_agent::cli::Args; use locker_agent::app;");
        accepts("cli/run.rs", "use crate::app::run;");
    }

    #[test]
    fn finds_a_driver_outside_its_room() {
        refuses("vision/embed.rs", "use ort::session::Session;", "'ort' belongs in");
        refuses("app/mod.rs", "fn f() { sled::open(\"x\"); }", "'sled' belongs in");
        refuses("app/mod.rs", "fn f() -> anyhow::Result<()> { Ok(()) }", "'anyhow'");
        accepts("vision/onnx.rs", "use ort::session::Session;");
        accepts("hallctl.rs", "use rumqttc::Client;");
    }

    #[test]
    fn finds_a_clock_a_file_or_a_runtime_in_the_core() {
        refuses("core/a.rs", "use std::time::Instant;", "std::time::Instant");
        refuses("core/a.rs", "use std::time::{Duration, SystemTime};", "SystemTime");
        refuses("core/a.rs", "use std::time;", "std::time");
        refuses("core/a.rs", "use std::time::*;", "std::time::*");
        refuses("core/a.rs", "fn f() { ::std::fs::read(\"x\"); }", "std::fs::read");
        refuses("core/a.rs", "use tokio::sync::mpsc;", "'tokio'");
        refuses("core/a.rs", "use tracing::info;", "'tracing'");
        accepts("core/a.rs", "use std::time::Duration; use serde::Serialize; use super::ids::X;");
    }

    #[test]
    fn finds_a_room_without_a_row_and_a_file_that_grew() {
        refuses("helpers/mod.rs", "", "has no row");
        refuses("app/mod.rs", &"const X: u8 = 1;\n".repeat(LONGEST_FILE + 1), "divide it");
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "const X: u8 = 1;\n".repeat(500));
        accepts("app/mod.rs", &tests);
    }

    #[test]
    fn tests_may_use_the_simulation_where_the_table_says_so() {
        let import = "use crate::sim::Cabinet;";
        refuses("app/mod.rs", import, "'sim'");
        accepts("app/mod.rs", &format!("#[cfg(test)]\nmod tests {{ use super::*; {import} }}"));
        accepts("app/tests.rs", import);
        accepts("app/loop_tests.rs", import);
        let after = format!("#[cfg(test)]\nmod tests {{ fn f() {{}} }}\n{import}");
        refuses("app/mod.rs", &after, "'sim'");
    }

    #[test]
    fn is_not_misled_by_comments_texts_and_lifetimes() {
        accepts("core/a.rs", "//! use crate::sim::X;\n/* std::fs /* nested */ tokio::spawn */");
        accepts("core/a.rs", r##"const A: &str = "crate::sim"; const B: &str = r#"std::fs"x"#;"##);
        accepts("core/a.rs", "fn f<'a>(c: char, s: &'a str) -> bool { c == '\"' || c == '\\'' }");
        refuses("core/a.rs", "fn f<'a>(s: &'a str) { let q = '\"'; crate::sim::go(s) }", "'sim'");
    }

    #[test]
    fn follows_super_out_of_inline_modules() {
        accepts("hall/wire.rs", "mod inner { use super::super::topics::T; }");
        refuses("hall/wire.rs", "use super::super::journal::Store;", "'journal'");
        refuses(
            "hall/wire.rs",
            "mod inner { use super::super::super::journal::Store; }",
            "'journal'",
        );
    }
}
