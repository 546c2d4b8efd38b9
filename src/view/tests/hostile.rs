//! Hostile upstreams: bodies that are broken in every way a byte can break them.

use proptest::prelude::*;

use super::*;

const PAGE: &str = r##"{"resourceType":"Bundle","id":"x","meta":{"lastUpdated":"2026-01-01"},"type":"searchset","total":2,
 "link":[{"relation":"self","url":"http://upstream/fhir/Observation?patient=a,a2"},{"relation":"next","url":"http://upstream/fhir?p=2"}],
 "entry":[{"fullUrl":"http://upstream/fhir/Observation/1","resource":{"resourceType":"Observation","id":"1","text":{"div":"\"}"},
  "contained":[{"resourceType":"Device","id":"d"}],"subject":{"reference":"Patient/a"},"device":{"reference":"#d"},
  "valueQuantity":{"value":1.50},"note":[{"text":"http:\/\/upstream\/fhir\/x"}]},"search":{"mode":"match"}},
  {"resource":{"resourceType":"Observation","id":"2","meta":{"security":[{"code":"R"}]},"subject":{"reference":"Patient/b"}}}]}"##;

#[derive(Debug, Clone)]
enum Break {
    Cut(usize),
    Put(usize, u8),
    Drop(usize, usize),
    Again(usize, usize),
}

fn any_break() -> impl Strategy<Value = Break> {
    let place = 0..PAGE.len();
    let byte = prop_oneof![prop::sample::select(b"{}[]\",:\\ \n0#/".to_vec()), any::<u8>()];
    prop_oneof![
        place.clone().prop_map(Break::Cut),
        (place.clone(), byte).prop_map(|(place, byte)| Break::Put(place, byte)),
        (place.clone(), 1_usize..40).prop_map(|(place, length)| Break::Drop(place, length)),
        (place, 1_usize..80).prop_map(|(place, length)| Break::Again(place, length)),
    ]
}

fn broken(breaks: &[Break]) -> Vec<u8> {
    let mut bytes = PAGE.as_bytes().to_vec();
    for one in breaks {
        let within = |place: &usize| (*place).min(bytes.len());
        match one {
            Break::Cut(place) => bytes.truncate(*place),
            Break::Put(place, byte) => {
                if let Some(place) = bytes.get_mut(*place) {
                    *place = *byte;
                }
            }
            Break::Drop(place, length) => {
                bytes.drain(within(place)..within(&(place + length)));
            }
            Break::Again(place, length) => {
                let part = bytes[within(place)..within(&(place + length))].to_vec();
                let place = within(place);
                bytes.splice(place..place, part);
            }
        }
    }
    bytes
}

/// Feeds one page and, if the answer wants another, an empty one; returns what was released and how it ended.
fn feed(bytes: &[u8], plan: Plan, chunk: usize) -> (Vec<u8>, Result<Ending, ViewError>) {
    let surroundings = surroundings();
    let Query::Search(search) = query("Observation?patient=a", &surroundings) else { panic!("a search") };
    let mut answer = Answer::search(search, plan, surroundings, 0);
    let mut released = Vec::new();
    let mut bodies = vec![bytes];
    let result = loop {
        match answer.step() {
            Step::Ask(_) => {
                let empty: &[u8] = br#"{"resourceType":"Bundle","type":"searchset"}"#;
                let body = bodies.pop().unwrap_or(empty);
                let pushed = body.chunks(chunk).try_for_each(|chunk| answer.push(chunk));
                if let Err(error) = pushed.and_then(|()| answer.end_of_body()) {
                    break Err(error);
                }
            }
            Step::End(ending) => break Ok(ending),
        }
    };
    released.extend(answer.take().into_bytes());
    released.extend(answer.close(None).into_bytes());
    (released, result)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Invariants 5, 8 and 9: broken bytes never panic the view, however they are cut, and end as a whole searchset only if
    /// the answer is one.
    #[test]
    fn broken_bytes_end_in_an_error_or_in_a_whole_searchset(
        breaks in proptest::collection::vec(any_break(), 0..4), judged in any::<bool>(), chunk in 1_usize..50
    ) {
        let _turn = one_at_a_time();
        let bytes = broken(&breaks);
        let plan = || if judged { labels() } else { straight() };
        let (released, result) = feed(&bytes, plan(), chunk);
        prop_assert_eq!(&feed(&bytes, plan(), usize::MAX), &(released.clone(), result));
        let whole = crate::json::Document::read(&released, crate::limits::RESOURCE).is_ok();
        prop_assert_eq!(whole, result.is_ok(), "{}", String::from_utf8_lossy(&released));
    }
}
