//! The tour as a person reads it.

use std::io::{Result, Write};

use super::check::Outcome;
use super::step::Step;
use super::{Colour, Score};
use crate::cli::demo::cast;

/// Writes the tour.
pub(super) struct Show<'o> {
    out: &'o mut (dyn Write + Send),
    colour: Colour,
}

/// ANSI attributes.
#[derive(Clone, Copy)]
enum Ink {
    Bold,
    Dim,
    Green,
    Red,
}

impl<'o> Show<'o> {
    pub(super) fn new(out: &'o mut (dyn Write + Send), colour: Colour) -> Self {
        Self { out, colour }
    }

    pub(super) fn story(&mut self, story: &str) -> Result<()> {
        let story = self.inked(Ink::Bold, story);
        writeln!(self.out, "\n{story}\n")
    }

    pub(super) fn step(&mut self, number: usize, step: &Step, command: &str, outcome: &Outcome) -> Result<()> {
        let who = cast::named(step.who).map_or(step.who, |member| member.title);
        let purpose = step.purpose.map_or_else(String::new, |purpose| format!(" for {purpose}"));
        let reason = if step.reason.is_some() { " with a reason" } else { "" };
        writeln!(self.out, "{number:>3}. {who} asks{purpose}{reason}: {} {}", step.method, step.target)?;
        let gets = match outcome {
            Ok(got) => self.inked(Ink::Green, &format!("gets {got}")),
            Err(mismatch) => self.inked(Ink::Red, &format!("FAILED: {mismatch}")),
        };
        writeln!(self.out, "     {gets}")?;
        writeln!(self.out, "     {}", step.shows)?;
        let command = self.inked(Ink::Dim, command);
        writeln!(self.out, "     {command}\n")?;
        self.out.flush()
    }

    pub(super) fn score(&mut self, score: Score) -> Result<()> {
        let Score { steps, failed } = score;
        let text = if failed == 0 {
            self.inked(Ink::Green, &format!("All {steps} answers were as expected."))
        } else {
            self.inked(Ink::Red, &format!("{failed} of {steps} answers were not as expected."))
        };
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    fn inked(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Green => 32,
            Ink::Red => 31,
        };
        match self.colour {
            Colour::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
            Colour::Plain => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Mismatch;
    use super::super::steps::STEPS;
    use super::*;

    #[test]
    fn a_step_says_who_asks_what_they_get_why_and_how_to_repeat_it() {
        let mut out = Vec::new();
        Show::new(&mut out, Colour::Plain).step(7, &STEPS[0], "curl x", &Ok("200".into())).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("  7. Hanna Brug, huisarts at Huisartsenpraktijk De Brug asks for TREAT: GET Condition")
        );
        assert!(text.contains("gets 200") && text.contains("Nothing on file is no") && text.contains("curl x"));
    }

    #[test]
    fn a_failure_is_told_apart_without_colour() {
        let mut out = Vec::new();
        let outcome = Err(Mismatch::Missing("Condition/x"));
        Show::new(&mut out, Colour::Plain).step(1, &STEPS[0], "curl x", &outcome).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("FAILED: Condition/x is missing"));
    }
}
