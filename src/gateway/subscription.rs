//! Subscriptions: how an upstream is asked to say when something changes that decisions rest on.
//!
//! One Subscription (FHIR R4, rest-hook) for each type, without payload: a notice needs no content, and none leaves the
//! server. They are found again by their endpoint, so that subscribing twice makes nothing twice. This is the only place
//! that writes to a server, it writes nothing but Subscriptions, and a serving gateway does not use it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::config::{Config, HookSettings, UpstreamSettings};
use super::lookup::{self, LookUpError};
use super::metrics::{Call, Metrics};
use super::upstream::{AccessError, Upstream, client};
use crate::limits;
use crate::query::{Id, LookUp};

/// A Subscription as a server answers it.
const ANSWER_BYTES: usize = 1024 * 1024;

/// Waiting until a server made a Subscription active.
const ACTIVE: Duration = Duration::from_secs(10);

/// How often it is looked at until then.
const LOOK: Duration = Duration::from_millis(200);

/// Why an upstream is not subscribed to.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// A key without which nobody can be told where to.
    #[error("{0} is needed to subscribe")]
    NotConfigured(&'static str),
    /// The credentials towards the server cannot be used.
    #[error("{0}")]
    Access(#[from] AccessError),
    /// The Subscriptions that are there cannot be read.
    #[error("the Subscriptions of the server cannot be read: {0}")]
    LookUp(#[from] LookUpError),
    /// The server cannot be reached or broke off.
    #[error("the server cannot be reached or broke off")]
    Unreachable,
    /// The server does not take a Subscription.
    #[error("the server refuses a Subscription with status {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// The server answers something else than a Subscription with an id.
    #[error("the server's answer is no Subscription with an id")]
    Shape,
}

/// What was done about one Subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Done {
    /// There was none, and now there is.
    Created,
    /// There was one that said something else.
    Updated,
    /// There was one that says the same.
    Unchanged,
    /// There was one that is not wanted, and it is off.
    Off,
}

/// One Subscription, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subscribed {
    /// The name of the upstream.
    pub upstream: String,
    /// Its id there.
    pub id: String,
    /// What it speaks of.
    pub criteria: String,
    /// Whom it tells.
    pub endpoint: String,
    /// What was done about it.
    pub done: Done,
    /// What the server says of it: `active`, `requested`, `error`, `off`.
    pub status: String,
}

/// Subscribes to every upstream that Consents are read from, and waits for a while until that is in force.
///
/// # Errors
/// A key that is not there, or a server that does not take it.
pub async fn subscribe(config: &Config) -> Result<Vec<Subscribed>, SubscribeError> {
    let hook = config.consent.hook.as_ref().ok_or(SubscribeError::NotConfigured("consent.hook_secret"))?;
    let base = hook.base.as_ref().ok_or(SubscribeError::NotConfigured("consent.hook_base"))?;
    let mut subscribed = Vec::new();
    for upstream in config.announcing() {
        let endpoint = format!("{base}/hooks/{}", upstream.name);
        subscribed.extend(Server::new(upstream)?.subscribe(hook, &endpoint).await?);
    }
    Ok(subscribed)
}

/// A server that Subscriptions are written to.
struct Server<'s> {
    settings: &'s UpstreamSettings,
    reading: Upstream,
    client: Client,
    bearer: Option<HeaderValue>,
}

impl<'s> Server<'s> {
    fn new(settings: &'s UpstreamSettings) -> Result<Self, AccessError> {
        // What is asked here is no traffic of callers: it counts for itself.
        let reading = Upstream::new(&settings.base, &settings.access, Arc::new(Metrics::new(&[])))?;
        let (client, bearer) = client(&settings.access)?;
        Ok(Self { settings, reading, client, bearer })
    }

    async fn subscribe(&self, hook: &HookSettings, endpoint: &str) -> Result<Vec<Subscribed>, SubscribeError> {
        let mut there = self.there(endpoint).await?;
        let mut all = Vec::new();
        for kind in &hook.types {
            let wanted = wanted(kind, endpoint, &hook.secret.authorization());
            let at = there.iter().position(|each| criteria(each) == criteria(&wanted));
            let found = at.map(|at| there.swap_remove(at));
            let (done, now) = match found {
                None => (Done::Created, self.create(&wanted).await?),
                Some(same) if says_the_same(&same, &wanted) => (Done::Unchanged, same),
                Some(other) => (Done::Updated, self.update(&other, wanted).await?),
            };
            all.push(self.report(&now, endpoint, done)?);
        }
        for unwanted in there.into_iter().filter(|each| text(each, "status") != "off") {
            let mut off = unwanted.clone();
            if let Some(members) = off.as_object_mut() {
                members.insert("status".to_owned(), json!("off"));
            }
            let now = self.update(&unwanted, off).await?;
            all.push(self.report(&now, endpoint, Done::Off)?);
        }
        self.settle(&mut all).await?;
        Ok(all)
    }

    /// Returns the Subscriptions that tell this endpoint, whatever else the server finds.
    async fn there(&self, endpoint: &str) -> Result<Vec<Value>, SubscribeError> {
        let mut there = Vec::new();
        let bases = [self.settings.base.clone()];
        let each = |found: crate::json::Value<'_>| there.extend(serde_json::from_str::<Value>(found.raw()).ok());
        let lookup = LookUp::subscriptions(endpoint);
        lookup::search(&self.reading, Call::Reference, &bases, lookup, limits::REFERENCED, each).await?;
        there.retain(|each| text(each, "resourceType") == "Subscription" && channel(each, "endpoint") == endpoint);
        Ok(there)
    }

    async fn create(&self, wanted: &Value) -> Result<Value, SubscribeError> {
        self.send(Method::POST, "Subscription", Some(wanted)).await
    }

    async fn update(&self, found: &Value, mut wanted: Value) -> Result<Value, SubscribeError> {
        let id = id(found)?;
        if let Some(members) = wanted.as_object_mut() {
            members.insert("id".to_owned(), json!(id.as_str()));
        }
        self.send(Method::PUT, &format!("Subscription/{}", id.as_str()), Some(&wanted)).await
    }

    /// Looks until each is in force or is not going to be, for a while.
    async fn settle(&self, all: &mut [Subscribed]) -> Result<(), SubscribeError> {
        let until = Instant::now() + ACTIVE;
        for each in all.iter_mut().filter(|each| each.done != Done::Off) {
            while each.status == "requested" && Instant::now() < until {
                sleep(LOOK).await;
                let now = self.send(Method::GET, &format!("Subscription/{}", each.id), None).await?;
                each.status = text(&now, "status").to_owned();
            }
        }
        Ok(())
    }

    fn report(&self, now: &Value, endpoint: &str, done: Done) -> Result<Subscribed, SubscribeError> {
        Ok(Subscribed {
            upstream: self.settings.name.clone(),
            id: id(now)?.as_str().to_owned(),
            criteria: criteria(now).to_owned(),
            endpoint: endpoint.to_owned(),
            done,
            status: text(now, "status").to_owned(),
        })
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, SubscribeError> {
        let mut request = self.client.request(method, format!("{}/{path}", self.settings.base));
        // It takes the place of the default, so that the answer holds what was stored.
        request = request.header("prefer", "return=representation");
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/fhir+json").body(body.to_string());
        }
        let mut response = request.send().await.map_err(|_| SubscribeError::Unreachable)?;
        let status = response.status();
        if ![StatusCode::OK, StatusCode::CREATED].contains(&status) {
            return Err(SubscribeError::Refused { status: status.as_u16() });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| SubscribeError::Unreachable)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES {
                return Err(SubscribeError::Shape);
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|_| SubscribeError::Shape)
    }
}

/// The Subscription to every change of every resource of a type: a Consent that is no longer active above all.
fn wanted(kind: &str, endpoint: &str, authorization: &str) -> Value {
    json!({
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "A FHIR gateway forgets what it remembered when something changes that its decisions rest on.",
        "criteria": format!("{kind}?"),
        "channel": {
            // HAPI announces deletions too where this is there. To another server it means nothing.
            "extension": [{
                "url": "http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages",
                "valueBoolean": true,
            }],
            "type": "rest-hook",
            "endpoint": endpoint,
            "header": [format!("Authorization: {authorization}")],
        },
    })
}

/// Returns true if and only if the server would do the same for both, and does it or is about to.
fn says_the_same(found: &Value, wanted: &Value) -> bool {
    let working = ["active", "requested"].contains(&text(found, "status"));
    working && found.get("channel") == wanted.get("channel") && found.get("end").is_none()
}

fn id(subscription: &Value) -> Result<Id, SubscribeError> {
    text(subscription, "id").parse().map_err(|_| SubscribeError::Shape)
}

fn criteria(subscription: &Value) -> &str {
    text(subscription, "criteria")
}

fn channel<'v>(subscription: &'v Value, name: &str) -> &'v str {
    subscription.get("channel").map_or("", |channel| text(channel, name))
}

fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consents() -> Value {
        wanted("Consent", "http://127.0.0.1:9443/hooks/hapi", "Bearer 0123456789abcdef")
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut changed = consents();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    }

    #[test]
    fn what_a_server_adds_of_its_own_changes_nothing() {
        let mut found = with("/status", json!("active"));
        found.as_object_mut().unwrap().insert("meta".to_owned(), json!({"versionId": "2"}));
        found.as_object_mut().unwrap().insert("id".to_owned(), json!("7"));
        assert!(says_the_same(&found, &consents()) && says_the_same(&consents(), &consents()));
    }

    #[test]
    fn another_channel_or_status_or_an_end_is_written_anew() {
        let mut ending = consents();
        ending.as_object_mut().unwrap().insert("end".to_owned(), json!("2026-12-31T00:00:00Z"));
        for found in [
            with("/status", json!("error")),
            with("/status", json!("off")),
            with("/channel/header/0", json!("Authorization: Bearer another-secret-of-some")),
            with("/channel/type", json!("message")),
            ending,
        ] {
            assert!(!says_the_same(&found, &consents()), "{found}");
        }
    }

    #[test]
    fn no_content_is_asked_for() {
        assert!(consents()["channel"].get("payload").is_none());
    }
}
