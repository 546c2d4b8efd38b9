//! The tour without a gateway: what query, policy and decision make of each step, against what the step expects.

mod view;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use time::OffsetDateTime;
use time::macros::datetime;

use super::step::{Expected, Step};
use super::steps::STEPS;
use crate::cli::demo::cast;
use crate::cli::demo::fhir_server::FhirServer;
use crate::cli::demo::record::RECORDS;
use crate::cli::demo::record::tests::each_resource;
use crate::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Ground, Holder, Plan, Source,
    Standing, TreatmentRelation, Unlabelled, admit, decide,
};
use crate::identity::{Caller, Ura};
use crate::json::{Bounds, Document, Value};
use crate::label::{self, Tables};
use crate::profile::{Exchange, Offer, Regime, shipped_exchanges, shipped_regime};
use crate::query::{BSN_SYSTEM, Id, Query, RequestHead, Subject, classify, purpose, reason};

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
const BOUNDS: Bounds = Bounds { bytes: 1 << 20, depth: 64, members: 64 };

struct House {
    resources: BTreeMap<String, String>,
    exchanges: Vec<Arc<Exchange>>,
    regime: Regime,
    tables: Tables,
}

/// What is made of a step before the view.
enum Made {
    Refused(u16, &'static str),
    Metadata,
    /// Whose data it is about, what is asked, and what may be seen of it.
    Decided(Box<Query>, Vec<Id>, Option<Plan>),
}

impl House {
    fn open() -> Self {
        let mut resources = BTreeMap::new();
        each_resource(|_, reference, resource| {
            resources.insert(reference.to_owned(), resource.raw().to_owned());
        });
        let served = |exchange: &Exchange| ["ips", "bgz", "medication"].contains(&exchange.name());
        let exchanges = shipped_exchanges().unwrap().into_iter().filter(served).map(Arc::new).collect();
        let regime = shipped_regime(&["wabvpz"]).unwrap();
        Self { resources, exchanges, regime, tables: Tables::shipped().unwrap() }
    }

    fn offer(&self, caller: &Caller) -> Offer {
        Offer::to(&self.exchanges, caller.role())
    }

    fn with<T>(&self, reference: &str, judge: impl FnOnce(Value<'_>) -> T) -> Option<T> {
        let text = self.resources.get(reference)?;
        Some(judge(Document::read(text.as_bytes(), BOUNDS).unwrap().root()))
    }

    /// Returns all Patient records that share the BSN of one, or have that BSN.
    fn person(&self, is_one: impl Fn(&str, &str) -> bool) -> Vec<Id> {
        let bsn_of = |reference: &str| {
            self.with(reference, |patient| {
                let identifiers = patient.get("identifier")?;
                let bsn = identifiers.items().find(|each| each.text_of("system").as_deref() == Some(BSN_SYSTEM))?;
                bsn.text_of("value").map(std::borrow::Cow::into_owned)
            })
            .flatten()
        };
        let patients = || self.resources.keys().filter(|reference| reference.starts_with("Patient/"));
        let Some(bsn) = patients().find_map(|each| bsn_of(each).filter(|bsn| is_one(each, bsn))) else {
            return Vec::new();
        };
        let records = patients().filter(|each| bsn_of(each).as_deref() == Some(&bsn));
        records.map(|each| Id::from_str(each.trim_start_matches("Patient/")).unwrap()).collect()
    }

    fn named(&self, subject: &Subject) -> Vec<Id> {
        match subject {
            Subject::Id(id) => self.person(|reference, _| reference == format!("Patient/{}", id.as_str())),
            Subject::Bsn(bsn) => self.person(|_, each| each == bsn.as_str()),
        }
    }

    fn whose(&self, query: &Query) -> Vec<Id> {
        match query {
            Query::Metadata => Vec::new(),
            Query::Search(search) => self.named(search.subject()),
            Query::Summary(summary) => self.named(summary.subject()),
            Query::Everything(everything) => self.named(everything.subject()),
            Query::LastN(lastn) => self.named(lastn.subject()),
            Query::Read(read) => {
                let own = format!("{}/{}", read.resource_type(), read.id().as_str());
                let of = self.with(&own, |resource| {
                    ["subject", "patient", "beneficiary"]
                        .iter()
                        .find_map(|name| resource.get(name)?.text_of("reference").map(std::borrow::Cow::into_owned))
                });
                let patient = of.flatten().unwrap_or(own);
                self.person(|reference, _| reference == patient)
            }
        }
    }

    fn make(&self, step: &Step) -> Made {
        let caller = cast::named(step.who).unwrap().caller();
        let target = format!("/fhir/{}", step.target);
        let head = RequestHead {
            method: step.method,
            target: &target,
            content_type: step.form.map(|_| "application/x-www-form-urlencoded"),
            accept: None,
            prefer: None,
            method_override: false,
            body: step.form.unwrap_or_default().as_bytes(),
        };
        let query = match classify(&head, "/fhir", &self.offer(&caller)) {
            Ok(query) => query,
            Err(refused) => return Made::Refused(refused.status(), refused.issue()),
        };
        if query == Query::Metadata {
            return Made::Metadata;
        }
        let (why, told) = match (purpose(&Vec::from_iter(step.purpose)), reason(&Vec::from_iter(step.reason))) {
            (Ok(why), Ok(told)) => (why, told),
            (Err(refused), _) | (_, Err(refused)) => return Made::Refused(refused.status(), refused.issue()),
        };
        let offer = self.offer(&caller);
        let admission = Admission::Through(&offer);
        match admit(&caller, why, told.as_deref(), admission, &self.regime, NOW).map_err(|denial| denial.ground()) {
            Err(Ground::ReasonMissing) => return Made::Refused(400, "required"),
            Err(_) => return Made::Refused(403, "forbidden"),
            Ok(()) => {}
        }
        let person = self.whose(&query);
        let source = Source::default();
        let asked = Asked {
            caller: &caller,
            records: &self.records_of(&caller, &source),
            relation: &TreatmentRelation::none(),
            holder: &Holder::new(Ura::from_str("00000002").unwrap()).known_as(&source, "Organization/sluis"),
            purpose: why,
            reason: told.as_deref(),
            action: Action::Access,
            admission,
            combining: Combining::DenyOverrides,
            unlabelled: Unlabelled::Restricted,
        };
        let plan = match decide(&asked, &self.evidence(&person, &source), &self.regime, NOW) {
            Decision::Permit(plan) => Some(plan),
            Decision::Deny(_) => None,
        };
        Made::Decided(Box::new(query), person, plan)
    }

    fn records_of(&self, caller: &Caller, source: &Source) -> CallerRecords {
        let mut records = CallerRecords::none();
        for (reference, text) in &self.resources {
            if reference.starts_with("Organization/") || reference.starts_with("Practitioner/") {
                records.found(source, caller, text.as_bytes());
            }
        }
        records
    }

    fn evidence(&self, person: &[Id], source: &Source) -> Evidence {
        let patients: Vec<String> = person.iter().map(|id| format!("Patient/{}", id.as_str())).collect();
        let consents: Vec<Vec<u8>> = self
            .resources
            .iter()
            .filter(|(reference, text)| {
                reference.starts_with("Consent/") && patients.iter().any(|each| text.contains(&format!("\"{each}\"")))
            })
            .map(|(_, text)| text.clone().into_bytes())
            .collect();
        let mut evidence =
            Evidence::read(source, &consents, FhirVersion::of("4.0").unwrap(), &patients, Standing::Full);
        let mut rounds = 0;
        while rounds < 10 {
            let wanted = evidence.wanted();
            for reference in &wanted {
                match self.resources.get(reference) {
                    Some(text) => evidence.resolve(reference, text.as_bytes()),
                    None => evidence.absent(reference),
                }
            }
            rounds += 1;
        }
        evidence
    }

    fn is_visible(&self, reference: &str, plan: &Plan, offer: &Offer) -> bool {
        self.with(reference, |resource| {
            offer.holds(resource)
                && (plan.is_straight() || plan.judge(label::Subject::alone(resource), &self.tables).is_visible())
        })
        .unwrap_or(false)
    }
}

#[test]
fn every_step_expects_what_query_policy_and_decision_make_of_it() {
    let house = House::open();
    for step in STEPS {
        let caller = cast::named(step.who).unwrap().caller();
        let offer = house.offer(&caller);
        let told = format!("{} {} for {:?} by {}", step.method, step.target, step.purpose, step.who);
        match (house.make(step), step.expected) {
            (Made::Refused(status, issue), Expected::Refused { status: expected, code }) => {
                assert_eq!((status, issue), (expected, code), "{told}");
            }
            (Made::Metadata, Expected::Metadata) | (Made::Decided(..), Expected::NoHandshake) => {}
            (Made::Decided(_, _, plan), Expected::Searchset { has, lacks } | Expected::Document { has, lacks }) => {
                let plan = plan.unwrap_or_else(|| panic!("{told}: denied"));
                for reference in has {
                    assert!(house.is_visible(reference, &plan, &offer), "{told}: {reference}");
                }
                // A word without a type stands for everything that is named after it.
                for word in lacks.iter().filter(|text| !text.contains('/')) {
                    for reference in house.resources.keys().filter(|reference| reference.contains(word)) {
                        assert!(!house.is_visible(reference, &plan, &offer), "{told}: {reference}");
                    }
                }
            }
            (Made::Decided(_, _, plan), Expected::Resource(reference)) => {
                let plan = plan.unwrap_or_else(|| panic!("{told}: denied"));
                assert!(house.is_visible(reference, &plan, &offer), "{told}");
            }
            (Made::Decided(_, _, None), Expected::Nothing { .. }) => {}
            (Made::Decided(_, person, plan), Expected::Refused { status: 404, .. }) => {
                let seen = plan.is_some_and(|plan| house.is_visible(step.target, &plan, &offer));
                assert!(person.is_empty() || !seen, "{told}");
            }
            (Made::Refused(..) | Made::Metadata | Made::Decided(..), expected) => {
                panic!("{told}: cannot be {expected:?}")
            }
        }
    }
}

#[test]
fn what_is_withheld_from_one_gp_is_hidden_by_its_own_label_and_ordinary_data_is_not() {
    let house = House::open();
    let asks = |who: &str| {
        let step = STEPS.iter().find(|step| step.who == who && step.target == "Condition?patient=carla").unwrap();
        match house.make(step) {
            Made::Decided(_, _, Some(plan)) => plan,
            Made::Refused(..) | Made::Metadata | Made::Decided(..) => panic!("{who} is denied"),
        }
    };
    let offer = house.offer(&cast::named("huisarts-noord").unwrap().caller());
    let (own, other) = (asks("huisarts-brug"), asks("huisarts-noord"));
    let hidden = ["depression", "anxiety", "ggz", "sertraline", "quetiapine", "phq9", "lithium", "crisis"];
    for reference in house.resources.keys().filter(|reference| reference.contains("/carla-")) {
        let in_exchange = house.with(reference, |resource| offer.holds(resource)).unwrap();
        let expected = in_exchange && !hidden.iter().any(|word| reference.contains(word));
        assert_eq!(house.is_visible(reference, &own, &offer), in_exchange, "{reference}");
        assert_eq!(house.is_visible(reference, &other, &offer), expected, "{reference}");
    }
}

#[tokio::test]
async fn the_embedded_server_answers_what_each_step_sends_upstream() {
    let house = House::open();
    let server = FhirServer::start().unwrap();
    for (_, text) in RECORDS {
        server.load(text).unwrap();
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for step in STEPS {
        let Made::Decided(query, person, _) = house.make(step) else { continue };
        let Query::Search(search) = *query else { continue };
        let Some(target) = search.upstream(&person, 200) else { continue };
        let mut response = client.get(format!("{}/{}", server.base(), target.as_str())).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{}", target.as_str());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8(body).unwrap();
        if let Expected::Searchset { has, .. } = step.expected {
            for reference in has {
                assert!(body.contains(&format!("/{reference}\"")), "{}: {reference}", target.as_str());
            }
        }
    }
}

#[tokio::test]
async fn the_embedded_server_knows_every_parameter_that_a_shipped_exchange_sends() {
    let house = House::open();
    let server = FhirServer::start().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for kind in house.exchanges.iter().flat_map(|exchange| exchange.kinds()) {
        let sent = kind.parameters().iter().filter(|parameter| !parameter.is_local()).map(|parameter| parameter.name());
        let sorted = kind.sort().iter().map(|name| format!("_sort=-{name}"));
        let named = sent.map(|name| {
            if name.contains("date") || name.contains("time") {
                format!("{name}=2025")
            } else {
                format!("{name}=2025-01")
            }
        });
        for query in named.chain(sorted) {
            let url = format!("{}/{}?{query}", server.base(), kind.resource_type());
            assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 200, "{url}");
        }
    }
}
