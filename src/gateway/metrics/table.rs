//! Counters and histograms over label values that are all known at start, and their text for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A label and every value it can have. Fixed at start, so that nothing a caller sends makes a series.
#[derive(Debug, Clone)]
pub(super) struct Label {
    name: &'static str,
    values: Vec<String>,
}

impl Label {
    pub(super) fn new<V: Into<String>>(name: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        Self { name, values: values.into_iter().map(Into::into).collect() }
    }
}

/// Finds the cell of a combination of label values, and the values of a cell.
#[derive(Debug)]
struct Grid(Vec<Label>);

impl Grid {
    fn cells(&self) -> usize {
        self.0.iter().map(|label| label.values.len()).product()
    }

    /// Returns `None` for a value that was not declared.
    fn cell(&self, values: &[&str]) -> Option<usize> {
        if values.len() != self.0.len() {
            return None;
        }
        self.0.iter().zip(values).try_fold(0, |cell, (label, value)| {
            let position = label.values.iter().position(|declared| declared == value)?;
            Some(cell * label.values.len() + position)
        })
    }

    /// Writes `a="x",b="y"` for the cell.
    fn labels(&self, mut cell: usize) -> String {
        let mut pairs: Vec<String> = Vec::with_capacity(self.0.len());
        for label in self.0.iter().rev() {
            let size = label.values.len().max(1);
            let value = label.values.get(cell % size).map_or("", String::as_str);
            pairs.push(format!("{}=\"{}\"", label.name, escaped(value)));
            cell /= size;
        }
        pairs.reverse();
        pairs.join(",")
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A counter for every combination of label values.
#[derive(Debug)]
pub(super) struct Counters {
    name: &'static str,
    help: &'static str,
    grid: Grid,
    cells: Vec<AtomicU64>,
}

impl Counters {
    pub(super) fn new(name: &'static str, help: &'static str, labels: Vec<Label>) -> Self {
        let grid = Grid(labels);
        let cells = std::iter::repeat_with(AtomicU64::default).take(grid.cells()).collect();
        Self { name, help, grid, cells }
    }

    /// Adds one. Values that were not declared are not counted: a label never holds what a caller sent.
    pub(super) fn add(&self, values: &[&str]) {
        if let Some(counter) = self.grid.cell(values).and_then(|cell| self.cells.get(cell)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Combinations that never happened are left out: most of them cannot.
    pub(super) fn render(&self, out: &mut String) {
        head(out, self.name, self.help, "counter");
        for (cell, counter) in self.cells.iter().enumerate() {
            let count = counter.load(Ordering::Relaxed);
            if count > 0 {
                line(out, self.name, &self.grid.labels(cell), &count.to_string());
            }
        }
    }
}

/// A value that goes up and down.
#[derive(Debug)]
pub(super) struct Gauge {
    name: &'static str,
    help: &'static str,
    value: AtomicI64,
}

impl Gauge {
    pub(super) fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, value: AtomicI64::new(0) }
    }

    pub(super) fn set(&self, value: i64) {
        self.value.store(value, Ordering::Relaxed);
    }

    pub(super) fn add(&self, by: i64) {
        self.value.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn render(&self, out: &mut String) {
        head(out, self.name, self.help, "gauge");
        line(out, self.name, "", &self.value.load(Ordering::Relaxed).to_string());
    }
}

/// Values by name, all set together: of things that come and go with files of the operator.
#[derive(Debug)]
pub(super) struct Named {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    values: Mutex<BTreeMap<String, i64>>,
}

impl Named {
    pub(super) fn new(name: &'static str, help: &'static str, label: &'static str) -> Self {
        Self { name, help, label, values: Mutex::default() }
    }

    pub(super) fn set(&self, values: BTreeMap<String, i64>) {
        *self.values.lock().unwrap_or_else(PoisonError::into_inner) = values;
    }

    pub(super) fn render(&self, out: &mut String) {
        head(out, self.name, self.help, "gauge");
        for (name, value) in self.values.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            line(out, self.name, &format!("{}=\"{}\"", self.label, escaped(name)), &value.to_string());
        }
    }
}

/// Upper bounds of the buckets, in microseconds, with their text in seconds: from a loopback answer to the deadline of a
/// request.
const BUCKETS: [(u64, &str); 12] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
];

#[derive(Debug, Default)]
struct Cell {
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

/// A histogram of durations for every combination of label values.
#[derive(Debug)]
pub(super) struct Histograms {
    name: &'static str,
    help: &'static str,
    grid: Grid,
    cells: Vec<Cell>,
}

impl Histograms {
    pub(super) fn new(name: &'static str, help: &'static str, labels: Vec<Label>) -> Self {
        let grid = Grid(labels);
        let cells = std::iter::repeat_with(Cell::default).take(grid.cells()).collect();
        Self { name, help, grid, cells }
    }

    pub(super) fn observe(&self, values: &[&str], took: Duration) {
        let Some(cell) = self.grid.cell(values).and_then(|cell| self.cells.get(cell)) else { return };
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        for (bucket, (bound, _)) in cell.buckets.iter().zip(BUCKETS) {
            if micros <= bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        cell.count.fetch_add(1, Ordering::Relaxed);
        cell.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn render(&self, out: &mut String) {
        head(out, self.name, self.help, "histogram");
        for (index, cell) in self.cells.iter().enumerate() {
            let count = cell.count.load(Ordering::Relaxed);
            if count == 0 {
                continue;
            }
            let labels = self.grid.labels(index);
            let bucket_name = format!("{}_bucket", self.name);
            for (bucket, (_, bound)) in cell.buckets.iter().zip(BUCKETS) {
                let labels = format!("{labels},le=\"{bound}\"");
                line(out, &bucket_name, &labels, &bucket.load(Ordering::Relaxed).to_string());
            }
            line(out, &bucket_name, &format!("{labels},le=\"+Inf\""), &count.to_string());
            let micros = cell.micros.load(Ordering::Relaxed);
            let seconds = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
            line(out, &format!("{}_sum", self.name), &labels, &seconds);
            line(out, &format!("{}_count", self.name), &labels, &count.to_string());
        }
    }
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    put(out, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
}

fn line(out: &mut String, name: &str, labels: &str, value: &str) {
    if labels.is_empty() {
        put(out, format_args!("{name} {value}\n"));
    } else {
        put(out, format_args!("{name}{{{labels}}} {value}\n"));
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_counts_the_declared_combination_and_no_other() {
        let counters =
            Counters::new("c", "Counted.", vec![Label::new("a", ["x", "y"]), Label::new("b", ["1", "2", "3"])]);
        counters.add(&["y", "2"]);
        counters.add(&["y", "2"]);
        counters.add(&["z", "2"]);
        counters.add(&["y"]);
        let mut text = String::new();
        counters.render(&mut text);
        assert_eq!(text, "# HELP c Counted.\n# TYPE c counter\nc{a=\"y\",b=\"2\"} 2\n");
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_a_sum_and_a_count() {
        let histograms = Histograms::new("h", "Timed.", vec![Label::new("call", ["data"])]);
        histograms.observe(&["data"], Duration::from_micros(700));
        histograms.observe(&["data"], Duration::from_secs(40));
        let mut text = String::new();
        histograms.render(&mut text);
        assert!(text.contains("h_bucket{call=\"data\",le=\"0.0005\"} 0\n"));
        assert!(text.contains("h_bucket{call=\"data\",le=\"0.001\"} 1\n"));
        assert!(text.contains("h_bucket{call=\"data\",le=\"30\"} 1\n"));
        assert!(text.contains("h_bucket{call=\"data\",le=\"+Inf\"} 2\n"));
        assert!(text.contains("h_sum{call=\"data\"} 40.000700\n"));
        assert!(text.contains("h_count{call=\"data\"} 2\n"));
    }

    #[test]
    fn values_by_name_are_those_that_were_set_last() {
        let named = Named::new("n", "Named.", "issuer");
        named.set(BTreeMap::from([("a".to_owned(), 1), ("b\"".to_owned(), 2)]));
        named.set(BTreeMap::from([("b\"".to_owned(), 3)]));
        let mut text = String::new();
        named.render(&mut text);
        assert_eq!(text, "# HELP n Named.\n# TYPE n gauge\nn{issuer=\"b\\\"\"} 3\n");
    }

    #[test]
    fn a_label_value_cannot_break_out_of_its_quotes() {
        let counters = Counters::new("c", "Counted.", vec![Label::new("profile", ["a\"} 9\nd"])]);
        counters.add(&["a\"} 9\nd"]);
        let mut text = String::new();
        counters.render(&mut text);
        assert!(text.contains("c{profile=\"a\\\"} 9\\nd\"} 1\n"));
    }
}
