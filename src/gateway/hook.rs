//! Hook: where a server says that something changed that decisions rest on, and the secret that it says so with.
//!
//! A notice ends what is remembered and does nothing else: nothing in it is read, so that nothing in it has to be believed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use openssl::memcmp;
use sha2::{Digest, Sha256};

/// Shorter ones could be found by trying.
const SECRET_CHARACTERS: usize = 16;

/// The types that decisions rest on: what the patient said, whose records those are, and who is meant by it.
pub const ANNOUNCED: [&str; 7] =
    ["Consent", "Patient", "Organization", "Practitioner", "PractitionerRole", "CareTeam", "Group"];

/// A text that is no secret for a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a secret: 16 characters or more, of letters, digits and -._~+/=")]
pub struct NotASecret;

/// What a server proves with that a notice is its own.
#[derive(Clone, PartialEq, Eq)]
pub struct HookSecret(String);

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookSecret(…)")
    }
}

impl FromStr for HookSecret {
    type Err = NotASecret;

    /// Reads a token that can stand behind `Bearer` (RFC 6750, 2.1).
    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let long = text.len() >= SECRET_CHARACTERS;
        if long && text.bytes().all(fits) { Ok(Self(text.to_owned())) } else { Err(NotASecret) }
    }
}

impl HookSecret {
    /// Returns the value of `Authorization` that goes with a notice.
    #[must_use]
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Returns true if and only if `given` is the value of `Authorization` that goes with a notice, in a time that tells
    /// nothing of how much of it is right. The scheme has no case (RFC 9110, 11.1).
    #[must_use]
    pub fn is_in(&self, given: &str) -> bool {
        let Some((scheme, token)) = given.split_once(' ') else { return false };
        let digest = |text: &str| Sha256::digest(text.as_bytes());
        scheme.eq_ignore_ascii_case("bearer") && memcmp::eq(&digest(token), &digest(&self.0))
    }
}

/// The hooks of a gateway, by the names of the servers they belong to.
#[derive(Clone)]
pub struct Hooks {
    /// The servers.
    pub names: Vec<String>,
    /// What they prove themselves with.
    pub secret: HookSecret,
    /// What a notice does.
    pub notice: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("names", &self.names).finish_non_exhaustive()
    }
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It ended what was remembered.
    Received,
    /// It came without the secret.
    Unproven,
    /// It came with another one.
    Wrong,
}

impl Notice {
    /// Everything that can become of one.
    pub const ALL: [Self; 3] = [Self::Received, Self::Unproven, Self::Wrong];

    /// Returns a code for metrics and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Unproven => "unproven",
            Self::Wrong => "wrong-secret",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_enough_and_fits_a_header() {
        assert!("0123456789abcdef".parse::<HookSecret>().is_ok());
        for bad in [
            "",
            "0123456789abcde",
            "0123456789abcdef ",
            "0123456789 abcdef",
            "0123456789abcdef\r\nX: y",
            "0123456789abcdëf",
        ] {
            assert_eq!(bad.parse::<HookSecret>(), Err(NotASecret), "{bad:?}");
        }
    }

    #[test]
    fn only_the_whole_secret_behind_its_scheme_is_it() {
        let secret: HookSecret = "0123456789abcdef".parse().unwrap();
        assert!(secret.is_in(&secret.authorization()));
        assert!(secret.is_in("bearer 0123456789abcdef"));
        for other in [
            "",
            "Bearer",
            "Bearer ",
            "0123456789abcdef",
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdefg",
            "Bearer  0123456789abcdef",
            "Bearer 0123456789abcdeg",
        ] {
            assert!(!secret.is_in(other), "{other:?}");
        }
    }

    #[test]
    fn a_secret_shows_in_no_log() {
        let secret: HookSecret = "0123456789abcdef".parse().unwrap();
        let hooks = Hooks { names: vec!["hapi".to_owned()], secret: secret.clone(), notice: Arc::new(|| ()) };
        assert!(!format!("{secret:?} {hooks:?}").contains("0123456789"));
    }
}
