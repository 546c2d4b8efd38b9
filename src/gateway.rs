//! The shell: sockets, files and the clock around the pure core.
//!
//! [`exchange`] is the life of one request; read it first. [`config`] is the file, [`state`] what requests share,
//! [`start`] how they come to life.

pub mod admin;
mod batch;
pub mod clock;
pub mod config;
pub mod consent_store;
pub mod directory;
pub mod door;
mod emergency;
mod end;
mod ending;
mod exchange;
pub mod explain;
pub mod fetching;
mod forward;
pub mod forwarder;
mod halt;
pub mod hook;
mod inquiry;
pub mod journal;
pub mod keys;
mod live;
pub mod lookup;
pub mod memory;
pub mod metrics;
pub mod patient_index;
mod portal;
mod received;
mod response;
pub mod revocation;
pub mod sample;
pub mod signing;
pub mod start;
pub mod state;
pub mod statement;
pub mod stop;
pub mod subscription;
pub mod telemetry;
pub mod tls;
pub mod token;
pub mod trust;
pub mod upstream;
mod validator;
