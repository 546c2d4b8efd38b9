//! Measurements, each as a ratio in one run on one machine: the gateway against nginx, the view against a JSON skipper.
//!
//! Prints a table and writes `target/bench.json`, one flat object.

#![allow(clippy::print_stdout, reason = "a measurement prints what it measured")]

mod deciding;
mod load;
mod proxies;
mod upstream;
mod view;

use std::collections::BTreeMap;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // The peak of memory is that of a process of its own.
    if let Some(at) = arguments.iter().position(|argument| argument == "--peak") {
        view::peak(arguments.get(at + 1).map_or("straight", String::as_str));
        return;
    }
    let mut figures = BTreeMap::new();
    view::measure(&mut figures);
    deciding::measure(&mut figures);
    proxies::measure(&mut figures);
    let mut lines: Vec<String> = Vec::new();
    println!("{:<28} {:>14}", "figure", "value");
    for (name, value) in &figures {
        println!("{name:<28} {value:>14.3}");
        lines.push(format!("  \"{name}\": {value:.6}"));
    }
    let json = format!("{{\n{}\n}}\n", lines.join(",\n"));
    std::fs::create_dir_all("target").expect("target can be made");
    std::fs::write("target/bench.json", json).expect("target/bench.json can be written");
}
