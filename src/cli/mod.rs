//! The commands of `locker-agent`: arguments in, wiring, a sentence and an exit code out.

pub mod camera;
pub mod door;
pub mod face;
pub mod journal;
pub mod models;
mod models_table;
mod models_tune;
pub mod release;
pub mod run;
pub mod templates;
