//! `[[audit.forward]]`: where the record is sent on to.

use super::{Check, access};
use crate::audit::Part;
use crate::gateway::config::{Access, ForwardKind, ForwardSettings, HolderSettings, raw};
use crate::limits;

/// A name is a file name, and a label in the metrics.
const NAME_CHARACTERS: usize = 64;

impl Check {
    pub(super) fn forward(&mut self, raw: Vec<raw::Forward>, holder: Option<&HolderSettings>) -> Vec<ForwardSettings> {
        if raw.len() > limits::FORWARDERS {
            self.mistake::<()>("audit.forward", format!("at most {}", limits::FORWARDERS));
        }
        let mut forwarders: Vec<ForwardSettings> = Vec::new();
        for one in raw {
            let Some(one) = self.forwarder(one, holder) else { continue };
            if forwarders.iter().any(|other| other.name == one.name) {
                self.mistake::<()>("audit.forward.name", "a name of its own for each");
            }
            forwarders.push(one);
        }
        forwarders
    }

    fn forwarder(&mut self, raw: raw::Forward, holder: Option<&HolderSettings>) -> Option<ForwardSettings> {
        let raw::Forward {
            name,
            kind,
            base,
            servers,
            stream,
            subject,
            withheld,
            longest_wait,
            ca,
            certificate,
            key,
            bearer_file,
        } = raw;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > NAME_CHARACTERS || !name.bytes().all(plain) {
            self.mistake::<()>("audit.forward.name", format!("1 to {NAME_CHARACTERS} of a-z, 0-9 and -"));
        }
        let longest_wait = self.duration("audit.forward.longest_wait", &longest_wait);
        let access = self.access("audit.forward", access::Raw { ca, certificate, key, bearer_file });
        let kind = match kind.as_str() {
            "fhir" => {
                let others =
                    [("servers", servers.is_some()), ("stream", stream.is_some()), ("subject", subject.is_some())];
                self.only_of("nats", others);
                self.fhir(base, withheld, access)
            }
            "nats" => {
                self.only_of("fhir", [("base", base.is_some())]);
                self.nats(Stream { servers, stream, subject, withheld }, access, holder)
            }
            _ => self.mistake("audit.forward.kind", "\"fhir\" or \"nats\""),
        };
        Some(ForwardSettings { name, kind: kind?, longest_wait: longest_wait? })
    }

    fn only_of(&mut self, kind: &str, keys: impl IntoIterator<Item = (&'static str, bool)>) {
        for (key, is_there) in keys {
            if is_there {
                self.mistake::<()>(&format!("audit.forward.{key}"), format!("only with kind = \"{kind}\""));
            }
        }
    }

    fn fhir(&mut self, base: Option<String>, withheld: bool, access: Access) -> Option<ForwardKind> {
        let base = base.or_else(|| self.mistake("audit.forward.base", "the base URL of the FHIR server"))?;
        let part = if withheld { Part::Protected } else { Part::Open };
        Some(ForwardKind::Fhir { base: self.base("audit.forward.base", &base)?, access, part })
    }

    fn nats(&mut self, raw: Stream, access: Access, holder: Option<&HolderSettings>) -> Option<ForwardKind> {
        if cfg!(not(feature = "nats")) {
            let expected = "a gateway that was built with the feature nats, which this one was not";
            self.mistake::<()>("audit.forward.kind", expected);
        }
        let Stream { servers, stream, subject, withheld } = raw;
        if !withheld {
            let expected = "true: the lines of the journal are sent as they stand, with what was withheld";
            self.mistake::<()>("audit.forward.withheld", expected);
        }
        let servers = servers.unwrap_or_default();
        if servers.is_empty() || !servers.iter().all(|server| is_server(server)) {
            self.mistake::<()>("audit.forward.servers", "URLs such as nats://10.0.0.5:4222 or tls://nats.example:4222");
        }
        // NATS: no white space, no `.`, no wildcard, no path.
        let named = |name: &String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !name.is_empty() && name.bytes().all(plain)
        };
        let stream = stream.filter(named).or_else(|| self.mistake("audit.forward.stream", "the name of the stream"));
        let subject = match subject {
            // Where the holder is wrong, that mistake is named already.
            None => Some(format!("sluis.audit.{}", holder?.ura.as_str())),
            Some(subject) => Some(subject).filter(|subject| subject.split('.').all(|token| named(&token.to_owned()))),
        };
        let subject = subject.or_else(|| self.mistake("audit.forward.subject", "a subject without wildcards"));
        of_stream(servers, stream?, subject?, access)
    }
}

/// The keys of a stream as they are written.
struct Stream {
    servers: Option<Vec<String>>,
    stream: Option<String>,
    subject: Option<String>,
    withheld: bool,
}

#[cfg(feature = "nats")]
fn of_stream(servers: Vec<String>, stream: String, subject: String, access: Access) -> Option<ForwardKind> {
    Some(ForwardKind::Nats { servers, stream, subject, access })
}

/// That is a mistake, and named already.
#[cfg(not(feature = "nats"))]
fn of_stream(_: Vec<String>, _: String, _: String, _: Access) -> Option<ForwardKind> {
    None
}

fn is_server(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    plain && ["nats", "tls"].contains(&url.scheme()) && url.has_host() && ["", "/"].contains(&url.path())
}
