//! The tour: who asks what, what they get and why, checked as it goes.

mod ask;
mod check;
#[cfg(test)]
mod rehearsal;
mod show;
mod step;
mod steps;

use std::io::Write;
use std::path::Path;

pub use ask::AskError;
pub use check::{Mismatch, Outcome, Reply};
pub use step::{Expected, Pages, Step};
pub use steps::STEPS;

use ask::Desk;
use show::Show;

/// What the tour came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// Steps that were taken.
    pub steps: usize,
    /// Those whose answer was not the one expected.
    pub failed: usize,
}

/// Takes every step against the gateway at `public_base`, with the certificates below `dir`, and tells `out` about it.
///
/// # Errors
/// When `out` cannot be written to.
pub async fn walk(
    dir: &Path,
    public_base: &str,
    out: &mut (dyn Write + Send),
    colour: Colour,
) -> std::io::Result<Score> {
    let desk = Desk::new(dir, public_base);
    let mut show = Show::new(out, colour);
    let mut score = Score { steps: 0, failed: 0 };
    let mut story = "";
    for step in STEPS {
        score.steps += 1;
        if step.story != story {
            story = step.story;
            show.story(story)?;
        }
        let replies = desk.ask(step).await;
        let outcome = check::check(step, &replies, desk.public_base());
        if outcome.is_err() {
            score.failed += 1;
        }
        show.step(score.steps, step, &desk.command(step), &outcome)?;
    }
    show.score(score)?;
    Ok(score)
}

/// Whether the tour is coloured for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Escape codes of ANSI terminals.
    Ansi,
    /// Text alone.
    Plain,
}
