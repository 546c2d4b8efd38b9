//! Composing: how an answer that is made of several searches goes from one to the next, and ends.

use super::{Answer, Next, Of, Task, course::searchset, least_page};
use crate::view::composed::{Composed, Form, asked};
use crate::view::graph::batches;
use crate::view::reference::{Key, Known};
use crate::view::writer::{Mode, Writer};
use crate::view::{Ending, ViewError};

impl Answer {
    /// Goes on after a search, or a look-up of what the answer refers to, has ended; `next_skip` is there if it found more
    /// than the answer has room for.
    pub(super) fn search_ended(&mut self, next_skip: Option<usize>) -> Result<Next, ViewError> {
        self.gather()?;
        let Some(mut composed) = self.composed.take() else {
            return Ok(Next::End(Ending::Searchset { next_skip }));
        };
        let next = self.compose(&mut composed, next_skip);
        self.composed = Some(composed);
        next
    }

    /// Gathers what was released since the last time, where the answer is composed.
    pub(super) fn gather(&mut self) -> Result<(), ViewError> {
        match &mut self.composed {
            Some(composed) => composed.gather(self.writer.gathered(), self.judge.known()),
            None => Ok(()),
        }
    }

    fn compose(&mut self, composed: &mut Composed, next_skip: Option<usize>) -> Result<Next, ViewError> {
        let Task::Search(matches) = &mut self.task else { return Err(ViewError::OutOfStep) };
        if next_skip.is_some() && matches!(composed.form(), Form::Summary(_) | Form::LastN(_)) {
            return Err(ViewError::ComposedTooLarge);
        }
        if next_skip.is_none()
            && let Some(search) = composed.next_search()
        {
            let person = &self.judge.surroundings.person;
            let target = asked(&search, person, least_page(self.judge.is_straight()), matches.room());
            matches.turn_to(search, target.clone());
            self.graph.make_room();
            self.links.make_room();
            return Ok(target.map_or(Next::End(Ending::NotVisible), |target| Next::Ask(target, searchset(Of::Matches))));
        }
        let missing = composed.missing(self.judge.known())?;
        if !missing.is_empty() {
            matches.turn_to_referred(batches(missing));
            return Ok(Next::Wait);
        }
        Ok(Next::End(finish(composed, &mut self.writer, self.judge.known(), next_skip)))
    }
}

/// Writes the answer. One without anything in it is no answer.
fn finish(composed: &Composed, writer: &mut Writer, known: Known<'_>, next_skip: Option<usize>) -> Ending {
    match composed.form() {
        Form::Summary(form) => {
            let Some(written) = form.write(composed.matches(), &composed.behind(), known) else {
                return Ending::NotVisible;
            };
            writer.whole(&written.bytes, written.released.iter().map(Key::reference));
            Ending::Resource
        }
        Form::LastN(latest) => {
            let last = latest.last();
            if last.is_empty() {
                return Ending::NotVisible;
            }
            writer.end_gathering();
            for kept in last {
                writer.entry(&kept.key, Mode::Match, |out| out.extend_from_slice(&kept.bytes));
            }
            for found in composed.referred() {
                writer.entry(&found.key, Mode::Include, |out| out.extend_from_slice(&found.bytes));
            }
            Ending::Searchset { next_skip }
        }
        Form::Everything(_) if composed.matches().is_empty() => Ending::NotVisible,
        Form::Everything(_) => {
            writer.end_gathering();
            for found in composed.matches() {
                writer.entry(&found.key, Mode::Match, |out| out.extend_from_slice(&found.bytes));
            }
            for found in composed.behind() {
                writer.entry(&found.key, Mode::Include, |out| out.extend_from_slice(&found.bytes));
            }
            Ending::Searchset { next_skip }
        }
    }
}
