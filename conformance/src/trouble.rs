//! Trouble: why a run could not be made. What a gateway does wrong is never trouble; it is a difference or a failed test.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A file could not be read or written.
    #[error("{path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: ErrorKind,
    },
    /// A file does not hold what it should.
    #[error("{path}: {what}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What was expected of it.
        what: &'static str,
    },
    /// A program could not be started.
    #[error("{program} does not start ({kind})")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        kind: ErrorKind,
    },
    /// A program ended, or said something else, before it was ready.
    #[error("{program} did not become ready: {said}")]
    NotReady {
        /// The program.
        program: PathBuf,
        /// Its first line.
        said: String,
    },
    /// A program that was told to stop ended otherwise than it should.
    #[error("{program} ended with {status}")]
    Ended {
        /// The program.
        program: PathBuf,
        /// Its exit status.
        status: String,
    },
    /// The FHIR server refused what the run depends on.
    #[error("the FHIR server answered {status} to {request}: {body}")]
    Server {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
        /// The beginning of the answer.
        body: String,
    },
    /// An exchange over the network failed.
    #[error(transparent)]
    Wire(#[from] crate::wire::WireError),
    /// OpenSSL could not do what it was asked.
    #[error("OpenSSL failed")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// An answer that should be JSON of a known shape is not.
    #[error("{what} is not as expected")]
    Shape {
        /// What.
        what: &'static str,
    },
}

impl Trouble {
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::File { path: path.to_owned(), kind: error.kind() }
    }

    pub(crate) fn content(path: &Path, what: &'static str) -> Self {
        Self::Content { path: path.to_owned(), what }
    }
}
