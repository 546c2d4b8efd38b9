//! The laws of queries, on generated ones (invariant 7) and on arbitrary bytes (invariant 8).

use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::identity::Role;
use crate::profile::{CodeSystem, Offer, ParameterType, Token, shipped_exchanges};
use crate::query::criterion::{Bound, Prefix, Values};
use crate::query::date::PartialDate;
use crate::query::{Bsn, Query, RequestHead, classify};

/// Each shipped profile alone, and all of them together, as a physician is offered them.
static OFFERS: LazyLock<(Vec<Offer>, Offer)> = LazyLock::new(|| {
    let physician = Role::from_str("01.015").unwrap();
    let exchanges = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect::<Vec<_>>();
    let alone = exchanges.iter().map(|exchange| Offer::to(&[Arc::clone(exchange)], Some(&physician))).collect();
    (alone, Offer::to(&exchanges, Some(&physician)))
});

/// The types of all shipped profiles.
static TYPES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let exchanges = shipped_exchanges().unwrap();
    let kinds = exchanges.iter().flat_map(|exchange| exchange.kinds());
    let names = kinds.map(|kind| kind.resource_type().to_owned()).collect::<std::collections::BTreeSet<_>>();
    names.into_iter().collect()
});

fn all_offered() -> &'static Offer {
    &OFFERS.1
}

fn head<'a>(method: &'a str, target: &'a str, body: &'a [u8]) -> RequestHead<'a> {
    let content_type = Some("application/x-www-form-urlencoded");
    RequestHead { method, target, content_type, accept: None, prefer: None, method_override: false, body }
}

fn got(target: &str, offer: &Offer) -> Result<Query, Unclassifiable> {
    classify(&head("GET", &format!("/fhir/{target}"), b""), "/fhir", offer)
}

fn id() -> impl Strategy<Value = Id> {
    "[A-Za-z0-9.-]{1,64}".prop_filter_map("dots are no id", |text| Id::from_str(&text).ok())
}

fn bsn() -> impl Strategy<Value = Bsn> {
    (0_u32..1_000_000_000).prop_filter_map("the eleven test", |number| Bsn::from_str(&format!("{number:09}")).ok())
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![id().prop_map(Subject::Id), bsn().prop_map(Subject::Bsn)]
}

fn tokens() -> impl Strategy<Value = Vec<Token>> {
    let system = prop_oneof![
        Just(CodeSystem::Any),
        Just(CodeSystem::Absent),
        "(http://|urn:oid:)[!#&'()*+./0-9:;=?@A-Z~^_a-z-]{1,20}".prop_map(CodeSystem::Is),
    ];
    let token = (system, "[!#%&'()*+./0-9:;=?@A-Z~^_a-z-]{1,12}");
    let token = token.prop_filter_map("twice encoded", |(system, code)| {
        let digits = |at: usize| code.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
        let twice = code.bytes().enumerate().any(|(at, byte)| byte == b'%' && digits(at + 1) && digits(at + 2));
        if twice { None } else { Some(Token { system, code }) }
    });
    prop::collection::vec(token, 1..5)
}

fn date() -> impl Strategy<Value = PartialDate> {
    let time = prop_oneof![
        Just(String::new()),
        (0..24, 0..60, -12..=14).prop_map(|(hour, minute, zone)| format!("T{hour:02}:{minute:02}{zone:+03}:30")),
        (0..24, 0..60, 0..60, 0..1000).prop_map(|(h, m, s, f)| format!("T{h:02}:{m:02}:{s:02}.{f:03}Z")),
    ];
    (1..=9999, 1..=12, 1..=31, 0..3, time).prop_filter_map("no such day", |(year, month, day, precision, time)| {
        let text = match precision {
            0 => format!("{year:04}"),
            1 => format!("{year:04}-{month:02}"),
            _ => format!("{year:04}-{month:02}-{day:02}{time}"),
        };
        PartialDate::read(&text)
    })
}

fn dates() -> impl Strategy<Value = Vec<Bound>> {
    let any = prop::sample::select(vec![Prefix::Equal, Prefix::AtLeast, Prefix::After, Prefix::AtMost, Prefix::Before]);
    let lower = prop::sample::select(vec![Prefix::AtLeast, Prefix::After]);
    let upper = prop::sample::select(vec![Prefix::AtMost, Prefix::Before]);
    let bound = |(prefix, date)| Bound { prefix, date };
    prop_oneof![
        (any, date()).prop_map(move |one| vec![bound(one)]),
        ((lower, date()), (upper, date())).prop_map(move |(one, other)| vec![bound(one), bound(other)]),
    ]
}

/// Elements that every type has are listed.
fn projection() -> impl Strategy<Value = Projection> {
    let names = prop::sample::subsequence(vec!["extension", "id", "language", "meta"], 1..4);
    let elements = names.prop_map(|names| Projection::Elements(names.into_iter().map(str::to_owned).collect()));
    prop_oneof![Just(Projection::Whole), Just(Projection::Summary), Just(Projection::Data), elements]
}

/// An offer of one exchange profile, and a search that it admits.
fn search() -> impl Strategy<Value = (Offer, Search)> {
    let wanted = prop::collection::vec(prop::option::weighted(0.4, (tokens(), dates())), 8);
    let result = (prop::collection::vec((any::<Index>(), any::<bool>()), 0..3), prop::collection::vec(0..4_usize, 8));
    let page = prop::option::of("[A-Za-z0-9_-]{1,80}");
    let shape = (projection(), prop::sample::select(vec![Tally::Unsaid, Tally::Total, Tally::Only]));
    (any::<Index>(), any::<Index>(), subject(), wanted, result, 1..=limits::PAGE, page, shape).prop_map(
        |(exchange, kind, subject, wanted, (sort, chosen), count, page, (projection, tally))| {
            let offer: &Offer = exchange.get(&OFFERS.0);
            let types = TYPES.iter().filter(|name| offer.offers(name)).collect::<Vec<_>>();
            let name: &&String = kind.get(&types);
            let kind = Arc::clone(offer.kinds(name).next().unwrap());
            let criteria = kind.parameters().iter().zip(wanted).filter_map(|(parameter, wanted)| {
                let (tokens, dates) = wanted?;
                let values = match parameter.value() {
                    ParameterType::Token => Values::Tokens(tokens),
                    ParameterType::Date => Values::Dates(dates),
                };
                Some(Criterion { parameter: parameter.clone(), values })
            });
            let criteria = criteria.collect();
            let keys: Vec<&str> = kind.sort().iter().map(String::as_str).chain([ID, LAST_UPDATED]).collect();
            let mut sort: Vec<Sort> = sort
                .iter()
                .map(|(name, descending)| Sort { name: (*name.get(&keys)).to_owned(), descending: *descending })
                .collect();
            sort.dedup_by(|one, other| one.name == other.name);
            let includes = kind.includes().iter().zip(chosen).filter_map(|(include, chosen)| match chosen {
                0 => None,
                1 => Some(include.clone()),
                more => include.targets().get(more - 2).and_then(|target| include.narrowed(target)),
            });
            let mut includes = includes.collect::<Vec<_>>();
            includes.sort_by_key(written_include);
            let mut iterates: Vec<Include> = kind.iterated().iter().rev().step_by(1 + count % 3).cloned().collect();
            while !are_reached(&includes, &iterates) {
                iterates.pop();
            }
            iterates.sort_by_key(written_include);
            let whole = Search { kind, subject, criteria, sort, includes, iterates, projection, tally, count, page };
            let (includes, iterates, projection) = (Vec::new(), Vec::new(), Projection::Whole);
            let sort = Vec::new();
            let counted = Search { sort, includes, iterates, projection, count: 0, page: None, ..whole.clone() };
            (offer.clone(), if tally == Tally::Only { counted } else { whole })
        },
    )
}

proptest! {
    #[test]
    fn a_search_is_read_as_itself_from_its_own_target((offer, search) in search()) {
        let offer = &offer;
        let target = search.target();
        prop_assume!(target.len() + 6 <= limits::TARGET_BYTES);
        let query = Query::Search(search.clone());
        prop_assert_eq!(got(&target, offer), Ok(query.clone()), "{}", target);
        let form = target.split_once('?').unwrap().1;
        let posted = format!("/fhir/{}/_search", search.resource_type());
        prop_assert_eq!(classify(&head("POST", &posted, form.as_bytes()), "/fhir", offer), Ok(query));
    }

    #[test]
    fn a_read_is_read_as_itself_from_its_own_target(id in id(), kind in any::<Index>(), projection in projection()) {
        let offer = all_offered();
        let name = *kind.get(&["Patient", "Observation", "Encounter", "MedicationDispense"]);
        let mut target = format!("{name}/{}?", id.as_str());
        if let Some((name, value)) = projection.written() {
            append(&mut target, name, &value);
        }
        let query = got(target.trim_end_matches('?'), offer).unwrap();
        prop_assert_eq!(got(&query.target(), offer), Ok(query.clone()));
        let Query::Read(read) = query else { panic!("a read") };
        prop_assert_eq!(read.projection(), &projection);
        let upstream = read.upstream();
        prop_assert_eq!(upstream.as_str(), format!("{name}/{}", id.as_str()));
    }

    #[test]
    fn what_goes_upstream_says_the_same_and_nothing_else((offer, search) in search(), id in id(), count in 1..=limits::PAGE) {
        let offer = &offer;
        let target = search.upstream(std::slice::from_ref(&id), count).unwrap();
        prop_assume!(target.as_str().len() + 6 <= limits::TARGET_BYTES);
        let said = target.as_str().strip_suffix("&_total=none").unwrap();
        let own = search.sort.iter().any(|key| key.name == ID);
        let said = if own {
            said
        } else {
            let said = said.strip_suffix("_id").unwrap();
            said.strip_suffix(',').or_else(|| said.strip_suffix("&_sort=")).unwrap()
        };
        let expected = Search {
            subject: Subject::Id(id),
            criteria: search.criteria.iter().filter(|criterion| !criterion.parameter.is_local()).cloned().collect(),
            includes: Vec::new(),
            iterates: Vec::new(),
            projection: Projection::Whole,
            tally: Tally::Unsaid,
            page: None,
            count,
            ..search.clone()
        };
        prop_assert_eq!(got(said, offer), Ok(Query::Search(expected)));
        let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:,%?&=".contains(&byte);
        prop_assert!(target.as_str().bytes().all(clean));
        prop_assert!(!target.as_str().contains("NamingSystem/bsn"));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        method in prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), ".*"],
        target in prop_oneof!["/fhir/.*", ".*", "/fhir/[A-Z][a-z]{3,8}[?].*"],
        body in prop::collection::vec(any::<u8>(), 0..60),
        header in prop::option::of(".*"),
    ) {
        let offer = all_offered();
        let header = header.as_deref();
        let read = RequestHead { accept: header, prefer: header, content_type: header, ..head(&method, &target, &body) };
        let whole = RequestHead { ..head("POST", "/fhir/Observation/_search", &body) };
        for head in [read, whole] {
            if let Ok(query) = classify(&head, "/fhir", offer) {
                prop_assert_eq!(got(&query.target(), offer), Ok(query));
            }
        }
        let _ = crate::query::purpose(&[&target]).is_ok() | crate::query::reason(&[&target]).is_ok();
    }

    #[test]
    fn what_is_understood_of_pieces_is_understood_of_its_target(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 1..9),
        kind in any::<Index>(),
    ) {
        let offer = all_offered();
        let name = *kind.get(&["Patient", "Observation", "MedicationRequest", "Coverage", "Flag"]);
        if let Ok(query) = got(&format!("{name}?{}", pieces.concat()), offer) {
            prop_assert_eq!(got(&query.target(), offer), Ok(query));
        }
    }
}

const PIECES: [&str; 42] = [
    "&_sort=-_id,_lastUpdated",
    "&_lastUpdated=ge2024",
    "&_summary=count",
    "&_total=accurate",
    "&_total=none",
    "&_elements=code,id",
    "&_summary=data",
    "&_summary=false",
    "patient=1",
    "&patient=1",
    "subject=Patient/1",
    "_id=1",
    "&",
    "=",
    "%",
    "%25",
    "%2B",
    "+",
    ",",
    "|",
    "%7C",
    "a",
    "0",
    "&code=",
    "code",
    "&category=http://a|1",
    "&date=ge2024",
    "&date=lt2025-01-01T10:00:00%2B01:00",
    "&_count=",
    "&_count=5",
    "&_sort=-date",
    "&_sort=",
    "&_page=abc",
    "&_include=Observation:specimen",
    "&_include=Coverage:payor",
    ":Patient",
    "&_format=json",
    "&period-of-use=2024",
    "&identifier=http://fhir.nl/fhir/NamingSystem/bsn|999911120",
    ".identifier",
    "%00",
    "é",
];

#[test]
fn a_search_of_nobody_does_not_go_upstream() {
    let query = got("Observation?patient=1", all_offered()).unwrap();
    let Query::Search(search) = query else { panic!("a search") };
    assert_eq!(search.upstream(&[], 10), None);
    let person = [Id::from_str("a").unwrap(), Id::from_str("b").unwrap()];
    assert_eq!(
        search.upstream(&person, 10).unwrap().as_str(),
        "Observation?patient=a,b&_count=10&_sort=_id&_total=none"
    );
    let Ok(Query::Search(patient)) = got("Patient?_id=1", all_offered()) else { panic!("a search") };
    assert_eq!(patient.upstream(&person, 10).unwrap().as_str(), "Patient?_id=a,b&_count=10&_sort=_id&_total=none");
}

#[test]
fn what_sorts_alike_is_sorted_by_id_upstream() {
    let person = [Id::from_str("a").unwrap()];
    for (asked, sort) in [
        ("", "_id"),
        ("&_sort=date", "date,_id"),
        ("&_sort=-date", "-date,_id"),
        ("&_sort=-_lastUpdated,date", "-_lastUpdated,date,_id"),
        ("&_sort=-_id", "-_id"),
        ("&_sort=date,-_id", "date,-_id"),
    ] {
        let query = got(&format!("Observation?patient=1{asked}"), all_offered()).unwrap();
        let Query::Search(search) = query else { panic!("a search") };
        let expected = format!("Observation?patient=a&_count=10&_sort={sort}&_total=none");
        assert_eq!(search.upstream(&person, 10).unwrap().as_str(), expected);
    }
}

#[test]
fn a_page_token_is_bound_to_the_query_without_it() {
    let Ok(Query::Search(search)) = got("Observation?patient=1&_page=abc&_count=2", all_offered()) else { panic!() };
    assert_eq!(search.page(), Some("abc"));
    assert_eq!(search.without_page(), "Observation?patient=1&_count=2");
}
