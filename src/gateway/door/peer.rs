//! The peer: who is at the other end of a connection, judged again for each request.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::X509;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::gateway::revocation::{Generation, LiveTrust, Mark};
use crate::gateway::trust::Unproven;
use crate::identity::{Caller, Finding, Reason, Refused, Register, examine, identify};
use crate::refusal::Refusal;

/// Who is at the other end of a connection. Requests find it with `HttpRequest::conn_data`.
///
/// The certificate is read once. That it still holds is judged at each request: a connection may outlive a certificate,
/// and a certificate may be revoked while connected.
#[derive(Clone)]
pub struct Peer(Rc<Facts>);

struct Facts {
    leaf: X509,
    chain: Stack<X509>,
    address: SocketAddr,
    read: RefCell<Read>,
    /// When the chain was last found good, but for what a responder is to be asked.
    verified: Cell<Option<Mark>>,
    /// What no CRL tells of: a responder is asked at each request whose answer is not in hand.
    unproven: RefCell<Vec<Unproven>>,
    refused: Cell<bool>,
    /// When each answer that is under way began.
    running: RefCell<Vec<Instant>>,
    changed: Notify,
}

/// What a certificate says, and by what it was read.
#[derive(Clone)]
struct Read {
    register: Arc<Register>,
    caller: Result<Arc<Caller>, Refused>,
}

impl Read {
    fn new(leaf: &X509, register: &Arc<Register>, now: OffsetDateTime) -> Result<Self, ErrorStack> {
        let caller = identify(&leaf.to_der()?, now, register);
        let caller = caller.map(Arc::new);
        Ok(Self { register: Arc::clone(register), caller })
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("address", &self.0.address).finish_non_exhaustive()
    }
}

impl Peer {
    /// Reads the certificate of a handshake that succeeded with the trust of `generation`.
    ///
    /// # Errors
    /// When OpenSSL cannot write what it read.
    pub fn new(
        leaf: X509,
        chain: Stack<X509>,
        address: SocketAddr,
        generation: &Generation,
        now: OffsetDateTime,
    ) -> Result<Self, ErrorStack> {
        let read = Read::new(&leaf, generation.register(), now)?;
        Ok(Self(Rc::new(Facts {
            leaf,
            chain,
            address,
            read: RefCell::new(read),
            // The handshake waited for no responder.
            verified: Cell::new((!generation.trust().asks()).then(|| generation.mark(now))),
            unproven: RefCell::default(),
            refused: Cell::new(false),
            running: RefCell::default(),
            changed: Notify::new(),
        })))
    }

    /// Returns where the connection comes from.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Admits a request: returns the caller if the certificate names one and still holds. It waits where a responder has to
    /// be asked, no longer than one is asked. After a refusal the connection is closed when its answers are out.
    ///
    /// # Errors
    /// Everything that was found, at least one thing.
    pub async fn admit(&self, now: OffsetDateTime, trust: &LiveTrust) -> Result<Arc<Caller>, Refused> {
        let admitted = self.judge(now, trust).await;
        if admitted.is_err() {
            self.0.refused.set(true);
            self.0.changed.notify_waiters();
        }
        admitted
    }

    /// Asks what has to be asked as soon as the handshake is over, so that the first request need not wait.
    pub(super) async fn prepare(&self, now: OffsetDateTime, trust: &LiveTrust) {
        // What is found is found again by a request, which alone is refused for it.
        drop(self.judge(now, trust).await);
    }

    async fn judge(&self, now: OffsetDateTime, trust: &LiveTrust) -> Result<Arc<Caller>, Refused> {
        let current = trust.current();
        let caller = self.caller(&current, now)?;
        // Without facts of a certificate nothing shows that it is valid.
        let Some(certificate) = caller.certificate() else {
            return Err(refused(Reason::NoUziIdentity, "no certificate"));
        };
        if now < certificate.not_before {
            return Err(refused(Reason::NotYetValid, told(certificate.not_before)));
        }
        if now > certificate.not_after {
            return Err(refused(Reason::Expired, told(certificate.not_after)));
        }
        self.holds(&current, now, trust).await.map(|()| caller)
    }

    /// Judges chain and revocation anew where anything changed.
    async fn holds(&self, current: &Generation, now: OffsetDateTime, trust: &LiveTrust) -> Result<(), Refused> {
        let mark = Some(current.mark(now));
        if self.0.verified.get() != mark {
            let unproven = current.trust().prove(&self.0.leaf, &self.0.chain)?;
            self.0.unproven.replace(unproven);
            self.0.verified.set(mark);
        }
        let unproven = self.0.unproven.borrow().clone();
        trust.prove(&unproven, now).await
    }

    /// Returns who the certificate names, read again where another register is in force.
    fn caller(&self, current: &Generation, now: OffsetDateTime) -> Result<Arc<Caller>, Refused> {
        let mut read = self.0.read.borrow_mut();
        if !Arc::ptr_eq(&read.register, current.register()) {
            *read = Read::new(&self.0.leaf, current.register(), now)
                .map_err(|_| refused(Reason::NoUziIdentity, "OpenSSL cannot write it"))?;
        }
        read.caller.clone()
    }

    /// Admits a request of a client that is no caller: returns the DNS name by which it is one of `clients`, if the
    /// certificate still holds and has no UZI name. After a refusal the connection is closed when its answers are out.
    ///
    /// # Errors
    /// Why it is no such client.
    pub async fn admit_client(
        &self,
        now: OffsetDateTime,
        trust: &LiveTrust,
        clients: &[String],
    ) -> Result<String, NotAClient> {
        let admitted = self.judge_client(now, trust, clients).await;
        if admitted.is_err() {
            self.0.refused.set(true);
            self.0.changed.notify_waiters();
        }
        admitted
    }

    async fn judge_client(
        &self,
        now: OffsetDateTime,
        trust: &LiveTrust,
        clients: &[String],
    ) -> Result<String, NotAClient> {
        let current = trust.current();
        let der = self.0.leaf.to_der().map_err(|_| NotAClient::Unnamed)?;
        let examination = examine(&der, now, current.register());
        if examination.statement().is_some() {
            return Err(NotAClient::Uzi);
        }
        let facts = examination.certificate().ok_or(NotAClient::Unnamed)?;
        if now < facts.not_before {
            return Err(NotAClient::Over(refused(Reason::NotYetValid, told(facts.not_before))));
        }
        if now > facts.not_after {
            return Err(NotAClient::Over(refused(Reason::Expired, told(facts.not_after))));
        }
        self.holds(&current, now, trust).await.map_err(NotAClient::Over)?;
        let names = self.0.leaf.subject_alt_names();
        let names = names.iter().flatten().filter_map(|name| name.dnsname());
        let known = |name: &str| clients.iter().find(|client| client.eq_ignore_ascii_case(name)).cloned();
        names.into_iter().find_map(known).ok_or(NotAClient::Unnamed)
    }

    /// Ready once a request of this peer was refused.
    pub(super) async fn refused(&self) {
        self.until(|facts| facts.refused.get()).await;
    }

    /// Ready once no answer is under way.
    pub(super) async fn idle(&self) {
        self.until(|facts| facts.running.borrow().is_empty()).await;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.0.running.borrow().is_empty()
    }

    /// Ready once an answer has been under way for `allowed`.
    pub(super) async fn overdue(&self, allowed: Duration) {
        loop {
            let oldest = self.0.running.borrow().iter().min().copied();
            // An answer that begins later is not overdue before then.
            let next = oldest.unwrap_or_else(Instant::now) + allowed;
            if next <= Instant::now() {
                return;
            }
            sleep_until(next).await;
        }
    }

    /// Counts an answer under way until the guard is dropped.
    pub(super) fn answering(&self) -> Answering {
        let began = Instant::now();
        self.0.running.borrow_mut().push(began);
        Answering { facts: Rc::clone(&self.0), began }
    }

    async fn until(&self, holds: impl Fn(&Facts) -> bool) {
        loop {
            // Made before looking: a change in between would be missed otherwise.
            let changed = self.0.changed.notified();
            if holds(&self.0) {
                return;
            }
            changed.await;
        }
    }
}

fn told(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}

fn refused(reason: Reason, found: impl Into<Cow<'static, str>>) -> Refused {
    Refused::new(vec![Finding::of(reason, found)])
}

/// Why a peer is no client of a listener that is not for callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAClient {
    /// Its certificate has a UZI name: it is a caller's.
    Uzi,
    /// Its certificate has none of the names of those who may come.
    Unnamed,
    /// Its certificate was good at the handshake and is not any more.
    Over(Refused),
}

impl NotAClient {
    /// Returns the codes that stand in log and journal.
    pub(in crate::gateway) fn codes(&self) -> Vec<&'static str> {
        match self {
            Self::Uzi => vec!["uzi-certificate"],
            Self::Unnamed => vec!["unknown-client"],
            Self::Over(refused) => refused.reasons().iter().map(|reason| reason.code()).collect(),
        }
    }

    /// Returns what it sees.
    pub(in crate::gateway) fn refusal(&self) -> Refusal {
        match self {
            Self::Uzi | Self::Unnamed => Refusal::UnknownCaller,
            Self::Over(_) => Refusal::ExpiredCaller,
        }
    }
}

/// One answer under way.
pub(super) struct Answering {
    facts: Rc<Facts>,
    began: Instant,
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut running = self.facts.running.borrow_mut();
        if let Some(at) = running.iter().position(|began| *began == self.began) {
            running.swap_remove(at);
        }
        self.facts.changed.notify_waiters();
    }
}
