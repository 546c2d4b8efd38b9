//! Figures: what was measured, by name, and how much it varied.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Named figures in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Figure>);

#[derive(Debug)]
struct Figure {
    name: &'static str,
    value: f64,
    spread: Option<(f64, f64)>,
}

impl Figures {
    /// Adds a figure that was measured once.
    pub(crate) fn one(&mut self, name: &'static str, value: f64) {
        self.0.push(Figure { name, value, spread: None });
    }

    /// Adds the median of several rounds, with the least and the most of them.
    pub(crate) fn median(&mut self, name: &'static str, rounds: &[f64]) {
        let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.0.push(Figure { name, value: median(rounds), spread: Some((least, most)) });
    }

    /// Returns the figures for a reader.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("{:<26}{:>16}{:>30}", "figure", "value", "least … most of the rounds");
        for Figure { name, value, spread } in &self.0 {
            let spread = spread.map(|(least, most)| format!("{} … {}", short(least), short(most))).unwrap_or_default();
            write!(table, "\n{name:<26}{:>16}{spread:>30}", short(*value)).unwrap_or_default();
        }
        table
    }

    /// Returns the figures as one flat JSON object.
    pub(crate) fn json(&self) -> String {
        let member = |Figure { name, value, .. }: &Figure| format!("  \"{name}\": {value:.6}");
        let members: Vec<String> = self.0.iter().map(member).collect();
        format!("{{\n{}\n}}\n", members.join(",\n"))
    }
}

fn short(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// Returns the median of `rounds`, of which there is at least one.
pub(crate) fn median(rounds: &[f64]) -> f64 {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    *sorted.get(sorted.len() / 2).expect("at least one round")
}

/// Returns a count as a number to calculate with.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map(f64::from).expect("counts of a measurement are small")
}

/// Returns how long `work` takes.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
