//! Two readers, one text: what Sluis writes is FHIR to fhir-sdk, and what Sluis reads in a Consent fhir-sdk reads as well.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod consents;
mod written;

use std::path::{Path, PathBuf};

use sluis::json::{Bounds, Document};

/// Files of this project are no larger.
const FILE: Bounds = Bounds { bytes: 1 << 20, depth: 80, members: 1_000 };

/// Returns the texts of the JSON files in a directory of the project, in the order of their names.
fn files(directory: &str) -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(directory);
    let paths = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}", directory.display());
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// Returns every resource of the demo's records as it is written, with the name of its record.
fn demo() -> Vec<(String, String)> {
    let records = files("src/cli/demo/record").into_iter().flat_map(|(name, text)| {
        let document = Document::read(text.as_bytes(), FILE).unwrap();
        let entries = document.root().get("entry").unwrap().items();
        let resources = entries.map(|entry| (name.clone(), entry.get("resource").unwrap().raw().to_owned()));
        resources.collect::<Vec<_>>()
    });
    records.collect()
}

/// Returns a member that is a string.
fn member(resource: &str, name: &str) -> Option<String> {
    Document::read(resource.as_bytes(), FILE).unwrap().root().text_of(name).map(|text| text.into_owned())
}
