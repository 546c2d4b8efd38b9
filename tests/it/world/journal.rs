//! What is on record.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::World;
use super::process::{Ran, sluis};

/// Every whole line of a journal, in order.
pub(crate) fn lines(dir: &Path) -> Vec<Value> {
    lines_in(&dir.join("journal"))
}

/// Every whole record of the journal in that directory.
pub(crate) fn lines_in(directory: &Path) -> Vec<Value> {
    let mut segments: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    segments.sort();
    let mut lines = Vec::new();
    for segment in segments {
        let text = std::fs::read_to_string(segment).unwrap();
        // A last line without its end is not a record yet.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        lines.extend(whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    lines
}

/// Runs `sluis audit verify`, with the keys of the gateway.
pub(crate) fn verify(dir: &Path) -> Ran {
    let (journal, keys) = (dir.join("journal"), dir.join("keys"));
    sluis(&["audit", "verify", journal.to_str().unwrap(), "--key", keys.to_str().unwrap()], "")
}

impl World {
    /// How many intents of a request are on disk, without reading more of them than that.
    pub(crate) fn intents(&self, request: &str) -> usize {
        let text = std::fs::read_to_string(self.dir().join("journal/000001.jsonl")).unwrap();
        let request = format!("\"request\":\"{request}\"");
        text.lines().filter(|line| line.contains(&request) && line.contains("\"kind\":\"intent\"")).count()
    }

    /// The records of that kind (`intent`, `close`) of a request.
    pub(crate) fn on_record(&self, kind: &str, request: &str) -> Vec<Value> {
        lines(self.dir()).into_iter().filter(|line| line["kind"] == kind && line["request"] == request).collect()
    }

    /// The closing record of a request. Nobody waits for it, so it may come a moment after the answer.
    pub(crate) async fn closed(&self, request: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let mut closes = self.on_record("close", request);
            if let Some(close) = closes.pop() {
                assert!(closes.is_empty(), "{request} was closed twice");
                return close;
            }
            assert!(Instant::now() < until, "{request} was not closed\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The journal is intact.
    pub(crate) fn assert_intact(&self) {
        let ran = verify(self.dir());
        assert_eq!((ran.code, &ran.json()["verdict"]), (Some(0), &serde_json::json!("intact")), "{}", ran.stdout);
    }
}
