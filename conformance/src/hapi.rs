//! HAPI: a real FHIR server (`hapi/`) that a gateway is put in front of, and what a test does to its records.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::process::{self, Process};
use crate::record::Record;
use crate::trouble::Trouble;
use crate::wire::{Connection, Request, Response, WireError};

/// A running HAPI server. Dropped, or when the test's own process ends, it ends.
#[derive(Debug)]
pub struct Hapi {
    process: Process,
    authority: String,
    base: String,
    connection: Option<Connection<TcpStream>>,
}

impl Hapi {
    /// Starts a server on a free port; what it logs goes to `log`. Takes 20 to 50 seconds.
    ///
    /// # Errors
    ///
    /// When it cannot be built or started.
    pub fn start(log: &Path) -> Result<Self, Trouble> {
        let log = std::fs::File::create(log).map_err(|error| Trouble::file(log, &error))?;
        let mut command = Command::new(process::own("hapi/run"));
        command.args(["-Dport=0", "-Dintegrity=false", "-Dstdin=true"]).stderr(Stdio::from(log));
        let (process, line) = Process::start(&mut command)?;
        let base = line.trim_end().strip_prefix("READY ").map(str::to_owned);
        let authority = base.as_deref().and_then(authority).map(str::to_owned);
        match (base, authority) {
            (Some(base), Some(authority)) => Ok(Self { process, authority, base, connection: None }),
            _ => Err(process.not_ready(&line)),
        }
    }

    /// Returns the base URL.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks for `target`, a path and query below the base.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    pub fn get(&mut self, target: &str) -> Result<Response, Trouble> {
        self.ask("GET", target, b"")
    }

    /// Removes everything, as if it had never been there.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub fn clear(&mut self) -> Result<(), Trouble> {
        let everything = parameters(&["expungeEverything"]);
        self.expect("POST", "/$expunge", everything.as_bytes()).map(|_| ())
    }

    /// Loads records in one transaction, with the ids they have.
    ///
    /// # Errors
    ///
    /// When the server refuses one of them.
    pub fn load<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) -> Result<(), Trouble> {
        let entries: Vec<String> = records
            .into_iter()
            .map(|record| {
                let url = record.reference();
                format!(r#"{{"resource":{},"request":{{"method":"PUT","url":"{url}"}}}}"#, record.raw())
            })
            .collect();
        let bundle = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","));
        self.expect("POST", "", bundle.as_bytes()).map(|_| ())
    }

    /// Puts one record in place of what is there.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub fn put(&mut self, record: &Record) -> Result<(), Trouble> {
        self.expect("PUT", &format!("/{}", record.reference()), record.raw().as_bytes()).map(|_| ())
    }

    /// Has the server's own validator judge a resource of that type: an OperationOutcome, whatever it says.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or the server does not validate.
    pub fn validate(&mut self, resource_type: &str, resource: &[u8]) -> Result<Response, Trouble> {
        let target = format!("/{resource_type}/$validate");
        let response = self.ask("POST", &target, resource)?;
        if matches!(response.status, 200 | 400 | 412 | 422) {
            Ok(response)
        } else {
            Err(refused("POST", &target, &response))
        }
    }

    /// Deletes one resource, and leaves that it was there.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub fn delete(&mut self, reference: &str) -> Result<(), Trouble> {
        self.expect("DELETE", &format!("/{reference}"), b"").map(|_| ())
    }

    /// Deletes resources and expunges them: the server answers as for ids that were never used.
    ///
    /// # Errors
    ///
    /// When one was not there, or something of it is left.
    pub fn expunge(&mut self, references: &[String]) -> Result<(), Trouble> {
        let entries: Vec<Value> =
            references.iter().map(|url| json!({"request": {"method": "DELETE", "url": url}})).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        self.expect("POST", "", bundle.to_string().as_bytes())?;
        let deleted = parameters(&["expungeDeletedResources", "expungePreviousVersions"]);
        self.expect("POST", "/$expunge", deleted.as_bytes())?;
        // An expunge of what was not deleted says 200 as well.
        for reference in references {
            let target = format!("/{reference}");
            let after = self.get(&target)?;
            if after.status != 404 {
                return Err(refused("GET", &target, &after));
            }
        }
        Ok(())
    }

    fn expect(&mut self, method: &str, target: &str, body: &[u8]) -> Result<Response, Trouble> {
        let response = self.ask(method, target, body)?;
        if matches!(response.status, 200 | 201) { Ok(response) } else { Err(refused(method, target, &response)) }
    }

    fn ask(&mut self, method: &str, target: &str, body: &[u8]) -> Result<Response, Trouble> {
        let target = format!("/fhir{target}");
        let headers = [
            ("Host", self.authority.as_str()),
            ("Accept", "application/fhir+json"),
            ("Content-Type", "application/fhir+json"),
        ];
        let request = Request { method, target: &target, headers: &headers, body };
        let kept = self.connection.take();
        let reused = kept.is_some();
        let mut connection = kept.map_or_else(|| connect(&self.authority), Ok)?;
        let response = match connection.exchange(&request) {
            // The server closes connections that were idle for long.
            Err(WireError::Closed | WireError::Connection(_)) if reused => {
                connection = connect(&self.authority)?;
                connection.exchange(&request)?
            }
            other => other?,
        };
        self.connection = connection.keeps().then_some(connection);
        Ok(response)
    }

    /// Stops the server.
    ///
    /// # Errors
    ///
    /// When it cannot be told to.
    pub fn stop(self) -> Result<(), Trouble> {
        self.process.stop().map(|_| ())
    }
}

fn connect(authority: &str) -> Result<Connection<TcpStream>, WireError> {
    let stream = TcpStream::connect(authority)?;
    stream.set_nodelay(true)?;
    Ok(Connection::over(stream))
}

fn authority(base: &str) -> Option<&str> {
    base.strip_prefix("http://")?.strip_suffix("/fhir").filter(|authority| authority.starts_with("127.0.0.1:"))
}

fn parameters(names: &[&str]) -> String {
    let parameters: Vec<Value> = names.iter().map(|name| json!({"name": name, "valueBoolean": true})).collect();
    json!({"resourceType": "Parameters", "parameter": parameters}).to_string()
}

fn refused(method: &str, target: &str, response: &Response) -> Trouble {
    let body = response.text().chars().take(300).collect();
    Trouble::Server { request: format!("{method} {target}"), status: response.status, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_base_is_believed() {
        assert_eq!(authority("http://127.0.0.1:8080/fhir"), Some("127.0.0.1:8080"));
        assert_eq!(authority("http://192.0.2.1:8080/fhir"), None);
        assert_eq!(authority("https://127.0.0.1:8080/fhir"), None);
    }
}
