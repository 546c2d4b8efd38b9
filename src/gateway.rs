//! The shell: sockets, files and the clock around the pure core.

pub mod clock;
pub mod journal;
pub mod trust;
