//! The subcommands of `sluis`.

pub mod audit;
pub mod decide;
pub mod demo;
pub mod uzi;
