//! What the reading of certificates accepts, a strict second reading accepts as well, and for the same caller: over
//! certificates whose bytes and whose structure were changed.

use proptest::prelude::*;
use time::macros::datetime;

use super::super::*;
use super::second::{self, Second};
use super::stored::CASES;
use crate::identity::{Register, Role};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const NOW_DIGITS: &str = "20260301120000";

/// A DER element that can be changed and written again, with the lengths around it.
#[derive(Debug, Clone)]
enum Node {
    Leaf(u8, Vec<u8>),
    Branch(u8, Vec<Node>),
    /// Bytes as they are.
    Raw(Vec<u8>),
}

impl Node {
    fn read_all(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut nodes = Vec::new();
        while let [tag, first, rest @ ..] = bytes {
            let octets = usize::from(first.checked_sub(0x80).unwrap_or(0));
            let length = match octets {
                0 if *first == 0x80 => return None,
                0 => usize::from(*first),
                _ => rest.get(..octets)?.iter().fold(0, |length: usize, octet| length << 8 | usize::from(*octet)),
            };
            let content = rest.get(octets..octets.checked_add(length)?)?;
            // An OCTET STRING may hold DER, as that of an extension does.
            let children = (tag & 0x20 != 0 || *tag == 0x04).then(|| Self::read_all(content)).flatten();
            nodes.push(match children {
                Some(children) => Self::Branch(*tag, children),
                None => Self::Leaf(*tag, content.to_vec()),
            });
            bytes = &rest[octets + length..];
        }
        bytes.is_empty().then_some(nodes)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf(tag, content) => tlv(*tag, content, out),
            Self::Branch(tag, children) => {
                let mut content = Vec::new();
                children.iter().for_each(|child| child.write(&mut content));
                tlv(*tag, &content, out);
            }
            Self::Raw(bytes) => out.extend(bytes),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Leaf(..) | Self::Raw(_) => 1,
            Self::Branch(_, children) => 1 + children.iter().map(Self::count).sum::<usize>(),
        }
    }

    /// The element of this number, counted from the top.
    fn at(&mut self, number: &mut usize) -> Option<&mut Self> {
        if *number == 0 {
            return Some(self);
        }
        *number -= 1;
        match self {
            Self::Leaf(..) | Self::Raw(_) => None,
            Self::Branch(_, children) => children.iter_mut().find_map(|child| child.at(number)),
        }
    }
}

fn tlv(tag: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    match content.len() {
        length @ 0..0x80 => out.push(u8::try_from(length).unwrap()),
        length @ 0x80..0x100 => out.extend([0x81, u8::try_from(length).unwrap()]),
        length => out.extend([0x82, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 0xff).unwrap()]),
    }
    out.extend(content);
}

/// A change of one element: which, how, and with what.
type Change = (usize, u8, u8, usize);

fn change(root: &mut Node, (number, how, byte, other): Change) {
    let count = root.count();
    let copy = root.clone().at(&mut (other % count)).unwrap().clone();
    let node = root.at(&mut (number % count)).unwrap();
    let written = |node: &Node| {
        let mut bytes = Vec::new();
        node.write(&mut bytes);
        bytes
    };
    match (how % 9, &mut *node) {
        (0, node) => *node = Node::Raw(Vec::new()),
        (1, node) => *node = Node::Raw([written(node), written(node)].concat()),
        (2, Node::Leaf(tag, _) | Node::Branch(tag, _)) => *tag = byte,
        (3, Node::Leaf(_, content)) if !content.is_empty() => {
            let place = other % content.len();
            content[place] = byte;
        }
        (4, Node::Leaf(_, content)) => content.push(byte),
        (5, Node::Leaf(_, content)) => drop(content.pop()),
        // A length that is longer than it has to be.
        (6, Node::Leaf(tag, content)) if content.len() < 0x80 => {
            let head = [*tag, 0x81, u8::try_from(content.len()).unwrap()];
            *node = Node::Raw([&head, content.as_slice()].concat());
        }
        (7, Node::Branch(_, children)) => {
            let place = usize::from(byte) % (children.len() + 1);
            children.insert(place, copy);
        }
        (_, Node::Branch(_, children)) if !children.is_empty() => {
            let (one, two) = (other % children.len(), usize::from(byte) % children.len());
            children.swap(one, two);
        }
        (_, node) => *node = copy,
    }
}

fn agree(der: &[u8]) -> Result<(), TestCaseError> {
    let Ok(caller) = identify(der, NOW, &Register::new(Strictness::Production)) else { return Ok(()) };
    let second = second::read(der, NOW_DIGITS);
    let first = Second {
        uzi: caller.uzi().as_str().to_owned(),
        ura: caller.ura().as_str().to_owned(),
        card_type: caller.card_type().letter().to_string(),
        role: caller.role().map_or("00.000", Role::as_str).to_owned(),
        issuer_oid: second.as_ref().map(|second| second.issuer_oid.clone()).unwrap_or_default(),
    };
    prop_assert_eq!(second, Some(first), "{:02x?}", der);
    Ok(())
}

#[test]
fn both_readings_accept_the_same_of_the_stored_certificates() {
    let mut accepted = 0;
    for case in &CASES {
        let first = identify(case.der, NOW, &Register::new(Strictness::Production)).is_ok();
        assert_eq!(second::read(case.der, NOW_DIGITS).is_some(), first, "{}", case.file);
        accepted += usize::from(first);
    }
    assert!(accepted >= 2);
}

#[cfg(feature = "gateway")]
#[test]
fn both_readings_accept_every_shape_of_the_register() {
    use super::cases::{SHAPES, der};
    for shape in SHAPES {
        let certificate =
            der(crate::cli::demo::pki::World::Production, &shape(crate::cli::demo::pki::World::Production));
        assert!(second::read(&certificate, NOW_DIGITS).is_some());
        agree(&certificate).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn changed_bytes_are_accepted_by_both_or_not_by_the_first(
        good in 0..2usize,
        changes in prop::collection::vec((0usize..2048, any::<u8>()), 1..3),
    ) {
        let mut der = CASES[good].der.to_vec();
        for (place, byte) in changes {
            let place = place % der.len();
            der[place] = byte;
        }
        agree(&der)?;
    }

    #[test]
    fn changed_structure_is_accepted_by_both_or_not_by_the_first(
        good in 0..2usize,
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>(), any::<usize>()), 1..4),
    ) {
        let mut root = Node::read_all(CASES[good].der).unwrap().remove(0);
        for each in changes {
            change(&mut root, each);
        }
        let mut der = Vec::new();
        root.write(&mut der);
        agree(&der)?;
        // Leniently as well, nothing panics.
        drop(examine(&der, NOW, &Register::new(Strictness::Test)));
    }
}
