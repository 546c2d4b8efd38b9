//! Emergencies under way: break-glass of one caller and one patient, for as long as the policy says.
//!
//! They are kept in memory. An emergency that is over, or forgotten by a restart, is followed by another with the next request,
//! so nobody is locked out; each is one item on the list of what is to be reviewed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::response;
use crate::audit::Emergency;
use crate::identity::{Caller, Ura, UziNumber};
use crate::limits;
use crate::query::Bsn;

/// The emergencies that are not over.
#[derive(Default)]
pub(super) struct Emergencies(Mutex<HashMap<(Ura, UziNumber, Bsn), Emergency>>);

impl fmt::Debug for Emergencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Emergencies(…)")
    }
}

impl Emergencies {
    /// Returns the emergency in which the caller asks about the patient: the one under way, or one that begins now.
    pub(super) fn enter(&self, caller: &Caller, patient: &Bsn, lasts: Duration, now: OffsetDateTime) -> Emergency {
        let key = (caller.ura().clone(), caller.uzi().clone(), patient.clone());
        // Whoever panicked while holding it left it whole: there is nothing between its steps that can.
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = open.get(&key).filter(|one| one.since <= now && now < one.until) {
            return under_way.clone();
        }
        open.retain(|_, one| now < one.until);
        let until = now.checked_add(lasts).unwrap_or(now);
        let begun = Emergency { id: response::made_id(), since: now, until };
        // More than can be kept are each an emergency of one request.
        if open.len() < limits::EMERGENCIES {
            open.insert(key, begun.clone());
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::identity::{CallerNames, CardType, StatementKind, doctor_behind};

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
    const FOUR_HOURS: Duration = Duration::hours(4);

    fn doctor(uzi: &str) -> Caller {
        let role = Some("01.015".parse().unwrap());
        let (ura, uzi) = ("00000001".parse().unwrap(), uzi.parse().unwrap());
        Caller::new(ura, uzi, CardType::Professional, role, CallerNames::default(), None)
    }

    fn patient(bsn: &str) -> Bsn {
        bsn.parse().unwrap()
    }

    #[test]
    fn requests_of_one_caller_about_one_patient_are_one_emergency_until_it_is_over() {
        let open = Emergencies::default();
        let enter = |now| open.enter(&doctor("900000001"), &patient("999911120"), FOUR_HOURS, now);
        let first = enter(NOW);
        assert_eq!((first.since, first.until), (NOW, NOW + FOUR_HOURS));
        assert_eq!(enter(NOW + Duration::hours(3)), first);
        let next = enter(NOW + FOUR_HOURS);
        assert_ne!(next.id, first.id);
        assert_eq!(next.since, NOW + FOUR_HOURS);
    }

    #[test]
    fn another_caller_or_another_patient_is_another_emergency() {
        let open = Emergencies::default();
        let first = open.enter(&doctor("900000001"), &patient("999911120"), FOUR_HOURS, NOW);
        let colleague = open.enter(&doctor("900000002"), &patient("999911120"), FOUR_HOURS, NOW);
        let other = open.enter(&doctor("900000001"), &patient("999990019"), FOUR_HOURS, NOW);
        assert!(first.id != colleague.id && first.id != other.id && colleague.id != other.id);
    }

    #[test]
    fn two_people_behind_one_system_are_in_two_emergencies() {
        let open = Emergencies::default();
        let system = Caller::new(
            "00000001".parse().unwrap(),
            "900000112".parse().unwrap(),
            CardType::System,
            None,
            CallerNames::default(),
            None,
        );
        let enter = |person: &str| {
            let doctor = doctor_behind(&system, person, StatementKind::Dezi);
            open.enter(&doctor, &patient("999911120"), FOUR_HOURS, NOW)
        };
        assert_eq!(enter("900000001").id, enter("900000001").id);
        assert_ne!(enter("900000001").id, enter("900000002").id);
    }

    #[test]
    fn nobody_is_turned_away_where_no_more_can_be_kept_and_what_is_over_makes_room() {
        let open = Emergencies::default();
        let number = |index: usize| format!("9{index:08}");
        for index in 0..limits::EMERGENCIES {
            open.enter(&doctor(&number(index)), &patient("999911120"), FOUR_HOURS, NOW);
        }
        let beyond = doctor(&number(limits::EMERGENCIES));
        let enter = |now| open.enter(&beyond, &patient("999911120"), FOUR_HOURS, now);
        assert_ne!(enter(NOW).id, enter(NOW).id);
        let later = NOW + FOUR_HOURS;
        assert_eq!(enter(later).id, enter(later).id);
    }
}
