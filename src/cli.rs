//! The subcommands of `sluis`.

pub mod audit;
pub mod demo;
pub mod uzi;
