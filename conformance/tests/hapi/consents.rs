//! Consents: one that is withdrawn, or given anew, counts within `consent.max_age`.

use std::error::Error;
use std::time::{Duration, Instant};

use sluis_conformance::client::{Client, Question};
use sluis_conformance::gateway::{Gateway, Setting};
use sluis_conformance::record::{Record, entries};

use crate::bench::{Bench, Tried};

const MAX_AGE: Duration = Duration::from_secs(1);

/// Bram's Consent as it is in the records, and the same withdrawn.
pub(crate) fn consents(bench: &Bench) -> Result<(Record, Record), Box<dyn Error>> {
    let given = bench.records.iter().find(|record| record.reference() == "Consent/bram-consent-1").cloned();
    let given = given.ok_or("Bram's Consent is not in the records")?;
    let withdrawn = Record::read(&given.raw().replacen(r#""status": "active""#, r#""status": "inactive""#, 1))?;
    assert_ne!(given.raw(), withdrawn.raw());
    Ok((given, withdrawn))
}

pub(crate) fn question(gateway: &Gateway) -> Question {
    Question::get(&format!("{}/Condition?patient=bram", gateway.base_path())).for_purpose("TREAT", None)
}

#[test]
fn a_consent_that_is_withdrawn_counts_within_its_greatest_age_and_so_does_a_new_one() -> Tried {
    let mut bench = Bench::loaded()?;
    let upstream = bench.hapi.base().to_owned();
    let gateway = bench.site.start(&Setting { max_age: Some("1s"), ..Setting::before(&upstream) })?;
    let mut client = gateway.client("huisarts-brug")?;
    let question = question(&gateway);
    let (given, withdrawn) = consents(&bench)?;

    assert!(count(&mut client, &question)? > 0);
    bench.hapi.put(&withdrawn)?;
    assert!(settles(&mut client, &question, |count| count == 0)?, "withdrawn, and still given");
    bench.hapi.put(&given)?;
    assert!(settles(&mut client, &question, |count| count > 0)?, "given again, and still withheld");

    assert_eq!(gateway.stop()?.verify()?, "intact");
    Ok(())
}

/// Asks from now on, and returns whether the answer was as wanted once the greatest age had passed.
pub(crate) fn settles(
    client: &mut Client,
    question: &Question,
    wanted: impl Fn(usize) -> bool,
) -> Result<bool, Box<dyn Error>> {
    let changed = Instant::now();
    while changed.elapsed() < MAX_AGE {
        count(client, question)?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(wanted(count(client, question)?))
}

pub(crate) fn count(client: &mut Client, question: &Question) -> Result<usize, Box<dyn Error>> {
    let response = client.ask(question)?;
    assert_eq!(response.status, 200, "{}", response.text());
    Ok(entries(&response.body)?.len())
}
