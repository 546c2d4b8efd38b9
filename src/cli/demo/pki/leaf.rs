//! What a certificate of the test PKI says: right by its constructor, wrong by what is changed after it.

use openssl::error::ErrorStack;
use time::OffsetDateTime;

use super::der::{self, IA5, PRINTABLE, SEQUENCE, UTF8, bits, context, extension, oid, sequence, tlv};
use super::{Ca, World};

/// Assigner of URAs in a permanentIdentifier.
const URA_ASSIGNER: &str = "2.16.528.1.1007.3.3";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const DOCUMENT_SIGNING: &str = "1.3.6.1.4.1.311.10.3.12";

/// One name in subjectAltName.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AltName {
    /// otherName 2.5.5.5 as IA5String: the UZI name.
    Uzi(String),
    /// The same as UTF8String.
    UziUtf8(String),
    /// Microsoft's user principal name.
    Upn(String),
    /// permanentIdentifier with a URA.
    Ura(String),
    /// permanentIdentifier of another assigner.
    OtherPermanent(String, String),
    /// dNSName.
    Dns(String),
    /// Any DER at all, as one GeneralName.
    Raw(Vec<u8>),
}

impl AltName {
    fn der(&self) -> Result<Vec<u8>, ErrorStack> {
        match self {
            Self::Uzi(text) => other_name("2.5.5.5", &tlv(IA5, text.as_bytes())),
            Self::UziUtf8(text) => other_name("2.5.5.5", &tlv(UTF8, text.as_bytes())),
            Self::Upn(text) => other_name("1.3.6.1.4.1.311.20.2.3", &tlv(UTF8, text.as_bytes())),
            Self::Ura(ura) => permanent(ura, URA_ASSIGNER),
            Self::OtherPermanent(value, assigner) => permanent(value, assigner),
            Self::Dns(name) => Ok(tlv(0x82, name.as_bytes())),
            Self::Raw(der) => Ok(der.clone()),
        }
    }
}

fn other_name(kind: &str, value: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    Ok(tlv(context(0), &[oid(kind)?, tlv(context(0), value)].concat()))
}

fn permanent(value: &str, assigner: &str) -> Result<Vec<u8>, ErrorStack> {
    other_name("1.3.6.1.5.5.7.8.3", &sequence(&[&tlv(UTF8, value.as_bytes()), &oid(assigner)?]))
}

/// How long the key of a certificate is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyLength {
    /// 2048 bits, as cards and servers of G3 and G1 have.
    #[default]
    Usual,
    /// 4096 bits, as servers of G4 have.
    Large,
    /// 1024 bits, which nobody may have any more.
    Weak,
}

/// The parts of the UZI name, as text, so that each can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    issuer_oid: String,
    version: String,
    uzi: String,
    card_type: String,
    ura: String,
    role: String,
    agb: String,
}

/// A certificate to be issued.
#[derive(Debug, Clone)]
pub struct Leaf {
    pub(super) ca: Ca,
    pub(super) valid: Option<(OffsetDateTime, OffsetDateTime)>,
    name: Name,
    text: Option<String>,
    utf8: bool,
    upn: Option<String>,
    permanent: Option<String>,
    dns: Option<String>,
    also: Vec<AltName>,
    reversed: bool,
    serial_number: Option<String>,
    common_name: String,
    given_name: Option<String>,
    surname: Option<String>,
    title: Option<String>,
    organization: String,
    key_usage: Option<Vec<u8>>,
    extended_key_usage: Option<Vec<String>>,
    policies: Option<Vec<String>>,
    is_ca: bool,
    more: Vec<Vec<u8>>,
    serial_numbers: Vec<String>,
    pub(super) key_length: KeyLength,
}

impl Leaf {
    /// Returns the authentication certificate of a zorgverlenerpas.
    #[must_use]
    pub fn professional(world: World, uzi: &str, ura: &str, role: &str) -> Self {
        let mut leaf = Self::new(world, Ca::Professional, "Z", uzi, ura, role);
        leaf.title = Some("Arts".to_owned());
        leaf
    }

    /// Returns the authentication certificate of a medewerkerpas op naam.
    #[must_use]
    pub fn employee(world: World, uzi: &str, ura: &str) -> Self {
        Self::new(world, Ca::Employee, "N", uzi, ura, "00.000")
    }

    /// Returns the authentication certificate of a medewerkerpas niet op naam.
    #[must_use]
    pub fn function(world: World, uzi: &str, ura: &str, function: &str) -> Self {
        let mut leaf = Self::new(world, Ca::Function, "M", uzi, ura, "00.000");
        (leaf.given_name, leaf.surname) = (None, None);
        function.clone_into(&mut leaf.common_name);
        leaf
    }

    /// Returns a server certificate of the generation G1.
    #[must_use]
    pub fn system(world: World, uzi: &str, ura: &str, host: &str) -> Self {
        Self::server(world, Ca::Server, uzi, ura, host)
    }

    /// Returns a server certificate of the generation G4.
    #[must_use]
    pub fn system_g4(world: World, uzi: &str, ura: &str, host: &str) -> Self {
        Self::server(world, Ca::ServerG4, uzi, ura, host)
    }

    fn server(world: World, ca: Ca, uzi: &str, ura: &str, host: &str) -> Self {
        let mut leaf = Self::new(world, ca, "S", uzi, ura, "00.000");
        (leaf.given_name, leaf.surname, leaf.upn) = (None, None, None);
        host.clone_into(&mut leaf.common_name);
        leaf.dns = Some(host.to_owned());
        leaf.permanent = Some(ura.to_owned());
        leaf.key_usage = Some(vec![0, 2]);
        leaf.extended_key_usage = Some(vec![SERVER_AUTH.to_owned(), CLIENT_AUTH.to_owned()]);
        leaf
    }

    fn new(world: World, ca: Ca, card_type: &str, uzi: &str, ura: &str, role: &str) -> Self {
        let (surname, given_name) = (format!("Test-{uzi}"), "Jan".to_owned());
        Self {
            ca,
            valid: None,
            name: Name {
                issuer_oid: ca.issuer_oid(world).to_owned(),
                version: "1".to_owned(),
                uzi: uzi.to_owned(),
                card_type: card_type.to_owned(),
                ura: ura.to_owned(),
                role: role.to_owned(),
                agb: "00000000".to_owned(),
            },
            text: None,
            utf8: false,
            upn: Some(format!("{uzi}@{ura}")),
            permanent: None,
            dns: None,
            also: Vec::new(),
            reversed: false,
            serial_number: Some(uzi.to_owned()),
            common_name: format!("{given_name} {surname}"),
            given_name: Some(given_name),
            surname: Some(surname),
            title: None,
            organization: "Tést Zorginstelling 01".to_owned(),
            key_usage: Some(vec![0]),
            extended_key_usage: Some(vec![CLIENT_AUTH.to_owned(), DOCUMENT_SIGNING.to_owned()]),
            policies: Some(ca.policies(world).iter().map(|policy| (*policy).to_owned()).collect()),
            is_ca: false,
            more: Vec::new(),
            serial_numbers: Vec::new(),
            key_length: KeyLength::Usual,
        }
    }

    /// Names the person.
    #[must_use]
    pub fn named(mut self, given_name: &str, surname: &str) -> Self {
        self.common_name = format!("{given_name} {surname}");
        (self.given_name, self.surname) = (Some(given_name.to_owned()), Some(surname.to_owned()));
        self
    }

    /// Titles the person.
    #[must_use]
    pub fn titled(mut self, title: &str) -> Self {
        self.title = Some(title.to_owned());
        self
    }

    /// Names the organisation.
    #[must_use]
    pub fn of(mut self, organization: &str) -> Self {
        organization.clone_into(&mut self.organization);
        self
    }

    /// Lets another CA sign; the name keeps saying what it said.
    #[must_use]
    pub fn issued_by(mut self, ca: Ca) -> Self {
        self.ca = ca;
        self
    }

    /// Sets the validity; from a day ago until in three years otherwise.
    #[must_use]
    pub fn valid(mut self, from: OffsetDateTime, until: OffsetDateTime) -> Self {
        self.valid = Some((from, until));
        self
    }

    /// Changes one field of the name (1 to 7, as they stand), and nothing that must agree with it.
    #[must_use]
    pub fn field(mut self, number: u8, text: &str) -> Self {
        let name = &mut self.name;
        let field = match number {
            1 => &mut name.issuer_oid,
            2 => &mut name.version,
            3 => &mut name.uzi,
            4 => &mut name.card_type,
            5 => &mut name.ura,
            6 => &mut name.role,
            _ => &mut name.agb,
        };
        text.clone_into(field);
        self
    }

    /// Puts any text where the name is.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// Writes the name as UTF8String.
    #[must_use]
    pub fn utf8(mut self) -> Self {
        self.utf8 = true;
        self
    }

    /// Sets or removes the user principal name.
    #[must_use]
    pub fn upn(mut self, upn: Option<&str>) -> Self {
        self.upn = upn.map(str::to_owned);
        self
    }

    /// Sets or removes the permanentIdentifier.
    #[must_use]
    pub fn permanent(mut self, ura: Option<&str>) -> Self {
        self.permanent = ura.map(str::to_owned);
        self
    }

    /// Adds a name behind the others.
    #[must_use]
    pub fn also(mut self, name: AltName) -> Self {
        self.also.push(name);
        self
    }

    /// Turns the order of the names around.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Sets or removes the serialNumber of the subject.
    #[must_use]
    pub fn serial_number(mut self, number: Option<&str>) -> Self {
        self.serial_number = number.map(str::to_owned);
        self
    }

    /// Sets the bits of keyUsage by their numbers (RFC 5280, 4.2.1.3), or leaves it out.
    #[must_use]
    pub fn key_usage(mut self, bits: Option<&[u8]>) -> Self {
        self.key_usage = bits.map(<[u8]>::to_vec);
        self
    }

    /// Sets the purposes of extKeyUsage, or leaves it out.
    #[must_use]
    pub fn extended_key_usage(mut self, purposes: Option<&[&str]>) -> Self {
        self.extended_key_usage = purposes.map(|purposes| purposes.iter().map(|&oid| oid.to_owned()).collect());
        self
    }

    /// Sets the certificate policies, or leaves them out.
    #[must_use]
    pub fn policies(mut self, policies: Option<&[&str]>) -> Self {
        self.policies = policies.map(|policies| policies.iter().map(|&oid| oid.to_owned()).collect());
        self
    }

    /// Makes it a CA.
    #[must_use]
    pub fn ca(mut self) -> Self {
        self.is_ca = true;
        self
    }

    /// Adds an extension: its OID, whether it is critical, the DER of its value.
    ///
    /// # Errors
    ///
    /// When the OID is none.
    pub fn extension(mut self, kind: &str, critical: bool, value: &[u8]) -> Result<Self, ErrorStack> {
        self.more.push(extension(kind, critical, value)?);
        Ok(self)
    }

    /// Names where the CRL of its issuer is (RFC 5280, 4.2.1.13).
    ///
    /// # Errors
    ///
    /// Never.
    pub fn crl_at(self, url: &str) -> Result<Self, ErrorStack> {
        let point = sequence(&[&tlv(context(0), &tlv(context(0), &tlv(0x86, url.as_bytes())))]);
        self.extension("2.5.29.31", false, &sequence(&[&point]))
    }

    /// Names the OCSP responder of its issuer (RFC 5280, 4.2.2.1).
    ///
    /// # Errors
    ///
    /// Never.
    pub fn responder_at(self, url: &str) -> Result<Self, ErrorStack> {
        let access = sequence(&[&oid("1.3.6.1.5.5.7.48.1")?, &tlv(0x86, url.as_bytes())]);
        self.extension("1.3.6.1.5.5.7.1.1", false, &sequence(&[&access]))
    }

    /// Adds a further serialNumber to the subject.
    #[must_use]
    pub fn also_serial_number(mut self, number: &str) -> Self {
        self.serial_numbers.push(number.to_owned());
        self
    }

    /// Sets the length of the key.
    #[must_use]
    pub fn key_length(mut self, length: KeyLength) -> Self {
        self.key_length = length;
        self
    }

    pub(super) fn subject(&self) -> Result<Vec<u8>, ErrorStack> {
        let mut attributes = vec![("2.5.4.6", PRINTABLE, "NL"), ("2.5.4.10", UTF8, self.organization.as_str())];
        let optional = [
            ("2.5.4.12", UTF8, &self.title),
            ("2.5.4.4", UTF8, &self.surname),
            ("2.5.4.42", UTF8, &self.given_name),
            ("2.5.4.5", PRINTABLE, &self.serial_number),
        ];
        attributes.extend(optional.iter().filter_map(|(kind, tag, value)| Some((*kind, *tag, value.as_deref()?))));
        attributes.extend(self.serial_numbers.iter().map(|number| ("2.5.4.5", PRINTABLE, number.as_str())));
        attributes.push(("2.5.4.3", UTF8, &self.common_name));
        der::name(&attributes)
    }

    fn alt_names(&self) -> Vec<AltName> {
        let Name { issuer_oid, version, uzi, card_type, ura, role, agb } = &self.name;
        let full = || format!("{issuer_oid}-{version}-{uzi}-{card_type}-{ura}-{role}-{agb}");
        let text = self.text.clone().unwrap_or_else(full);
        // On real cards the UPN stands before the UZI name; on servers the DNS name comes first.
        let mut names: Vec<AltName> = self.dns.clone().map(AltName::Dns).into_iter().collect();
        names.extend(self.upn.clone().map(AltName::Upn));
        if !text.is_empty() {
            names.push(if self.utf8 { AltName::UziUtf8(text) } else { AltName::Uzi(text) });
        }
        names.extend(self.permanent.clone().map(AltName::Ura));
        names.extend(self.also.iter().cloned());
        if self.reversed {
            names.reverse();
        }
        names
    }

    pub(super) fn extensions(&self) -> Result<Vec<Vec<u8>>, ErrorStack> {
        let mut extensions = Vec::new();
        if let Some(numbers) = &self.key_usage {
            extensions.push(extension("2.5.29.15", true, &key_usage(numbers))?);
        }
        if let Some(purposes) = &self.extended_key_usage {
            let purposes = purposes.iter().map(|purpose| oid(purpose)).collect::<Result<Vec<_>, _>>()?;
            extensions.push(extension("2.5.29.37", false, &tlv(SEQUENCE, &purposes.concat()))?);
        }
        if let Some(policies) = &self.policies {
            let mut all = Vec::new();
            for policy in policies {
                all.extend(sequence(&[&oid(policy)?]));
            }
            extensions.push(extension("2.5.29.32", false, &tlv(SEQUENCE, &all))?);
        }
        let names = self.alt_names().iter().map(AltName::der).collect::<Result<Vec<_>, _>>()?;
        if !names.is_empty() {
            extensions.push(extension("2.5.29.17", false, &tlv(SEQUENCE, &names.concat()))?);
        }
        let constraints = if self.is_ca { tlv(SEQUENCE, &[0x01, 0x01, 0xff]) } else { tlv(SEQUENCE, &[]) };
        extensions.push(extension("2.5.29.19", true, &constraints)?);
        extensions.extend(self.more.iter().cloned());
        Ok(extensions)
    }
}

/// Writes a named bit list: trailing zero bits are not written (X.690, 11.2.2).
pub(super) fn key_usage(numbers: &[u8]) -> Vec<u8> {
    let byte = numbers.iter().fold(0u8, |byte, number| byte | 0x80u8.checked_shr((*number).into()).unwrap_or(0));
    if byte == 0 { bits(&[], 0) } else { bits(&[byte], u8::try_from(byte.trailing_zeros()).unwrap_or(0)) }
}
