//! Standing: how each CA that is known stands with its CRLs, for operators.

use std::collections::BTreeMap;

use openssl::x509::X509;
use time::OffsetDateTime;

use super::crl::common_name;
use super::{CrlError, Trust, WithoutCrl};

/// How an issuer stands with its CRLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The common name of the issuer.
    pub issuer: String,
    /// How it stands.
    pub state: CrlState,
    /// Until when the newest CRL that counts holds, or held.
    pub until: Option<OffsetDateTime>,
}

/// What there is of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrlState {
    /// A CRL that holds.
    Holds,
    /// None, of a CA whose certificates cannot be judged without.
    Missing,
    /// None, of a root, which need not issue certificates of callers.
    None,
    /// None, and a responder is asked instead.
    Asked,
    /// One whose nextUpdate is past.
    Ended,
    /// One whose thisUpdate is to come.
    NotYet,
    /// One in a file that does not count.
    SetAside(CrlError),
}

impl CrlState {
    /// Returns the code that `/ready` and `sluis check` say.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Holds => "ok",
            Self::Missing => "missing",
            Self::None => "none",
            Self::Asked => "ocsp",
            Self::Ended => "expired",
            Self::NotYet => "not-yet",
            Self::SetAside(cause) => cause.code(),
        }
    }

    /// Returns true if and only if callers of the issuer are refused for it.
    #[must_use]
    pub fn refuses(self) -> bool {
        match self {
            Self::Missing | Self::Ended | Self::NotYet => true,
            Self::Holds | Self::None | Self::Asked | Self::SetAside(_) => false,
        }
    }
}

impl Trust {
    /// Returns how each CA that is known stands, and each further issuer of a CRL that is there. Nothing where revocation is
    /// not judged.
    #[must_use]
    pub fn standings(&self, now: OffsetDateTime) -> Vec<Standing> {
        let Some((_, revocation)) = &self.revocation else { return Vec::new() };
        let mut named: Vec<&X509> = Vec::new();
        for ca in self.known() {
            // Of one that was issued again, once.
            if !named.iter().any(|other| is_same_name(other, ca)) {
                named.push(ca);
            }
        }
        let mut standings = Vec::new();
        for ca in &named {
            let own = |newest: &&super::Newest| newest.signer.as_ref().is_some_and(|signer| is_same_name(signer, ca));
            let issuer = common_name(ca.subject_name());
            let mut is_there = false;
            for newest in revocation.newest.values().filter(own) {
                is_there = true;
                standings.push(newest.standing(now));
            }
            if !is_there {
                let is_root = is_same(ca.subject_name(), ca.issuer_name());
                let state = match self.without_crl {
                    WithoutCrl::Asked => CrlState::Asked,
                    WithoutCrl::Refused if is_root => CrlState::None,
                    WithoutCrl::Refused => CrlState::Missing,
                };
                standings.push(Standing { issuer, state, until: None });
            }
        }
        let others = revocation.newest.values().filter(|newest| newest.signer.is_none());
        standings.extend(others.map(|newest| newest.standing(now)));
        standings.extend(revocation.set_aside.iter().map(|aside| Standing {
            issuer: aside.issuer.clone(),
            state: CrlState::SetAside(aside.cause),
            until: None,
        }));
        standings
    }

    /// Returns when the CRL of each issuer ends, in seconds since 1970, by its common name; 0 where there is none.
    #[must_use]
    pub fn crl_ends(&self) -> BTreeMap<String, i64> {
        let mut ends: BTreeMap<String, i64> = BTreeMap::new();
        if self.revocation.is_some() {
            ends.extend(self.known().map(|ca| (common_name(ca.subject_name()), 0)));
        }
        for newest in self.newest() {
            let end = newest.edition.next_update.unix_timestamp();
            // Of several series of one issuer, the first to end.
            let there = ends.entry(newest.issuer.clone()).or_default();
            *there = if *there == 0 { end } else { end.min(*there) };
        }
        ends
    }
}

impl super::Newest {
    fn standing(&self, now: OffsetDateTime) -> Standing {
        let state = match self.edition.holds_at(now) {
            Ok(()) => CrlState::Holds,
            Err(CrlError::NotYet) => CrlState::NotYet,
            Err(_) => CrlState::Ended,
        };
        Standing { issuer: self.issuer.clone(), state, until: Some(self.edition.next_update) }
    }
}

fn is_same_name(one: &X509, other: &X509) -> bool {
    is_same(one.subject_name(), other.subject_name())
}

fn is_same(one: &openssl::x509::X509NameRef, other: &openssl::x509::X509NameRef) -> bool {
    one.try_cmp(other).is_ok_and(|order| order == std::cmp::Ordering::Equal)
}
