//! Withdrawals: one that the server announces counts on the next request.

use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::Value;
use sluis_conformance::client::{Client, Question};
use sluis_conformance::gateway::{Gateway, Setting};

use crate::bench::{Bench, Tried};
use crate::consents::{consents, count, question};

/// A notice came after 0.2 to 1.2 s; more than this is none.
const NOTICE: Duration = Duration::from_secs(20);

/// A gateway that would remember for longer than any test runs, so that only a notice can end it.
struct Told {
    gateway: Gateway,
    client: Client,
    question: Question,
    notices: u64,
}

impl Told {
    fn start(bench: &mut Bench, secret: &str) -> Result<Self, Box<dyn Error>> {
        let upstream = bench.hapi.base().to_owned();
        let setting = Setting { max_age: Some("1h"), hook_secret: Some(secret), ..Setting::before(&upstream) };
        let gateway = bench.site.start(&setting)?;
        let (client, question) = (gateway.client("huisarts-brug")?, question(&gateway));
        Ok(Self { gateway, client, question, notices: 0 })
    }

    /// Returns true if and only if Bram's record shows.
    fn shows(&mut self) -> Result<bool, Box<dyn Error>> {
        Ok(count(&mut self.client, &self.question)? > 0)
    }

    /// Waits for the next notice without asking anything.
    fn is_told(&mut self, about: &str) -> Tried {
        let since = Instant::now();
        while self.gateway.notices()? <= self.notices {
            assert!(since.elapsed() < NOTICE, "no notice of {about} came");
            std::thread::sleep(Duration::from_millis(20));
        }
        // Others may follow for what was done together.
        std::thread::sleep(Duration::from_millis(500));
        self.notices = self.gateway.notices()?;
        Ok(())
    }
}

#[test]
fn a_withdrawal_that_is_announced_counts_on_the_next_request_at_each_gateway() -> Tried {
    let mut bench = Bench::loaded()?;
    let (given, withdrawn) = consents(&bench)?;
    let mut gateways =
        [Told::start(&mut bench, "the-secret-of-one")?, Told::start(&mut bench, "the-secret-of-the-other")?];
    for told in &mut gateways {
        assert!(told.shows()?);
    }
    // The twin: nobody was asked to tell, and what is remembered counts.
    bench.hapi.put(&withdrawn)?;
    std::thread::sleep(Duration::from_secs(3));
    for told in &mut gateways {
        assert!(told.shows()?, "withdrawn without a notice");
        assert_eq!(told.gateway.notices()?, 0);
    }
    bench.hapi.put(&given)?;

    // From here on the server is not as it was.
    bench.spoil();
    let mut subscriptions = Vec::new();
    for told in &gateways {
        let report = told.gateway.subscribe()?;
        subscriptions.extend(in_force(&report, "created")?);
        assert_eq!(in_force(&told.gateway.subscribe()?, "unchanged")?.len(), 7);
    }
    for (record, shows) in [(&withdrawn, false), (&given, true), (&withdrawn, false), (&given, true)] {
        bench.hapi.put(record)?;
        for told in &mut gateways {
            told.is_told(if shows { "what is given" } else { "what is withdrawn" })?;
            assert_eq!(told.shows()?, shows);
        }
    }
    // A server that can announce deletions does so.
    bench.hapi.delete(given.reference())?;
    for told in &mut gateways {
        told.is_told("its deletion")?;
        assert!(!told.shows()?, "deleted, and still given");
    }
    for subscription in subscriptions {
        bench.hapi.delete(&subscription)?;
    }
    for told in gateways {
        assert_eq!(told.gateway.stop()?.verify()?, "intact");
    }
    Ok(())
}

/// Returns the Subscriptions of a report, each of which must be active and have had that done about it.
fn in_force(report: &Value, done: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let all = report.get("subscriptions").and_then(Value::as_array).ok_or("no subscriptions")?;
    let mut references = Vec::new();
    for each in all {
        let text = |name: &str| each.get(name).and_then(Value::as_str);
        assert_eq!((text("status"), text("done")), (Some("active"), Some(done)), "{each}");
        references.push(format!("Subscription/{}", text("id").ok_or("no id")?));
    }
    Ok(references)
}
