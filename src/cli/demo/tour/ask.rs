//! Asking: a request with a caller's certificate, and the command that repeats it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::{Reply, next};
use super::step::{Pages, Step};

/// Pages that are followed at most: a tour that needs more goes in circles.
const PAGES: usize = 50;

/// Bytes of an answer that are read: the demo's are far smaller.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Longer than the gateway's own deadline.
const PATIENCE: Duration = Duration::from_secs(40);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Certificate, key or CA cannot be read.
    #[error("the caller's certificate cannot be read")]
    Certificate,
    /// TLS ended before there was one.
    #[error("the handshake failed")]
    Handshake,
    /// The connection ended before there was one.
    #[error("the connection was closed")]
    Closed,
    /// Nobody listens, or nothing came in time.
    #[error("no response")]
    NoResponse,
    /// The body ended before its end, or is too large.
    #[error("the body is not whole")]
    Body,
    /// A `next` link that leads elsewhere, or in circles.
    #[error("a page link does not lead on")]
    Link,
}

/// Where requests are made.
#[derive(Debug)]
pub(super) struct Desk {
    dir: PathBuf,
    public_base: String,
}

impl Desk {
    pub(super) fn new(dir: &Path, public_base: &str) -> Self {
        Self { dir: dir.to_owned(), public_base: public_base.to_owned() }
    }

    pub(super) fn public_base(&self) -> &str {
        &self.public_base
    }

    /// Makes the request of a step and follows its pages as far as the step says.
    pub(super) async fn ask(&self, step: &Step) -> Result<Vec<Reply>, AskError> {
        let client = self.client(step)?;
        let mut replies = vec![self.request(&client, step, &format!("{}/{}", self.public_base, step.target)).await?];
        while let (Pages::All, Some(link)) = (step.pages, replies.last().and_then(next)) {
            if !link.starts_with(&format!("{}/", self.public_base)) || replies.len() >= PAGES {
                return Err(AskError::Link);
            }
            replies.push(self.request(&client, step, &link).await?);
        }
        Ok(replies)
    }

    fn client(&self, step: &Step) -> Result<reqwest::Client, AskError> {
        let read = |name: &str| std::fs::read(self.dir.join(name)).map_err(|_| AskError::Certificate);
        let certificate = read(&format!("callers/{}.pem", step.who))?;
        let key = read(&format!("callers/{}.key", step.who))?;
        let identity = reqwest::Identity::from_pkcs8_pem(&certificate, &key).map_err(|_| AskError::Certificate)?;
        let ca = reqwest::Certificate::from_pem(&read("server-ca.pem")?).map_err(|_| AskError::Certificate)?;
        reqwest::Client::builder()
            .identity(identity)
            .tls_certs_only([ca])
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|_| AskError::Certificate)
    }

    async fn request(&self, client: &reqwest::Client, step: &Step, url: &str) -> Result<Reply, AskError> {
        let method = reqwest::Method::from_bytes(step.method.as_bytes()).map_err(|_| AskError::NoResponse)?;
        let is_follow_up = !url.ends_with(step.target);
        let mut request = client.request(if is_follow_up { reqwest::Method::GET } else { method }, url);
        for (name, value) in headers(step) {
            request = request.header(name, value);
        }
        if let (Some(form), false) = (step.form, is_follow_up) {
            request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        }
        let mut response = request.send().await.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| AskError::Body)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES {
                return Err(AskError::Body);
            }
        }
        Ok(Reply { status, body })
    }

    /// Returns the command that makes the same request.
    pub(super) fn command(&self, step: &Step) -> String {
        let at = |name: &str| quoted(&self.dir.join(name).to_string_lossy());
        let mut words = vec![
            "curl".to_owned(),
            format!("--cert {}", at(&format!("callers/{}.pem", step.who))),
            format!("--key {}", at(&format!("callers/{}.key", step.who))),
            format!("--cacert {}", at("server-ca.pem")),
        ];
        if step.method != "GET" && step.form.is_none() {
            words.push(format!("-X {}", step.method));
        }
        words.extend(headers(step).map(|(name, value)| format!("-H {}", quoted(&format!("{name}: {value}")))));
        if let Some(form) = step.form {
            words.push(format!("--data {}", quoted(form)));
        }
        words.push(quoted(&format!("{}/{}", self.public_base, step.target)));
        words.join(" ")
    }
}

fn headers(step: &Step) -> impl Iterator<Item = (&'static str, &'static str)> {
    let purpose = step.purpose.map(|purpose| ("Sluis-Purpose", purpose));
    let reason = step.reason.map(|reason| ("Sluis-Reason", reason));
    purpose.into_iter().chain(reason)
}

/// A refused certificate ends TLS 1.2 in the handshake; in TLS 1.3 the client has finished by then, and the alert comes in
/// the place of an answer, or is lost when the connection closes on a request already sent.
fn failure(error: &reqwest::Error) -> AskError {
    let mut cause = std::error::Error::source(error);
    // Nobody listens, or nobody answers; any other failure is a connection that ended.
    let mut found = if error.is_connect() || error.is_timeout() { AskError::NoResponse } else { AskError::Closed };
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("alert") || text.contains("handshake") {
            return AskError::Handshake;
        }
        let is_cut = error.downcast_ref::<std::io::Error>().is_some_and(|error| {
            use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        });
        if is_cut {
            found = AskError::Closed;
        }
        cause = error.source();
    }
    found
}

/// Quotes a word for a POSIX shell, where it needs it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:".contains(letter);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::super::steps::STEPS;
    use super::*;

    #[test]
    fn the_command_repeats_the_request() {
        let desk = Desk::new(Path::new("/tmp/a dir"), "https://localhost:8443/fhir");
        let emergency = STEPS.iter().find(|step| step.reason.is_some()).unwrap();
        assert_eq!(
            desk.command(emergency),
            "curl --cert '/tmp/a dir/callers/seh-arts.pem' --key '/tmp/a dir/callers/seh-arts.key' \
             --cacert '/tmp/a dir/server-ca.pem' -H 'Sluis-Purpose: ETREAT' \
             -H 'Sluis-Reason: Bewusteloos%20op%20de%20SEH%2C%20anafylaxie%3F' \
             'https://localhost:8443/fhir/AllergyIntolerance?patient=fatima'"
        );
    }

    #[test]
    fn a_form_is_posted_and_a_method_is_named() {
        let desk = Desk::new(Path::new("d"), "https://localhost:8443/fhir");
        let form = STEPS.iter().find(|step| step.form.is_some()).unwrap();
        assert!(desk.command(form).contains("--data 'identifier="));
        let delete = STEPS.iter().find(|step| step.method == "DELETE").unwrap();
        assert!(desk.command(delete).contains("-X DELETE"));
    }
}
