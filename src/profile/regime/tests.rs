use time::macros::datetime;

use super::*;
use crate::identity::{CallerNames, CardType};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn doctor() -> Caller {
    let role = Some("01.015".parse().unwrap());
    let (ura, uzi) = ("00000001".parse().unwrap(), "900000001".parse().unwrap());
    Caller::new(ura, uzi, CardType::Professional, role, CallerNames::default(), None)
}

fn exchanges() -> Vec<Arc<Exchange>> {
    shipped_exchanges().unwrap().into_iter().map(Arc::new).collect()
}

fn offered(regime: &[&str], purpose: &str, now: OffsetDateTime) -> Vec<&'static str> {
    let regime = shipped_regime(regime).unwrap();
    let offer = Offer::to(&exchanges(), doctor().role());
    let admitted = regime.admitted(&offer, &doctor(), Purpose::of(purpose).unwrap(), now);
    let names = ["ips", "bgz", "medication", "acute"];
    names.into_iter().filter(|name| !admitted.narrowed(|exchange| exchange.name() == *name).is_empty()).collect()
}

#[test]
fn an_exchange_profile_is_offered_where_some_policy_in_force_admits_the_purpose_for_it() {
    assert_eq!(offered(&["wabvpz"], "ETREAT", NOW), ["ips", "bgz", "medication", "acute"]);
    assert_eq!(offered(&["acute"], "ETREAT", NOW), ["acute"]);
    assert!(offered(&["acute"], "TREAT", NOW).is_empty());
    assert!(offered(&["acute"], "ETREAT", datetime!(2030-01-01 0:00 UTC)).is_empty());
    assert_eq!(offered(&["acute", "wabvpz"], "ETREAT", datetime!(2030-01-01 0:00 UTC)).len(), 4);
    assert!(
        offered(&["wabvpz"], "HRESCH", NOW).is_empty() && offered(&["wabvpz", "research"], "HRESCH", NOW).len() == 4
    );
}

#[test]
fn a_policy_stands_in_a_regime_once_and_names_exchange_profiles_that_there_are() {
    let policy = |name: &str| shipped_policies().unwrap().into_iter().find(|one| one.name() == name).unwrap();
    let twice = Regime::new(policy("wabvpz"), vec![policy("ehds"), policy("wabvpz")], &exchanges()).unwrap_err();
    assert_eq!(twice.key(), "policy.also");
    let mut known = exchanges();
    known.retain(|exchange| exchange.name() != "acute");
    let unknown = Regime::new(policy("wabvpz"), vec![policy("acute")], &known).unwrap_err();
    assert!(unknown.key() == "purpose.exchanges" && unknown.to_string().contains("acute"), "{unknown}");
}

#[test]
fn a_relation_is_asked_for_where_a_policy_grants_this_caller_something_inside_one() {
    let asks = |regime: &[&str], purpose: &str| {
        let holder = "00000002".parse().unwrap();
        shipped_regime(regime).unwrap().asks_relation(&doctor(), &holder, Purpose::of(purpose).unwrap(), NOW)
    };
    assert!(asks(&["wgbo"], "TREAT") && asks(&["wabvpz", "wgbo"], "ETREAT"));
    assert!(!asks(&["wgbo"], "HRESCH") && !asks(&["wabvpz", "ehds"], "TREAT"));
}

#[test]
fn what_can_only_be_released_pseudonymised_is_known() {
    let names = |regime: &[&str]| {
        let regime = shipped_regime(regime).unwrap();
        regime.not_releasable().map(|policy| policy.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["ehds", "research"]), ["research"]);
    assert!(names(&["wabvpz", "wgbo", "acute"]).is_empty());
}

#[test]
fn an_emergency_lasts_as_long_as_the_strictest_policy_says_and_is_nobody_else_s() {
    let hours = |hours: &str, name: &str| {
        let text = include_str!("../../../profiles/policies/wabvpz.toml");
        let text = text.replace("\"4h\"", hours).replace("name = \"wabvpz\"", &format!("name = \"{name}\""));
        Policy::read("mine.toml", &text).unwrap()
    };
    let regime = Regime::new(hours("\"8h\"", "a"), vec![hours("\"2h\"", "b")], &[]).unwrap();
    let lasts = |purpose: &str| regime.emergency(&doctor(), Purpose::of(purpose).unwrap(), NOW);
    assert_eq!(lasts("BTG"), Some(Duration::hours(2)));
    assert_eq!(lasts("ETREAT"), None);
}
