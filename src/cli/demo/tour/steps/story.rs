//! The stories of the tour by name, and the commonest forms of a step.

use super::super::step::Expected::{self, Refused};
use super::super::step::{Pages, Step};

/// A GET for treatment.
pub(super) const fn get(
    story: &'static str,
    who: &'static str,
    target: &'static str,
    shows: &'static str,
    expected: Expected,
) -> Step {
    Step {
        story,
        who,
        purpose: Some("TREAT"),
        reason: None,
        method: "GET",
        target,
        form: None,
        pages: Pages::First,
        shows,
        expected,
    }
}

/// A GET for an emergency purpose, with a reason or without.
pub(super) const fn urgent(
    (purpose, reason): (&'static str, Option<&'static str>),
    story: &'static str,
    who: &'static str,
    target: &'static str,
    shows: &'static str,
    expected: Expected,
) -> Step {
    Step { purpose: Some(purpose), reason, ..get(story, who, target, shows, expected) }
}

pub(super) const ANNA: &str = "Anna de Vries: no consent on file";
pub(super) const BRAM: &str = "Bram Jansen: full consent for Huisartsenpraktijk De Brug";
pub(super) const CARLA: &str = "Carla Smit: consent for everybody, but no psychiatry for huisarts Noordhoek";
pub(super) const DIRK: &str = "Dirk Bakker: consent for everybody but Streekziekenhuis Oost";
pub(super) const ELS: &str = "Els Visser: consent that ended in 2024";
pub(super) const FATIMA: &str = "Fatima el Amrani: objection, except in an emergency";
pub(super) const GIJS: &str = "Gijs van Dijk: one person, two Patient records";
pub(super) const HENK: &str = "Henk Mulder: a Consent that cannot be read in full";
pub(super) const GLASS: &str = "Break-glass: where consent is missing, and where it was refused";
pub(super) const DOOR: &str = "At the door: what is refused whoever the patient is";

pub(super) const UNKNOWN: Expected = Refused { status: 404, code: "not-found" };
pub(super) const FORBIDDEN: Expected = Refused { status: 403, code: "forbidden" };
