//! The names in subjectAltName: the UZI name and those that must agree with it.
//!
//! Strict DER: a name that is not understood makes the whole extension unreadable, because it could be a second UZI name.

use std::fmt;

use super::der::{CONTEXT_0, IA5, OBJECT, SEQUENCE, UTF8, element, is_oid, whole};

/// otherName type-id 2.5.5.5: the UZI name (CPS UZI-register, 7.1).
const UZI_NAME: &[u8] = &[0x55, 0x05, 0x05];
/// otherName type-id 1.3.6.1.4.1.311.20.2.3: Microsoft's user principal name.
const USER_PRINCIPAL_NAME: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];
/// otherName type-id 1.3.6.1.5.5.7.8.3: permanentIdentifier (RFC 4043).
const PERMANENT_IDENTIFIER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x03];
/// 2.16.528.1.1007.3.3: assigner of URAs.
const URA_ASSIGNER: &[u8] = &[0x60, 0x84, 0x10, 0x01, 0x87, 0x6f, 0x03, 0x03];

/// The other forms of GeneralName (RFC 5280, 4.2.1.6): mail, DNS, X.400, directory, EDI, URI, IP address, registered id.
const OTHER_FORMS: [u8; 8] = [0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x86, 0x87, 0x88];

/// The seven fields of the UZI name, as the certificate has them.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// OID of the issuing CA.
    pub issuer_oid: String,
    /// Version of the form.
    pub version: String,
    /// UZI number.
    pub uzi: String,
    /// Z, N, M or S, if it is right.
    pub card_type: String,
    /// Number of the subscriber.
    pub ura: String,
    /// Role code.
    pub role: String,
    /// AGB code.
    pub agb: String,
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("card_type", &self.card_type).field("ura", &self.ura).finish_non_exhaustive()
    }
}

impl Statement {
    /// Reads the seven-field form. The OID holds no hyphen, so a plain split is safe.
    fn read(text: &str) -> Option<Self> {
        let mut fields = text.split('-').map(str::to_owned);
        let statement = Self {
            issuer_oid: fields.next()?,
            version: fields.next()?,
            uzi: fields.next()?,
            card_type: fields.next()?,
            ura: fields.next()?,
            role: fields.next()?,
            agb: fields.next()?,
        };
        fields.next().is_none().then_some(statement)
    }
}

/// How the UZI name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// As IA5String, all of it ASCII.
    Ia5,
    /// As UTF8String, which test CAs of other projects do.
    Utf8,
    /// As something else.
    Otherwise,
}

/// An otherName of the type of UZI names.
#[derive(Debug, Clone)]
pub(super) struct UziName {
    pub(super) written: Written,
    pub(super) statement: Option<Statement>,
}

/// What subjectAltName says, apart from names that say nothing about the caller.
#[derive(Debug, Clone, Default)]
pub(super) struct AltNames {
    pub(super) uzi: Vec<UziName>,
    /// User principal names; nothing where one is no UTF8String.
    pub(super) principals: Vec<Option<String>>,
    /// URAs in permanentIdentifiers; nothing where one is not an identifier of a subscriber.
    pub(super) permanent: Vec<Option<String>>,
}

/// Reads the value of the extension.
pub(super) fn read(value: &[u8]) -> Option<AltNames> {
    let mut names = AltNames::default();
    let mut rest = whole(value, SEQUENCE)?;
    while !rest.is_empty() {
        let (tag, content, after) = element(rest)?;
        rest = after;
        match tag {
            CONTEXT_0 => read_other_name(content, &mut names)?,
            tag if OTHER_FORMS.contains(&tag) => {}
            _ => return None,
        }
    }
    Some(names)
}

fn read_other_name(content: &[u8], names: &mut AltNames) -> Option<()> {
    let (tag, kind, rest) = element(content)?;
    if tag != OBJECT || !is_oid(kind) {
        return None;
    }
    let (tag, value, rest) = element(whole(rest, CONTEXT_0)?)?;
    if !rest.is_empty() {
        return None;
    }
    if kind == UZI_NAME {
        let written = match tag {
            IA5 if value.is_ascii() => Written::Ia5,
            UTF8 => Written::Utf8,
            _ => Written::Otherwise,
        };
        let statement = std::str::from_utf8(value).ok().and_then(Statement::read);
        names.uzi.push(UziName { written, statement });
    } else if kind == USER_PRINCIPAL_NAME {
        names.principals.push(if tag == UTF8 { text(value) } else { None });
    } else if kind == PERMANENT_IDENTIFIER {
        names.permanent.push(if tag == SEQUENCE { subscriber(value) } else { None });
    }
    Some(())
}

/// Reads identifierValue and assigner; both are optional in RFC 4043, the register writes both.
fn subscriber(value: &[u8]) -> Option<String> {
    let (tag, identifier, rest) = element(value)?;
    (tag == UTF8 && whole(rest, OBJECT)? == URA_ASSIGNER).then(|| text(identifier)).flatten()
}

fn text(value: &[u8]) -> Option<String> {
    std::str::from_utf8(value).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other_name(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let inner = tlv(CONTEXT_0, &tlv(tag, value));
        tlv(CONTEXT_0, &[tlv(OBJECT, kind), inner].concat())
    }

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, content.to_vec()].concat()
    }

    const NAME: &[u8] = b"2.16.528.1.1003.1.3.5.5.2-1-900016528-Z-90000382-01.015-00000000";

    #[test]
    fn a_name_is_found_behind_others() {
        let names = [other_name(USER_PRINCIPAL_NAME, UTF8, b"900016528@90000382"), other_name(UZI_NAME, IA5, NAME)];
        let read = read(&tlv(SEQUENCE, &names.concat())).unwrap();
        assert_eq!(read.uzi.len(), 1);
        assert_eq!(read.uzi[0].written, Written::Ia5);
        assert_eq!(read.uzi[0].statement.as_ref().unwrap().role, "01.015");
        assert_eq!(read.principals, [Some("900016528@90000382".to_owned())]);
    }

    #[test]
    fn six_or_eight_fields_state_nothing() {
        for text in ["2.16-1-900016528-Z-90000382-01.015", "2.16-1-900016528-Z-90000382-01.015-00000000-0", ""] {
            assert_eq!(Statement::read(text), None, "{text}");
        }
        assert!(Statement::read("2.16-1-900016528-Z-90000382-01.015-00000000").is_some());
    }

    #[test]
    fn a_name_that_is_no_der_makes_the_extension_unreadable() {
        let good = tlv(SEQUENCE, &other_name(UZI_NAME, IA5, NAME));
        assert!(read(&good).is_some());
        let trailing = [good.clone(), vec![0]].concat();
        let cut = good[..good.len() - 1].to_vec();
        let twice = other_name(UZI_NAME, IA5, NAME);
        let without_value = tlv(SEQUENCE, &[twice.clone(), tlv(CONTEXT_0, &tlv(OBJECT, UZI_NAME))].concat());
        let no_object = tlv(SEQUENCE, &[twice, tlv(CONTEXT_0, &tlv(UTF8, UZI_NAME))].concat());
        let indefinite = [vec![SEQUENCE, 0x80], vec![0, 0]].concat();
        let long_form = [vec![SEQUENCE, 0x81, 0x02], vec![0x82, 0x00]].concat();
        let no_name = tlv(SEQUENCE, &[other_name(UZI_NAME, IA5, NAME), tlv(0x00, NAME)].concat());
        for bytes in [trailing, cut, without_value, no_object, indefinite, long_form, no_name, Vec::new()] {
            assert!(read(&bytes).is_none(), "{bytes:02x?}");
        }
    }

    #[test]
    fn an_identifier_of_another_assigner_is_not_one_of_a_subscriber() {
        let identifier = |assigner: &[u8]| [tlv(UTF8, b"90000382"), tlv(OBJECT, assigner)].concat();
        let read = |assigner| {
            let name = other_name(PERMANENT_IDENTIFIER, SEQUENCE, &identifier(assigner));
            read(&tlv(SEQUENCE, &name)).unwrap().permanent
        };
        assert_eq!(read(URA_ASSIGNER), [Some("90000382".to_owned())]);
        assert_eq!(read(UZI_NAME), [None]);
    }
}
