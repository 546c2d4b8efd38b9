//! Ending: a gateway that was told to stop ends, whatever one of its parts does.
//!
//! Each part has its own bound: an answer has the deadline, the admin listener a second. An ending that lasts longer than
//! all of them together is a fault of ours or of the machine; whoever starts gateways must not wait for it. What is not
//! closed in the journal then is closed by the next start.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// What an ending may take beside the deadline of the answers that are under way: what the disk and the clients need.
pub(super) const GRACE: Duration = Duration::from_secs(15);

/// What the line that says so may take.
const LAST_LINE: Duration = Duration::from_secs(1);

/// Exit code of a gateway that had to be ended.
const ENDED: i32 = 1;

/// The part that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Answers,
    AdminListener,
    Journal,
    Forwarders,
    Rest,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Answers, Self::AdminListener, Self::Journal, Self::Forwarders, Self::Rest];

    fn code(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::AdminListener => "admin-listener",
            Self::Journal => "journal",
            Self::Forwarders => "forwarders",
            Self::Rest => "rest",
        }
    }
}

/// How far an ending is.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending(Arc<AtomicU8>);

impl Ending {
    /// Takes note of the part that is waited for from here on.
    pub(super) fn waits_for(&self, stage: Stage) {
        let at = Stage::ALL.iter().position(|known| *known == stage).unwrap_or_default();
        self.0.store(u8::try_from(at).unwrap_or_default(), Ordering::Release);
    }

    fn stage(&self) -> &'static str {
        Stage::ALL.get(usize::from(self.0.load(Ordering::Acquire))).map_or("unknown", |stage| stage.code())
    }

    /// Ends the process unless what is returned is dropped within `allowed`.
    pub(super) fn within(&self, allowed: Duration) -> Bounded {
        self.or_else(allowed, |stage| {
            let (told, heard) = channel();
            // Whoever reads the log may be what nothing gets past.
            let told = thread::Builder::new().spawn(move || {
                tracing::error!(stage, "told to stop and not at an end in time: ended");
                told.send(()).unwrap_or_default();
            });
            if told.is_ok() {
                heard.recv_timeout(LAST_LINE).unwrap_or_default();
            }
            exit(ENDED);
        })
    }

    fn or_else(&self, allowed: Duration, overdue: impl FnOnce(&'static str) + Send + 'static) -> Bounded {
        let (held, dropped) = channel::<()>();
        let ending = self.clone();
        // A thread of its own: what keeps the runtime from ending would keep a task from running.
        let watching = thread::Builder::new().name("sluis-ending".to_owned()).spawn(move || {
            if dropped.recv_timeout(allowed) == Err(RecvTimeoutError::Timeout) {
                overdue(ending.stage());
            }
        });
        if watching.is_err() {
            tracing::warn!("no thread watches over the end");
        }
        Bounded(held)
    }
}

/// An ending that is watched over until this is dropped.
#[derive(Debug)]
pub(super) struct Bounded(#[expect(dead_code, reason = "dropping it is what it is for")] Sender<()>);

#[cfg(test)]
mod tests {
    use super::*;

    fn told(allowed: Duration, busy: Duration) -> Option<&'static str> {
        let (tell, told) = channel();
        let ending = Ending::default();
        ending.waits_for(Stage::Journal);
        let bounded = ending.or_else(allowed, move |stage| tell.send(stage).unwrap_or_default());
        thread::sleep(busy);
        drop(bounded);
        told.recv().ok()
    }

    #[test]
    fn an_ending_that_takes_too_long_is_ended_and_what_it_waited_for_is_named() {
        assert_eq!(told(Duration::from_millis(20), Duration::from_millis(200)), Some("journal"));
    }

    #[test]
    fn an_ending_in_time_is_left_alone() {
        assert_eq!(told(Duration::from_secs(60), Duration::ZERO), None);
    }

    #[test]
    fn every_stage_has_its_name() {
        let ending = Ending::default();
        assert_eq!(ending.stage(), "answers");
        for stage in Stage::ALL {
            ending.waits_for(stage);
            assert_eq!(ending.stage(), stage.code());
        }
    }
}
