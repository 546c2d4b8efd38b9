//! Bench: the one HAPI server and the one data directory that all tests share.

use std::collections::{BTreeMap, HashMap};
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
    /// The stories that name the policies in force.
    pub(crate) of_policies: Vec<Story>,
    /// The gateways that tests which change nothing share, by the policies in force.
    shared: BTreeMap<Vec<String>, Gateway>,
    is_loaded: bool,
    /// What HAPI answered, as long as its records do not change.
    stored: HashMap<String, Vec<Delivered>>,
}

static BENCH: OnceLock<Result<Mutex<Bench>, Trouble>> = OnceLock::new();

impl Bench {
    /// Waits for its turn and returns the bench, in whatever state it was left.
    pub(crate) fn hold() -> Result<MutexGuard<'static, Self>, &'static Trouble> {
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
        self.shared.clear();
        self.stored.clear();
    }

    /// Returns the gateway that tests share which change nothing.
    pub(crate) fn gateway(&mut self) -> Result<&Gateway, Trouble> {
        self.under(&[])
    }

    /// Returns the one that is shared by tests of these policies.
    pub(crate) fn under(&mut self, policies: &[&str]) -> Result<&Gateway, Trouble> {
        let names: Vec<String> = policies.iter().map(|&name| name.to_owned()).collect();
        let gateway = match self.shared.remove(&names) {
            Some(gateway) => gateway,
            None => self.site.start(&Setting::under(self.hapi.base(), policies))?,
        };
        Ok(self.shared.entry(names).or_insert(gateway))
    }

    /// Ends the shared gateways and returns the verdicts on their journals.
    pub(crate) fn close(&mut self) -> Result<Vec<String>, Trouble> {
        std::mem::take(&mut self.shared).into_values().map(|gateway| gateway.stop()?.verify()).collect()
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
        self.story_under(&[], patient, caller, purpose)
    }

    /// Returns the one under these policies.
    pub(crate) fn story_under(
        &self,
        policies: &[&str],
        patient: &str,
        caller: &str,
        purpose: &str,
    ) -> Result<Story, Box<dyn Error>> {
        let is_it = |story: &&Story| {
            (story.patient.as_str(), story.caller.as_str(), story.purpose.as_str()) == (patient, caller, purpose)
                && story.policies == policies
        };
        let found = self.stories.iter().chain(&self.of_policies).find(is_it);
        Ok(found.cloned().ok_or_else(|| format!("stories.toml has no {policies:?} {patient}, {caller}, {purpose}"))?)
    }

    fn make() -> Result<Self, Trouble> {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let site = Site::write(&gateway::program(), &directory.join("site"))?;
        let (records, stories, of_policies) = (site.records()?, Story::all()?, Story::of_policies()?);
        let hapi = Hapi::start(&directory.join("hapi.log"))?;
        let (shared, stored) = (BTreeMap::new(), HashMap::new());
        Ok(Self { hapi, site, records, stories, of_policies, shared, is_loaded: false, stored })
    }
}
