//! Exit codes and subcommands; everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use sluis::cli::{Command, Options};

fn main() -> ExitCode {
    let code = match Options::parse().command {
        Command::Serve { config } => sluis::cli::serve(&config),
        Command::Demo(options) => sluis::cli::demo(options),
        Command::Check { config } => sluis::cli::check(&config),
        Command::Uzi(command) => sluis::cli::uzi(&command),
        Command::Decide => sluis::cli::decide(),
        Command::Audit(command) => sluis::cli::audit(&command),
    };
    ExitCode::from(code)
}
