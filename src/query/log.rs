//! Log: what a patient portal may ask. Who asked for the data of one patient, in which days, and in which form.
//!
//! Read as strictly as what callers ask, by the same parser: two paths, a handful of parameters, each once. The patient is
//! named by BSN alone, so that the ids of a server are nobody's business; by POST it stands in no URL.

use time::Date;
use time::macros::format_description;

use super::form::{self, Pair};
use super::search::{count, page};
use super::subject::by_bsn;
use super::{Bsn, RequestHead, Subject, Unclassifiable, negotiation, posted};
use crate::audit::Language;
use crate::limits;

/// A question of a portal that was understood.
#[derive(Clone, PartialEq, Eq)]
pub enum LogQuestion {
    /// About a patient.
    Of(LogQuery),
    /// The page of an answer that follows another one, by a token that nothing here has opened.
    Next(String),
}

/// Whose log is asked for, of which days, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The patient.
    pub bsn: Bsn,
    /// The first day, in the Netherlands.
    pub first: Option<Date>,
    /// The last day.
    pub last: Option<Date>,
    /// How it is told.
    pub form: LogForm,
}

/// How a log is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// As AuditEvents, so many at a time.
    Events(usize),
    /// As a page to read, in a language.
    Page(Language),
}

impl std::fmt::Debug for LogQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogQuestion(…)")
    }
}

impl std::fmt::Debug for LogQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogQuery(…)")
    }
}

/// The path of the AuditEvents below the base.
pub const EVENTS: &str = "AuditEvent";

/// The path of the page below the base.
pub const ACCESS_LOG: &str = "access-log";

/// The parameter that names the patient.
const PATIENT: &str = "patient.identifier";

impl LogQuery {
    /// Returns the path and query below the base that asks for the same; [`understand`] of a GET to it returns this query.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = match self.form {
            LogForm::Events(_) => format!("{EVENTS}?"),
            LogForm::Page(_) => format!("{ACCESS_LOG}?"),
        };
        form::append(&mut target, PATIENT, &format!("{}|{}", super::BSN_SYSTEM, self.bsn.as_str()));
        for (prefix, day) in [("ge", self.first), ("le", self.last)] {
            if let Some(day) = day {
                form::append(&mut target, "date", &format!("{prefix}{day}"));
            }
        }
        match self.form {
            LogForm::Events(count) => form::append(&mut target, "_count", &count.to_string()),
            LogForm::Page(language) => form::append(&mut target, "lang", language.tag()),
        }
        target
    }
}

/// Reads a request head of a portal. `base_path` is the path of the portal's base, such as ``.
///
/// # Errors
/// Why it is refused; the same head is refused for the same reason whatever is on record.
pub fn understand(head: &RequestHead<'_>, base_path: &str) -> Result<LogQuestion, Unclassifiable> {
    if head.method_override {
        return Err(Unclassifiable::MethodOverride);
    }
    if !["GET", "POST"].contains(&head.method) {
        return Err(Unclassifiable::Method);
    }
    if head.target.len() > limits::TARGET_BYTES {
        return Err(Unclassifiable::TooLong);
    }
    if !head.target.starts_with('/') || !head.target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Unclassifiable::Path);
    }
    let (path, query) = head.target.split_once('?').unwrap_or((head.target, ""));
    let below = path.strip_prefix(base_path.trim_end_matches('/')).and_then(|below| below.strip_prefix('/'));
    let below = below.ok_or(Unclassifiable::OutsideBase)?;
    negotiation::prefer(head.prefer)?;
    let is_post = head.method == "POST";
    let is_page = match (below, is_post) {
        ("AuditEvent", false) | ("AuditEvent/_search", true) => false,
        ("access-log", _) => true,
        ("AuditEvent", true) | ("AuditEvent/_search", false) => return Err(Unclassifiable::Method),
        _ => return Err(Unclassifiable::OutsideBase),
    };
    let pairs = if is_post {
        negotiation::content_type(head.content_type)?;
        form::read(posted(query, head.body)?)?
    } else if head.body.is_empty() {
        form::read(query)?
    } else {
        return Err(Unclassifiable::Body);
    };
    let mut asked = Asked::default();
    pairs.iter().try_for_each(|pair| asked.read(pair, is_page))?;
    if is_page {
        negotiation::html(head.accept)?;
    } else if asked.format.is_none() {
        negotiation::accept(head.accept)?;
    }
    asked.question(is_page)
}

/// The parameters, as far as they were read.
#[derive(Default)]
struct Asked {
    bsn: Option<Bsn>,
    first: Option<Date>,
    last: Option<Date>,
    count: Option<usize>,
    page: Option<String>,
    language: Option<Language>,
    format: Option<()>,
}

impl Asked {
    fn read(&mut self, pair: &Pair, is_page: bool) -> Result<(), Unclassifiable> {
        let value = pair.value.as_str();
        match pair.name.as_str() {
            PATIENT => match by_bsn(value)? {
                Subject::Bsn(bsn) if self.bsn.is_none() => self.bsn = Some(bsn),
                Subject::Bsn(_) => return Err(Unclassifiable::SeveralNamed),
                Subject::Id(_) => return Err(Unclassifiable::Value),
            },
            "date" => match value.split_at_checked(2) {
                Some(("ge", day)) => once(&mut self.first, self::day(day)?)?,
                Some(("le", day)) => once(&mut self.last, self::day(day)?)?,
                Some(_) => return Err(Unclassifiable::Parameter),
                None => return Err(Unclassifiable::Value),
            },
            "_count" if !is_page => match count(value)? {
                // Nothing but a number was asked for, and none is told.
                0 => return Err(Unclassifiable::Parameter),
                count => once(&mut self.count, count)?,
            },
            "_page" if !is_page => once(&mut self.page, page(value)?)?,
            "_format" if !is_page => once(&mut self.format, negotiation::format(value)?)?,
            "lang" if is_page => {
                let language = match value {
                    "nl" => Language::Dutch,
                    "en" => Language::English,
                    _ => return Err(Unclassifiable::Value),
                };
                once(&mut self.language, language)?;
            }
            _ => return Err(Unclassifiable::Parameter),
        }
        Ok(())
    }

    fn question(self, is_page: bool) -> Result<LogQuestion, Unclassifiable> {
        let Self { bsn, first, last, count, page, language, format: _ } = self;
        match (page, bsn) {
            // A token says all of it.
            (Some(page), None) if first.is_none() && last.is_none() && count.is_none() => Ok(LogQuestion::Next(page)),
            (Some(_), _) => Err(Unclassifiable::Parameter),
            (None, None) => Err(Unclassifiable::NobodyNamed),
            (None, Some(bsn)) => {
                let form = if is_page {
                    LogForm::Page(language.unwrap_or(Language::Dutch))
                } else {
                    LogForm::Events(count.unwrap_or(limits::PAGE_DEFAULT))
                };
                Ok(LogQuestion::Of(LogQuery { bsn, first, last, form }))
            }
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Unclassifiable> {
    if place.replace(value).is_some() { Err(Unclassifiable::Repeated) } else { Ok(()) }
}

/// Reads a day; other precisions of a date are not asked for.
fn day(text: &str) -> Result<Date, Unclassifiable> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| Unclassifiable::Value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    const ANNA: &str = "patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C999911120";

    fn head<'a>(method: &'a str, target: &'a str, body: &'a str) -> RequestHead<'a> {
        let content_type = (method == "POST").then_some("application/x-www-form-urlencoded");
        let body = body.as_bytes();
        RequestHead { method, target, content_type, accept: None, prefer: None, method_override: false, body }
    }

    fn get(target: &str) -> Result<LogQuestion, Unclassifiable> {
        understand(&head("GET", target, ""), "")
    }

    fn query(form: LogForm, first: Option<Date>, last: Option<Date>) -> LogQuery {
        LogQuery { bsn: "999911120".parse().unwrap(), first, last, form }
    }

    #[test]
    fn a_log_is_asked_for_by_bsn_with_days_in_each_of_its_forms() {
        let (first, last) = (Some(date!(2026 - 03 - 01)), Some(date!(2026 - 03 - 31)));
        for (target, expected) in [
            (format!("/AuditEvent?{ANNA}"), query(LogForm::Events(20), None, None)),
            (
                format!("/AuditEvent?{ANNA}&date=ge2026-03-01&date=le2026-03-31&_count=5&_format=json"),
                query(LogForm::Events(5), first, last),
            ),
            (format!("/access-log?{ANNA}"), query(LogForm::Page(Language::Dutch), None, None)),
            (
                format!("/access-log?lang=en&date=le2026-03-31&{ANNA}"),
                query(LogForm::Page(Language::English), None, last),
            ),
            (
                "/access-log?patient.identifier=urn:oid:2.16.840.1.113883.2.4.6.3%7C999911120".to_owned(),
                query(LogForm::Page(Language::Dutch), None, None),
            ),
        ] {
            assert_eq!(get(&target), Ok(LogQuestion::Of(expected)), "{target}");
        }
        let posted = understand(&head("POST", "/AuditEvent/_search", ANNA), "");
        assert_eq!(posted, Ok(LogQuestion::Of(query(LogForm::Events(20), None, None))));
        let posted = understand(&head("POST", "/log/access-log", &format!("{ANNA}&lang=en")), "/log");
        assert_eq!(posted, Ok(LogQuestion::Of(query(LogForm::Page(Language::English), None, None))));
        assert_eq!(get("/AuditEvent?_page=abc"), Ok(LogQuestion::Next("abc".to_owned())));
    }

    #[test]
    fn whatever_else_is_asked_is_refused_by_name() {
        use Unclassifiable as U;
        for (target, why) in [
            ("/", U::OutsideBase),
            ("/metadata", U::OutsideBase),
            ("/AuditEvent/1", U::OutsideBase),
            ("/AuditEvent/", U::OutsideBase),
            ("//AuditEvent", U::OutsideBase),
            ("/Audit%45vent", U::OutsideBase),
            ("/../AuditEvent", U::OutsideBase),
            ("/Patient/1", U::OutsideBase),
            ("/AuditEvent/_search", U::Method),
            ("AuditEvent", U::Path),
            ("http://x/AuditEvent", U::Path),
            ("/AuditEvent#x", U::Path),
            ("/AuditEvent", U::NobodyNamed),
            ("/access-log?lang=nl", U::NobodyNamed),
            ("/AuditEvent?patient=1", U::Parameter),
            ("/AuditEvent?patient=Patient/1", U::Parameter),
            ("/AuditEvent?patient.identifier=999911120", U::Value),
            ("/AuditEvent?patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C999911121", U::Value),
            ("/AuditEvent?patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn%257C999911120", U::Encoding),
            ("/AuditEvent?date=ge2026-03-01", U::NobodyNamed),
            ("/AuditEvent?_page=a&_count=1", U::Parameter),
            ("/AuditEvent?_page=a%20b", U::Value),
            ("/access-log?_page=a", U::Parameter),
        ] {
            assert_eq!(get(target), Err(why), "{target}");
        }
        for (more, why) in [
            (ANNA, U::SeveralNamed),
            ("date=2026-03-01", U::Parameter),
            ("date=gt2026-03-01", U::Parameter),
            ("date=ge2026-03", U::Value),
            ("date=ge2026-03-01T00:00:00Z", U::Value),
            ("date=ge2026-02-30", U::Value),
            ("date=ge+2026-03-01", U::Value),
            ("date=", U::Value),
            ("date=ge2026-03-01&date=ge2026-03-02", U::Repeated),
            ("_count=0", U::Parameter),
            ("_count=101", U::Value),
            ("_format=xml", U::Format),
            ("lang=nl", U::Parameter),
            ("_include=AuditEvent:patient", U::Parameter),
            ("_page=a", U::Parameter),
            ("agent=x", U::Parameter),
        ] {
            assert_eq!(get(&format!("/AuditEvent?{ANNA}&{more}")), Err(why), "{more}");
        }
        assert_eq!(get(&format!("/access-log?{ANNA}&lang=de")), Err(U::Value));
        assert_eq!(get(&format!("/access-log?{ANNA}&_count=1")), Err(U::Parameter));
    }

    #[test]
    fn methods_bodies_and_formats_are_those_that_are_offered() {
        use Unclassifiable as U;
        let target = format!("/AuditEvent?{ANNA}");
        let asked = |head: &RequestHead<'_>| understand(head, "").map(drop);
        for method in ["HEAD", "PUT", "DELETE", "get", "OPTIONS"] {
            assert_eq!(asked(&head(method, &target, "")), Err(U::Method), "{method}");
        }
        assert_eq!(asked(&head("POST", "/AuditEvent", ANNA)), Err(U::Method));
        assert_eq!(asked(&head("GET", &target, "x")), Err(U::Body));
        assert_eq!(asked(&head("POST", &format!("/AuditEvent/_search?{ANNA}"), ANNA)), Err(U::Body));
        let posted = RequestHead { content_type: Some("application/json"), ..head("POST", "/access-log", ANNA) };
        assert_eq!(asked(&posted), Err(U::MediaType));
        let page = format!("/access-log?{ANNA}");
        for (target, accept, taken) in [
            (&target, "application/fhir+json", true),
            (&target, "text/html", false),
            (&page, "text/html,application/xhtml+xml,*/*;q=0.8", true),
            (&page, "text/*", true),
            (&page, "application/fhir+json", false),
            (&page, "text/html;q=0, */*", false),
        ] {
            let head = RequestHead { accept: Some(accept), ..head("GET", target, "") };
            assert_eq!(asked(&head), if taken { Ok(()) } else { Err(U::Format) }, "{target} {accept}");
        }
        let overridden = RequestHead { method_override: true, ..head("GET", &target, "") };
        assert_eq!(asked(&overridden), Err(U::MethodOverride));
        let later = RequestHead { prefer: Some("respond-async"), ..head("GET", &target, "") };
        assert_eq!(asked(&later), Err(U::Preference));
    }

    proptest! {
        #[test]
        fn what_a_query_asks_is_understood_as_that_query(
            days in prop::collection::vec(0..9_000_i64, 2), count in 1..=limits::PAGE, shape in 0..3_u8, given in 0..4_u8,
        ) {
            let day = |at: usize| Some(date!(2010 - 01 - 01) + time::Duration::days(days[at]));
            let form = match shape {
                0 => LogForm::Events(count),
                1 => LogForm::Page(Language::Dutch),
                _ => LogForm::Page(Language::English),
            };
            let query = query(form, day(0).filter(|_| given & 1 > 0), day(1).filter(|_| given & 2 > 0));
            prop_assert_eq!(get(&format!("/{}", query.target())), Ok(LogQuestion::Of(query)));
        }

        #[test]
        fn no_bytes_fall_over(target in "[ -~]{0,60}", body in ".{0,60}") {
            drop(understand(&head("GET", &target, ""), ""));
            drop(understand(&head("POST", "/AuditEvent/_search", &body), ""));
            drop(get(&format!("/AuditEvent?{target}")));
        }
    }
}
