//! The shell: sockets, files and the clock around the pure core.

pub mod admin;
pub mod clock;
pub mod door;
pub mod journal;
pub mod metrics;
pub mod revocation;
pub mod stop;
pub mod telemetry;
pub mod tls;
pub mod trust;
