//! Peak memory of a process that lets a large bundle through the straight view, made and read chunk by chunk.
//!
//! The bundle is one body. Its last hundred entries are released, all before them are judged and passed over, as for the
//! last page of a long record.

use std::process::Command;

use sluis::limits;
use sluis::view::{Answer, Step};

use crate::deciding;
use crate::figures::{Figures, number};
use crate::searchset::{self, CLOSING, PAGE, TYPES};
use crate::view::{CHUNK, search, surroundings};

const MIB: usize = 1024 * 1024;

/// Bytes of narrative that make an entry so long that 64 MiB have no more of them than page links may pass over.
const NARRATIVE: usize = 6_000;

pub(crate) fn measure(figures: &mut Figures) {
    let (small, large) = (peak_of(16), peak_of(64));
    figures.one("view_peak_bytes", large);
    figures.one("view_peak_growth", large / small);
}

fn peak_of(mib: usize) -> f64 {
    let program = std::env::current_exe().expect("the program knows where it is");
    let child = Command::new(program).args(["--peak", &mib.to_string()]).output().expect("a child runs");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let peak = String::from_utf8_lossy(&child.stdout);
    number(peak.trim().parse().expect("a child tells its peak"))
}

/// Lets a bundle of so many MiB through and prints the peak of this process's memory, in bytes.
pub(crate) fn stream(mib: &str) {
    let bytes = mib.parse::<usize>().expect("a number of MiB") * MIB;
    let [kind, ..] = TYPES;
    let mut chunk = String::with_capacity(CHUNK + 2 * NARRATIVE);
    searchset::entry(&mut chunk, kind, 0, NARRATIVE);
    let count = (bytes / chunk.len()).min(limits::SKIP);
    let surroundings = surroundings();
    let search = search(kind, &surroundings);
    let mut answer = Answer::search(search, deciding::straight(), surroundings, count - PAGE);
    assert!(matches!(answer.step(), Step::Ask(_)), "the view asks for the bundle");
    let (mut read, mut released) = (0, 0);
    let mut push = |answer: &mut Answer, chunk: &mut String| {
        answer.push(chunk.as_bytes()).expect("the view reads the bundle");
        read += chunk.len();
        released += answer.take().len();
        chunk.clear();
    };
    chunk.clear();
    chunk.push_str(&searchset::opening(kind));
    for number in 0..count {
        if number > 0 {
            chunk.push(',');
        }
        searchset::entry(&mut chunk, kind, number, NARRATIVE);
        if chunk.len() >= CHUNK {
            push(&mut answer, &mut chunk);
        }
    }
    chunk.push_str(CLOSING);
    push(&mut answer, &mut chunk);
    answer.end_of_body().expect("the bundle is whole");
    released += answer.take().len();
    assert_eq!(answer.report().released.len(), PAGE);
    assert!(read > bytes / 10 * 9 && released > PAGE, "{read} bytes read, {released} released");
    println!("{}", peak());
}

/// The most memory that this process had.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
    let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kib * 1024
}
