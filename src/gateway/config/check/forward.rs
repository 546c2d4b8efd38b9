//! `[[audit.forward]]`: where the record is sent on to.

use super::{Check, access};
use crate::audit::Part;
use crate::gateway::config::{ForwardKind, ForwardSettings, raw};
use crate::limits;

/// A name is a file name, and a label in the metrics.
const NAME_CHARACTERS: usize = 64;

impl Check {
    pub(super) fn forward(&mut self, raw: Vec<raw::Forward>) -> Vec<ForwardSettings> {
        if raw.len() > limits::FORWARDERS {
            self.mistake::<()>("audit.forward", format!("at most {}", limits::FORWARDERS));
        }
        let mut forwarders: Vec<ForwardSettings> = Vec::new();
        for one in raw {
            let Some(one) = self.forwarder(one) else { continue };
            if forwarders.iter().any(|other| other.name == one.name) {
                self.mistake::<()>("audit.forward.name", "a name of its own for each");
            }
            forwarders.push(one);
        }
        forwarders
    }

    fn forwarder(&mut self, raw: raw::Forward) -> Option<ForwardSettings> {
        let raw::Forward { name, kind, base, withheld, longest_wait, ca, certificate, key, bearer_file } = raw;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > NAME_CHARACTERS || !name.bytes().all(plain) {
            self.mistake::<()>("audit.forward.name", format!("1 to {NAME_CHARACTERS} of a-z, 0-9 and -"));
        }
        let longest_wait = self.duration("audit.forward.longest_wait", &longest_wait);
        let access = self.access("audit.forward", access::Raw { ca, certificate, key, bearer_file });
        let kind = match kind.as_str() {
            "fhir" => {
                let part = if withheld { Part::Protected } else { Part::Open };
                let base = base.or_else(|| self.mistake("audit.forward.base", "the base URL of the FHIR server"));
                ForwardKind::Fhir { base: self.base("audit.forward.base", &base?)?, access, part }
            }
            _ => return self.mistake("audit.forward.kind", "\"fhir\""),
        };
        Some(ForwardSettings { name, kind, longest_wait: longest_wait? })
    }
}
