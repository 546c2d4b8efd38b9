//! A gateway process in front of a real HAPI server, end to end: one server for all of these tests.
//!
//! The gateway is `SLUIS_BIN`, or `target/debug/sluis`. Tests take turns, for they share the server's records;
//! loading them takes long, so that what changes them for good has a name that comes late.

mod answers;
mod auditing;
mod bench;
mod consents;
mod documents;
mod forwarding;
mod invented;
mod outcome;
mod policies;
mod server;
mod twins;
mod withdrawals;
