//! Templates at rest.

use zeroize::Zeroize;

use crate::core::ids::{ModelId, RecipientId};

/// An embedding of a face, unit length, made by one model and comparable only within it.
///
/// Its `Debug` form shows no numbers, and its memory is wiped when it is dropped.
#[derive(Clone, PartialEq)]
pub struct Template {
    /// The embedding model.
    pub model: ModelId,
    /// The vector; its length is the model's.
    pub vector: Vec<f32>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({}, {} values)", self.model, self.vector.len())
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        self.vector.zeroize();
    }
}

/// Templates could not be stored, read or erased.
#[derive(Debug, thiserror::Error)]
#[error("template store {path}: {problem}")]
pub struct TemplateFault {
    /// Where the store is.
    pub path: String,
    /// What happened and what to do about it.
    pub problem: String,
}

/// Templates on disk, encrypted.
pub trait TemplateStore: Send {
    /// Adds a template for a recipient; durable when it returns.
    fn put(&mut self, recipient: &RecipientId, template: &Template) -> Result<(), TemplateFault>;
    /// Every readable template, and how many could not be read (another key, damage).
    fn all(&self) -> Result<(Vec<(RecipientId, Template)>, usize), TemplateFault>;
    /// Erases all templates of a recipient; durable when it returns.
    fn erase(&mut self, recipient: &RecipientId) -> Result<(), TemplateFault>;
}
