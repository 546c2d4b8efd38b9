//! What the source files themselves must keep: the core does no I/O, every ground has a case, every profile is shipped.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::consent::Ground;
use crate::label::Tables;
use crate::profile::{Categories, Exchange, Policy, ValueSets, shipped_exchanges, shipped_policies};

/// What the core may not name: I/O, the clock, chance, the environment, locks, waiting.
const FORBIDDEN: [&str; 24] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "env!(",
    "env::var",
    "SystemTime",
    "Instant::now",
    "now_utc",
    "now_local",
    "tokio",
    "futures_util",
    "rand::",
    "async ",
    ".await",
    "Mutex",
    "RwLock",
    "Condvar",
    "println!",
    "print!",
    "dbg!",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every file below `directory` whose name ends so, with its path below the root of the project.
fn files(directory: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut ahead = vec![root().join(directory)];
    while let Some(directory) = ahead.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                ahead.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{directory} has no {ending}");
    found
}

/// Returns the lines that are built into the product, with their numbers: no comments, nothing that is for tests alone.
fn built(text: &str) -> Vec<(usize, &str)> {
    let mut kept = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if line == "#[cfg(test)]" {
            // The item behind it is one line, or ends with the brace that stands where it began.
            if !lines.next().is_some_and(|(_, line)| line.ends_with(';')) {
                lines.by_ref().find(|(_, line)| *line == "}");
            }
        } else if !line.trim_start().starts_with("//") {
            kept.push((number, line));
        }
    }
    kept
}

fn is_test(name: &str) -> bool {
    name.contains("/tests/") || ["/tests.rs", "/laws.rs", "src/sources.rs"].iter().any(|end| name.ends_with(end))
}

fn impure(text: &str) -> Vec<(usize, &str)> {
    // An address is a value like others.
    let forbidden = |line: &str| {
        let line = line.replace("std::net::SocketAddr", "");
        FORBIDDEN.iter().any(|word| line.contains(word))
    };
    built(text).into_iter().filter(|(_, line)| forbidden(line)).collect()
}

/// Returns the files of the core, without those that hold tests alone.
fn core() -> Vec<(String, String)> {
    let shell = |name: &str| ["src/gateway", "src/cli", "src/main.rs"].iter().any(|shell| name.starts_with(shell));
    files("src", ".rs").into_iter().filter(|(name, _)| !shell(name) && !is_test(name)).collect()
}

#[test]
fn the_core_names_nothing_that_does_io_waits_or_tells_the_time() {
    let core = core();
    assert!(core.len() > 50, "{}", core.len());
    let mut found = Vec::new();
    for (name, text) in core {
        found.extend(impure(&text).into_iter().map(|(number, line)| format!("{name}:{number}: {}", line.trim())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_the_core_may_not_name_is_found_and_tests_may_name_it() {
    let text = "use std::fs;\n// std::fs\n#[cfg(test)]\nmod laws;\nlet now = OffsetDateTime::now_utc();\n\
                #[cfg(test)]\nmod tests {\n    use std::fs;\n    use std::io;\n}\nasync fn wait() {}\n";
    let numbers: Vec<_> = impure(text).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [1, 5, 11]);
}

#[test]
fn every_ground_that_something_yields_has_a_case() {
    let cases = files("tests/cases", ".json");
    let sources = core();
    let yields = |ground: &Ground| {
        let named = format!("Ground::{ground:?}");
        sources
            .iter()
            .filter(|(name, _)| name != "src/consent/ground.rs")
            .any(|(_, text)| built(text).iter().any(|(_, line)| line.contains(&named)))
    };
    let mut grounds = 0;
    for ground in Ground::ALL.iter().filter(|ground| yields(ground)) {
        grounds += 1;
        let expected = format!("\"ground\": \"{}\"", ground.code());
        assert!(cases.iter().any(|(_, text)| text.contains(&expected)), "{}", ground.code());
    }
    assert!(grounds >= 10, "{grounds}");
}

#[test]
fn every_file_of_profiles_compiles_and_is_shipped() {
    let exchanges: BTreeSet<_> = shipped_exchanges().unwrap().iter().map(|one| one.name().to_owned()).collect();
    let policies: BTreeSet<_> = shipped_policies().unwrap().iter().map(|one| one.name().to_owned()).collect();
    let tables = fs::read_to_string(root().join("src/label/tables.rs")).unwrap();
    let categories = fs::read_to_string(root().join("src/profile/category.rs")).unwrap();
    let value_sets = fs::read_to_string(root().join("src/profile/value_set.rs")).unwrap();
    for (file, text) in files("profiles", ".toml") {
        match file.split('/').nth(1) {
            Some("exchanges") => assert!(exchanges.contains(Exchange::read(&file, &text).unwrap().name()), "{file}"),
            Some("policies") => assert!(policies.contains(Policy::read(&file, &text).unwrap().name()), "{file}"),
            Some("labels") => {
                assert!(Tables::read([(file.as_str(), text.as_str())]).is_ok(), "{file}");
                assert!(tables.contains(&file), "{file} is not shipped");
            }
            Some("categories") => {
                assert!(Categories::read([(file.as_str(), text.as_str())]).is_ok(), "{file}");
                assert!(categories.contains(&file), "{file} is not shipped");
            }
            Some("value-sets") => {
                assert!(ValueSets::read([(file.as_str(), text.as_str())]).is_ok(), "{file}");
                assert!(value_sets.contains(&file), "{file} is not shipped");
            }
            Some(_) | None => panic!("{file}: a profile of no kind"),
        }
    }
}
