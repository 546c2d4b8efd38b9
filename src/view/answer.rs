//! Answer: one question put to the upstream until what this caller may see is there.
//!
//! It does no I/O: [`Answer::step`] says what to ask next, [`Answer::push`] takes what the upstream says, and
//! [`Answer::take`] gives what was released. On the straight path entries are released as they come; where references must
//! be looked up first, one upstream page is held.

mod composing;
mod course;
mod hold;
mod judging;
mod looking;
mod matches;

use std::collections::{BTreeSet, VecDeque};

use self::course::searchset;
use self::hold::Hold;
use self::looking::another_page;
use self::matches::Matches;
use crate::consent::Plan;
use crate::json::Document;
use crate::limits;
use crate::query::{Everything, LastN, Projection, Read, Search, Summary, Tally, Target};
use crate::view::composed::{Composed, Form};
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::graph::{Batch, Graph};
use crate::view::judge::Judge;
use crate::view::latest::Latest;
use crate::view::links::Links;
use crate::view::notice::Notice;
use crate::view::project::project;
use crate::view::reference::Key;
use crate::view::resource::Resource;
use crate::view::scan::{Frame, Splitter};
use crate::view::scrub::Scrubber;
use crate::view::summary::{Letterhead, SummaryForm};
use crate::view::unit::Units;
use crate::view::writer::Writer;
use crate::view::{Ending, Narrative, Released, Report, Step, Surroundings, ViewError, entry};

/// The least number of matches asked for at once where some may be hidden: many small pages cost more than one larger.
const JUDGED_PAGE: usize = 50;

/// One answer in the making.
pub struct Answer {
    judge: Judge,
    scrubber: Scrubber,
    writer: Writer,
    graph: Graph,
    links: Links,
    /// Those that are judged together with what is met.
    units: Units,
    /// Looked up, and to be judged once what they are linked to is looked up too.
    waiting: BTreeSet<Key>,
    task: Task,
    body: Body,
    next: Next,
    /// What must be asked before what is held can be judged.
    look_ups: VecDeque<Batch>,
    /// Why an entry of the look-up under way cannot be read.
    unread: Option<ViewError>,
    hold: Hold,
    /// What is gathered, where the answer is made of several searches.
    composed: Option<Composed>,
    #[cfg(feature = "faults")]
    upstream_link: Option<String>,
}

enum Task {
    Search(Box<Matches>),
    Read(Box<Read>),
}

/// What the upstream is sending.
enum Body {
    Nothing,
    Resource(Vec<u8>),
    Searchset(Box<Splitter>, Of),
}

/// What a searchset holds.
#[derive(Clone)]
enum Of {
    Matches,
    /// Targets of references, to be judged.
    LookUp(Batch, usize),
    /// Targets of references, to be released.
    Includes(Batch, usize),
    /// What may be judged together with what was met.
    Unit,
}

enum Next {
    Ask(Target, Body),
    /// An answer is awaited, or was not what it should be.
    Wait,
    End(Ending),
}

impl std::fmt::Debug for Answer {
    /// Shows how far it is, not what it holds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({:?})", self.writer.report())
    }
}

impl Answer {
    /// Begins the page of `search` that passes over the first `skip` visible matches.
    #[must_use]
    pub fn search(search: Search, plan: Plan, surroundings: Surroundings, skip: usize) -> Self {
        let least = least_page(plan.is_straight());
        let page = match search.tally() {
            Tally::Unsaid => (skip + search.count() + 1).max(least).min(limits::UPSTREAM_PAGE),
            // All of it is read.
            Tally::Total | Tally::Only => limits::UPSTREAM_PAGE,
        };
        let page = search.upstream(&surroundings.person, page);
        let next = match page.clone() {
            Some(target) => Next::Ask(target, searchset(Of::Matches)),
            None => Next::End(Ending::Searchset { next_skip: None }),
        };
        Self::new(Task::Search(Box::new(Matches::new(search, skip, page))), next, plan, surroundings)
    }

    /// Begins a read.
    #[must_use]
    pub fn read(read: Read, plan: Plan, surroundings: Surroundings) -> Self {
        let next = Next::Ask(read.upstream(), Body::Resource(Vec::new()));
        Self::new(Task::Read(Box::new(read)), next, plan, surroundings)
    }

    /// Begins the summary of one patient.
    #[must_use]
    pub fn summary(summary: Summary, letterhead: Letterhead, plan: Plan, surroundings: Surroundings) -> Self {
        let searches = summary.in_turn();
        let public_base = surroundings.public_base.clone();
        let notice = Notice::under(&plan, surroundings.mode);
        let form = Form::Summary(Box::new(SummaryForm::new(summary, letterhead, public_base, notice)));
        Self::composed(searches, 0, form, plan, surroundings)
    }

    /// Begins the page of everything of one patient that passes over the first `skip` visible matches.
    #[must_use]
    pub fn everything(everything: Everything, plan: Plan, surroundings: Surroundings, skip: usize) -> Self {
        let searches = everything.in_turn();
        Self::composed(searches, skip, Form::Everything(Box::new(everything)), plan, surroundings)
    }

    /// Begins the last observations of one patient.
    #[must_use]
    pub fn lastn(lastn: LastN, plan: Plan, surroundings: Surroundings) -> Self {
        // What is included is looked up for the last ones alone.
        let searches = (lastn.search().without_includes(), Vec::new());
        Self::composed(searches, 0, Form::LastN(Box::new(Latest::new(lastn))), plan, surroundings)
    }

    fn composed(
        (first, rest): (Search, Vec<Search>),
        skip: usize,
        form: Form,
        plan: Plan,
        surroundings: Surroundings,
    ) -> Self {
        let mut answer = Self::search(first, plan, surroundings, skip);
        answer.writer.gather();
        answer.composed = Some(Composed::new(rest, form));
        answer
    }

    /// Returns what is asked for of a resource that may be released.
    fn part(&self, resource: Vec<u8>) -> Result<Vec<u8>, ViewError> {
        match &self.task {
            Task::Read(read) => project(resource, read.projection()),
            Task::Search(matches) => match matches.search().projection() {
                // The list is one of elements of the type that was searched; what is included is whole.
                Projection::Elements(_) if !matches.are_coming() => Ok(resource),
                projection @ (Projection::Whole | Projection::Elements(_) | Projection::Summary | Projection::Data) => {
                    project(resource, projection)
                }
            },
        }
    }

    fn new(task: Task, next: Next, plan: Plan, surroundings: Surroundings) -> Self {
        let narrative = if plan.is_straight() { surroundings.narrative } else { Narrative::Drop };
        #[cfg(feature = "faults")]
        let narrative = if is_planted(Fault::KeepNarrative) { Narrative::Keep } else { narrative };
        Self {
            scrubber: Scrubber::new(narrative, &surroundings.upstream_bases, &surroundings.public_base),
            writer: Writer::new(&surroundings.public_base, Notice::under(&plan, surroundings.mode)),
            judge: Judge::new(plan, surroundings),
            graph: Graph::default(),
            links: Links::default(),
            units: Units::default(),
            waiting: BTreeSet::new(),
            task,
            body: Body::Nothing,
            next,
            look_ups: VecDeque::new(),
            unread: None,
            hold: Hold::default(),
            composed: None,
            #[cfg(feature = "faults")]
            upstream_link: None,
        }
    }

    /// Returns what to do next. An answer that failed never ends as a searchset or a resource.
    pub fn step(&mut self) -> Step {
        match std::mem::replace(&mut self.next, Next::Wait) {
            Next::Ask(target, body) => {
                self.body = body;
                Step::Ask(target)
            }
            Next::Wait => Step::End(Ending::NotVisible),
            Next::End(ending) => {
                self.next = Next::End(ending);
                Step::End(ending)
            }
        }
    }

    /// Takes bytes of the body that the last step asked for, cut anyhow.
    ///
    /// # Errors
    /// The first thing that cannot be an answer to what was asked, or is too large.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), ViewError> {
        // An error leaves no body behind: nothing more is taken.
        self.body = match std::mem::replace(&mut self.body, Body::Nothing) {
            Body::Nothing => return Err(ViewError::OutOfStep),
            Body::Resource(mut bytes) => {
                if bytes.len() + chunk.len() > limits::RESOURCE.bytes {
                    return Err(ViewError::ResourceTooLarge);
                }
                bytes.extend_from_slice(chunk);
                Body::Resource(bytes)
            }
            Body::Searchset(mut splitter, of) => {
                splitter.push(chunk, |entry| self.entry(&of, entry))?;
                Body::Searchset(splitter, of)
            }
        };
        Ok(())
    }

    /// Returns true if and only if nothing more of the body that the last step asked for is taken: the answer is full, or the
    /// rest of a page that is too large to be held is asked for again. Whoever pushes may stop, and say so by
    /// [`Self::end_early`].
    #[must_use]
    pub fn has_enough(&self) -> bool {
        matches!((&self.body, &self.task), (Body::Searchset(_, Of::Matches), Task::Search(matches)) if matches.has_enough())
    }

    /// Leaves the rest of a body of which nothing more is taken.
    ///
    /// # Errors
    /// A body of which more would be taken, or what follows from what was.
    pub fn end_early(&mut self) -> Result<(), ViewError> {
        if !self.has_enough() {
            return Err(ViewError::OutOfStep);
        }
        self.body = Body::Nothing;
        self.advance()
    }

    /// Ends the body that the last step asked for.
    ///
    /// # Errors
    /// A body that is not whole, or not what was asked for, or more pages than one answer may cost.
    pub fn end_of_body(&mut self) -> Result<(), ViewError> {
        match std::mem::replace(&mut self.body, Body::Nothing) {
            Body::Nothing => return Err(ViewError::OutOfStep),
            Body::Resource(bytes) => self.resource(&bytes)?,
            Body::Searchset(splitter, of) => {
                let frame = splitter.finish()?;
                self.end_of_page(of, frame)?;
            }
        }
        self.advance()
    }

    /// Takes note that the upstream has nothing where the last step asked: 404 or 410.
    ///
    /// # Errors
    /// A search that the upstream does not know.
    pub fn absent(&mut self) -> Result<(), ViewError> {
        match std::mem::replace(&mut self.body, Body::Nothing) {
            Body::Nothing => return Err(ViewError::OutOfStep),
            Body::Resource(_) => {}
            Body::Searchset(_, Of::Matches) => return Err(ViewError::NoSuchSearch),
            Body::Searchset(_, Of::LookUp(batch, pages)) => {
                // Of a page that another led to the rest is missing, whatever it was.
                self.unread = if pages > 0 { Some(ViewError::NoSuchSearch) } else { None };
                self.end_of_look_up(batch);
            }
            Body::Searchset(_, Of::Includes(_, 0)) => {}
            Body::Searchset(_, Of::Includes(..)) => return Err(ViewError::NoSuchSearch),
            Body::Searchset(_, Of::Unit) => self.units.absent()?,
        }
        self.advance()
    }

    /// Returns what was released since the last time; it may be nothing.
    pub fn take(&mut self) -> Released {
        self.writer.take()
    }

    /// Ends a searchset: `next` is the link to the following page, if the ending names one.
    ///
    /// Returns nothing for an answer that did not end as a searchset.
    pub fn close(&mut self, next: Option<&str>) -> Released {
        #[cfg(feature = "faults")]
        let next = self.upstream_link.as_deref().filter(|_| is_planted(Fault::KeepUpstreamLink)).or(next);
        match (&self.task, &self.next) {
            (Task::Search(matches), Next::End(Ending::Searchset { .. })) => {
                let public_base = &self.judge.surroundings.public_base;
                let target = match self.composed.as_ref().map(Composed::form) {
                    Some(Form::Everything(everything)) => everything.without_page(),
                    Some(Form::LastN(latest)) => latest.lastn().target(),
                    Some(Form::Summary(_)) | None => matches.search().without_page(),
                };
                self.writer.close(&format!("{public_base}/{target}"), next, matches.total())
            }
            _ => Released::new(Vec::new()),
        }
    }

    /// Returns what was released and withheld so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.writer.report().clone()
    }

    /// Takes one entry of a searchset, or why it is none.
    ///
    /// An entry that cannot be judged is an error only where the answer needs it: what comes before it is settled first, so that
    /// what is hidden there does not tell by where a page ends, and what only something hidden leads to is needed by nobody.
    fn entry(&mut self, of: &Of, bytes: Result<&[u8], ViewError>) -> Result<(), ViewError> {
        let size = bytes.map_or(0, <[u8]>::len);
        if let (Of::Matches, Task::Search(matches)) = (of, &mut self.task)
            && !matches.takes_entry(size, &self.hold)
        {
            return Ok(());
        }
        if matches!(of, Of::Unit) && !self.units.takes_entry(size) {
            return Ok(());
        }
        let taken = bytes.and_then(|bytes| self.take_entry(of, bytes));
        match (of, &mut self.task) {
            (Of::Matches, Task::Search(matches)) if taken.is_err() && !self.hold.is_empty() => {
                matches.leave_entry();
                Ok(())
            }
            (Of::Matches | Of::LookUp(..) | Of::Includes(..) | Of::Unit, _) => {
                taken.or_else(|error| self.unread(of, error))
            }
        }
    }

    fn take_entry(&mut self, of: &Of, bytes: &[u8]) -> Result<(), ViewError> {
        let document = Document::read(bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
        let Some(value) = entry::matched(document.root())? else { return Ok(()) };
        let resource = Resource::read(value)?;
        match of {
            Of::Matches => self.matched(&resource),
            Of::LookUp(batch, _) => self.looked_up(&resource, batch),
            Of::Includes(batch, _) => self.included(&resource, batch),
            Of::Unit => self.gathered(&resource),
        }
    }

    /// Reads the frame of a page whose entries were taken.
    fn end_of_page(&mut self, of: Of, frame: Frame) -> Result<(), ViewError> {
        let bases = &self.judge.surroundings.upstream_bases;
        let follow = |link: String| Target::follow(&link, bases).ok_or(ViewError::ForeignLink);
        #[cfg(feature = "faults")]
        self.upstream_link.clone_from(&frame.next);
        let next_page = frame.next.map(follow).transpose()?;
        match (of, next_page) {
            (Of::Matches, next_page) => {
                let Task::Search(matches) = &mut self.task else { return Err(ViewError::OutOfStep) };
                matches.end_page(next_page, frame.self_link.as_deref())?;
            }
            (Of::Unit, next_page) => self.units.end_page(next_page, frame.self_link.as_deref())?,
            (Of::LookUp(batch, _), None) => self.end_of_look_up(batch),
            (Of::Includes(..), None) => {}
            (Of::LookUp(batch, pages), Some(next_page)) => {
                let pages = another_page(&batch, pages)?;
                self.next = Next::Ask(next_page, searchset(Of::LookUp(batch, pages)));
            }
            (Of::Includes(batch, pages), Some(next_page)) => {
                let pages = another_page(&batch, pages)?;
                self.next = Next::Ask(next_page, searchset(Of::Includes(batch, pages)));
            }
        }
        Ok(())
    }
}

/// Returns how many matches are asked for at once at least.
fn least_page(straight: bool) -> usize {
    if straight { 0 } else { JUDGED_PAGE }
}
