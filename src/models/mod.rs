//! The models and what belongs to them: which files a set consists of, where they come from, how each model
//! wants to be fed, and that nothing is used whose bytes are not the ones the manifest names.

pub mod fetch;
pub mod graph;
pub mod manifest;
pub mod prepared;
mod raw;
pub mod recipe;
pub mod verify;

pub use manifest::{
    Archive, ArchiveKind, Content, FileEntry, Manifest, ManifestError, ModelSet, Origin,
    PipPlatform, Registry,
};
pub use prepared::{Acceptance, Form, Loadable, Record, RecordError};
pub use verify::{Digest, ModelStore, StoreError, default_dir};
