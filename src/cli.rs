//! The subcommands of `sluis`: arguments in, JSON on stdout, diagnostics on stderr, an exit code out.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks through them")]

pub mod audit;
pub mod check;
pub mod decide;
pub mod demo;
pub mod explain;
pub mod subscribe;
pub mod uzi;

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::audit::{Language, Part};
use crate::gateway::clock::Clock;
use crate::gateway::config;
use crate::gateway::start::{self, Running};
use crate::identity::Strictness;
use crate::limits;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "sluis", version, about = "A FHIR gateway that lets through what the patient's Consent allows")]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway; one JSON line on stdout when it is ready
    Serve {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Run a gateway, a FHIR server with synthetic patients and a test PKI on loopback, and show them
    Demo(DemoArguments),
    /// Check a configuration and everything it names
    Check {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// Read one page of each type from the upstream, and count what no label table knows
        #[arg(long)]
        sample: bool,
    },
    /// Ask the servers that Consents are read from to say when something changes; exit code 2 where one does not
    Subscribe {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Work with UZI certificates
    #[command(subcommand)]
    Uzi(UziCommand),
    /// Decide one case, read from stdin; exit code 0 permit, 2 deny
    Decide,
    /// What a caller would see of live data, and why; exit code 0 something, 2 nothing
    Explain(ExplainArguments),
    /// Work with a journal
    #[command(subcommand)]
    Audit(AuditCommand),
}

/// How the demo runs.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Run the tour, check it and end
    #[arg(long)]
    pub once: bool,
    /// Where to keep the demo's files; a directory for temporary files where it is not given
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Only write the files, for another server to load
    #[arg(long, requires = "dir")]
    pub write: bool,
}

/// What to do with UZI certificates.
#[derive(Debug, Subcommand)]
pub enum UziCommand {
    /// What a certificate says, and whether it would be accepted; exit code 0 accept, 2 refuse
    Inspect(InspectArguments),
}

/// What to inspect, and against what.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// PEM, DER or PKCS#7; the first certificate is the leaf (of PKCS#7, the one that is no CA), the others are offered as
    /// intermediates
    pub certificate: PathBuf,
    /// Directory of issuing CAs; without it the chain is not judged
    #[arg(long)]
    pub trust: Option<PathBuf>,
    /// Directory of CRLs; without it revocation is not judged
    #[arg(long)]
    pub crl: Option<PathBuf>,
    /// The moment to judge at, RFC 3339; the present where it is not given
    #[arg(long)]
    pub now: Option<String>,
    /// Accept test OIDs and what test CAs are lenient about
    #[arg(long)]
    pub lenient_test: bool,
    /// A table instead of JSON
    #[arg(long)]
    pub table: bool,
}

/// What to explain.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The configuration file
    #[arg(long)]
    pub config: PathBuf,
    /// The caller's certificate, PEM or DER
    #[arg(long)]
    pub caller: PathBuf,
    /// Why the caller asks, a code of v3-ActReason
    #[arg(long)]
    pub purpose: String,
    /// The caller's reason, where the purpose needs one
    #[arg(long)]
    pub reason: Option<String>,
    /// A table instead of JSON
    #[arg(long)]
    pub table: bool,
    /// The request: 'GET /fhir/Condition?patient=1', or 'GET /fhir/Patient/1/$everything' for all the caller may ask for
    pub request: String,
}

/// What to do with a journal.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Whether a journal is intact; exit code 0 intact or torn, 2 altered
    ///
    /// The journals below it (`review/`, `explain/`) are verified as well.
    Verify {
        /// The journal's directory
        directory: PathBuf,
        /// A file with heads that were kept elsewhere: plain, as answers of this command, or as lines of the journal, such as
        /// checkpoints
        #[arg(long)]
        head: Option<PathBuf>,
        /// Public keys that checkpoints must be signed with: a file in PEM, or the directory of the keys
        #[arg(long)]
        key: Option<PathBuf>,
    },
    /// What is on record about a patient
    Show {
        /// The journal's directory
        directory: PathBuf,
        /// A BSN, or a reference such as Patient/1
        #[arg(long)]
        patient: String,
        /// JSON instead of a table
        #[arg(long)]
        json: bool,
        /// Who reads, for the record of readings
        #[arg(long)]
        by: Option<String>,
    },
    /// What is on record as AuditEvents or as a table of NEN 7513; exit code 2, and nothing, where the journal is altered
    Export(ExportArguments),
    /// Whose data of which kinds reached one organisation in a period
    Incident {
        /// The journal's directory
        directory: PathBuf,
        /// The number of the organisation (URA)
        #[arg(long)]
        caller: String,
        /// From this moment or day on
        #[arg(long)]
        from: Option<String>,
        /// Until this moment, or with this day
        #[arg(long)]
        to: Option<String>,
        /// A table instead of JSON
        #[arg(long)]
        table: bool,
        /// Who reads, for the record of readings
        #[arg(long)]
        by: Option<String>,
    },
    /// The access log of one patient, for that patient: who looked, at what kind of data, for what, on which ground
    AccessLog {
        /// The journal's directory
        directory: PathBuf,
        /// A BSN, or a reference such as Patient/1
        #[arg(long)]
        patient: String,
        /// From this moment or day on
        #[arg(long)]
        from: Option<String>,
        /// Until this moment, or with this day
        #[arg(long)]
        to: Option<String>,
        /// A page to read and print instead of JSON
        #[arg(long)]
        html: bool,
        /// The language of the page
        #[arg(long, default_value = "nl", value_parser = ["nl", "en"], requires = "html")]
        lang: String,
        /// Who reads, for the record of readings
        #[arg(long)]
        by: Option<String>,
    },
    /// Make or bring up to date the index of a journal, by which answers about one patient or caller are found; exit code 2
    /// where the journal is altered
    Index {
        /// The journal's directory
        directory: PathBuf,
        /// The directory of the keys (`keys.directory`); where it is not given, the one that the index names
        #[arg(long)]
        keys: Option<PathBuf>,
        /// Make it anew from the first record on
        #[arg(long)]
        rebuild: bool,
    },
    /// Remove what was kept for as long as `audit.retention` says, leaving a signed statement of what went; exit code 2, and
    /// nothing, where the journal is altered
    Prune {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
        /// Who prunes, for the statement
        #[arg(long)]
        by: Option<String>,
    },
    /// What is to be reviewed: emergencies in which the glass was broken, and other accesses that needed a reason
    ///
    /// With --close an item is closed by a review, as far as the same user listed it last, or up to the record that --upto
    /// names; the review is on record in `review/` below the directory. Exit code 2 where that is closed already.
    Review {
        /// The journal's directory
        directory: PathBuf,
        /// Close the item of this id
        #[arg(long, requires = "by", requires = "verdict", conflicts_with = "table")]
        close: Option<String>,
        /// Who reviewed it, or who reads
        #[arg(long)]
        by: Option<String>,
        /// Close what was asked up to this record, the `upto` of a listed item; without it, what this user listed last
        #[arg(long, requires = "close")]
        upto: Option<u64>,
        /// What the review found
        #[arg(long, requires = "close")]
        verdict: Option<String>,
        /// JSON, which is what it writes where nothing is said
        #[arg(long, conflicts_with = "table")]
        json: bool,
        /// A table instead of JSON
        #[arg(long)]
        table: bool,
    },
}

/// What to export.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The journal's directory
    pub directory: PathBuf,
    /// The form of it
    #[arg(long, value_enum, default_value = "ndjson")]
    pub format: audit::Format,
    /// From this moment or day on
    #[arg(long)]
    pub from: Option<String>,
    /// Until this moment, or with this day
    #[arg(long)]
    pub to: Option<String>,
    /// About one patient alone: a BSN, or a reference such as Patient/1
    #[arg(long)]
    pub patient: Option<String>,
    /// With what was withheld, in AuditEvents of their own: for those who may read the journal
    #[arg(long)]
    pub withheld: bool,
    /// Who reads, for the record of readings
    #[arg(long)]
    pub by: Option<String>,
}

/// Exit codes: 0 yes, 1 a mistake in the input, 2 refused.
const MISTAKE: u8 = 1;

/// Runs the gateway until it is told to stop.
#[must_use]
pub fn serve(config: &Path) -> u8 {
    let config = match config::load(config) {
        Ok(config) => config,
        Err(mistakes) => {
            for mistake in &mistakes {
                said(mistake);
            }
            return MISTAKE;
        }
    };
    ended(start::run(config, |running: &Running| {
        let portal = running.portal().map(|address| format!(", \"portal\": \"{address}\"")).unwrap_or_default();
        println!("{{\"listening\": \"{}\", \"admin\": \"{}\"{portal}}}", running.listening(), running.admin());
    }))
}

/// Runs the demo.
#[must_use]
pub fn demo(arguments: DemoArguments) -> u8 {
    let DemoArguments { once, dir, write } = arguments;
    let options = demo::DemoOptions { once, write, dir };
    let system = actix_rt::System::new();
    let code = system.block_on(demo::run(&options, Clock::system().now(), start::in_process));
    u8::try_from(code).unwrap_or(MISTAKE)
}

/// Checks a configuration and everything it names.
#[must_use]
pub fn check(config: &Path, sample: bool) -> u8 {
    let mistakes = check::check(config);
    for mistake in &mistakes {
        said(mistake);
    }
    for line in check::crls(config) {
        said(&line);
    }
    let sample = if sample && mistakes.is_empty() { check::sample(config) } else { None };
    println!("{}", check::report(&mistakes, sample.as_ref()));
    if mistakes.is_empty() { 0 } else { MISTAKE }
}

/// Subscribes to changes at the upstreams.
#[must_use]
pub fn subscribe(config: &Path) -> u8 {
    match subscribe::subscribe(config) {
        Ok((report, code)) => {
            println!("{report}");
            code
        }
        Err(error) => {
            said(&error);
            error.code()
        }
    }
}

/// Works with UZI certificates.
#[must_use]
pub fn uzi(command: &UziCommand) -> u8 {
    let UziCommand::Inspect(InspectArguments { certificate, trust, crl, now, lenient_test, table }) = command;
    let moment = match now {
        Some(text) => OffsetDateTime::parse(text, &Rfc3339),
        None => Ok(Clock::system().now()),
    };
    let Ok(now) = moment else { return said("--now: expected a moment such as 2026-03-01T12:00:00Z") };
    answered(
        uzi::inspect(&uzi::Options {
            certificate: certificate.clone(),
            trust: trust.clone(),
            crl: crl.clone(),
            now,
            strictness: if *lenient_test { Strictness::Test } else { Strictness::Production },
            table: *table,
        })
        .map(|(text, code)| (text, i32::from(code))),
    )
}

/// Decides the case on stdin.
#[must_use]
pub fn decide() -> u8 {
    let bound = u64::try_from(limits::CASE.bytes + 1).unwrap_or(u64::MAX);
    let mut input = Vec::new();
    match std::io::stdin().lock().take(bound).read_to_end(&mut input) {
        Ok(_) => match decide::decide(&input) {
            (mistake, 1) => said(mistake),
            (text, code) => answered(Ok::<_, std::io::Error>((text, code))),
        },
        Err(error) => said(error),
    }
}

/// Explains what a caller would see.
#[must_use]
pub fn explain(arguments: &ExplainArguments) -> u8 {
    match explain::explain(arguments, Clock::system()) {
        Ok((text, code)) => {
            println!("{}", text.trim_end());
            code
        }
        Err(explain::Mistakes { code, mistakes }) => {
            for mistake in &mistakes {
                said(mistake);
            }
            code
        }
    }
}

/// Works with a journal. What is read of it is on record before it is shown.
#[must_use]
pub fn audit(command: &AuditCommand) -> u8 {
    let clock = Clock::system();
    let read = |reading: audit::Reading<'_>, directory: &Path, answer: Result<(String, i32), audit::AuditError>| {
        answer.and_then(|answer| reading.on_record(directory, clock.clone()).map(|()| answer))
    };
    let period = |from: &Option<String>, to: &Option<String>| {
        audit::Period::of(from.as_deref(), to.as_deref()).map_err(audit::AuditError::from)
    };
    answered(match command {
        AuditCommand::Export(arguments) => return export(arguments, clock),
        AuditCommand::Verify { directory, head, key } => {
            audit::verify(directory, audit::Against { head: head.as_deref(), key: key.as_deref() })
        }
        AuditCommand::Prune { config, dry_run, by } => return prune(config, *dry_run, by.as_deref(), clock),
        AuditCommand::Show { directory, patient, json, by } => {
            let (by, patient) = (by.as_deref(), patient.as_str());
            let reading = audit::Reading { command: "show", by, patient: Some(patient), ..audit::Reading::default() };
            read(reading, directory, audit::show(directory, patient, *json))
        }
        AuditCommand::Incident { directory, caller, from, to, table, by } => {
            let answer = period(from, to).and_then(|period| audit::incident(directory, caller, period, *table));
            let reading = audit::Reading {
                command: "incident",
                by: by.as_deref(),
                caller: Some(caller),
                from: from.as_deref(),
                to: to.as_deref(),
                ..audit::Reading::default()
            };
            read(reading, directory, answer)
        }
        AuditCommand::AccessLog { directory, patient, from, to, html, lang, by } => {
            let language = if lang == "en" { Language::English } else { Language::Dutch };
            let form = if *html { audit::Form::Page(language) } else { audit::Form::Json };
            let answer = period(from, to).and_then(|period| audit::access_log(directory, patient, period, form));
            let reading = audit::Reading {
                command: "access-log",
                by: by.as_deref(),
                patient: Some(patient),
                from: from.as_deref(),
                to: to.as_deref(),
                ..audit::Reading::default()
            };
            read(reading, directory, answer)
        }
        AuditCommand::Index { directory, keys, rebuild } => audit::index(directory, keys.as_deref(), *rebuild),
        AuditCommand::Review { directory, close: Some(id), by, verdict, upto, .. } => {
            let (by, verdict) = (by.as_deref().unwrap_or_default(), verdict.as_deref().unwrap_or_default());
            let closed = audit::close(directory, audit::Closing { id, by, verdict, upto: *upto }, clock.clone());
            let (by, item) = (Some(by), Some(id.as_str()));
            let reading = audit::Reading { command: "review", by, item, ..audit::Reading::default() };
            read(reading, directory, closed)
        }
        AuditCommand::Review { directory, table, by, .. } => audit::review(directory, *table).and_then(|listing| {
            let audit::Listing { text, code, last } = listing;
            let (by, upto) = (by.as_deref(), Some(last));
            let reading = audit::Reading { command: "review", by, upto, ..audit::Reading::default() };
            read(reading, directory, Ok((text, code)))
        }),
    })
}

fn prune(config: &Path, dry_run: bool, by: Option<&str>, clock: Clock) -> u8 {
    match config::load(config) {
        Ok(config) => {
            let (directory, keys, retention) = (config.audit.as_path(), config.keys.as_path(), config.retention);
            answered(audit::prune(audit::Pruning { directory, keys, retention, by, dry_run }, clock))
        }
        Err(mistakes) => mistakes.iter().map(said).max().unwrap_or(MISTAKE),
    }
}

fn export(arguments: &ExportArguments, clock: Clock) -> u8 {
    let ExportArguments { directory, format, from, to, patient, withheld, by } = arguments;
    let part = if *withheld { Part::Protected } else { Part::Open };
    let period = match audit::Period::of(from.as_deref(), to.as_deref()) {
        Ok(period) => period,
        Err(error) => return said(error),
    };
    let choice = audit::Choice { format: *format, period, patient: patient.as_deref(), part };
    let reading = audit::Reading {
        command: if *withheld { "export --withheld" } else { "export" },
        by: by.as_deref(),
        patient: patient.as_deref(),
        from: from.as_deref(),
        to: to.as_deref(),
        ..audit::Reading::default()
    };
    // It is written out as it is read, so it is on record before the first line.
    if let Err(error) = reading.on_record(directory, clock) {
        return said(error);
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match audit::export(directory, choice, &mut out) {
        Ok(0) => 0,
        Ok(code) => {
            said("the journal is altered and nothing of it is exported: `sluis audit verify` says where");
            u8::try_from(code).unwrap_or(MISTAKE)
        }
        Err(error) => said(error),
    }
}

fn answered<E: Display>(answer: Result<(String, i32), E>) -> u8 {
    match answer {
        Ok((text, code)) => {
            println!("{}", text.trim_end());
            u8::try_from(code).unwrap_or(MISTAKE)
        }
        Err(error) => said(error),
    }
}

fn ended<E: Display>(result: Result<(), E>) -> u8 {
    result.map_or_else(said, |()| 0)
}

/// Says a mistake on stderr, and returns the code for one.
fn said(mistake: impl Display) -> u8 {
    eprintln!("sluis: {mistake}");
    MISTAKE
}
