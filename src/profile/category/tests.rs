use super::*;
use crate::identity::FacilityTypes;
use crate::json::Document;
use crate::limits;

const MITZ: &str = "http://fhir.nl/otv/CodeSystem/gegevenscategorie";
const PROVIDERS: &str = "http://fhir.nl/otv/CodeSystem/raadplegende-zorgaanbiedercategorie";
const SLUIS: &str = "urn:sluis:category";

fn shipped() -> Categories {
    Categories::shipped().unwrap()
}

fn data(system: &str, code: &str) -> Arc<DataCategory> {
    match shipped().data(system, code) {
        Sought::Is(category) => category,
        other @ (Sought::Foreign | Sought::Unknown) => panic!("{system} {code}: {other:?}"),
    }
}

/// What a category holds and covers of a resource.
fn of(category: &DataCategory, resource: &str) -> (Belonging, Belonging) {
    let document = Document::read(resource.as_bytes(), limits::RESOURCE).unwrap();
    let resource_type = document.root().text_of("resourceType").unwrap();
    (category.holds(document.root(), &resource_type), category.covers(document.root(), &resource_type))
}

fn observation(category: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"{category}"}}]}}]}}"#
    )
}

const YES: (Belonging, Belonging) = (Belonging::Yes, Belonging::Yes);
const NO: (Belonging, Belonging) = (Belonging::No, Belonging::No);

#[test]
fn a_category_holds_the_resources_of_its_kind_and_no_others() {
    let laboratory = data(MITZ, "GGC012");
    assert_eq!(of(&laboratory, &observation("laboratory")), YES);
    assert_eq!(of(&laboratory, &observation("vital-signs")), NO);
    assert_eq!(of(&laboratory, r#"{"resourceType":"Condition"}"#), NO);
    assert_eq!(laboratory.holds_type("Observation"), Belonging::Untold);
    assert_eq!(laboratory.holds_type("Specimen"), Belonging::Yes);
    assert_eq!(laboratory.holds_type("Condition"), Belonging::No);
}

#[test]
fn what_has_no_code_to_be_told_by_may_be_of_the_category() {
    let laboratory = data(MITZ, "GGC012");
    for untold in [
        r#"{"resourceType":"Observation"}"#,
        r#"{"resourceType":"Observation","category":[{"text":"lab"}]}"#,
        r#"{"resourceType":"Observation","category":[{"coding":[{"system":"http://own.example","code":"1"}]}]}"#,
    ] {
        assert_eq!(of(&laboratory, untold), (Belonging::Untold, Belonging::Untold), "{untold}");
    }
}

#[test]
fn medication_is_wide_for_a_permit_and_narrow_for_a_denial() {
    for medication in [data(MITZ, "GGC013"), data(SLUIS, "medication"), data("urn:sluis:category:bgz", "medication")] {
        assert_eq!(of(&medication, r#"{"resourceType":"MedicationRequest"}"#), YES);
        let allergy = r#"{"resourceType":"AllergyIntolerance"}"#;
        assert_eq!(of(&medication, allergy), (Belonging::No, Belonging::Yes));
        assert_eq!(of(&medication, &observation("laboratory")), (Belonging::No, Belonging::Yes));
        let flag = |code: &str| {
            format!(
                r#"{{"resourceType":"Flag","category":[{{"coding":[{{"system":"http://snomed.info/sct","code":"{code}"}}]}}]}}"#
            )
        };
        assert_eq!(of(&medication, &flag("350241000146102")), (Belonging::No, Belonging::Yes));
        assert_eq!(of(&medication, &flag("1")), NO);
        assert_eq!(of(&medication, r#"{"resourceType":"Condition"}"#), NO);
    }
}

#[test]
fn a_category_has_what_those_inside_it_have() {
    let treatment = data(MITZ, "GGC002");
    for resource in
        [r#"{"resourceType":"MedicationRequest"}"#, &observation("laboratory"), r#"{"resourceType":"Goal"}"#]
    {
        assert_eq!(of(&treatment, resource), YES, "{resource}");
    }
    // The person, and those who are seen because others refer to them, are no treatment data.
    for resource in [r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"Practitioner"}"#] {
        assert_eq!(of(&treatment, resource), NO, "{resource}");
    }
    let acute = data(SLUIS, "acute");
    assert_eq!(of(&acute, r#"{"resourceType":"AllergyIntolerance"}"#), YES);
    assert_eq!(of(&acute, r#"{"resourceType":"Procedure"}"#), NO);
}

#[test]
fn what_must_not_be_there_keeps_a_resource_out() {
    let general = data("urn:oid:2.16.840.1.113883.2.4.3.111.15.3", "ALGBEPALING");
    assert_eq!(of(&general, &observation("vital-signs")), YES);
    assert_eq!(of(&general, &observation("laboratory")), NO);
}

/// A wider category never denies less nor permits less: what one holds another that contains it holds, and what any holds it
/// covers.
#[test]
fn every_category_covers_what_it_holds() {
    let resources: Vec<String> = ["laboratory", "vital-signs", "imaging", "social-history"]
        .map(observation)
        .into_iter()
        .chain(
            ["MedicationRequest", "MedicationDispense", "Condition", "Flag", "Procedure", "Encounter", "Specimen"]
                .map(|name| format!(r#"{{"resourceType":"{name}"}}"#)),
        )
        .collect();
    let categories = shipped();
    let mut seen = 0;
    for category in categories.lists.iter().flat_map(|list| list.data.values()) {
        for resource in &resources {
            let (holds, covers) = of(category, resource);
            assert!(holds != Belonging::Yes || covers == Belonging::Yes, "{} {resource}", category.code());
            assert!(holds != Belonging::Untold || covers != Belonging::No, "{} {resource}", category.code());
            seen += 1;
        }
    }
    assert!(seen > 1_000, "{seen}");
}

#[test]
fn a_code_nobody_knows_is_told_from_a_system_nobody_knows() {
    let categories = shipped();
    assert_eq!(categories.data(MITZ, "GGC999"), Sought::Unknown);
    assert_eq!(categories.data("http://x.example", "GGC013"), Sought::Foreign);
    assert_eq!(categories.data(PROVIDERS, "RPZAC001"), Sought::Unknown, "no category of data");
    assert_eq!(categories.provider(PROVIDERS, "RPZAC999"), Sought::Unknown);
    assert!(matches!(categories.provider(PROVIDERS, "RPZAC001"), Sought::Is(_)));
}

#[test]
fn a_proven_role_makes_a_member_and_nothing_proves_a_place() {
    let membership = |code: &str, role: Option<&str>| match shipped().provider(PROVIDERS, code) {
        Sought::Is(provider) => {
            provider.membership(role.map(|role| role.parse().unwrap()).as_ref(), &FacilityTypes::Unknown)
        }
        other @ (Sought::Foreign | Sought::Unknown) => panic!("{other:?}"),
    };
    assert_eq!(membership("RPZAC001", Some("01.015")), Membership::Member);
    assert_eq!(membership("RPZAC001", Some("01.010")), Membership::Unproven);
    assert_eq!(membership("RPZAC001", None), Membership::Unproven);
    assert_eq!(membership("RPZAC104", Some("01.010")), Membership::Unproven);
}

fn file(members: &str) -> String {
    format!("name = \"mine\"\ntitle = \"x\"\nsystems = [\"urn:mine\"]\nvetting = \"needed\"\n{members}")
}

#[test]
fn a_kind_of_provider_that_is_known_by_roles_alone_leaves_out_who_proves_another() {
    let text = file("[[provider]]\ncode = \"p\"\ntitle = \"x\"\nroles = [\"17\"]");
    let Sought::Is(pharmacists) = Categories::read([("mine.toml", text.as_str())]).unwrap().provider("urn:mine", "p")
    else {
        panic!("not there")
    };
    let somewhere = FacilityTypes::of(vec!["J8".to_owned()]);
    let membership = |role: &str| pharmacists.membership(Some(&role.parse().unwrap()), &somewhere);
    assert_eq!(membership("17.060"), Membership::Member);
    assert_eq!(membership("01.015"), Membership::NoMember);
    assert_eq!(pharmacists.membership(None, &somewhere), Membership::Unproven);
}

#[test]
fn a_type_that_a_directory_knows_makes_a_member_or_none_whatever_the_role() {
    let facility = |code: &str| FacilityTypes::of(vec![code.to_owned()]);
    let membership = |code: &str, role: Option<&str>, at: &FacilityTypes| match shipped().provider(PROVIDERS, code) {
        Sought::Is(provider) => provider.membership(role.map(|role| role.parse().unwrap()).as_ref(), at),
        other @ (Sought::Foreign | Sought::Unknown) => panic!("{other:?}"),
    };
    for role in [None, Some("01.010")] {
        assert_eq!(membership("RPZAC001", role, &facility("Z3")), Membership::Member);
        assert_eq!(membership("RPZAC001", role, &facility("V6")), Membership::NoMember);
        assert_eq!(membership("RPZAC003", role, &facility("G5")), Membership::Member);
    }
    // The role proves by itself who is of the kind.
    assert_eq!(membership("RPZAC001", Some("01.015"), &facility("V6")), Membership::Member);
}

#[test]
fn a_file_of_a_hospital_takes_the_place_of_the_shipped_one_of_its_name_or_stands_beside_them() {
    let category = "[parts]\np = [{ types = [\"Goal\"] }]\n[[category]]\ncode = \"1\"\ntitle = \"x\"\nholds = [\"p\"]";
    let beside = file(category);
    let instead = beside.replace("\"mine\"", "\"mitz\"").replace("urn:mine", MITZ);
    let own = Categories::with_own([("a.toml", instead.as_str()), ("b.toml", beside.as_str())]).unwrap();
    assert!(matches!(own.data("urn:mine", "1"), Sought::Is(_)));
    assert!(matches!(own.data(MITZ, "1"), Sought::Is(_)));
    assert_eq!(own.data(MITZ, "GGC013"), Sought::Unknown);
    assert!(matches!(own.data(SLUIS, "medication"), Sought::Is(_)));
    let twice = beside.replace("urn:mine", MITZ);
    let error = Categories::with_own([("c.toml", twice.as_str())]).unwrap_err();
    assert!(error.file() == "c.toml" && error.key().contains(MITZ), "{error}");
}

#[test]
fn a_mistake_names_file_and_key() {
    let part = "[parts]\np = [{ types = [\"Goal\"] }]\n";
    let category = |members: &str| format!("{part}[[category]]\ncode = \"1\"\ntitle = \"x\"\n{members}");
    for (members, key) in [
        (category("hold = [\"p\"]"), "hold"),
        (category("holds = [\"q\"]"), "category.1.holds"),
        (category("holds = [\"p\"]\ncovers = [\"q\"]"), "category.1.covers"),
        (category("contains = [\"2\"]"), "category.1.contains"),
        (category("holds = [\"p\"]\ncontains = [\"1\"]"), "category.1.contains"),
        (category(""), "category.1"),
        (category("holds = [\"p\"]\n[[category]]\ncode = \"1\"\ntitle = \"y\"\nholds = [\"p\"]"), "category.1"),
        ("[parts]\np = [{ types = [\"goal\"] }]\n[[category]]\ncode = \"1\"\ntitle = \"x\"\nholds = [\"p\"]".into(), "parts.p.types"),
        ("[parts]\np = [{ types = [\"Goal\"], only = { category = [\"x|1\"] } }]\n[[category]]\ncode = \"1\"\ntitle = \"x\"\nholds = [\"p\"]".into(), "parts.p.only.category"),
        ("[[provider]]\ncode = \"1\"\ntitle = \"x\"\nroles = [\"GP\"]".into(), "provider.1.roles"),
        ("[[provider]]\ncode = \"1\"\ntitle = \"x\"".into(), "provider.1"),
        (String::new(), "category"),
    ] {
        let error = Categories::read([("mine.toml", file(&members).as_str())]).unwrap_err();
        assert!(error.file() == "mine.toml" && error.key().contains(key), "{key}: {error}");
    }
    assert!(Categories::read([("mine.toml", file(&category("holds = [\"p\"]")).as_str())]).is_ok());
}
