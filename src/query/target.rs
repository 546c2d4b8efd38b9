//! Targets: where a request to the upstream goes, made from typed values only.

use super::form;
use super::{BSN_OID, BSN_SYSTEM, Bsn, Id};
use crate::limits;

/// Path and query, relative to an upstream base, of a request for data that can be released.
///
/// Only the core makes one, from a query that was decided.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(String);

/// Path and query, relative to an upstream base, of a look-up before a decision: what it finds is judged, never released.
#[derive(Clone, PartialEq, Eq)]
pub struct LookUp(String);

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target(…)")
    }
}

impl std::fmt::Debug for LookUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LookUp(…)")
    }
}

impl Target {
    pub(super) fn new(relative: String) -> Self {
        Self(relative)
    }

    /// Returns the target of the upstream's own page link, if it stays below one of `bases`.
    pub(crate) fn follow(link: &str, bases: &[String]) -> Option<Self> {
        below(link, bases).map(Self)
    }

    /// Returns the target that asks for several resources of one type by id; none for no id, since an empty parameter
    /// would ask for all of them.
    pub(crate) fn by_ids(resource_type: &str, ids: &[Id], count: usize) -> Option<Self> {
        search_by_ids(resource_type, ids, count).map(Self)
    }

    /// Returns the target that asks for all resources of one type of a person; none for nobody. They are asked for in a stated
    /// order: where a server may give each page in another, one of them can be missing from all.
    pub(crate) fn of_person(resource_type: &str, person: &[Id]) -> Option<Self> {
        Some(Self(format!("{}?patient={}{}", encoded(resource_type), id_list(person)?, in_pages())))
    }

    /// Returns path and query; they begin with a type, or with `?` where the link was to the base itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL below `base`, which has no slash at its end.
    #[must_use]
    pub fn under(&self, base: &str) -> String {
        join(base, &self.0)
    }
}

impl LookUp {
    pub(super) fn new(relative: String) -> Self {
        Self(relative)
    }

    /// Returns the look-up of one resource.
    #[must_use]
    pub fn read(resource_type: &str, id: &Id) -> Self {
        Self(format!("{}/{}", encoded(resource_type), id.as_str()))
    }

    /// Returns the look-up of all Patient records with this BSN, under either name of its system: a record that is missed
    /// takes its Consents with it. It is the only place from which a BSN goes upstream.
    #[must_use]
    pub fn by_bsn(bsn: &Bsn) -> Self {
        let named = [BSN_SYSTEM, BSN_OID].map(|system| format!("{}%7C{}", encoded(system), bsn.as_str()));
        Self(format!("Patient?identifier={}{}", named.join(","), in_pages()))
    }

    /// Returns the look-up of all Consents of a person, named by the ids of their Patient records; none for nobody, since
    /// an empty parameter would ask for everybody's.
    #[must_use]
    pub fn consents(person: &[Id]) -> Option<Self> {
        Some(Self(format!("Consent?patient={}{}", id_list(person)?, in_pages())))
    }

    /// Returns the look-up of the Consents of somebody who is not there: it asks whether Consents can be searched.
    #[must_use]
    pub fn nobodys_consents() -> Option<Self> {
        Self::consents(&["sluis-check".parse().ok()?])
    }

    /// Returns the look-up of the resources of one type about a person, in one of these statuses, that may show who treats
    /// them; of the person's own Patient records where that is the type. None for nobody.
    #[must_use]
    pub fn relation(resource_type: &str, person: &[Id], statuses: &[&str]) -> Option<Self> {
        if resource_type == "Patient" {
            return Self::by_ids(resource_type, person);
        }
        let (resource_type, patients) = (encoded(resource_type), id_list(person)?);
        let statuses = statuses.iter().map(|status| encoded(status)).collect::<Vec<_>>().join(",");
        let status = if statuses.is_empty() { String::new() } else { format!("&status={statuses}") };
        Some(Self(format!("{resource_type}?patient={patients}{status}{}", in_pages())))
    }

    /// Returns the look-up of such resources about somebody who is not there.
    #[must_use]
    pub fn nobodys_relation(resource_type: &str, statuses: &[&str]) -> Option<Self> {
        Self::relation(resource_type, &["sluis-check".parse().ok()?], statuses)
    }

    /// Returns the look-up of the resources of one type with this identifier.
    #[must_use]
    pub fn by_identifier(resource_type: &str, system: &str, value: &str) -> Self {
        let (resource_type, system, value) = (encoded(resource_type), encoded(system), encoded(value));
        Self(format!("{resource_type}?identifier={system}%7C{value}{}", in_pages()))
    }

    /// Returns the look-up of several resources of one type by id; none for no id.
    #[must_use]
    pub fn by_ids(resource_type: &str, ids: &[Id]) -> Option<Self> {
        search_by_ids(resource_type, ids, limits::UPSTREAM_PAGE).map(Self)
    }

    /// Makes the search for Patient records that link to one of `person`'s; nothing when there is none.
    #[must_use]
    pub fn linking(person: &[Id]) -> Option<Self> {
        let links: Vec<String> = person.iter().map(|id| format!("Patient/{}", id.as_str())).collect();
        if links.is_empty() {
            return None;
        }
        Some(Self(format!("Patient?link={}{}", links.join(","), in_pages())))
    }

    /// Returns the look-up of the Subscriptions that notify that URL.
    #[must_use]
    pub fn subscriptions(endpoint: &str) -> Self {
        Self(format!("Subscription?url={}{}", encoded(endpoint), in_pages()))
    }

    /// Returns the look-up of some resources of one type, whosever they are: their codes are counted, nothing else.
    #[must_use]
    pub fn some(resource_type: &str) -> Self {
        Self(format!("{}?_count={}&_total=none", encoded(resource_type), limits::UPSTREAM_PAGE))
    }

    /// Returns the look-up of the upstream's own page link, if it stays below one of `bases`.
    #[must_use]
    pub fn follow(link: &str, bases: &[String]) -> Option<Self> {
        below(link, bases).map(Self)
    }

    /// Returns path and query; they begin with a type, or with `?` where the link was to the base itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL below `base`, which has no slash at its end.
    #[must_use]
    pub fn under(&self, base: &str) -> String {
        join(base, &self.0)
    }
}

/// Returns how a search that may take several pages is given: in a stated order, since where a server may give each page in another,
/// one match can be missing from all.
fn in_pages() -> String {
    format!("&_count={}&_sort=_id&_total=none", limits::UPSTREAM_PAGE)
}

/// Returns the ids as one value, or none where there are none.
pub(super) fn id_list(ids: &[Id]) -> Option<String> {
    if ids.is_empty() { None } else { Some(ids.iter().map(Id::as_str).collect::<Vec<_>>().join(",")) }
}

fn search_by_ids(resource_type: &str, ids: &[Id], count: usize) -> Option<String> {
    let ids = id_list(ids)?;
    Some(format!("{}?_id={ids}&_count={count}&_sort=_id&_total=none", encoded(resource_type)))
}

fn encoded(text: &str) -> String {
    let mut target = String::new();
    form::encode(text, &mut target);
    target.replace(',', "%2C")
}

fn join(base: &str, relative: &str) -> String {
    if relative.starts_with('?') { format!("{base}{relative}") } else { format!("{base}/{relative}") }
}

/// Returns what `link` says below one of `bases`: the same scheme, host, port and path, then `?` or one clean path.
fn below(link: &str, bases: &[String]) -> Option<String> {
    if link.len() > limits::TARGET_BYTES || !link.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return None;
    }
    let rest = bases.iter().find_map(|base| {
        let rest = link.strip_prefix(base.as_str())?;
        if rest.starts_with(['/', '?']) { Some(rest) } else { None }
    })?;
    let relative = rest.strip_prefix('/').unwrap_or(rest);
    let path = relative.split_once('?').map_or(relative, |(path, _)| path);
    let clean = path.is_empty() || path.split('/').all(is_clean);
    if clean && !relative.is_empty() { Some(relative.to_owned()) } else { None }
}

fn is_clean(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._$".contains(&byte);
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    fn bases() -> Vec<String> {
        vec!["http://hapi:8080/fhir".to_owned(), "https://alias.example/r4".to_owned()]
    }

    #[test]
    fn a_page_link_is_followed_below_a_known_base() {
        let link = "http://hapi:8080/fhir?_getpages=0c1d&_getpagesoffset=7&_count=7&_bundletype=searchset";
        let target = Target::follow(link, &bases()).unwrap();
        assert_eq!(target.under("http://hapi:8080/fhir"), link);
        let other = Target::follow("https://alias.example/r4/Observation?page=2", &bases()).unwrap();
        assert_eq!(other.under("http://hapi:8080/fhir"), "http://hapi:8080/fhir/Observation?page=2");
    }

    #[test]
    fn a_page_link_to_anywhere_else_is_not_followed() {
        for link in [
            "http://evil.example/fhir?_getpages=1",
            "https://hapi:8080/fhir?_getpages=1",
            "http://hapi:8080/fhirx?_getpages=1",
            "http://hapi:8080/fhir@evil.example/?x=1",
            "http://hapi:8080/fhir.evil.example/",
            "http://hapi:8080/fhir/../admin",
            "http://hapi:8080/fhir/%2e%2e/admin",
            "http://hapi:8080/fhir//evil.example/",
            "http://hapi:8080/fhir/a\\b",
            "http://hapi:8080/fhir?a=b#c",
            "http://hapi:8080/fhir?a=b c",
            "http://hapi:8080/fhir",
            "http://hapi:8080/fhir/",
            "?_getpages=1",
            "",
        ] {
            assert!(Target::follow(link, &bases()).is_none() && LookUp::follow(link, &bases()).is_none(), "{link}");
        }
    }

    #[test]
    fn a_look_up_says_what_it_asks() {
        let ids = [Id::from_str("a").unwrap(), Id::from_str("b").unwrap()];
        assert_eq!(LookUp::read("Observation", &ids[0]).as_str(), "Observation/a");
        assert_eq!(LookUp::consents(&ids).unwrap().as_str(), "Consent?patient=a,b&_count=200&_sort=_id&_total=none");
        assert!(LookUp::consents(&[]).is_none());
        assert_eq!(
            LookUp::relation("Encounter", &ids, &["planned", "in-progress"]).unwrap().as_str(),
            "Encounter?patient=a,b&status=planned,in-progress&_count=200&_sort=_id&_total=none"
        );
        assert_eq!(
            LookUp::relation("Patient", &ids, &[]).unwrap().as_str(),
            "Patient?_id=a,b&_count=200&_sort=_id&_total=none"
        );
        assert!(LookUp::relation("Encounter", &[], &["planned"]).is_none());
        assert_eq!(
            LookUp::by_bsn(&Bsn::from_str("999911120").unwrap()).as_str(),
            "Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C999911120,urn:oid:2.16.840.1.113883.2.4.6.3%7C999911120&_count=200&_sort=_id&_total=none"
        );
        assert_eq!(
            LookUp::by_identifier("Organization", "urn:x,y", "a|b&c=d").as_str(),
            "Organization?identifier=urn:x%2Cy%7Ca%7Cb%26c%3Dd&_count=200&_sort=_id&_total=none"
        );
        let target = Target::by_ids("Medication", &ids, 2).unwrap();
        assert_eq!(target.as_str(), "Medication?_id=a,b&_count=2&_sort=_id&_total=none");
        let target = Target::of_person("DocumentReference", &ids).unwrap();
        assert_eq!(target.as_str(), "DocumentReference?patient=a,b&_count=200&_sort=_id&_total=none");
        assert!(Target::of_person("DocumentReference", &[]).is_none());
        assert!(Target::by_ids("Medication", &[], 2).is_none() && LookUp::by_ids("Medication", &[]).is_none());
    }
}
