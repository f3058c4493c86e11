//! What stands in for the world around the cabinet in demonstrations and tests.

#[cfg(feature = "demo")]
pub mod broker;
