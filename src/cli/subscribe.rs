//! `sluis subscribe`: asks the upstreams that Consents are read from to say when something changes.

use std::path::Path;

use crate::gateway::config::{self, Mistake};
use crate::gateway::subscription::{self, SubscribeError, Subscribed};

/// Why nothing was subscribed to.
#[derive(Debug, thiserror::Error)]
pub enum NotSubscribed {
    /// Mistakes in the configuration.
    #[error("{}", .0.iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n"))]
    Config(Vec<Mistake>),
    /// A key that is not there, or a server that does not take it.
    #[error("{0}")]
    Subscribe(#[from] SubscribeError),
}

impl NotSubscribed {
    /// Returns the exit code: 1 for a mistake in the input, 2 where a server does not do as it is asked.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Subscribe(SubscribeError::NotConfigured(_) | SubscribeError::Access(_)) => 1,
            Self::Subscribe(
                SubscribeError::LookUp(_)
                | SubscribeError::Unreachable
                | SubscribeError::Refused { .. }
                | SubscribeError::Shape,
            ) => 2,
        }
    }
}

/// Subscribes, and returns a report in JSON with its exit code: 0 where each is in force, 2 where one is not.
///
/// # Errors
/// Nothing to report: the configuration is wrong, or a server gave no usable answer.
pub fn subscribe(config: &Path) -> Result<(String, u8), NotSubscribed> {
    let config = config::load(config).map_err(NotSubscribed::Config)?;
    let system = actix_rt::System::new();
    let all = system.block_on(subscription::subscribe(&config))?;
    let in_force = |each: &Subscribed| match each.status.as_str() {
        "off" => each.done == subscription::Done::Off,
        status => status == "active",
    };
    let code = if all.iter().all(in_force) { 0 } else { 2 };
    Ok((serde_json::json!({ "subscriptions": all }).to_string(), code))
}
