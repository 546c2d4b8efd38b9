//! Journal: what a gateway that has ended put on record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process;
use crate::record::Record;
use crate::trouble::Trouble;

/// The journal of a gateway that has ended.
#[derive(Debug)]
pub struct Journal {
    program: PathBuf,
    directory: PathBuf,
}

impl Journal {
    pub(crate) fn new(program: PathBuf, directory: PathBuf) -> Self {
        Self { program, directory }
    }

    /// Returns the verdict of `sluis audit verify`.
    ///
    /// # Errors
    ///
    /// When the journal is altered, or the verdict is no JSON.
    pub fn verify(&self) -> Result<String, Trouble> {
        let output = process::run(Command::new(&self.program).args(["audit", "verify"]).arg(&self.directory))?;
        let verdict: Value =
            serde_json::from_slice(&output).map_err(|_| Trouble::Shape { what: "the verdict on a journal" })?;
        let verdict = verdict.get("verdict").and_then(Value::as_str);
        verdict.map(str::to_owned).ok_or(Trouble::Shape { what: "the verdict on a journal" })
    }

    /// Returns the items of `sluis audit review`.
    ///
    /// # Errors
    ///
    /// When the journal is altered, or the list is no JSON.
    pub fn review(&self) -> Result<Vec<Value>, Trouble> {
        let output = process::run(Command::new(&self.program).args(["audit", "review"]).arg(&self.directory))?;
        let list: Value = serde_json::from_slice(&output)
            .map_err(|_| Trouble::Shape { what: "the list of what is to be reviewed" })?;
        let items = list.get("items").and_then(Value::as_array).cloned();
        items.ok_or(Trouble::Shape { what: "the list of what is to be reviewed" })
    }

    /// Returns the AuditEvents of `sluis audit export`.
    ///
    /// # Errors
    ///
    /// When the journal is altered, or a line is no resource.
    pub fn export(&self) -> Result<Vec<Record>, Trouble> {
        let output = process::run(Command::new(&self.program).args(["audit", "export"]).arg(&self.directory))?;
        String::from_utf8_lossy(&output).lines().map(Record::read).collect()
    }

    /// Returns the records of one kind of one request.
    ///
    /// # Errors
    ///
    /// When a segment cannot be read or a line is no JSON.
    pub fn on_record(&self, kind: &str, request: &str) -> Result<Vec<Value>, Trouble> {
        let mut records = self.records()?;
        let is = |record: &Value, name: &str, text: &str| record.get(name).and_then(Value::as_str) == Some(text);
        records.retain(|record| is(record, "kind", kind) && is(record, "request", request));
        Ok(records)
    }

    /// Returns, for each request id, the kinds of its records in their order.
    ///
    /// # Errors
    ///
    /// When a segment cannot be read or a line is no JSON.
    pub fn requests(&self) -> Result<BTreeMap<String, Vec<String>>, Trouble> {
        let mut requests: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for record in self.records()? {
            let text = |name: &str| record.get(name).and_then(Value::as_str);
            if let (Some(request), Some(kind)) = (text("request"), text("kind")) {
                requests.entry(request.to_owned()).or_default().push(kind.to_owned());
            }
        }
        Ok(requests)
    }

    fn records(&self) -> Result<Vec<Value>, Trouble> {
        let shape = |_| Trouble::Shape { what: "a journal's line" };
        self.lines()?.iter().map(|line| serde_json::from_str(line).map_err(shape)).collect()
    }

    fn lines(&self) -> Result<Vec<String>, Trouble> {
        let trouble = |path: &Path, error: &std::io::Error| Trouble::file(path, error);
        let files = std::fs::read_dir(&self.directory).map_err(|error| trouble(&self.directory, &error))?;
        let mut paths: Vec<_> = files.filter_map(Result::ok).map(|file| file.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        paths.sort();
        let mut lines = Vec::new();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|error| trouble(&path, &error))?;
            lines.extend(text.lines().map(str::to_owned));
        }
        Ok(lines)
    }
}
