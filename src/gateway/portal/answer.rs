//! Answers: a log as a searchset of AuditEvents, or as a page.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{NoLog, Portal, Wanted, token};
use crate::audit::{Access, AuditEvent, Page, access_log, patient_event};
use crate::gateway::response;
use crate::gateway::state::Gateway;
use crate::query::{EVENTS, LogForm, LogQuery};
use crate::refusal::Refusal;

/// A log that was made and not shown yet.
pub(super) struct Made {
    /// How many requests it tells of.
    pub(super) count: usize,
    body: Body,
}

enum Body {
    Events(String),
    Page(String),
}

impl Made {
    pub(super) fn respond(self, id: &str) -> HttpResponse {
        match self.body {
            Body::Events(text) => response::head(200, id).body(text),
            Body::Page(text) => {
                let mut builder = response::head(200, id);
                let policy = format!("{}; frame-ancestors 'none'", Page::policy());
                builder.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")));
                builder.insert_header((header::CONTENT_SECURITY_POLICY, policy));
                builder.insert_header((header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")));
                builder.body(text)
            }
        }
    }
}

pub(super) fn make(
    portal: &Portal,
    gateway: &Gateway,
    wanted: &Wanted,
    accesses: &[Access],
    client: &str,
    now: OffsetDateTime,
) -> Result<Made, NoLog> {
    match wanted.query.form {
        LogForm::Page(language) => {
            let lines = access_log(accesses);
            let page = Page::of(&lines, language).of_days(wanted.days);
            let page = page.kept_by(&gateway.config.holder.name, &portal.settings.contact);
            Ok(Made { count: accesses.len(), body: Body::Page(page.to_html()) })
        }
        LogForm::Events(count) => {
            let base = &portal.settings.public_base;
            let events: Vec<AuditEvent> = accesses.iter().filter_map(patient_event).collect();
            let shown: Vec<&AuditEvent> = events.iter().skip(wanted.skip).take(count).collect();
            let told = wanted.skip.saturating_add(shown.len());
            // The days are said: which they are when nothing is said changes with the day.
            let (first, last) = (Some(wanted.days.first()), Some(wanted.days.last()));
            let query = LogQuery { first, last, ..wanted.query.clone() };
            let mut links = vec![json!({"relation": "self", "url": format!("{base}/{}", query.target())})];
            if told < events.len() {
                let token = token::seal(&gateway.page_keys, &query, told, client, now)
                    .map_err(|_| NoLog::of(Refusal::Internal, "page-token"))?;
                links.push(json!({"relation": "next", "url": format!("{base}/{EVENTS}?_page={token}")}));
            }
            let entries: Vec<Value> = shown.iter().map(|event| entry(event)).collect();
            let mut bundle = json!({
                "resourceType": "Bundle", "type": "searchset", "total": events.len(), "link": links,
            });
            if let (Some(members), false) = (bundle.as_object_mut(), entries.is_empty()) {
                members.insert("entry".to_owned(), json!(entries));
            }
            Ok(Made { count: shown.len(), body: Body::Events(bundle.to_string()) })
        }
    }
}

/// Nothing can be read by its id here, so an event is called by what it is and not by where it lies.
fn entry(event: &AuditEvent) -> Value {
    json!({
        "fullUrl": format!("urn:uuid:{}", event.id()),
        "resource": event.as_value(),
        "search": {"mode": "match"},
    })
}
