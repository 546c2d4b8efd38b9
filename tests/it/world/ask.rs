//! Asking: a caller with a certificate of the world, a request, and what came.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, Method};

use super::{PUBLIC_BASE, World};

/// Longer than any deadline of a gateway under test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request before it is made.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) who: &'static str,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) purpose: Option<&'static str>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) form: Option<String>,
    pub(crate) id: Option<String>,
    /// The value of `If-None-Match`.
    pub(crate) has: Option<String>,
    /// The value of `Authorization`.
    pub(crate) authorization: Option<String>,
}

impl Ask {
    /// A GET for treatment.
    pub(crate) fn get(who: &'static str, target: impl Into<String>) -> Self {
        let (target, purpose) = (target.into(), Some("TREAT"));
        let (reason, form, id, has, authorization) = (None, None, None, None, None);
        Self { who, method: "GET", target, purpose, reason, form, id, has, authorization }
    }

    /// A search or an operation by POST for treatment: a form, or JSON.
    pub(crate) fn post(who: &'static str, target: impl Into<String>, form: impl Into<String>) -> Self {
        Self { method: "POST", form: Some(form.into()), ..Self::get(who, target) }
    }

    /// The same request under this id.
    pub(crate) fn under(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The same request with a statement about who acts.
    pub(crate) fn by(mut self, statement: &str) -> Self {
        self.authorization = Some(format!("Bearer {statement}"));
        self
    }

    /// The same request of somebody who has that already.
    pub(crate) fn having(mut self, etag: impl Into<String>) -> Self {
        self.has = Some(etag.into());
        self
    }
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In the order of their names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An answer that began and did not end as a whole one.
#[derive(Debug)]
pub(crate) struct CutOff {
    pub(crate) status: u16,
    pub(crate) bytes: usize,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    /// Status and issue code.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = &self.json()["issue"][0]["code"];
        (self.status, code.as_str().unwrap_or_else(|| panic!("no outcome: {}", self.text())).to_owned())
    }

    /// References of the entries of a searchset or a document, in their order.
    pub(crate) fn entries(&self) -> Vec<String> {
        let bundle = self.json();
        let is_document = bundle["type"] == "document";
        assert!(self.status == 200 && (is_document || bundle["type"] == "searchset"), "{bundle}");
        let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
        // The Composition and its author are no resources of anybody's.
        let entries = entries.get(if is_document { 2 } else { 0 }..).unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let reference = |entry: &serde_json::Value| {
            format!("{}/{}", text(&entry["resource"]["resourceType"]), text(&entry["resource"]["id"]))
        };
        entries.iter().map(reference).collect()
    }

    /// The target of the `next` link.
    pub(crate) fn next(&self) -> Option<String> {
        let bundle = self.json();
        let link = bundle["link"].as_array()?.iter().find(|link| link["relation"] == "next")?;
        let target = link["url"].as_str()?.strip_prefix(PUBLIC_BASE)?.strip_prefix('/')?;
        Some(target.to_owned())
    }

    /// What must be the same in two worlds: all but `Date`, the request id, the values of page tokens, the moments of a
    /// document, and its identifier, which each gateway makes with a key of its own.
    pub(crate) fn compared(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "date" && name != "x-request-id");
        let text = self.text();
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("_page=") {
            let following = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
            masked.push_str(before);
            masked.push_str("_page=");
            masked.push_str(&"*".repeat(after.len() - following.len()));
            rest = following;
        }
        masked.push_str(rest);
        self.body = undated(masked).into_bytes();
        self
    }
}

/// Returns a document without its moments and its identifier; anything else as it is.
fn undated(text: String) -> String {
    const HEAD: &str = r#"{"resourceType":"Bundle","identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:"#;
    let Some(rest) = text.strip_prefix(HEAD) else { return text };
    let (_, rest) = rest.split_once('"').unwrap();
    let moment = rest.split_once(r#""timestamp":""#).unwrap().1.split('"').next().unwrap();
    format!("{HEAD}…\"{}", rest.replacen(&format!("\"{moment}\""), "\"then\"", 2))
}

/// Where requests are made: one client for each caller, connections kept.
pub(crate) fn client(dir: &Path, who: &str, port: u16) -> Client {
    let read = |name: String| std::fs::read(dir.join(name)).unwrap();
    let identity =
        Identity::from_pkcs8_pem(&read(format!("callers/{who}.pem")), &read(format!("callers/{who}.key"))).unwrap();
    Client::builder()
        .identity(identity)
        .tls_certs_only([Certificate::from_pem(&read("server-ca.pem".to_owned())).unwrap()])
        .resolve("localhost", ([127, 0, 0, 1], port).into())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

/// Makes a request and reads the answer to its end, or says how far it came.
pub(crate) async fn ask(client: &Client, port: u16, ask: &Ask) -> Result<Reply, CutOff> {
    let url = format!("https://localhost:{port}/fhir/{}", ask.target);
    let mut request = client.request(Method::from_bytes(ask.method.as_bytes()).unwrap(), url);
    if let Some(purpose) = ask.purpose {
        request = request.header("Sluis-Purpose", purpose);
    }
    if let Some(reason) = ask.reason {
        request = request.header("Sluis-Reason", reason);
    }
    if let Some(id) = &ask.id {
        request = request.header("X-Request-Id", id);
    }
    if let Some(etag) = &ask.has {
        request = request.header("If-None-Match", etag);
    }
    if let Some(authorization) = &ask.authorization {
        request = request.header("Authorization", authorization);
    }
    if let Some(form) = &ask.form {
        let is_json = form.starts_with('{');
        let kind = if is_json { "application/fhir+json" } else { "application/x-www-form-urlencoded" };
        request = request.header("Content-Type", kind).body(form.clone());
    }
    let mut response = request.send().await.map_err(|_| CutOff { status: 0, bytes: 0 })?;
    let status = response.status().as_u16();
    let mut headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    headers.sort();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Reply { status, headers, body }),
            Err(_) => return Err(CutOff { status, bytes: body.len() }),
        }
    }
}

impl World {
    pub(crate) fn client(&self, who: &str) -> Client {
        client(self.dir(), who, self.port())
    }

    /// Makes one request; the answer must be whole.
    pub(crate) async fn ask(&self, request: &Ask) -> Reply {
        let answered = self.try_ask(request).await;
        answered.unwrap_or_else(|cut| panic!("{request:?} was cut off: {cut:?}\n{}", self.log()))
    }

    pub(crate) async fn try_ask(&self, request: &Ask) -> Result<Reply, CutOff> {
        ask(&self.client(request.who), self.port(), request).await
    }

    pub(crate) async fn get(&self, who: &'static str, target: impl Into<String>) -> Reply {
        self.ask(&Ask::get(who, target)).await
    }

    /// Makes a request and follows its pages to the end.
    pub(crate) async fn pages(&self, request: &Ask) -> Vec<Reply> {
        let client = self.client(request.who);
        let mut request = request.clone();
        let mut replies: Vec<Reply> = Vec::new();
        loop {
            let reply = ask(&client, self.port(), &request).await.unwrap();
            let next = if reply.status == 200 { reply.next() } else { None };
            replies.push(reply);
            let Some(target) = next else { return replies };
            assert!(replies.len() < 100, "pages without an end: {}", request.target);
            request = Ask { method: "GET", form: None, target, ..request };
        }
    }

    /// Asks the admin listener; status and body.
    pub(crate) async fn admin_get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.admin());
        plain_get(&url).await.unwrap()
    }
}

/// A plain HTTP request without certificate; none where nobody answers.
pub(crate) async fn plain_get(url: &str) -> Option<(u16, String)> {
    let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let mut response = client.get(url).send().await.ok()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
    }
    Some((response.status().as_u16(), String::from_utf8(body).unwrap()))
}
