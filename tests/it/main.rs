//! Everything that needs sockets, files or a process: one binary, a module per law or subject.

#[cfg(test)]
mod accountability;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod closed;
#[cfg(test)]
mod decide;
mod door;
#[cfg(test)]
mod fidelity;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod uzi;
#[cfg(test)]
mod world;
