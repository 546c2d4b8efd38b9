//! Exit codes and subcommands; everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use sluis::cli::{Command, Options};

fn main() -> ExitCode {
    #[cfg(feature = "faults")]
    if !faults::plant() {
        return ExitCode::from(1);
    }
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Nobody is left to tell when the terminal is closed.
            error.print().unwrap_or_default();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    let code = match options.command {
        Command::Serve { config } => sluis::cli::serve(&config),
        Command::Demo(options) => sluis::cli::demo(options),
        Command::Check { config, sample } => sluis::cli::check(&config, sample),
        Command::Subscribe { config } => sluis::cli::subscribe(&config),
        Command::Uzi(command) => sluis::cli::uzi(&command),
        Command::Decide => sluis::cli::decide(),
        Command::Explain(arguments) => sluis::cli::explain(&arguments),
        Command::Audit(command) => sluis::cli::audit(&command),
    };
    ExitCode::from(code)
}

/// A build for the tests that show that they bite: a fault of the view, named by `SLUIS_FAULT`.
#[cfg(feature = "faults")]
mod faults {
    use sluis::view::faults::{Fault, plant as planted};

    /// Plants the fault and returns true, unless there is none of that name.
    #[expect(
        clippy::disallowed_methods,
        reason = "a build that no hospital runs; its configuration stays the real one"
    )]
    pub(super) fn plant() -> bool {
        let Ok(name) = std::env::var("SLUIS_FAULT") else { return true };
        let fault = Fault::of(&name);
        planted(fault);
        fault.is_some()
    }
}
