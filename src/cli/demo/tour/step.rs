//! What a step of the tour is.

/// One question and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The story it belongs to.
    pub story: &'static str,
    /// The name of the caller.
    pub who: &'static str,
    /// `Sluis-Purpose`.
    pub purpose: Option<&'static str>,
    /// `Sluis-Reason`, percent-encoded.
    pub reason: Option<&'static str>,
    /// The method.
    pub method: &'static str,
    /// Path and query below the public base.
    pub target: &'static str,
    /// The form of a POST.
    pub form: Option<&'static str>,
    /// How far links are followed.
    pub pages: Pages,
    /// What it shows, for a reader.
    pub shows: &'static str,
    /// What comes.
    pub expected: Expected,
}

/// How far the `next` links of a searchset are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    /// Not at all.
    First,
    /// To the end.
    All,
}

/// What a step gets.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// 200 and a searchset.
    Searchset {
        /// References that are among its entries.
        has: &'static [&'static str],
        /// References that are nowhere in its bytes.
        lacks: &'static [&'static str],
    },
    /// 200 and a searchset without entries, though this reference is there to be found for others.
    Nothing {
        /// The reference.
        lacks: &'static str,
    },
    /// 200 and a document.
    Document {
        /// References that are among its entries.
        has: &'static [&'static str],
        /// What is nowhere in its bytes.
        lacks: &'static [&'static str],
    },
    /// 200 and that resource.
    Resource(&'static str),
    /// That status and an OperationOutcome with that code.
    Refused {
        /// The status.
        status: u16,
        /// The code of its issue.
        code: &'static str,
    },
    /// 200 and a CapabilityStatement.
    Metadata,
    /// No answer: TLS ends before there is one.
    NoHandshake,
}
