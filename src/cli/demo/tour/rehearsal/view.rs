//! The tour with the real view between the embedded server and the checker: all of the gateway but TLS and audit.

use std::sync::Arc;

use super::super::ask::AskError;
use super::super::check::{Reply, check};
use super::super::step::{Expected, Pages, Step};
use super::super::steps::STEPS;
use super::{House, Made};
use crate::cli::demo::cast;
use crate::cli::demo::fhir_server::FhirServer;
use crate::cli::demo::record::RECORDS;
use crate::consent::Plan;
use crate::query::{Id, Query};
use crate::view::{
    Answer, Ending, FreeText, Letterhead, Mode, Narrative, Notice, Step as Next, Surroundings, empty_searchset,
};

const PUBLIC_BASE: &str = "https://localhost:8443/fhir";

struct Theatre {
    house: House,
    server: FhirServer,
    client: reqwest::Client,
}

impl Theatre {
    fn surroundings(&self, step: &Step, person: &[Id]) -> Surroundings {
        Surroundings {
            offer: self.house.offer(&cast::named(step.who).unwrap().caller()),
            tables: Arc::new(self.house.tables.clone()),
            person: person.to_vec(),
            upstream_bases: vec![self.server.base().to_owned()],
            public_base: PUBLIC_BASE.to_owned(),
            narrative: Narrative::Drop,
            free_text: FreeText::Keep,
            mode: Mode::Silent,
            shadow: None,
        }
    }

    /// Returns the bytes of one answer and how it ended.
    async fn perform(&self, mut answer: Answer, told: &str) -> (Vec<u8>, Ending) {
        let mut bytes = Vec::new();
        loop {
            match answer.step() {
                Next::Ask(target) => {
                    let asked = self.client.get(format!("{}/{}", self.server.base(), target.as_str()));
                    let mut response = asked.send().await.unwrap();
                    if response.status().as_u16() == 404 {
                        answer.absent().unwrap_or_else(|error| panic!("{told}: {error}"));
                        continue;
                    }
                    assert_eq!(response.status().as_u16(), 200, "{told}: {}", target.as_str());
                    while let Some(chunk) = response.chunk().await.unwrap() {
                        answer.push(&chunk).unwrap_or_else(|error| panic!("{told}: {error}"));
                    }
                    answer.end_of_body().unwrap_or_else(|error| panic!("{told}: {error}"));
                    bytes.extend(answer.take().into_bytes());
                }
                Next::End(ending) => {
                    bytes.extend(answer.take().into_bytes());
                    bytes.extend(answer.close(None).into_bytes());
                    return (bytes, ending);
                }
            }
        }
    }

    async fn reply(&self, step: &Step, query: Query, person: &[Id], plan: Option<Plan>, told: &str) -> Vec<Reply> {
        let Some(plan) = plan else {
            return vec![match query {
                Query::Search(search) => {
                    let link = format!("{PUBLIC_BASE}/{}", search.target());
                    Reply { status: 200, body: empty_searchset(&link, search.tally(), Notice::None).into_bytes() }
                }
                Query::Read(_) | Query::Metadata | Query::Summary(_) | Query::Everything(_) | Query::LastN(_) => {
                    not_found()
                }
            }];
        };
        let mut replies = Vec::new();
        let mut skip = 0;
        loop {
            let surroundings = self.surroundings(step, person);
            let answer = match &query {
                Query::Search(search) => Answer::search(search.clone(), plan.clone(), surroundings, skip),
                Query::Read(read) => Answer::read(read.clone(), plan.clone(), surroundings),
                Query::Summary(summary) => Answer::summary(summary.clone(), letterhead(), plan.clone(), surroundings),
                Query::Everything(everything) => {
                    Answer::everything(everything.clone(), plan.clone(), surroundings, skip)
                }
                Query::LastN(lastn) => Answer::lastn(lastn.clone(), plan.clone(), surroundings),
                Query::Metadata => return replies,
            };
            let (body, ending) = self.perform(answer, told).await;
            match ending {
                Ending::NotVisible => return vec![not_found()],
                Ending::Resource => return vec![Reply { status: 200, body }],
                Ending::Searchset { next_skip } => {
                    replies.push(Reply { status: 200, body });
                    match (next_skip, step.pages) {
                        (Some(next), Pages::All) => skip = next,
                        (Some(_) | None, Pages::First | Pages::All) => return replies,
                    }
                }
            }
        }
    }
}

fn letterhead() -> Letterhead {
    let name = "Ziekenhuis De Sluis".to_owned();
    Letterhead { ura: "00000002".parse().unwrap(), name, now: super::NOW, key: [7; 32] }
}

fn not_found() -> Reply {
    let body = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-found"}]}"#;
    Reply { status: 404, body: body.into() }
}

#[tokio::test]
async fn every_step_gets_what_it_expects_from_the_view() {
    let server = FhirServer::start().unwrap();
    for (_, text) in RECORDS {
        server.load(text).unwrap();
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let theatre = Theatre { house: House::open(), server, client };
    let mut failures = Vec::new();
    for step in STEPS {
        let told = format!("{} {} by {}", step.method, step.target, step.who);
        let Made::Decided(query, person, plan) = theatre.house.make(step) else { continue };
        let replies = theatre.reply(step, *query, &person, plan, &told).await;
        let answered =
            if matches!(step.expected, Expected::NoHandshake) { Err(AskError::Handshake) } else { Ok(replies) };
        if let Err(mismatch) = check(step, &answered, PUBLIC_BASE) {
            failures.push(format!("{told}: {mismatch}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
