//! Searchsets as a FHIR server writes them: pages of one type each, of resources that differ in length and content.
//!
//! Nothing is random, so that every run reads the same bytes. A resource has about 3.3 KB: codes, a narrative with
//! characters beyond ASCII, references, numbers, notes with escapes.

use std::fmt::Write as _;

/// The base URL of the server.
pub(crate) const BASE: &str = "http://records.example/fhir";

/// Entries of one page: the most that a caller may ask for.
pub(crate) const PAGE: usize = 100;

/// Of so many resources one is labelled restricted.
pub(crate) const RESTRICTED_EACH: usize = 10;

/// The types that pages are of.
pub(crate) const TYPES: [Type; 5] = [
    Type {
        name: "Observation",
        subject: "subject",
        code: "code",
        category: r#""category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}]}],"#,
        author: (r#""performer":["#, "]"),
        measured: Measured::Value,
    },
    Type {
        name: "Condition",
        subject: "subject",
        code: "code",
        category: r#""category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis","display":"Encounter Diagnosis"}]}],"#,
        author: (r#""recorder":"#, ""),
        measured: Measured::Extension,
    },
    Type {
        name: "AllergyIntolerance",
        subject: "patient",
        code: "code",
        category: r#""category":["medication","food","environment","biologic"],"#,
        author: (r#""recorder":"#, ""),
        measured: Measured::Extension,
    },
    Type {
        name: "Procedure",
        subject: "subject",
        code: "code",
        category: r#""category":{"coding":[{"system":"http://snomed.info/sct","code":"387713003","display":"Surgical procedure"}]},"#,
        author: (r#""recorder":"#, ""),
        measured: Measured::Extension,
    },
    Type {
        name: "Immunization",
        subject: "patient",
        code: "vaccineCode",
        category: r#""lotNumber":"AAJN11K","site":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActSite","code":"LA","display":"left arm"}]},"#,
        author: (r#""performer":[{"actor":"#, "}]"),
        measured: Measured::Extension,
    },
];

/// A resource type, and what it has by the definitions of FHIR R4: with a plan, a member that is not defined would take its
/// resource along.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Type {
    pub(crate) name: &'static str,
    /// The element that says whom a resource is about.
    pub(crate) subject: &'static str,
    code: &'static str,
    category: &'static str,
    /// What stands before and behind the reference to who wrote it down.
    author: (&'static str, &'static str),
    measured: Measured,
}

/// Where a resource has numbers.
#[derive(Debug, Clone, Copy)]
enum Measured {
    Value,
    Extension,
}

/// Returns the pages that have so many bytes together, each with its type.
pub(crate) fn pages(bytes: usize) -> Vec<(Type, Vec<u8>)> {
    let mut pages = Vec::new();
    let mut total = 0;
    for kind in TYPES.iter().cycle() {
        if total >= bytes {
            break;
        }
        let first = pages.len() * PAGE;
        let mut page = opening(*kind);
        for number in first..first + PAGE {
            if number > first {
                page.push(',');
            }
            entry(&mut page, *kind, number, 2_000 + number % 7 * 100);
        }
        page.push_str(CLOSING);
        total += page.len();
        pages.push((*kind, page.into_bytes()));
    }
    pages
}

/// Returns a searchset up to its first entry.
pub(crate) fn opening(kind: Type) -> String {
    format!(
        r#"{{"resourceType":"Bundle","id":"5b0e5f8e","meta":{{"lastUpdated":"2026-03-01T12:00:00.000+00:00"}},"type":"searchset","link":[{{"relation":"self","url":"{BASE}/{}?patient=p1&_count=101"}}],"entry":["#,
        kind.name
    )
}

/// What stands behind the last entry.
pub(crate) const CLOSING: &str = "]}";

/// Adds an entry whose narrative has about `narrative` bytes.
pub(crate) fn entry(out: &mut String, kind: Type, number: usize, narrative: usize) {
    let Type { name, subject, code, category, author: (before_author, behind_author), measured } = kind;
    // Some servers escape the solidus, most do not.
    let paragraph = if number.is_multiple_of(8) {
        r#"<p class=\"uitslag\">Geen bijzonderheden; patiënte is ’s ochtends gezien, overleg gevoerd.<\/p>"#
    } else {
        r#"<p class=\"uitslag\">Geen bijzonderheden; patiënte is ’s ochtends gezien, overleg gevoerd.</p>"#
    };
    let level = if number.is_multiple_of(RESTRICTED_EACH) { "R" } else { "N" };
    write!(
        out,
        r#"{{"fullUrl":"{BASE}/{name}/r{number}","resource":{{"resourceType":"{name}","id":"r{number}","meta":{{"versionId":"3","lastUpdated":"2026-02-{day:02}T09:{minute:02}:00.000+00:00","security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"{level}"}}],"profile":["http://nictiz.nl/fhir/StructureDefinition/zib-{name}"]}},"text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">"#,
        day = number % 28 + 1,
        minute = number % 60,
    )
    .unwrap_or_default();
    let end = out.len() + narrative;
    while out.len() < end {
        out.push_str(paragraph);
    }
    write!(
        out,
        r#"</div>"}},"identifier":[{{"system":"http://ziekenhuis.example/nummers","value":"{number:08}"}}],"{subject}":{{"reference":"Patient/p1","display":"A. de Wit"}},{category}"{code}":{{"coding":[{{"system":"http://loinc.org","code":"{loinc}","display":"Hemoglobine [massa/volume] in bloed"}},{{"system":"http://snomed.info/sct","code":"{sct}"}}],"text":"Hb"}},{before_author}{{"reference":"Practitioner/arts{doctor}","display":"dr. B. Jansen"}}{behind_author},"encounter":{{"reference":"Encounter/e{encounter}"}},"note":[{{"authorReference":{{"reference":"Practitioner/arts{doctor}"}},"time":"2026-02-01T09:30:00+01:00","text":"Herhalen over \"drie\" maanden.\nGeen klachten."}}],"#,
        loinc = pick(&["718-7", "2345-7", "2160-0", "4548-4"], number),
        sct = 100_000_001 + number % 50 * 10,
        doctor = number % 9,
        encounter = number % 20,
    )
    .unwrap_or_default();
    let value = number % 90 + 1;
    match measured {
        Measured::Value => write!(
            out,
            r#""valueQuantity":{{"value":{value}.{value:02}0,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}},"referenceRange":[{{"low":{{"value":7.50,"unit":"mmol/L"}},"high":{{"value":10.0,"unit":"mmol/L"}}}}],"extension":["#
        ),
        Measured::Extension => write!(
            out,
            r#""extension":[{{"url":"http://ziekenhuis.example/waarde","valueQuantity":{{"value":{value}.{value:02}0,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}}},{{"url":"http://ziekenhuis.example/grenzen","valueRange":{{"low":{{"value":7.50,"unit":"mmol/L"}},"high":{{"value":10.0,"unit":"mmol/L"}}}}}},"#
        ),
    }
    .unwrap_or_default();
    out.push_str(r#"{"url":"http://ziekenhuis.example/herkomst","valueCode":"lab"}]},"search":{"mode":"match"}}"#);
}

/// Returns one of `few`, each in its turn.
pub(crate) fn pick<'f>(few: &[&'f str], number: usize) -> &'f str {
    few.get(number % few.len()).copied().expect("a remainder is an index")
}

/// Returns what the server says to a search for resources by id.
pub(crate) fn by_ids(resource_type: &str, ids: &[&str]) -> String {
    let subject = if resource_type == "Encounter" { r#","subject":{"reference":"Patient/p1"}"# } else { "" };
    let entry = |id: &&str| {
        format!(
            r#"{{"resource":{{"resourceType":"{resource_type}","id":"{id}"{subject}}},"search":{{"mode":"match"}}}}"#
        )
    };
    let entries: Vec<String> = ids.iter().map(entry).collect();
    format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{}]}}"#, entries.join(","))
}
