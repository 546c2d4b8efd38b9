//! A FHIR server that keeps AuditEvents, and fails as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What it does with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Take,
    /// Takes a while before it takes it.
    TakeSlowly(Duration),
    /// Takes it, and hangs up without an answer.
    TakeAndHangUp,
    /// Takes it, and hangs up in the middle of the answer.
    TakeAndCut,
    /// Takes it, and answers something else.
    TakeAndAnswer(&'static str),
    /// Takes all but the last, and says so with this status; the answer as a whole says 200.
    FailLast(u16),
    /// Takes nothing.
    Status(u16),
    HangUp,
}

#[derive(Default)]
struct State {
    /// Each version that differs from the one before, by id.
    has: BTreeMap<String, Vec<String>>,
    deeds: VecDeque<Deed>,
    /// A transaction that holds this is refused.
    refused: Option<String>,
    requests: usize,
    heads: Vec<String>,
}

/// The server; what it has stays while it is down.
pub(crate) struct Target {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    up: Option<Arc<AtomicBool>>,
}

impl Target {
    pub(crate) fn up() -> Self {
        let mut target = Self::down();
        target.start();
        target
    }

    /// Nobody listens at its address yet.
    pub(crate) fn down() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { address, state: Arc::default(), up: None }
    }

    pub(crate) fn start(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        let up = Arc::new(AtomicBool::new(true));
        let (state, serving) = (Arc::clone(&self.state), Arc::clone(&up));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if !serving.load(Ordering::SeqCst) {
                    return;
                }
                let (state, serving) = (Arc::clone(&state), Arc::clone(&serving));
                std::thread::spawn(move || serve(&stream.unwrap(), &state, &serving));
            }
        });
        self.up = Some(up);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(up) = self.up.take() {
            up.store(false, Ordering::SeqCst);
            // Wakes who waits for a connection.
            TcpStream::connect(self.address).map(drop).unwrap_or_default();
        }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}/fhir", self.address)
    }

    pub(crate) fn will(&self, deeds: impl IntoIterator<Item = Deed>) {
        self.state().deeds.extend(deeds);
    }

    /// Whether everything that it was to do is done.
    pub(crate) fn did(&self) -> bool {
        self.state().deeds.is_empty()
    }

    pub(crate) fn refuse(&self, holding: Option<&str>) {
        self.state().refused = holding.map(str::to_owned);
    }

    /// What it has, by id: none was ever changed.
    pub(crate) fn has(&self) -> BTreeMap<String, String> {
        let one = |(id, versions): (&String, &Vec<String>)| {
            assert_eq!(versions.len(), 1, "{id} was changed: {versions:?}");
            (id.clone(), versions[0].clone())
        };
        self.state().has.iter().map(one).collect()
    }

    pub(crate) fn requests(&self) -> usize {
        self.state().requests
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.state().heads.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(mut stream: &TcpStream, state: &Mutex<State>, up: &AtomicBool) {
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 64 * 1024];
        match stream.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        if !up.load(Ordering::SeqCst) {
            return;
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let length: usize = length.unwrap_or(0);
        if bytes.len() < end + 4 + length {
            continue;
        }
        let body: Vec<u8> = bytes.drain(..end + 4 + length).skip(end + 4).collect();
        match answer(&head, &String::from_utf8(body).unwrap(), state) {
            Some(answer) => {
                if stream.write_all(answer.as_bytes()).is_err() || answer.ends_with("CUT") {
                    return;
                }
            }
            None => return,
        }
    }
}

#[derive(Deserialize)]
struct Bundle<'b> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    entry: Vec<Entry<'b>>,
}

#[derive(Deserialize)]
struct Entry<'b> {
    #[serde(borrow)]
    resource: &'b RawValue,
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
}

/// Returns what is answered; nothing where it hangs up.
fn answer(head: &str, body: &str, state: &Mutex<State>) -> Option<String> {
    let deed = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        state.heads.push(head.to_owned());
        if state.refused.as_ref().is_some_and(|refused| body.contains(refused)) {
            return Some(http(400, r#"{"resourceType":"OperationOutcome"}"#));
        }
        state.deeds.pop_front().unwrap_or(Deed::Take)
    };
    if let Deed::TakeSlowly(time) = deed {
        std::thread::sleep(time);
    }
    match deed {
        Deed::Status(status) => return Some(http(status, r#"{"resourceType":"OperationOutcome"}"#)),
        Deed::HangUp => return None,
        Deed::Take
        | Deed::TakeSlowly(_)
        | Deed::TakeAndHangUp
        | Deed::TakeAndCut
        | Deed::TakeAndAnswer(_)
        | Deed::FailLast(_) => {}
    }
    let bundle: Bundle<'_> = serde_json::from_str(body).unwrap();
    assert!(head.starts_with("POST /fhir HTTP/1.1") && bundle.kind == "transaction", "{head}");
    let mut said = Vec::new();
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let last = bundle.entry.len() - 1;
    for (index, Entry { resource, request }) in bundle.entry.into_iter().enumerate() {
        let id = request.url.strip_prefix("AuditEvent/").unwrap().to_owned();
        let named: serde_json::Value = serde_json::from_str(resource.get()).unwrap();
        assert_eq!((request.method.as_str(), named["id"].as_str()), ("PUT", Some(id.as_str())));
        if let (Deed::FailLast(status), true) = (deed, index == last) {
            said.push(format!(r#"{{"response":{{"status":"{status}"}}}}"#));
            continue;
        }
        let versions = state.has.entry(id.clone()).or_default();
        let status = if versions.is_empty() { "201 Created" } else { "200 OK" };
        if versions.last().is_none_or(|version| version != resource.get()) {
            versions.push(resource.get().to_owned());
        }
        let location = format!("AuditEvent/{id}/_history/{}", versions.len());
        said.push(format!(r#"{{"response":{{"status":"{status}","location":"{location}"}}}}"#));
    }
    let body = format!(r#"{{"resourceType":"Bundle","type":"transaction-response","entry":[{}]}}"#, said.join(","));
    match deed {
        Deed::TakeAndHangUp => None,
        Deed::TakeAndCut => {
            let whole = http(200, &body);
            let cut: String = whole.chars().take(whole.len() - body.len() / 2).collect();
            Some(format!("{cut}CUT"))
        }
        Deed::TakeAndAnswer(other) => Some(http(200, other)),
        Deed::Take | Deed::TakeSlowly(_) | Deed::FailLast(_) | Deed::Status(_) | Deed::HangUp => Some(http(200, &body)),
    }
}

fn http(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/fhir+json\r\ncontent-length: {length}\r\n\r\n{body}")
}
