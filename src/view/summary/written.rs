//! Written: a summary as a document Bundle of FHIR R4.

use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use super::Letterhead;
use super::line::Lines;
use super::seal;
use crate::profile::{INCOMPLETE, LOINC, Section};
use crate::view::composed::Found;
use crate::view::notice::Notice;
use crate::view::reference::Key;
use crate::view::released::push_string;

/// What stands where a required section has no entry, whatever the reason is (design, section 3, "What is visible", 7).
const NOTHING: &str = "No information available";
const EMPTY_REASON: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
const URA: &str = "http://fhir.nl/fhir/NamingSystem/ura";

/// What a document is written on.
pub(super) struct Paper<'p> {
    pub(super) letterhead: &'p Letterhead,
    pub(super) public_base: &'p str,
    pub(super) notice: Notice,
}

/// What a document says.
pub(super) struct Page<'p> {
    pub(super) patient: &'p Key,
    pub(super) sections: &'p [(&'p Section, Vec<&'p Found>)],
    /// Every resource of it, each once, in their order.
    pub(super) resources: &'p [&'p Found],
}

impl Paper<'_> {
    /// Writes the Bundle: the Composition, who made it, then the resources.
    pub(super) fn document(&self, page: &Page<'_>, lines: &Lines<'_>) -> Vec<u8> {
        let Letterhead { ura, name, now, key } = self.letterhead;
        let moment = now.replace_nanosecond(0).unwrap_or(*now).to_offset(time::UtcOffset::UTC);
        let moment = moment.format(&Rfc3339).unwrap_or_default();
        let full_url = self.full_url(page.patient);
        let author = seal::urn(&seal::OPEN, "author", &[ura.as_str().as_bytes()]);
        let summary = seal::urn(&seal::OPEN, "composition", &[ura.as_str().as_bytes(), full_url.as_bytes()]);
        let organization = json(&Organization {
            resource_type: "Organization",
            identifier: [Identifier { system: URA, value: ura.as_str() }],
            name: if name.trim().is_empty() { ura.as_str() } else { name },
        });
        let sections: Vec<_> =
            page.sections.iter().filter_map(|(section, entries)| self.section(section, entries, lines)).collect();
        let composition = |date: &str| {
            json(&Composition {
                resource_type: "Composition",
                text: Narrative::of(&format!("<p>{}</p>", escaped(INCOMPLETE))),
                status: "final",
                r#type: Concept::coded(LOINC, "60591-5"),
                subject: Reference { reference: full_url.clone() },
                date,
                author: [Reference { reference: author.clone() }],
                title: "International Patient Summary",
                custodian: Reference { reference: author.clone() },
                section: &sections,
            })
        };
        // The moment is no part of what the identifier is made of: it is a function of what was released.
        let undated = composition("");
        let content: Vec<&[u8]> = [undated.as_bytes(), organization.as_bytes()]
            .into_iter()
            .chain(page.resources.iter().map(|found| found.bytes.as_slice()))
            .collect();
        let mut out = br#"{"resourceType":"Bundle","identifier":{"system":"urn:ietf:rfc:3986","value":"#.to_vec();
        push_string(&mut out, &seal::urn(key, "document", &content));
        out.extend_from_slice(br#"},"type":"document","timestamp":"#);
        push_string(&mut out, &moment);
        // A document has no outcome entry: its first page says in any case that it may be incomplete.
        self.notice.write_label(&mut out);
        out.extend_from_slice(br#","entry":["#);
        push_entry(&mut out, &summary, composition(&moment).as_bytes());
        out.push(b',');
        push_entry(&mut out, &author, organization.as_bytes());
        for found in page.resources {
            out.push(b',');
            push_entry(&mut out, &self.full_url(&found.key), &found.bytes);
        }
        out.extend_from_slice(b"]}");
        out
    }

    fn full_url(&self, key: &Key) -> String {
        format!("{}/{}", self.public_base, key.reference())
    }

    /// Returns a section; none where it has no entry and need not be there.
    fn section<'s>(&self, section: &'s Section, entries: &[&Found], lines: &Lines<'_>) -> Option<SectionOf<'s>> {
        if entries.is_empty() && !section.is_required() {
            return None;
        }
        let items = entries.iter().map(|found| format!("<li>{}</li>", escaped(&lines.of(found)))).collect::<String>();
        Some(SectionOf {
            title: section.title(),
            code: Concept::coded(LOINC, section.code()),
            text: Narrative::of(&if entries.is_empty() {
                format!("<p>{NOTHING}</p>")
            } else {
                format!("<ul>{items}</ul>")
            }),
            entry: entries.iter().map(|found| Reference { reference: self.full_url(&found.key) }).collect(),
            empty_reason: entries
                .is_empty()
                .then(|| Concept { text: Some(NOTHING), ..Concept::coded(EMPTY_REASON, "unavailable") }),
        })
    }
}

fn push_entry(out: &mut Vec<u8>, full_url: &str, resource: &[u8]) {
    out.extend_from_slice(br#"{"fullUrl":"#);
    push_string(out, full_url);
    out.extend_from_slice(br#","resource":"#);
    out.extend_from_slice(resource);
    out.push(b'}');
}

/// Writes what has no way to fail: texts, lists and objects.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Writes a text as it stands in XHTML; what XML has no place for is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            character if character.is_control() => {}
            character => out.push(character),
        }
    }
    out
}

#[derive(Serialize)]
struct Composition<'c> {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    text: Narrative,
    status: &'static str,
    r#type: Concept<'c>,
    subject: Reference,
    date: &'c str,
    author: [Reference; 1],
    title: &'static str,
    custodian: Reference,
    section: &'c [SectionOf<'c>],
}

#[derive(Serialize)]
struct SectionOf<'c> {
    title: &'c str,
    code: Concept<'c>,
    text: Narrative,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Reference>,
    #[serde(rename = "emptyReason", skip_serializing_if = "Option::is_none")]
    empty_reason: Option<Concept<'c>>,
}

#[derive(Serialize)]
struct Narrative {
    status: &'static str,
    div: String,
}

impl Narrative {
    fn of(inside: &str) -> Self {
        Self { status: "generated", div: format!(r#"<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>"#) }
    }
}

#[derive(Serialize)]
struct Concept<'c> {
    coding: [Coding<'c>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'c str>,
}

impl<'c> Concept<'c> {
    fn coded(system: &'c str, code: &'c str) -> Self {
        Self { coding: [Coding { system, code }], text: None }
    }
}

#[derive(Serialize)]
struct Coding<'c> {
    system: &'c str,
    code: &'c str,
}

#[derive(Serialize)]
struct Reference {
    reference: String,
}

#[derive(Serialize)]
struct Organization<'o> {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    identifier: [Identifier<'o>; 1],
    name: &'o str,
}

#[derive(Serialize)]
struct Identifier<'i> {
    system: &'i str,
    value: &'i str,
}
