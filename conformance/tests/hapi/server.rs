//! Server: what the other tests rely on in HAPI itself.

use sluis_conformance::record::{entries, without_narrative};

use crate::bench::{Bench, Tried};

#[test]
fn what_is_expunged_never_was_and_what_is_left_keeps_its_bytes() -> Tried {
    let mut bench = Bench::loaded()?;
    bench.spoil();
    let target = "/Encounter?patient=carla&_count=100";
    let before = entries(&bench.hapi.get(target)?.body)?;
    let gone = ["Condition/carla-condition-depression".to_owned(), "Encounter/carla-encounter-ggz".to_owned()];
    bench.hapi.expunge(&gone)?;
    for reference in &gone {
        let never_used = bench.hapi.get("/Condition/never-used-1")?;
        assert_eq!(bench.hapi.get(&format!("/{reference}"))?.status, never_used.status);
    }
    let after = entries(&bench.hapi.get(target)?.body)?;
    assert_eq!(before.len(), after.len() + 1);
    // One that is left refers to the Condition.
    assert!(after.iter().all(|entry| before.contains(entry)));
    assert!(after.iter().any(|entry| entry.resource.contains("Condition/carla-condition-depression")));
    Ok(())
}

#[test]
fn the_server_writes_no_space_so_that_a_member_can_be_taken_out_exactly() -> Tried {
    let mut bench = Bench::loaded()?;
    let response = bench.hapi.get("/Patient/carla")?;
    let stored = response.text();
    assert!(stored.contains(r#""text":{"#));
    let rest = without_narrative(&stored)?;
    assert!(rest.len() < stored.len() && !rest.contains("<div"));
    Ok(())
}
