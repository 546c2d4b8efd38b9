//! Everything that needs sockets, files or a process: one binary, a module per law or subject.
//!
//! `cfg(test)` holds for all of it; it is written so that what lints allow in tests is allowed in helpers of tests too.

#[cfg(test)]
mod accountability;
#[cfg(test)]
mod admission;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod closed;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod door;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod fidelity;
#[cfg(test)]
mod forward;
#[cfg(test)]
mod fresh;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod logs;
#[cfg(test)]
#[cfg(feature = "nats")]
mod nats;
#[cfg(test)]
mod notice;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod portal;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod search;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod shadow;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod statement;
#[cfg(test)]
mod subscribe;
#[cfg(test)]
mod uzi;
#[cfg(test)]
mod world;
