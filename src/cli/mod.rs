//! The subcommands.

pub mod journal;
