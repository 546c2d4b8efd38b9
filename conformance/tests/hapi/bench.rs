//! Bench: the one HAPI server and the one data directory that all tests share.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock};

use sluis_conformance::Trouble;
use sluis_conformance::gateway::{self, Gateway, Setting, Site};
use sluis_conformance::hapi::Hapi;
use sluis_conformance::record::{Record, entries, without_narrative};
use sluis_conformance::story::Story;

use crate::outcome::Delivered;

/// What a test comes to when it could not be made.
pub(crate) type Tried = Result<(), Box<dyn Error>>;

#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) hapi: Hapi,
    pub(crate) site: Site,
    pub(crate) records: Vec<Record>,
    pub(crate) stories: Vec<Story>,
    /// A gateway that tests which change nothing share.
    shared: Option<Gateway>,
    is_loaded: bool,
    /// What HAPI answered, as long as its records do not change.
    stored: HashMap<String, Vec<Delivered>>,
}

static BENCH: OnceLock<Result<Mutex<Bench>, Trouble>> = OnceLock::new();

impl Bench {
    /// Waits for its turn and returns the bench, in whatever state it was left.
    fn hold() -> Result<MutexGuard<'static, Self>, &'static Trouble> {
        let mutex = BENCH.get_or_init(|| Self::make().map(Mutex::new)).as_ref()?;
        Ok(mutex.lock().unwrap_or_else(|poisoned| {
            // A test that failed may have left anything.
            let mut bench = poisoned.into_inner();
            bench.spoil();
            mutex.clear_poison();
            bench
        }))
    }

    /// Waits for its turn and returns the bench with every record loaded as it was written.
    pub(crate) fn loaded() -> Result<MutexGuard<'static, Self>, Box<dyn Error>> {
        let mut bench = Self::hold()?;
        if !bench.is_loaded {
            let Self { hapi, records, .. } = &mut *bench;
            hapi.clear()?;
            hapi.load(records.iter())?;
            bench.is_loaded = true;
        }
        Ok(bench)
    }

    /// Says that the records are to be loaded anew before anybody relies on them.
    pub(crate) fn spoil(&mut self) {
        self.is_loaded = false;
        self.shared = None;
        self.stored.clear();
    }

    /// Returns the gateway that tests share which change nothing.
    pub(crate) fn gateway(&mut self) -> Result<&Gateway, Trouble> {
        let gateway = match self.shared.take() {
            Some(gateway) => gateway,
            None => self.site.start(&Setting::before(self.hapi.base()))?,
        };
        Ok(self.shared.insert(gateway))
    }

    /// Ends the shared gateway and returns its journal's verdict.
    pub(crate) fn close(&mut self) -> Result<Option<String>, Trouble> {
        self.shared.take().map(|gateway| gateway.stop()?.verify()).transpose()
    }

    /// Returns what HAPI itself answers to `target`, each resource without its narrative.
    pub(crate) fn stored(&mut self, target: &str) -> Result<&[Delivered], Box<dyn Error>> {
        if !self.stored.contains_key(target) {
            let response = self.hapi.get(target)?;
            let mut stored = Vec::new();
            for entry in entries(&response.body)? {
                stored.push((entry.reference()?, without_narrative(&entry.resource)?));
            }
            self.stored.insert(target.to_owned(), stored);
        }
        Ok(self.stored.get(target).map_or(&[], Vec::as_slice))
    }

    /// Returns the story of that patient, caller and purpose.
    pub(crate) fn story(&self, patient: &str, caller: &str, purpose: &str) -> Result<Story, Box<dyn Error>> {
        let found = self
            .stories
            .iter()
            .find(|story| story.patient == patient && story.caller == caller && story.purpose == purpose);
        Ok(found.cloned().ok_or_else(|| format!("stories.toml has no {patient}, {caller}, {purpose}"))?)
    }

    fn make() -> Result<Self, Trouble> {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let site = Site::write(&gateway::program(), &directory.join("site"))?;
        let (records, stories) = (site.records()?, Story::all()?);
        let hapi = Hapi::start(&directory.join("hapi.log"))?;
        Ok(Self { hapi, site, records, stories, shared: None, is_loaded: false, stored: HashMap::new() })
    }
}
