//! Rewrites of a model that change how fast it runs and not what it says.
//!
//! ONNX Runtime keeps a picture's channels in blocks (8 or 16 side by side) from one convolution to the next and
//! is fastest there. An operator that it knows only in the ordinary layout forces a reordering before and after.
//! Three such operators are replaced by others that mean the same: `slopes`, `channels`, `scales`.
//!
//! The format is read and written by hand (`wire`): a few field numbers are all that is needed, fields that are
//! not understood survive, and no code is generated.

mod channels;
mod model;
mod scales;
mod shapes;
mod slopes;
mod wire;

use model::Model;
pub use wire::WireError;

/// Counts the ways of rewriting: a model that was accepted under another number is checked anew.
pub const REWRITING: u32 = 1;

/// The rewritten model; `None` if there is nothing to gain. The same bytes always give the same bytes.
pub fn prepared(bytes: &[u8]) -> Result<Option<Vec<u8>>, WireError> {
    let mut model = Model::read(bytes)?;
    if !model.is_plain() {
        return Ok(None);
    }
    let changes = channels::fill_blocks(&mut model)
        + slopes::replace_slopes(&mut model)
        + scales::spread_scales(&mut model);
    Ok((changes > 0).then(|| model.written()))
}

#[cfg(test)]
mod tests;
