use time::macros::datetime;

use super::*;
use crate::identity::CallerNames;

const WABVPZ: &str = include_str!("../../../profiles/policies/wabvpz.toml");
const WGBO: &str = include_str!("../../../profiles/policies/wgbo.toml");
const ACUTE: &str = include_str!("../../../profiles/policies/acute.toml");
const RESEARCH: &str = include_str!("../../../profiles/policies/research.toml");

fn shipped(name: &str) -> Policy {
    shipped_policies().unwrap().into_iter().find(|policy| policy.name() == name).unwrap()
}

fn caller(card_type: CardType, role: Option<&str>) -> Caller {
    let role = role.map(|role| role.parse().unwrap());
    let (ura, uzi) = ("00000001".parse().unwrap(), "900000001".parse().unwrap());
    Caller::new(ura, uzi, card_type, role, CallerNames::default(), None)
}

fn purpose(code: &str) -> Purpose {
    Purpose::of(code).unwrap()
}

#[test]
fn doctors_nurses_and_physician_assistants_declare_an_emergency_and_doctors_break_the_glass() {
    for name in ["wabvpz", "ehds", "wgbo", "acute"] {
        let policy = shipped(name);
        for (role, emergency, glass) in [
            ("01.015", true, true),
            ("30.000", true, false),
            ("81.000", true, false),
            ("17.000", false, false),
            ("02.000", false, false),
        ] {
            let caller = caller(CardType::Professional, Some(role));
            assert_eq!(policy.admits(&caller, purpose("ETREAT")), emergency, "{name} {role}");
            assert_eq!(policy.admits(&caller, purpose("BTG")), glass, "{name} {role}");
            assert_eq!(policy.break_glass(&caller, purpose("BTG")).is_some(), glass, "{name} {role}");
            assert!(policy.break_glass(&caller, purpose("ETREAT")).is_none(), "{name} {role}");
            assert_eq!(policy.admits(&caller, purpose("TREAT")), name != "acute", "{name} {role}");
        }
        assert!(!policy.admits(&caller(CardType::System, None), purpose("ETREAT")), "{name}");
    }
    let doctor = caller(CardType::Professional, Some("01.015"));
    assert!(shipped("research").admits(&doctor, purpose("BIORCH")));
    assert!(!shipped("research").admits(&doctor, purpose("BTG")));
}

#[test]
fn no_shipped_policy_lets_break_glass_go_before_a_patient_s_word_or_last_longer_than_a_shift() {
    let doctor = caller(CardType::Professional, Some("01.015"));
    for policy in shipped_policies().unwrap() {
        let Some(glass) = policy.break_glass(&doctor, purpose("BTG")) else { continue };
        assert_eq!(glass.overrides(), Overrides::Nothing, "{}", policy.name());
        assert!(glass.lasts() <= Duration::hours(8), "{}", policy.name());
    }
}

#[test]
fn what_yields_more_than_treatment_needs_a_reason() {
    for name in ["wabvpz", "ehds", "wgbo", "acute"] {
        let policy = shipped(name);
        assert!(["ETREAT", "BTG", "ERTREAT"].into_iter().all(|code| policy.needs_reason(purpose(code))), "{name}");
        assert!(["TREAT", "COC"].into_iter().all(|code| !policy.needs_reason(purpose(code))), "{name}");
    }
}

#[test]
fn nothing_on_file_is_no_under_wabvpz_and_yes_for_treating_callers_under_ehds() {
    let (doctor, system) = (caller(CardType::Professional, Some("01.015")), caller(CardType::System, None));
    let grants =
        |name: &str, caller: &Caller, code: &str| shipped(name).grant(caller, Party::Third, purpose(code)).is_some();
    assert!(!grants("wabvpz", &doctor, "TREAT"));
    assert!(grants("ehds", &doctor, "TREAT") && grants("ehds", &doctor, "COC"));
    assert!(!grants("ehds", &doctor, "HRESCH") && !grants("ehds", &system, "TREAT"));
    assert!(grants("acute", &doctor, "ETREAT") && !grants("acute", &doctor, "TREAT"));
    assert!(grants("research", &system, "CLINTRCH") && !grants("research", &doctor, "TREAT"));
}

#[test]
fn what_is_granted_to_the_holders_own_people_needs_a_person() {
    for name in ["ehds", "wgbo", "research"] {
        let policy = shipped(name);
        let purpose = purpose(if name == "research" { "HRESCH" } else { "TREAT" });
        let doctor = caller(CardType::Professional, Some("01.015"));
        assert!(policy.grant(&doctor, Party::Own, purpose).is_some(), "{name}");
        assert!(policy.grant(&caller(CardType::Function, None), Party::Own, purpose).is_none(), "{name}");
    }
}

#[test]
fn a_policy_is_in_force_from_its_first_day_through_its_last() {
    let policy =
        Policy::read("mine.toml", &ACUTE.replace("2025-01-01", "2026-03-01").replace("2029-03-25", "2026-03-02"));
    let policy = policy.unwrap();
    for (moment, in_force) in [
        (datetime!(2026-02-28 23:59:59 UTC), false),
        (datetime!(2026-03-01 0:00 UTC), true),
        (datetime!(2026-03-02 23:59:59 UTC), true),
        (datetime!(2026-03-03 0:00 UTC), false),
        (datetime!(2026-03-03 0:30 +1), true),
    ] {
        assert_eq!(policy.is_in_force(moment), in_force, "{moment}");
    }
    assert!(shipped("wabvpz").is_in_force(datetime!(1990-01-01 0:00 UTC)));
}

#[test]
fn a_mistake_names_file_and_key() {
    for (text, right, wrong, key) in [
        (WABVPZ, "name = ", "nmae = ", "nmae"),
        (WABVPZ, "\"TREAT\"", "\"CURE\"", "purpose.codes"),
        (WABVPZ, "callers = \"any\"", "callers = [\"doctor\"]", "purpose.callers"),
        (WABVPZ, "callers = \"any\"\n", "", "line"),
        (WABVPZ, "roles = \"any\"", "roles = []", "purpose.roles"),
        (WABVPZ, "exchanges = \"any\"", "exchanges = []", "purpose.exchanges"),
        (WABVPZ, "then = \"deny\"", "then = \"permit\"", "nothing-on-file"),
        (WABVPZ, "then = \"deny\"", "then = \"deny\"\nbut-not = [\"HIV\"]", "nothing-on-file"),
        (WABVPZ, "never-hidden", "never_hidden", "never_hidden"),
        (WABVPZ, "\"Patient\"", "\"patient\"", "unlabelled.never-hidden"),
        (WABVPZ, "never = []", "never = [\"allergy\"]", "withheld.never"),
        (WABVPZ, "[\"ETREAT\"]\n\n# ---", "[]\n\n# ---", "reason.purposes"),
        (WABVPZ, "codes = [\"BTG\"]", "codes = [\"HPAYMT\"]", "break-glass"),
        (WABVPZ, "[\"missing-consent\"]", "[]", "break-glass.fills-in"),
        (WABVPZ, "overrides = []", "overrides = [\"unreadable-consent\"]", "break-glass.overrides"),
        (WABVPZ, "\"4h\"", "\"4\"", "break-glass.lasts"),
        (WABVPZ, "\"4h\"", "\"0h\"", "break-glass.lasts"),
        (WABVPZ, "\"4h\"", "\"25h\"", "break-glass.lasts"),
        (ACUTE, "2029-03-25", "2029-02-30", "until"),
        (ACUTE, "2029-03-25", "2024-12-31", "until"),
        (ACUTE, "after-an-objection = \"nothing\"", "after-an-objection = \"all\"", "after-an-objection"),
        (RESEARCH, "\"pseudonymised\"", "\"anonymous\"", "released"),
        (RESEARCH, "\"GDIS\"", "\"GENES\"", "nothing-on-file"),
        (
            RESEARCH,
            "[nothing-on-file.own-people]\nthen",
            "[nothing-on-file.own-people]\ntreatment-relation = \"required\"\nthen",
            "relation",
        ),
        (WGBO, "shown-by = \"CareTeam\"", "shown-by = \"Observation\"", "relation.shown-by"),
        (WGBO, "\"generalPractitioner\"", "\"doctor\"", "relation.naming"),
        (WGBO, "status = [\"active\"]", "status = []", "relation.status"),
        (WGBO, "within = \"365d\"", "within = \"a year\"", "relation.within"),
        (WGBO, "within = \"365d\"\n", "", "relation.within"),
        (WGBO, "treatment-relation = \"required\"", "treatment-relation = \"asked\"", "treatment-relation"),
    ] {
        assert!(text.contains(right), "{right}");
        let error = Policy::read("mine.toml", &text.replacen(right, wrong, 1)).unwrap_err();
        assert_eq!(error.file(), "mine.toml");
        assert!(error.key().contains(key), "{wrong}: {error}");
    }
    for text in [WABVPZ, WGBO, ACUTE, RESEARCH] {
        assert!(Policy::read("mine.toml", text).is_ok());
    }
}
