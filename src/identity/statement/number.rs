//! Numbers and codes of registers, in the forms in which tokens write them.
//!
//! Which form an issuer uses is confirmed in no source; each of these says unmistakably what it is of.

use super::claims::Coded;

/// A register: its system in FHIR, and its OID.
pub(super) struct Register {
    url: &'static str,
    oid: &'static str,
}

/// Organisations, by URA.
pub(super) const ORGANISATIONS: Register =
    Register { url: "http://fhir.nl/fhir/NamingSystem/ura", oid: "2.16.528.1.1007.3.3" };

/// People, by UZI number; a number of Dezi is one of the same series.
pub(super) const PEOPLE: Register =
    Register { url: "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers", oid: "2.16.528.1.1007.3.1" };

/// Roles of the UZI register.
pub(super) const ROLES: Register =
    Register { url: "http://fhir.nl/fhir/NamingSystem/uzi-rolcode", oid: "2.16.840.1.113883.2.4.15.111" };

/// Purposes, v3-ActReason.
pub(super) const PURPOSES: Register =
    Register { url: "http://terminology.hl7.org/CodeSystem/v3-ActReason", oid: "2.16.840.1.113883.5.8" };

impl Register {
    /// Returns the number in a text: bare, or as `URL|number`, or as `urn:oid:OID.number`. Whether it has the shape of one is
    /// for its type to say.
    pub(super) fn number<'t>(&self, text: &'t str) -> Option<&'t str> {
        if let Some((system, number)) = text.rsplit_once('|') {
            return self.is(system).then_some(number);
        }
        match text.strip_prefix("urn:oid:") {
            Some(oid) => oid.strip_prefix(self.oid)?.strip_prefix('.'),
            None => Some(text),
        }
    }

    /// Returns true if and only if this is how the register is named.
    pub(super) fn is(&self, system: &str) -> bool {
        system == self.url || system.strip_prefix("urn:oid:").unwrap_or(system) == self.oid
    }

    /// Returns the code, if it is said to be of this register, or not said of which it is.
    pub(super) fn code<'c>(&self, coded: &'c Coded) -> Option<&'c str> {
        let is_ours = coded.system.as_ref().is_none_or(|system| self.is(system));
        is_ours.then_some(coded.code.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_each_of_its_forms_and_in_no_other() {
        for text in
            ["90000101", "http://fhir.nl/fhir/NamingSystem/ura|90000101", "urn:oid:2.16.528.1.1007.3.3.90000101"]
        {
            assert_eq!(ORGANISATIONS.number(text), Some("90000101"), "{text}");
        }
        for text in [
            "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers|90000101",
            "urn:oid:2.16.528.1.1007.3.1.90000101",
            "urn:oid:2.16.528.1.1007.3.390000101",
            "|90000101",
        ] {
            assert_eq!(ORGANISATIONS.number(text), None, "{text}");
        }
    }
}
