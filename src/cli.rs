//! The subcommands of `sluis`.

pub mod demo;
