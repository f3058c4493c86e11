//! What must survive: the journal of events and the encrypted templates. The only user of `sled`.
//!
//! `disk` makes a sled database durable in the strict sense; `store` opens a journal and checks that nothing
//! of it was lost; `writer` and `reader` are its two sides; `chain` and `audit` prove that it is whole;
//! `templates` and `key` keep faces unreadable without this machine's key.

mod audit;
mod chain;
mod disk;
mod key;
mod mark;
mod reader;
mod store;
mod templates;
mod writer;

pub use audit::{AuditReport, ExportFault, export, tail, verify};
pub use chain::{Breach, FirstProblem};
pub use reader::JournalReader;
pub use store::Store;
pub use templates::TemplateVault;
pub use writer::JournalWriter;
