//! Invented: worlds of several patients that follow from a seed, with unique words in everything that may not be seen.
//!
//! | module | |
//! | --- | --- |
//! | `kinds` | the types of resources, from `kinds.toml` |
//! | `thing` | one resource: whose it is, its label, its code, its references, what it contains |
//! | `plan` | what a patient decided, and the Consent that says so |
//! | `part` | one patient with their things, who asks, and what may stand in no answer |
//! | `seen` | what this caller may see of it, from the design |
//! | `ask` | what is asked |

mod ask;
mod chance;
mod kinds;
mod part;
mod plan;
mod seen;
mod thing;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::ask::Wanted;
use self::chance::Chance;
use self::kinds::Kind;
pub use self::part::Part;
use self::part::{OTHER, other};
use self::plan::Plan;
use crate::client::Question;
use crate::gateway::Setting;
use crate::record::Record;
use crate::trouble::Trouble;
use crate::twin::{Play, Script};

/// How many patients a world has. Their types together are all that there are.
const PARTS: usize = 6;

/// The policies that worlds are under: nothing on file is no, and nothing on file is yes.
const POLICIES: [&[&str]; 2] = [&["wabvpz"], &["ehds"]];

/// A world.
#[derive(Debug)]
pub struct World {
    seed: u64,
    chance: Chance,
    parts: Vec<Part>,
    is_noticed: bool,
}

impl World {
    /// Returns the world of that seed: of one patient everything may be seen, of one what carries no sensitive label, of the
    /// others whatever comes.
    ///
    /// # Errors
    /// When the types of resources cannot be read.
    pub fn of(seed: u64) -> Result<Self, Trouble> {
        Self::made(seed, PARTS, |number| match number {
            0 => Some(Plan::Straight),
            1 => Some(Plan::Labels),
            _ => None,
        })
    }

    /// Returns that of one patient of whom everything may be seen.
    ///
    /// # Errors
    /// When the types of resources cannot be read.
    pub fn open(seed: u64) -> Result<Self, Trouble> {
        let mut world = Self::made(seed, 2, |_| Some(Plan::Straight))?;
        world.parts.iter_mut().for_each(Part::open);
        Ok(world)
    }

    fn made(seed: u64, parts: usize, plan: impl Fn(usize) -> Option<Plan>) -> Result<Self, Trouble> {
        let kinds: Vec<Arc<Kind>> = kinds::all()?.into_iter().map(Arc::new).collect();
        let mut chance = Chance::of(seed);
        let opt_out = is_opt_out(seed);
        let parts = (0..parts).map(|number| Part::of(number, plan(number), opt_out, &kinds, &mut chance)).collect();
        Ok(Self { seed, is_noticed: chance.once_in(3), chance, parts })
    }

    /// Returns the seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns its patients.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns every record, for a server with that base URL, beside those that all patients share.
    ///
    /// # Errors
    /// Never: each has a type and an id.
    pub fn records(&self, base: &str) -> Result<Vec<Record>, Trouble> {
        let mut records = vec![other()?];
        for part in &self.parts {
            records.extend(part.records(base)?);
        }
        Ok(records)
    }

    /// Returns what is done in both worlds: about so many questions, asked of a gateway whose base has the path `base` and that
    /// differs from `setting` in its policies.
    #[must_use]
    pub fn play<'a>(&mut self, setting: Setting<'a>, base: &str, questions: usize) -> Play<'a> {
        let Self { parts, chance, .. } = self;
        let each = questions / parts.len().max(1) + 1;
        let asked: Vec<_> =
            parts.iter().map(|part| ask::questions(part, base, each, Wanted::Anything, chance)).collect();
        let scripts = self.parts.iter().zip(asked).map(|(part, asked)| self.script(part, &setting, asked)).collect();
        self.played(setting, scripts)
    }

    /// Returns that of the questions which show a fault of the view soonest.
    #[must_use]
    pub fn play_of_faults<'a>(&self, setting: Setting<'a>, base: &str) -> Play<'a> {
        let (mut scripts, mut behind) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let [everything, searches] = ask::showing(part, base);
            scripts.push(self.script(part, &setting, everything));
            behind.push(self.script(part, &setting, searches));
        }
        scripts.append(&mut behind);
        self.played(setting, scripts)
    }

    fn script(&self, part: &Part, setting: &Setting<'_>, questions: Vec<Question>) -> Script {
        let others = self.parts.iter().filter(|other| other.number != part.number).flat_map(Part::marks);
        // The server behind is nowhere named.
        let upstream = setting.upstream.split('/').nth(2).map(str::to_owned);
        Script {
            caller: part.caller().to_owned(),
            about: part.told(),
            questions,
            canaries: part.canaries().into_iter().chain(others).chain(upstream).collect(),
        }
    }

    fn played<'a>(&self, setting: Setting<'a>, scripts: Vec<Script>) -> Play<'a> {
        let [opt_in, opt_out] = POLICIES;
        let policies = if is_opt_out(self.seed) { opt_out } else { opt_in };
        let setting = Setting {
            policies,
            exchanges: &["ips", "bgz", "medication", "acute"],
            unlabelled: Some("normal"),
            mode: self.is_noticed.then_some("notice"),
            ..setting
        };
        let mut hidden = BTreeSet::from([format!("Patient/{OTHER}")]);
        self.parts.iter().for_each(|part| hidden.extend(part.hidden()));
        Play { setting, scripts, hidden: hidden.into_iter().collect() }
    }

    /// Returns so many questions for whole resources about each patient.
    #[must_use]
    pub fn questions(&mut self, base: &str, many: usize) -> Vec<(&Part, Vec<Question>)> {
        let Self { parts, chance, .. } = self;
        parts.iter().map(|part| (part, ask::questions(part, base, many, Wanted::Whole, chance))).collect()
    }
}

fn is_opt_out(seed: u64) -> bool {
    seed % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_world_and_the_same_questions_again() {
        let told = |seed| {
            let mut world = World::of(seed).unwrap();
            let play = world.play(Setting::before("http://127.0.0.1:1/fhir"), "/fhir", 60);
            let questions: Vec<String> =
                play.scripts.iter().flat_map(|script| &script.questions).map(Question::text).collect();
            let records: Vec<String> =
                world.records("x").unwrap().iter().map(|record| record.raw().to_owned()).collect();
            (records, questions, play.hidden)
        };
        assert_eq!(told(7), told(7));
        assert_ne!(told(7), told(8));
    }

    #[test]
    fn a_world_has_every_type_and_hides_some_of_nearly_every_patient() {
        let kinds = kinds::all().unwrap();
        for seed in 1..20 {
            let world = World::of(seed).unwrap();
            let has =
                |kind: &Kind| world.parts.iter().flat_map(|part| &part.things).any(|one| one.kind.name == kind.name);
            let missing: Vec<&str> = kinds.iter().filter(|kind| !has(kind)).map(|kind| kind.name.as_str()).collect();
            assert!(missing.is_empty(), "{seed}: {missing:?}");
            assert!(world.parts.iter().filter(|part| part.hidden().len() > 1).count() >= PARTS / 2, "{seed}");
        }
    }

    #[test]
    fn no_canary_stands_in_what_may_be_seen_but_as_what_goes_from_it() {
        for seed in 1..20 {
            let world = World::of(seed).unwrap();
            for part in &world.parts {
                let canaries = part.canaries();
                let hidden = part.hidden();
                // Words of a hidden thing are in itself, and in what refers to it.
                for record in part.records("x").unwrap().iter().filter(|one| !hidden.contains(one.reference())) {
                    let own = record.id();
                    assert!(own.starts_with("toestemming") || !canaries.contains(own), "{seed}: {own}");
                }
            }
        }
    }
}
