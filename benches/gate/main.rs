//! Measurements, each a figure of one run on one machine: the gateway against nginx, the view against a JSON skipper, and
//! deciding.
//!
//! Prints a table and writes `target/bench.json`, one flat object. `docs/measuring.md` says what each figure is. The names
//! of parts as arguments (`view`, `deciding`, `proxies`, `handshakes`) measure those alone and write no file.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement prints what it measured, and one that cannot be taken ends in a panic that says why"
)]

mod deciding;
mod figures;
mod handshakes;
mod load;
mod nginx;
mod peak;
mod process;
mod proxies;
mod searchset;
mod upstream;
mod view;

use figures::Figures;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments = arguments.iter().map(String::as_str);
    match arguments.next() {
        // A child of the measurement of memory.
        Some("--peak") => peak::stream(arguments.next().unwrap_or_default()),
        // `cargo bench` says this behind the arguments of its user; `cargo test` does not: nothing is measured there.
        first => {
            let all: Vec<&str> = first.into_iter().chain(arguments).collect();
            if all.contains(&"--bench") {
                measure(&all);
            } else {
                rehearse();
            }
        }
    }
}

/// Does once, and small, what needs no server: a figure that can no longer be taken fails the tests.
fn rehearse() {
    view::rehearse();
    deciding::rehearse();
}

fn measure(arguments: &[&str]) {
    let parts: Vec<&str> = arguments.iter().copied().filter(|argument| !argument.starts_with("--")).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    let mut figures = Figures::default();
    if is_wanted("view") {
        view::measure(&mut figures);
        peak::measure(&mut figures);
    }
    if is_wanted("deciding") {
        deciding::measure(&mut figures);
    }
    if is_wanted("proxies") {
        proxies::measure(&mut figures);
    }
    if is_wanted("handshakes") {
        handshakes::measure(&mut figures);
    }
    println!("{}", figures.table());
    if parts.is_empty() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench.json");
        std::fs::write(file, figures.json()).expect("target/bench.json can be written");
        println!("written to target/bench.json");
    }
}
