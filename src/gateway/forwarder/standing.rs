//! How a forwarder stands: how far it is behind, what failed, whether it stopped.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use serde::Serialize;
use tokio::sync::watch;

use super::engine::Reason;
use crate::audit::Head;
use crate::gateway::clock::Clock;

/// How one forwarder stands, for metrics and `/ready`.
pub struct Standing {
    name: String,
    durable: watch::Receiver<Head>,
    clock: Clock,
    /// Number of the last record that the target has.
    acknowledged: AtomicU64,
    /// When the first record was written that it does not have, in seconds since 1970; 0 where there is none or it is not
    /// read yet.
    oldest: AtomicI64,
    sent: AtomicU64,
    failures: [AtomicU64; Reason::ALL.len()],
    /// Place of the reason of a failure that has not passed yet, from 1.
    failing: AtomicUsize,
    /// Place of the reason for which it stopped, from 1.
    halted: AtomicUsize,
    fallen: AtomicBool,
}

/// What `/ready` says of a forwarder.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Told {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    records: u64,
    seconds: i64,
}

impl Standing {
    pub(super) fn new(name: &str, durable: watch::Receiver<Head>, clock: Clock) -> Self {
        Self {
            name: name.to_owned(),
            durable,
            clock,
            acknowledged: AtomicU64::new(0),
            oldest: AtomicI64::new(0),
            sent: AtomicU64::new(0),
            failures: Default::default(),
            failing: AtomicUsize::new(0),
            halted: AtomicUsize::new(0),
            fallen: AtomicBool::new(false),
        }
    }

    /// Returns the name of the forwarder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what `/ready` says.
    #[must_use]
    pub fn told(&self) -> Told {
        let halted = of(&self.halted).map(Reason::code);
        let (state, reason) = match (self.fallen.load(Ordering::Acquire), halted, of(&self.failing)) {
            (true, None, _) => ("stopped", Some("fell-over")),
            (_, Some(reason), _) => ("stopped", Some(reason)),
            (false, None, Some(reason)) => ("failing", Some(reason.code())),
            (false, None, None) => ("ok", None),
        };
        Told { state, reason, records: self.records(), seconds: self.seconds() }
    }

    /// Says that the target has everything up to this record, so many of them since it was last said.
    pub(super) fn acknowledged(&self, head: Head, sent: usize) {
        self.acknowledged.store(head.seq, Ordering::Release);
        self.sent.fetch_add(u64::try_from(sent).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Says when the first record was written that the target does not have.
    pub(super) fn waiting_since(&self, time: Option<i64>) {
        self.oldest.store(time.unwrap_or(0), Ordering::Release);
    }

    pub(super) fn failed(&self, reason: Reason) {
        if let Some(count) = self.failures.get(reason.place()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.failing.store(reason.place() + 1, Ordering::Release);
    }

    pub(super) fn succeeded(&self) {
        self.failing.store(0, Ordering::Release);
    }

    pub(super) fn halt(&self, reason: Reason) {
        self.halted.store(reason.place() + 1, Ordering::Release);
    }

    pub(super) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Acquire) > 0
    }

    /// Returns a guard that takes its being dropped in a panic for what it is.
    pub(super) fn fallen_unless_ended(self: &Arc<Self>) -> Fallen {
        Fallen { standing: Arc::clone(self), ended: false }
    }

    fn records(&self) -> u64 {
        self.durable.borrow().seq.saturating_sub(self.acknowledged.load(Ordering::Acquire))
    }

    fn seconds(&self) -> i64 {
        match (self.records(), self.oldest.load(Ordering::Acquire)) {
            (0, _) | (_, 0) => 0,
            (_, oldest) => self.clock.now().unix_timestamp().saturating_sub(oldest).max(0),
        }
    }
}

fn of(place: &AtomicUsize) -> Option<Reason> {
    place.load(Ordering::Acquire).checked_sub(1).and_then(|place| Reason::ALL.get(place).copied())
}

/// Writes the figures of forwarders in the text format of Prometheus.
pub(in crate::gateway) fn render(standings: &[Arc<Standing>], out: &mut String) {
    if standings.is_empty() {
        return;
    }
    let stopped = |one: &Standing| u64::from(one.told().state == "stopped").to_string();
    type Figure<'f> = (&'static str, &'static str, &'static str, &'f dyn Fn(&Standing) -> String);
    let figures: [Figure<'_>; 4] = [
        ("sluis_forward_lag_records", "gauge", "Durable records that a target does not have yet.", &|one| {
            one.records().to_string()
        }),
        ("sluis_forward_lag_seconds", "gauge", "Age of the first record that a target does not have yet.", &|one| {
            one.seconds().to_string()
        }),
        ("sluis_forward_stopped", "gauge", "1 when a forwarder sends nothing until it is mended.", &stopped),
        ("sluis_forward_records_total", "counter", "Records that a target acknowledged.", &|one| {
            one.sent.load(Ordering::Relaxed).to_string()
        }),
    ];
    // Writing to a String does not fail.
    for (name, kind, help, figure) in figures {
        write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n").unwrap_or_default();
        for one in standings {
            writeln!(out, "{name}{{forwarder=\"{}\"}} {}", one.name, figure(one)).unwrap_or_default();
        }
    }
    let name = "sluis_forward_failures_total";
    let help = "Times that sending failed, by what it failed for.";
    write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n").unwrap_or_default();
    for one in standings {
        for (reason, count) in Reason::ALL.iter().zip(&one.failures) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let labels = format!("forwarder=\"{}\",reason=\"{}\"", one.name, reason.code());
                writeln!(out, "{name}{{{labels}}} {count}").unwrap_or_default();
            }
        }
    }
}

/// Says that the forwarder fell over, unless it ended.
pub(super) struct Fallen {
    standing: Arc<Standing>,
    ended: bool,
}

impl Fallen {
    pub(super) fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Fallen {
    fn drop(&mut self) {
        if !self.ended {
            self.standing.fallen.store(true, Ordering::Release);
        }
    }
}

impl std::fmt::Debug for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standing").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::audit::Hash;

    #[test]
    fn lag_failures_and_a_stop_are_told_and_counted() {
        let (durable, clock) =
            (watch::Sender::new(Head { seq: 10, hash: Hash::NONE }), Clock::by_hand(datetime!(2026-03-01 12:00 UTC)).0);
        let standing = Arc::new(Standing::new("central", durable.subscribe(), clock));
        standing.acknowledged(Head { seq: 4, hash: Hash::NONE }, 4);
        standing.waiting_since(Some(datetime!(2026-03-01 11:59 UTC).unix_timestamp()));
        assert_eq!(standing.told(), Told { state: "ok", reason: None, records: 6, seconds: 60 });
        standing.failed(Reason::Timeout);
        assert_eq!(standing.told(), Told { state: "failing", reason: Some("timeout"), records: 6, seconds: 60 });
        standing.succeeded();
        standing.acknowledged(Head { seq: 10, hash: Hash::NONE }, 6);
        assert_eq!(standing.told(), Told { state: "ok", reason: None, records: 0, seconds: 0 });
        standing.failed(Reason::Refused);
        standing.halt(Reason::Refused);
        assert_eq!(standing.told(), Told { state: "stopped", reason: Some("refused"), records: 0, seconds: 0 });
        let mut text = String::new();
        render(&[standing], &mut text);
        for line in [
            "sluis_forward_lag_records{forwarder=\"central\"} 0",
            "sluis_forward_records_total{forwarder=\"central\"} 10",
            "sluis_forward_stopped{forwarder=\"central\"} 1",
            "sluis_forward_failures_total{forwarder=\"central\",reason=\"timeout\"} 1",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_forwarder_that_falls_over_is_told_as_stopped() {
        let durable = watch::Sender::new(Head::NONE);
        let standing = Arc::new(Standing::new("central", durable.subscribe(), Clock::system()));
        standing.fallen_unless_ended().ended();
        assert_eq!(standing.told().state, "ok");
        drop(standing.fallen_unless_ended());
        assert_eq!(standing.told(), Told { state: "stopped", reason: Some("fell-over"), records: 0, seconds: 0 });
    }
}
