//! Everything that needs sockets, files or a process: one binary, a module per subject.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod door;
