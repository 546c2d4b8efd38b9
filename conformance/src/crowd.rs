//! Crowd: so many resources of one type that a gateway has to ask for more than one page of them.

use serde_json::json;

use crate::record::Record;
use crate::trouble::Trouble;

/// How many there are: a page of fifty does not hold those that may be seen.
pub const NUMBER: usize = 60;

/// Returns Immunizations of Carla. Every tenth is labelled PSY: `stories.toml` names them.
///
/// # Errors
///
/// Never: each has a type and an id.
pub fn immunizations() -> Result<Vec<Record>, Trouble> {
    (1..=NUMBER).map(immunization).collect()
}

fn immunization(number: usize) -> Result<Record, Trouble> {
    let mut resource = json!({
        "resourceType": "Immunization",
        "id": format!("carla-more-immunization-{number:02}"),
        "status": "completed",
        "vaccineCode": {"coding": [{"system": "http://www.whocc.no/atc", "code": "J07BB02"}]},
        "patient": {"reference": "Patient/carla"},
        "occurrenceDateTime": format!("{}-10-15", 1950 + number),
        "lotNumber": format!("lot-{number:02}-of-carla"),
    });
    if number.is_multiple_of(10)
        && let Some(members) = resource.as_object_mut()
    {
        let code = json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"});
        members.insert("meta".to_owned(), json!({"security": [code]}));
    }
    Record::read(&resource.to_string()).map(|record| record.of("carla"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_may_be_seen_than_a_page_of_fifty_holds_and_some_before_its_end_may_not() {
        let crowd = immunizations().unwrap();
        let labelled = |record: &&Record| record.raw().contains("PSY");
        assert!(crowd.iter().filter(|record| !labelled(record)).count() > 50);
        assert!(crowd.iter().take(50).filter(labelled).count() > 0);
    }
}
