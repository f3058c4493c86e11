//! The names a serialised enum can have, asked of serde itself so that no list can fall behind the code.

use serde::de::DeserializeOwned;

/// The variants of an internally tagged enum, or with an empty tag of a plain one.
pub(crate) fn variants_of<T: DeserializeOwned>(tag: &str) -> Vec<String> {
    let nothing = "there is no such name";
    let value = match tag {
        "" => serde_json::json!(nothing),
        tag => serde_json::json!({ tag: nothing }),
    };
    let Err(error) = serde_json::from_value::<T>(value) else { panic!("'{nothing}' was accepted") };
    let quoted = error.to_string();
    // "unknown variant `there is no such name`, expected one of `a`, `b`": every second piece is a name.
    quoted.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}
