//! What the gateway counts, for Prometheus.
//!
//! Label values are codes from closed lists, names from the configuration and of CAs that it trusts: nothing that a caller
//! or a patient is part of can become one.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::door::HandshakeFailure;
use super::forwarder::{self, Standing};
use super::hook::Notice;
use super::live::Reading;
use super::portal::Looked;
use super::revocation::{fetch_codes, ocsp_codes};
use super::statement;
use crate::audit::Outcome;
use crate::consent::Ground;
use crate::identity::statement::Unproven;
use table::{Counters, Gauge, Histograms, Label, Named};

/// The label value where there is no ground, no exchange profile.
const NONE: &str = "none";

/// The label value of a statement that proves who acts.
const ACCEPTED: &str = "accepted";

/// What an upstream is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Who a query is about.
    Patient,
    /// Consents, and what they refer to.
    Consent,
    /// What kind of organisation a caller's is.
    Directory,
    /// What may show a treatment relation.
    Relation,
    /// A resource whose patient, or whose reference, must be known before judging.
    Reference,
    /// Data that can be released.
    Data,
}

impl Call {
    const ALL: [Self; 6] = [Self::Patient, Self::Consent, Self::Directory, Self::Relation, Self::Reference, Self::Data];

    fn code(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Consent => "consent",
            Self::Directory => "directory",
            Self::Relation => "relation",
            Self::Reference => "reference",
            Self::Data => "data",
        }
    }
}

/// How the head of an answer of a server looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// What was asked for.
    Found,
    /// That there is none.
    Absent,
    /// Nothing of use, or nothing.
    Failed,
}

impl Answered {
    const ALL: [Self; 3] = [Self::Found, Self::Absent, Self::Failed];

    fn code(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }
}

/// Everything that is counted. One per process, shared.
#[derive(Debug)]
pub struct Metrics {
    exchanges: Counters,
    handshakes_failed: Counters,
    asked: Counters,
    notices: Counters,
    crls_fetched: Counters,
    ocsp_answers: Counters,
    statements: Counters,
    statements_fetched: Counters,
    configuration_reads: Counters,
    portal: Counters,
    upstream: Histograms,
    in_flight: Gauge,
    connections: Gauge,
    journal_broken: Gauge,
    configuration_broken: Gauge,
    index_behind: Gauge,
    trust_broken: Gauge,
    trust_generation: Gauge,
    crl_next_update: Gauge,
    crl_issuers: Named,
    forwarders: ArcSwap<Vec<Arc<Standing>>>,
}

impl Metrics {
    /// Returns counters at zero, for exchange profiles of these names.
    #[must_use]
    pub fn new(profiles: &[&str]) -> Self {
        let grounds = Ground::ALL.map(Ground::code);
        Self {
            exchanges: Counters::new(
                "sluis_exchanges_total",
                "Requests of identified callers, by how they ended.",
                vec![
                    Label::new("outcome", Outcome::ALL.map(Outcome::code)),
                    Label::new("ground", grounds.into_iter().chain([NONE])),
                    Label::new("exchange", profiles.iter().copied().chain([NONE])),
                ],
            ),
            handshakes_failed: Counters::new(
                "sluis_handshakes_failed_total",
                "TLS handshakes that ended in no connection.",
                vec![Label::new("reason", HandshakeFailure::codes())],
            ),
            asked: Counters::new(
                "sluis_upstream_requests_total",
                "Requests to the servers behind the gateway.",
                vec![
                    Label::new("call", Call::ALL.map(Call::code)),
                    Label::new("result", Answered::ALL.map(Answered::code)),
                ],
            ),
            notices: Counters::new(
                "sluis_notices_total",
                "Notices of servers that something changed, by what became of them.",
                vec![Label::new("result", Notice::ALL.map(Notice::code))],
            ),
            crls_fetched: Counters::new(
                "sluis_crl_fetches_total",
                "CRLs that were fetched, by what became of them.",
                vec![Label::new("result", fetch_codes())],
            ),
            ocsp_answers: Counters::new(
                "sluis_ocsp_answers_total",
                "Questions to OCSP responders, by what became of them.",
                vec![Label::new("result", ocsp_codes())],
            ),
            statements: Counters::new(
                "sluis_statements_total",
                "Statements about who acts behind a system, by what became of them.",
                vec![Label::new("result", Unproven::ALL.map(Unproven::code).into_iter().chain([ACCEPTED]))],
            ),
            statements_fetched: Counters::new(
                "sluis_statement_fetches_total",
                "Keys and lists of issuers of statements that were fetched, by what became of them.",
                vec![Label::new("result", statement::fetch_codes())],
            ),
            configuration_reads: Counters::new(
                "sluis_configuration_reads_total",
                "Times the configuration was read again, by what became of it.",
                vec![Label::new("result", Reading::ALL.map(Reading::code))],
            ),
            portal: Counters::new(
                "sluis_portal_requests_total",
                "Requests of clients of the portal listener, by what became of them.",
                vec![Label::new("result", Looked::ALL.map(Looked::code))],
            ),
            upstream: Histograms::new(
                "sluis_upstream_seconds",
                "Time to the head of an answer of the upstream.",
                vec![Label::new("call", Call::ALL.map(Call::code))],
            ),
            in_flight: Gauge::new("sluis_requests_in_flight", "Requests whose answer is not finished."),
            connections: Gauge::new("sluis_connections", "Open connections of callers."),
            journal_broken: Gauge::new("sluis_journal_broken", "1 when the journal takes no records."),
            index_behind: Gauge::new(
                "sluis_index_behind",
                "1 when the index of the journal does not cover what it could, at the last look at /ready.",
            ),
            configuration_broken: Gauge::new(
                "sluis_configuration_broken",
                "1 when the configuration file could not be used when it was read last and an older state is in force.",
            ),
            trust_broken: Gauge::new(
                "sluis_trust_broken",
                "1 when a file of certificates or CRLs cannot be taken and an older state is in force.",
            ),
            trust_generation: Gauge::new("sluis_trust_generation", "How many times certificates and CRLs were loaded."),
            crl_next_update: Gauge::new(
                "sluis_crl_next_update_seconds",
                "When the first CRL gets too old to count, seconds since 1970; 0 without CRLs.",
            ),
            crl_issuers: Named::new(
                "sluis_crl_issuer_next_update_seconds",
                "When the CRL of an issuer gets too old to count, seconds since 1970; 0 where none of it counts.",
                "issuer",
            ),
            forwarders: ArcSwap::default(),
        }
    }

    /// Counts an exchange that ended. One of a profile that is not of the configuration is not counted.
    pub fn exchange(&self, outcome: Outcome, ground: Option<Ground>, profile: Option<&str>) {
        self.exchanges.add(&[outcome.code(), ground.map_or(NONE, Ground::code), profile.unwrap_or(NONE)]);
    }

    /// Counts a handshake that failed.
    pub fn handshake_failed(&self, failure: HandshakeFailure) {
        self.handshakes_failed.add(&[failure.code()]);
    }

    /// Counts a request to a server, and how long the head of its answer took.
    pub fn upstream(&self, call: Call, answered: Answered, took: Duration) {
        self.asked.add(&[call.code(), answered.code()]);
        self.upstream.observe(&[call.code()], took);
    }

    /// Counts a notice of a server.
    pub fn notice(&self, notice: Notice) {
        self.notices.add(&[notice.code()]);
    }

    pub(super) fn crl_fetched(&self, result: &'static str) {
        self.crls_fetched.add(&[result]);
    }

    pub(super) fn ocsp_answered(&self, result: &'static str) {
        self.ocsp_answers.add(&[result]);
    }

    /// Counts a statement that was judged.
    pub(super) fn statement(&self, judged: Result<(), Unproven>) {
        self.statements.add(&[judged.map_or_else(Unproven::code, |()| ACCEPTED)]);
    }

    pub(super) fn statement_fetched(&self, result: &'static str) {
        self.statements_fetched.add(&[result]);
    }

    pub(super) fn configuration(&self, reading: Reading) {
        self.configuration_reads.add(&[reading.code()]);
        self.configuration_broken.set(i64::from(reading == Reading::Broken));
    }

    pub(super) fn portal(&self, looked: Looked) {
        self.portal.add(&[looked.code()]);
    }

    /// Says whether the journal takes records.
    pub fn journal_broken(&self, broken: bool) {
        self.journal_broken.set(i64::from(broken));
    }

    pub(super) fn index_behind(&self, behind: bool) {
        self.index_behind.set(i64::from(behind));
    }

    pub(super) fn request_began(&self) {
        self.in_flight.add(1);
    }

    pub(super) fn request_ended(&self) {
        self.in_flight.add(-1);
    }

    pub(super) fn connected(&self) {
        self.connections.add(1);
    }

    pub(super) fn disconnected(&self) {
        self.connections.add(-1);
    }

    pub(super) fn trust(&self, generation: u64, broken: bool, crl_next_update: Option<i64>) {
        self.trust_generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.trust_broken.set(i64::from(broken));
        self.crl_next_update.set(crl_next_update.unwrap_or(0));
    }

    /// Says until when the CRL of each issuer holds, by the name that its certificate in the trust directory has.
    pub(super) fn crl_issuers(&self, until: BTreeMap<String, i64>) {
        self.crl_issuers.set(until);
    }

    /// Says which forwarders run from here on. Their names are those of the configuration.
    pub(super) fn forwarding(&self, standings: Vec<Arc<Standing>>) {
        self.forwarders.store(Arc::new(standings));
    }

    /// Returns how the forwarders stand.
    #[must_use]
    pub fn forwarders(&self) -> Arc<Vec<Arc<Standing>>> {
        self.forwarders.load_full()
    }

    /// Returns everything in the text format of Prometheus 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        for counters in [
            &self.exchanges,
            &self.handshakes_failed,
            &self.asked,
            &self.notices,
            &self.crls_fetched,
            &self.ocsp_answers,
            &self.statements,
            &self.statements_fetched,
            &self.configuration_reads,
            &self.portal,
        ] {
            counters.render(&mut out);
        }
        self.upstream.render(&mut out);
        for gauge in [
            &self.in_flight,
            &self.connections,
            &self.journal_broken,
            &self.configuration_broken,
            &self.index_behind,
            &self.trust_broken,
            &self.trust_generation,
            &self.crl_next_update,
        ] {
            gauge.render(&mut out);
        }
        self.crl_issuers.render(&mut out);
        forwarder::render(&self.forwarders.load(), &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_counted_by_outcome_ground_and_profile() {
        let metrics = Metrics::new(&["ips", "bgz"]);
        metrics.exchange(Outcome::Delivered, Some(Ground::RulePermits), Some("bgz"));
        metrics.exchange(Outcome::Refused, None, None);
        let text = metrics.render();
        assert!(
            text.contains("sluis_exchanges_total{outcome=\"delivered\",ground=\"rule-permits\",exchange=\"bgz\"} 1\n")
        );
        assert!(text.contains("sluis_exchanges_total{outcome=\"refused\",ground=\"none\",exchange=\"none\"} 1\n"));
    }

    #[test]
    fn a_name_that_is_not_of_the_configuration_makes_no_series() {
        let metrics = Metrics::new(&["ips"]);
        metrics.exchange(Outcome::Delivered, Some(Ground::RulePermits), Some("Patient/1"));
        assert!(!metrics.render().contains("Patient"));
    }
}
