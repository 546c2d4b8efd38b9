//! Writer: what was released so far, and the record of it.

use crate::consent::{Ground, Sight};
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::notice::Notice;
use crate::view::reference::Key;
use crate::view::released::{Entries, close_searchset, open_searchset, push_escaped};
use crate::view::{Released, Report};

/// As what an entry is in a searchset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It matches the search.
    Match,
    /// A match refers to it.
    Include,
}

/// Writes what one answer releases.
pub(super) struct Writer {
    out: Vec<u8>,
    entries: Entries,
    public_base: String,
    report: Report,
    notice: Notice,
    /// How much was taken the last time: as much room is made for the next.
    taken: usize,
    /// The entries of an answer that is written when all of it is there.
    gathered: Option<Vec<(Key, Vec<u8>)>>,
}

impl Writer {
    pub(super) fn new(public_base: &str, notice: Notice) -> Self {
        Self {
            out: Vec::new(),
            entries: Entries::None,
            public_base: public_base.to_owned(),
            report: Report::default(),
            notice,
            taken: 0,
            gathered: None,
        }
    }

    /// Begins to gather entries: nothing of them goes out, or counts as released, until the gathering ends.
    pub(super) fn gather(&mut self) {
        self.gathered = Some(Vec::new());
    }

    /// Returns what was gathered since the last time.
    pub(super) fn gathered(&mut self) -> Vec<(Key, Vec<u8>)> {
        self.gathered.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Ends the gathering: entries are written from here on.
    pub(super) fn end_gathering(&mut self) {
        self.gathered = None;
    }

    /// Writes an entry; `resource` writes the resource in it. The searchset begins with its first entry, so that nothing is
    /// sent before something is visible.
    pub(super) fn entry(&mut self, key: &Key, mode: Mode, resource: impl FnOnce(&mut Vec<u8>)) {
        if let Some(gathered) = &mut self.gathered {
            let mut bytes = Vec::new();
            resource(&mut bytes);
            gathered.push((key.clone(), bytes));
            return;
        }
        if self.out.capacity() == 0 {
            self.out.reserve(self.taken);
        }
        match self.entries {
            Entries::None => {
                open_searchset(&mut self.out, self.notice);
                self.out.extend_from_slice(br#","entry":[{"fullUrl":""#);
            }
            Entries::Some => self.out.extend_from_slice(br#",{"fullUrl":""#),
        }
        self.entries = Entries::Some;
        let reference = key.reference();
        push_escaped(&mut self.out, &self.public_base);
        self.out.push(b'/');
        self.out.extend_from_slice(reference.as_bytes());
        self.out.extend_from_slice(br#"","resource":"#);
        resource(&mut self.out);
        self.out.extend_from_slice(match mode {
            Mode::Match => br#","search":{"mode":"match"}}"#.as_slice(),
            Mode::Include => br#","search":{"mode":"include"}}"#.as_slice(),
        });
        self.report.released.push(reference);
    }

    /// Writes a resource that is the whole answer.
    pub(super) fn resource(&mut self, key: &Key, resource: &[u8]) {
        self.out.extend_from_slice(resource);
        self.report.released.push(key.reference());
    }

    /// Writes the whole answer, in which these resources are.
    pub(super) fn whole(&mut self, answer: &[u8], released: impl Iterator<Item = String>) {
        self.out.extend_from_slice(answer);
        self.report.released.extend(released);
    }

    /// Keeps on record that `key` was held back.
    pub(super) fn withhold(&mut self, key: &Key, ground: Ground) {
        self.report.withheld.push((key.reference(), ground));
    }

    /// Keeps on record what other policies would make of `key`, where that is something else.
    pub(super) fn differs(&mut self, key: &Key, sight: Option<Sight>) {
        self.report.differs.extend(sight.map(|sight| (key.reference(), sight)));
    }

    /// Returns true if and only if `key` was written.
    pub(super) fn has(&self, key: &Key) -> bool {
        let reference = key.reference();
        self.report.released.contains(&reference)
    }

    /// Returns what was written since the last time.
    pub(super) fn take(&mut self) -> Released {
        self.taken = self.taken.max(self.out.len());
        Released::new(std::mem::take(&mut self.out))
    }

    /// Ends the searchset and returns what was written since the last time.
    pub(super) fn close(&mut self, self_link: &str, next: Option<&str>, total: Option<usize>) -> Released {
        if self.entries == Entries::None {
            open_searchset(&mut self.out, self.notice);
        }
        self.entries = self.notice.write_outcome(self.entries, &mut self.out);
        close_searchset(&mut self.out, self.entries, self_link, next, total);
        self.report.total = total;
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepTotal) && total.is_none() {
            let total = self.report.released.len() + self.report.withheld.len();
            self.out.pop();
            self.out.extend_from_slice(format!(r#","total":{total}}}"#).as_bytes());
        }
        self.take()
    }

    pub(super) fn report(&self) -> &Report {
        &self.report
    }
}
