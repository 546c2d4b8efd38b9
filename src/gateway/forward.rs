//! From a permit to bytes: asks the upstream what the answer wants, feeds what comes to the view, hands out what it releases.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::token::{Binding, PageKeys};
use super::upstream::{Body, Upstream, UpstreamError};
use crate::refusal::Refusal;
use crate::view::{Answer, Ending, Origin, Report, Step, ViewError};

/// Why an answer ends before it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// The upstream gave no usable answer.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// The view cannot judge what came, or a bound was met.
    #[error("{0}")]
    View(#[from] ViewError),
    /// The time for one request is over.
    #[error("the deadline of the request passed")]
    Deadline,
    /// No token could be sealed for the next page.
    #[error("no page token could be made")]
    Token,
}

impl Broken {
    /// Returns what the caller sees, where nothing was sent yet.
    #[must_use]
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Upstream(UpstreamError::Timeout) | Self::Deadline => Refusal::Timeout,
            Self::Upstream(
                UpstreamError::Unreachable
                | UpstreamError::Status { .. }
                | UpstreamError::Representation
                | UpstreamError::TooLong,
            ) => Refusal::Upstream,
            Self::View(error) if error.origin() == Origin::Bound => Refusal::TooCostly,
            Self::View(_) => Refusal::Upstream,
            Self::Token => Refusal::Internal,
        }
    }

    /// Returns a code for metrics, log and record.
    #[must_use]
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Upstream(error) => error.code(),
            Self::View(error) => error.code(),
            Self::Deadline => "deadline",
            Self::Token => "token",
        }
    }
}

/// What links to following pages are made of.
#[derive(Debug, Clone)]
pub(super) struct Paging {
    pub(super) public_base: String,
    /// The canonical target without a page token.
    pub(super) target: String,
    pub(super) keys: PageKeys,
    pub(super) binding: Binding,
    /// Until when a link is good.
    pub(super) until: OffsetDateTime,
}

impl Paging {
    fn next(&self, skip: usize) -> Result<String, Broken> {
        let token = self.keys.seal(skip, &self.binding, self.until).map_err(|_| Broken::Token)?;
        let target = &self.target;
        let separator = if target.contains('?') { '&' } else { '?' };
        Ok(format!("{}/{target}{separator}_page={token}", self.public_base))
    }
}

/// One answer on its way.
#[derive(Debug)]
pub(super) struct Forward {
    answer: Answer,
    upstream: Upstream,
    body: Option<Body>,
    paging: Option<Arc<Paging>>,
    deadline: Instant,
    ended: bool,
    next_skip: Option<usize>,
}

/// What came of an answer, step by step.
#[derive(Debug)]
pub(super) enum Progress {
    /// Bytes that may go out.
    Released(Vec<u8>),
    /// The answer is whole.
    Whole,
    /// There is nothing this caller may see.
    NotVisible,
}

impl Forward {
    pub(super) fn new(answer: Answer, upstream: Upstream, paging: Option<Arc<Paging>>, deadline: Instant) -> Self {
        Self { answer, upstream, body: None, paging, deadline, ended: false, next_skip: None }
    }

    /// Goes on until something was released or the answer is at its end.
    ///
    /// # Errors
    /// What broke the answer; it is not whole then and must not end as if it were.
    pub(super) async fn advance(&mut self) -> Result<Progress, Broken> {
        timeout_at(self.deadline, self.go_on()).await.map_err(|_| Broken::Deadline)?
    }

    async fn go_on(&mut self) -> Result<Progress, Broken> {
        loop {
            if self.ended {
                return Ok(Progress::Whole);
            }
            if let Some(body) = &mut self.body {
                match body.chunk().await? {
                    Some(chunk) => {
                        self.answer.push(&chunk)?;
                        if self.answer.has_enough() {
                            self.body = None;
                            self.answer.end_early()?;
                        }
                    }
                    None => {
                        self.body = None;
                        self.answer.end_of_body()?;
                    }
                }
                let released = self.answer.take().into_bytes();
                if !released.is_empty() {
                    return Ok(Progress::Released(released));
                }
                continue;
            }
            match self.answer.step() {
                Step::Ask(target) => match self.upstream.ask(&target).await? {
                    Some(body) => self.body = Some(body),
                    None => self.answer.absent()?,
                },
                Step::End(Ending::Searchset { next_skip }) => {
                    self.ended = true;
                    self.next_skip = next_skip;
                    let next = match (next_skip, &self.paging) {
                        (Some(skip), Some(paging)) => Some(paging.next(skip)?),
                        (Some(_) | None, _) => None,
                    };
                    let tail = self.answer.close(next.as_deref()).into_bytes();
                    return Ok(Progress::Released(tail));
                }
                Step::End(Ending::Resource) => {
                    self.ended = true;
                    return Ok(Progress::Released(self.answer.take().into_bytes()));
                }
                Step::End(Ending::NotVisible) => return Ok(Progress::NotVisible),
            }
        }
    }

    /// Returns true if and only if the time for the request is over.
    pub(super) fn is_overdue(&self) -> bool {
        self.deadline <= Instant::now()
    }

    /// Returns where the next page begins, once a search is whole and one follows.
    pub(super) fn next_skip(&self) -> Option<usize> {
        self.next_skip
    }

    /// Returns what was released and withheld so far.
    pub(super) fn report(&self) -> Report {
        self.answer.report()
    }
}
