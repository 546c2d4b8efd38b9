//! The demo: synthetic patients behind a gateway, all in one process and on loopback.
//!
//! It sets a stage (a directory with a test PKI, a configuration file and the records, an embedded FHIR server that
//! holds them), starts a gateway from that file as `serve` would, and takes a tour of questions whose answers it checks.

pub mod cast;
pub mod fhir_server;
pub mod pki;
pub mod record;
pub mod signer;
pub mod stage;
pub mod tour;

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use stage::{Stage, StageError};
use tour::{Colour, Score};

/// What the demo is asked to do.
#[derive(Debug, Clone, Default)]
pub struct DemoOptions {
    /// Take the tour and end, instead of serving until stopped.
    pub once: bool,
    /// Write PKI, configuration and records into `dir` and end.
    pub write: bool,
    /// Where the files go; a temporary directory, removed at the end, when there is none.
    pub dir: Option<PathBuf>,
}

/// Runs the demo and returns its exit code: 0 when every answer was the one expected, 1 otherwise.
///
/// `start` starts a gateway from a configuration file; the gateway serves until what `start` returns is dropped.
pub async fn run<G, E: Display>(
    options: &DemoOptions,
    now: OffsetDateTime,
    start: impl AsyncFnOnce(&Path) -> Result<G, E>,
) -> i32 {
    let mut out = std::io::stdout();
    let colour = if out.is_terminal() { Colour::Ansi } else { Colour::Plain };
    let played = play(options, now, start, &mut out, colour).await;
    match played {
        Ok(Some(score)) if score.failed > 0 => 1,
        Ok(Some(_) | None) => 0,
        Err(failure) => {
            // Nobody is left to tell when stderr is closed.
            writeln!(std::io::stderr(), "sluis demo: {failure}").unwrap_or_default();
            1
        }
    }
}

/// Why the demo did not play.
#[derive(Debug, thiserror::Error)]
enum DemoError<E> {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("the output cannot be written to ({0})")]
    Output(std::io::ErrorKind),
    #[error("--write needs --dir")]
    NoDirectory,
    #[error("the gateway does not start: {0}")]
    Gateway(E),
}

impl<E> From<std::io::Error> for DemoError<E> {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error.kind())
    }
}

async fn play<G, E: Display>(
    options: &DemoOptions,
    now: OffsetDateTime,
    start: impl AsyncFnOnce(&Path) -> Result<G, E>,
    out: &mut (dyn Write + Send),
    colour: Colour,
) -> Result<Option<Score>, DemoError<E>> {
    if options.write {
        let dir = options.dir.as_deref().ok_or(DemoError::NoDirectory)?;
        stage::write(dir, now, stage::Addresses::usual())?;
        writeln!(out, r#"{{"written": {}}}"#, serde_json::Value::from(dir.to_string_lossy()))?;
        return Ok(None);
    }
    let addresses = if options.once { stage::Addresses::free()? } else { stage::Addresses::usual_or_free()? };
    let stage = Stage::set(options.dir.as_deref(), now, addresses)?;
    writeln!(out, "Files:       {}", stage.dir().display())?;
    writeln!(out, "FHIR server: {} ({} resources)", stage.server().base(), stage.loaded())?;
    let gateway = start(stage.config()).await.map_err(DemoError::Gateway)?;
    writeln!(out, "Gateway:     {}", stage.public_base())?;
    let score = tour::walk(stage.dir(), stage.public_base(), out, colour).await?;
    if !options.once {
        writeln!(out, "The gateway keeps running: try the commands above. Ctrl-C ends it.")?;
        stopped().await;
    }
    drop(gateway);
    writeln!(out, r#"{{"steps": {}, "failed": {}}}"#, score.steps, score.failed)?;
    Ok(Some(score))
}

/// Waits until somebody wants the demo to end; where that cannot be heard, it ends at once.
async fn stopped() {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.unwrap_or_default(),
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn no_gateway(_: &Path) -> Result<(), &'static str> {
        Err("not here")
    }

    #[tokio::test]
    async fn what_is_written_can_be_loaded_elsewhere() {
        let dir = std::env::temp_dir().join(format!("sluis-demo-write-{}", std::process::id()));
        let options = DemoOptions { write: true, dir: Some(dir.clone()), ..DemoOptions::default() };
        let mut out = Vec::new();
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        play(&options, now, no_gateway, &mut out, Colour::Plain).await.unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with(r#"{"written": "#));
        for file in
            ["sluis.toml", "server.pem", "callers/apotheker.key", "records/00-shared.json", "records/01-anna.json"]
        {
            assert!(dir.join(file).is_file(), "{file}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn a_directory_is_needed_to_write() {
        let options = DemoOptions { write: true, ..DemoOptions::default() };
        let played = play(&options, OffsetDateTime::UNIX_EPOCH, no_gateway, &mut Vec::new(), Colour::Plain).await;
        assert!(matches!(played, Err(DemoError::NoDirectory)));
    }

    #[tokio::test]
    async fn a_gateway_that_does_not_start_ends_the_demo() {
        let options = DemoOptions { once: true, ..DemoOptions::default() };
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let played = play(&options, now, no_gateway, &mut Vec::new(), Colour::Plain).await;
        assert!(matches!(played, Err(DemoError::Gateway("not here"))));
    }

    #[tokio::test]
    async fn a_gateway_that_answers_nothing_fails_every_step() {
        let options = DemoOptions { once: true, ..DemoOptions::default() };
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let mut out = Vec::new();
        let score = play(&options, now, async |_: &Path| Ok::<_, String>(()), &mut out, Colour::Plain).await.unwrap();
        let score = score.unwrap();
        assert_eq!((score.steps, score.failed), (tour::STEPS.len(), tour::STEPS.len()));
        let last = String::from_utf8(out).unwrap().lines().last().unwrap().to_owned();
        assert_eq!(last, format!(r#"{{"steps": {0}, "failed": {0}}}"#, tour::STEPS.len()));
    }
}
