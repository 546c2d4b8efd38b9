//! Twin worlds: the same questions where the hidden records are and where they never were; the answers must be the same.
//!
//! World 1 has every record. World 2 is made from it by deleting and expunging what a caller may not see, so that what is
//! left keeps its bytes. Each world has a fresh gateway process; both have the same keys. Status, headers and bytes must be
//! equal, but for `Date`, `X-Request-Id`, and the value of page tokens, whose length must be equal.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::client::{Client, Question};
use crate::gateway::{Gateway, Setting, Site};
use crate::hapi::Hapi;
use crate::record::{Record, link};
use crate::request;
use crate::story::{Sees, Story};
use crate::trouble::Trouble;
use crate::wire::{Response, WireError};

/// How many pages of one search are followed.
const PAGES: usize = 60;

/// One answer, and what was asked.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Who asked what, and which page of it this is.
    pub asked: String,
    /// What came back.
    pub answer: Result<Response, WireError>,
}

/// How two answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was asked.
    pub asked: String,
    /// What is not the same.
    pub what: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.asked, self.what)
    }
}

/// Which of a story's questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// All where some is hidden. Where nothing is hidden only the processes differ, and where nothing may be seen all answers
    /// are alike: there a part will do.
    Enough,
    /// The few that show a fault of the view soonest.
    WhatShowsFaults,
}

/// What two worlds showed.
#[derive(Debug, Default)]
pub struct Report {
    /// How many answers were compared.
    pub compared: usize,
    /// The fewest questions that one story had, pages aside.
    pub fewest: usize,
    /// How many of the answers held a resource.
    pub shown: usize,
    /// Every difference.
    pub differences: Vec<Difference>,
    /// Every answer of world 1 in which something stood that stands in hidden records only.
    pub leaks: Vec<Difference>,
    /// Every answer whose request is not in the journal.
    pub unrecorded: Vec<Difference>,
}

impl Report {
    /// Returns everything that is wrong, for a reader.
    pub fn faults(&self) -> impl Iterator<Item = String> + '_ {
        let kinds = [("differs", &self.differences), ("leaks", &self.leaks), ("is not on record", &self.unrecorded)];
        kinds.into_iter().flat_map(|(kind, found)| found.iter().map(move |one| format!("{kind}: {one}")))
    }
}

/// What one caller asks in both worlds.
#[derive(Debug)]
pub struct Script {
    /// The name of the caller's certificate.
    pub caller: String,
    /// What it is about, for a reader.
    pub about: String,
    /// The questions; page links are followed.
    pub questions: Vec<Question>,
    /// Texts that may stand in no answer.
    pub canaries: BTreeSet<String>,
}

/// What is done in both worlds.
#[derive(Debug)]
pub struct Play<'a> {
    /// The gateway of each world, its keys and its fault aside.
    pub setting: Setting<'a>,
    /// What is asked. Two callers ask at a time.
    pub scripts: Vec<Script>,
    /// `Type/id` of what is not in world 2.
    pub hidden: Vec<String>,
}

/// Runs the twin worlds for `stories`, which are about different patients where anything is hidden and under the same policies,
/// once for each of `faults` (None is a gateway without one). All records are there, as they were written; afterwards the hidden ones are gone.
///
/// # Errors
///
/// When a world cannot be made. What a gateway does wrong is in the report.
pub fn run(
    hapi: &mut Hapi,
    site: &mut Site,
    stories: &[&Story],
    faults: &[Option<&str>],
    asked: Asked,
) -> Result<Vec<Report>, Trouble> {
    let records = site.records()?;
    let base = site.base_path().to_owned();
    let (mut hidden, mut scripts) = (BTreeSet::new(), Vec::new());
    for story in stories {
        hidden.extend(story.hidden(&records)?);
        scripts.push(Script {
            caller: story.caller.clone(),
            about: story.name(),
            questions: questions(story, &records, &base, asked),
            canaries: canaries(story, &records)?,
        });
    }
    let policies: Vec<&str> = stories.iter().take(1).flat_map(|story| &story.policies).map(String::as_str).collect();
    let upstream = hapi.base().to_owned();
    let setting = Setting::under(&upstream, &policies);
    play(hapi, site, &Play { setting, scripts, hidden: hidden.into_iter().collect() }, faults)
}

/// Runs the twin worlds for `play`, once for each of `faults`. All records are there; afterwards the hidden ones are gone.
///
/// # Errors
///
/// When a world cannot be made. What a gateway does wrong is in the report.
pub fn play(
    hapi: &mut Hapi,
    site: &mut Site,
    play: &Play<'_>,
    faults: &[Option<&str>],
) -> Result<Vec<Report>, Trouble> {
    let mut firsts = Vec::new();
    for &fault in faults {
        firsts.push(world(site, play, fault)?);
    }
    if !play.hidden.is_empty() {
        hapi.expunge(&play.hidden)?;
    }
    let fewest = play.scripts.iter().map(|script| script.questions.len()).min().unwrap_or_default();
    let mut reports = Vec::new();
    for (&fault, first) in faults.iter().zip(firsts) {
        let second = world(site, play, fault)?;
        let mut report = Report { fewest, unrecorded: first.unrecorded, ..Report::default() };
        report.unrecorded.extend(second.unrecorded);
        for ((script, left), right) in play.scripts.iter().zip(&first.walks).zip(&second.walks) {
            report.compared += left.len();
            report.shown += left.iter().filter(|exchange| shows_something(exchange)).count();
            report.differences.extend(differences(left, right));
            report.leaks.extend(leaks(left, &script.canaries));
        }
        reports.push(report);
    }
    Ok(reports)
}

/// Returns for each of `faults` the first thing that is wrong in `play`, if anything is: a canary in an answer of world 1, or a
/// difference between the worlds. No more is asked then.
///
/// # Errors
///
/// When a world cannot be made.
pub fn notice(
    hapi: &mut Hapi,
    site: &mut Site,
    play: &Play<'_>,
    faults: &[Option<&str>],
) -> Result<Vec<Option<Difference>>, Trouble> {
    let mut noticed = Vec::new();
    for &fault in faults {
        let gateway = site.start(&Setting { keys: "twin-keys", fault, ..play.setting.clone() })?;
        noticed.push(first_leak(&gateway, play)?);
        gateway.stop()?;
    }
    hapi.expunge(&play.hidden)?;
    let mut found = Vec::new();
    for (&fault, noticed) in faults.iter().zip(noticed) {
        found.push(match noticed {
            Noticed::Leak(leak) => Some(leak),
            Noticed::Nothing(walks) => {
                let gateway = site.start(&Setting { keys: "twin-keys", fault, ..play.setting.clone() })?;
                let difference = first_difference(&gateway, play, walks)?;
                gateway.stop()?;
                difference
            }
        });
    }
    Ok(found)
}

/// What world 1 shows of a fault.
enum Noticed {
    Leak(Difference),
    /// Every answer to each question.
    Nothing(Vec<Vec<Exchange>>),
}

fn first_leak(gateway: &Gateway, play: &Play<'_>) -> Result<Noticed, Trouble> {
    let mut walks = Vec::new();
    for script in &play.scripts {
        let mut client = gateway.client(&script.caller)?;
        for question in &script.questions {
            let exchanges = walk(gateway, &mut client, &script.caller, question);
            if let Some(leak) = leaks(&exchanges, &script.canaries).into_iter().next() {
                return Ok(Noticed::Leak(leak));
            }
            walks.push(exchanges);
        }
    }
    Ok(Noticed::Nothing(walks))
}

fn first_difference(
    gateway: &Gateway,
    play: &Play<'_>,
    walks: Vec<Vec<Exchange>>,
) -> Result<Option<Difference>, Trouble> {
    let mut walks = walks.into_iter();
    for script in &play.scripts {
        let mut client = gateway.client(&script.caller)?;
        for (question, first) in script.questions.iter().zip(walks.by_ref()) {
            let second = walk(gateway, &mut client, &script.caller, question);
            if let Some(difference) = differences(&first, &second).into_iter().next() {
                return Ok(Some(difference));
            }
        }
    }
    Ok(None)
}

/// Whether an answer holds a resource.
fn shows_something(exchange: &Exchange) -> bool {
    exchange.answer.as_ref().is_ok_and(|answer| answer.status == 200 && answer.text().contains(r#""id":""#))
}

struct World {
    /// For each script every answer.
    walks: Vec<Vec<Exchange>>,
    unrecorded: Vec<Difference>,
}

fn world(site: &mut Site, play: &Play<'_>, fault: Option<&str>) -> Result<World, Trouble> {
    let gateway = site.start(&Setting { keys: "twin-keys", fault, ..play.setting.clone() })?;
    let walks = walks(&gateway, &play.scripts)?;
    let journal = gateway.stop()?;
    let mut unrecorded = Vec::new();
    if journal.verify()? != "intact" {
        unrecorded.push(Difference { asked: "audit verify".to_owned(), what: "not intact".to_owned() });
    }
    let requests = journal.requests()?;
    for Exchange { asked, answer } in walks.iter().flatten() {
        let Ok(response) = answer else { continue };
        let closes =
            |id: &str| requests.get(id).map_or(0, |kinds| kinds.iter().filter(|kind| *kind == "close").count());
        // Each entry of a batch is on record by itself, under the id of the batch and its number.
        let closed = response.header("x-request-id").map(|id| match closes(id) {
            0 => closes(&format!("{id}.1")),
            many => many,
        });
        if closed != Some(1) {
            unrecorded.push(Difference { asked: asked.clone(), what: format!("closed {closed:?} times") });
        }
    }
    Ok(World { walks, unrecorded })
}

/// Asks what is in the scripts, two callers at a time.
fn walks(gateway: &Gateway, scripts: &[Script]) -> Result<Vec<Vec<Exchange>>, Trouble> {
    let mut walks = Vec::new();
    for pair in scripts.chunks(2) {
        let made: Vec<Result<_, Trouble>> = std::thread::scope(|scope| {
            let threads: Vec<_> = pair.iter().map(|script| scope.spawn(|| walk_script(gateway, script))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or(Err(Trouble::Shape { what: "the end of a walk" })))
                .collect()
        });
        for walk in made {
            walks.push(walk?);
        }
    }
    Ok(walks)
}

fn walk_script(gateway: &Gateway, script: &Script) -> Result<Vec<Exchange>, Trouble> {
    let mut client = gateway.client(&script.caller)?;
    let walks = script.questions.iter().flat_map(|question| walk(gateway, &mut client, &script.caller, question));
    Ok(walks.collect())
}

/// Returns the questions of a story that are asked.
fn questions(story: &Story, records: &[Record], base: &str, asked: Asked) -> Vec<Question> {
    let step = match story.sees {
        Sees::Some => 1,
        Sees::Nothing => 2,
        Sees::All => 3,
    };
    let questions = request::about(story, records, base).into_iter();
    match asked {
        Asked::Enough => questions.step_by(step).collect(),
        Asked::WhatShowsFaults => questions.filter(shows_faults).collect(),
    }
}

fn shows_faults(question: &Question) -> bool {
    let asks = |kind: &str, count: &str| question.target.contains(kind) && question.target.ends_with(count);
    asks("/MedicationRequest?", "_count=2") || asks("/Observation?", "_count=2") || asks("/Immunization?", "_count=50")
}

/// Asks one question and follows its pages to the end.
pub fn walk(gateway: &Gateway, client: &mut Client, caller: &str, question: &Question) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    let mut next = Some(question.clone());
    while let Some(question) = next.take() {
        let page = exchanges.len() + 1;
        let asked = format!("{caller} asks {} (page {page})", blank(&question.text()));
        let answer = client.ask(&question);
        if page < PAGES
            && let Ok(response) = &answer
            && let Some(url) = link(&response.body, "next")
        {
            let target = gateway.target(&url);
            next = Some(Question {
                purpose: question.purpose.clone(),
                reason: question.reason.clone(),
                ..Question::get(&target)
            });
        }
        exchanges.push(Exchange { asked, answer });
    }
    exchanges
}

/// Returns every difference between the answers of two worlds to the same questions.
#[must_use]
pub fn differences(left: &[Exchange], right: &[Exchange]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut right = right.iter().peekable();
    for one in left {
        match right.next_if(|other| other.asked == one.asked) {
            None => differences.push(Difference { asked: one.asked.clone(), what: "only in world 1".to_owned() }),
            Some(other) => {
                differences.extend(difference(one, other).map(|what| Difference { asked: one.asked.clone(), what }))
            }
        }
        // What follows in one world only belongs to the question before; the next question is in both.
        while let Some(other) = right.peek().filter(|other| !left.iter().any(|one| one.asked == other.asked)) {
            differences.push(Difference { asked: other.asked.clone(), what: "only in world 2".to_owned() });
            right.next();
        }
    }
    differences
}

fn difference(left: &Exchange, right: &Exchange) -> Option<String> {
    let (left, right) = match (&left.answer, &right.answer) {
        (Ok(left), Ok(right)) => (left, right),
        (left, right) => {
            let told =
                |answer: &Result<Response, WireError>| answer.as_ref().map(|answer| answer.status).map_err(|&e| e);
            return (told(left) != told(right)).then(|| format!("{:?} and {:?}", told(left), told(right)));
        }
    };
    if left.status != right.status {
        return Some(format!("status {} and {}", left.status, right.status));
    }
    let (body, other) = (blank(&left.text()), blank(&right.text()));
    let at = body.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    if body != other {
        let around = |text: &str| {
            let rest = text.as_bytes().get(at.saturating_sub(40)..).unwrap_or_default();
            String::from_utf8_lossy(rest).chars().take(120).collect::<String>()
        };
        return Some(format!("body at byte {at}, …{}… and …{}…", around(&body), around(&other)));
    }
    let (heads, others) = (lasting(left), lasting(right));
    (heads != others).then(|| format!("headers {heads:?} and {others:?}"))
}

/// Returns the headers but for those of the moment. Their order is left out: a server that keeps them in a map writes them
/// in another order in each process, whatever it answers.
fn lasting(response: &Response) -> Vec<(&str, &str)> {
    let of_the_moment = |name: &str| ["date", "x-request-id"].iter().any(|one| name.eq_ignore_ascii_case(one));
    let headers = response.headers.iter().filter(|(name, _)| !of_the_moment(name));
    let mut headers: Vec<(&str, &str)> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    headers.sort_unstable();
    headers
}

/// Writes the length of each page token in place of its value, and leaves the moments of a document out.
fn blank(text: &str) -> String {
    let text = undated(text);
    let mut parts = text.split("_page=");
    let mut blanked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.~%".contains(letter)));
        let (token, rest) = part.split_at(end.unwrap_or(part.len()));
        blanked.push_str(&format!("_page=({} characters){rest}", token.len()));
    }
    blanked
}

/// Writes a word in place of the moment at which a document was made: `Bundle.timestamp` and `Composition.date`.
fn undated(text: &str) -> Cow<'_, str> {
    let Some((_, rest)) = text.split_once(r#""type":"document","timestamp":""#) else { return text.into() };
    let moment = rest.split('"').next().unwrap_or_default();
    text.replacen(&format!("\"{moment}\""), "\"then\"", 2).into()
}

/// Returns the texts that stand in what is hidden from a story's caller and in no other record.
///
/// # Errors
///
/// When the story names what is not in the records.
pub fn canaries(story: &Story, records: &[Record]) -> Result<BTreeSet<String>, Trouble> {
    let hidden = story.hidden(records)?;
    let is_hidden = |record: &&Record| hidden.contains(record.reference());
    let mut canaries: BTreeSet<String> = records.iter().filter(is_hidden).flat_map(Record::leaves).collect();
    let others: Vec<&str> = records.iter().filter(|record| !is_hidden(record)).map(Record::raw).collect();
    canaries.retain(|canary| canary.len() >= 4 && !others.iter().any(|other| other.contains(canary.as_str())));
    Ok(canaries)
}

/// Returns every answer that holds a canary which its question did not.
#[must_use]
pub fn leaks(exchanges: &[Exchange], canaries: &BTreeSet<String>) -> Vec<Difference> {
    let mut leaks = Vec::new();
    for Exchange { asked, answer } in exchanges {
        let Ok(response) = answer else { continue };
        let mut text = blank(&response.text());
        for (name, value) in lasting(response) {
            text.push_str(&format!("\n{name}: {value}"));
        }
        let question = decoded(asked);
        for canary in canaries.iter().filter(|canary| text.contains(canary.as_str())) {
            if !question.contains(canary.as_str()) {
                leaks.push(Difference { asked: asked.clone(), what: canary.clone() });
            }
        }
    }
    leaks
}

/// Undoes the encoding that questions here use.
fn decoded(text: &str) -> String {
    text.replace("%7C", "|").replace("%20", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(asked: &str, body: &str) -> Exchange {
        let headers = vec![("Date".to_owned(), body.len().to_string()), ("ETag".to_owned(), "1".to_owned())];
        let answer = Ok(Response { status: 200, headers, body: body.as_bytes().to_vec() });
        Exchange { asked: asked.to_owned(), answer }
    }

    fn whats(differences: &[Difference]) -> Vec<&str> {
        differences.iter().map(|difference| difference.what.as_str()).collect()
    }

    #[test]
    fn worlds_that_differ_in_moment_and_token_only_are_the_same() {
        let left = [exchange("a", r#"{"url":"x?_page=abc-_1&b"}"#), exchange("b", "")];
        let right = [exchange("a", r#"{"url":"x?_page=ABC-_2&b"}"#), exchange("b", "")];
        assert_eq!(differences(&left, &right), []);
    }

    #[test]
    fn documents_that_differ_in_their_moments_only_are_the_same() {
        let document = |moment: &str, date: &str, title: &str| {
            let body = format!(
                r#"{{"type":"document","timestamp":"{moment}","entry":[{{"date":"{date}","title":"{title}"}}]}}"#
            );
            [exchange("a", &body)]
        };
        assert_eq!(differences(&document("t1", "t1", "x"), &document("t2", "t2", "x")), []);
        assert_eq!(differences(&document("t1", "t1", "x"), &document("t2", "t2", "y")).len(), 1);
        assert_eq!(differences(&document("t1", "t1", "x"), &document("t2", "t3", "x")).len(), 1);
    }

    #[test]
    fn a_longer_token_is_a_difference() {
        let left = [exchange("a", r#"{"url":"x?_page=abc"}"#)];
        let right = [exchange("a", r#"{"url":"x?_page=abcd"}"#)];
        assert_eq!(differences(&left, &right).len(), 1);
    }

    #[test]
    fn a_page_in_one_world_only_is_a_difference_in_either_direction() {
        let short = [exchange("a1", ""), exchange("b1", "")];
        let long = [exchange("a1", ""), exchange("a2", ""), exchange("b1", "")];
        assert_eq!(whats(&differences(&long, &short)), ["only in world 1"]);
        assert_eq!(whats(&differences(&short, &long)), ["only in world 2"]);
    }

    #[test]
    fn status_header_body_and_failure_are_compared() {
        let same = exchange("a", "x");
        let mut status = same.clone();
        status.answer.as_mut().unwrap().status = 404;
        let mut header = same.clone();
        header.answer.as_mut().unwrap().headers[1].1 = "2".to_owned();
        let failed = Exchange { asked: "a".to_owned(), answer: Err(WireError::CutOff) };
        for other in [status, header, failed.clone(), exchange("a", "y")] {
            assert_eq!(differences(std::slice::from_ref(&same), &[other]).len(), 1);
        }
        assert_eq!(differences(std::slice::from_ref(&failed), std::slice::from_ref(&failed)), []);
    }

    #[test]
    fn a_canary_counts_unless_it_was_asked_with() {
        let canaries = BTreeSet::from(["s|secret".to_owned()]);
        assert_eq!(leaks(&[exchange("q", "holds s|secret")], &canaries).len(), 1);
        assert_eq!(leaks(&[exchange("q?code=s%7Csecret", "holds s|secret")], &canaries), []);
        assert_eq!(leaks(&[exchange("q", "holds nothing")], &canaries), []);
    }
}
