//! Process: a program that says on its first line that it is ready, and ends when its keeper lets go of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::trouble::Trouble;

/// Runs a program and sends it SIGTERM when standard input ends, as it does when a test is killed; the program's exit status
/// becomes the shell's.
const KEEPER: &str = r#""$@" & exec >&-; cat >/dev/null; kill -TERM $! 2>/dev/null; wait $!"#;

/// How long a program may take to end.
const END: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// A running program. Dropped, or when the test's own process ends, it ends.
#[derive(Debug)]
pub(crate) struct Process {
    program: PathBuf,
    child: Child,
    held: Option<ChildStdin>,
    /// Kept open, so that the program never writes into a closed pipe.
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a program that ends with its standard input, and returns it with its first line.
    pub(crate) fn start(command: &mut Command) -> Result<(Self, String), Trouble> {
        let program = PathBuf::from(command.get_program());
        Self::spawn(command, program)
    }

    /// Starts a program that ends at SIGTERM, and returns it with its first line.
    pub(crate) fn start_kept(program: &Path, adjust: impl FnOnce(&mut Command)) -> Result<(Self, String), Trouble> {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(program);
        adjust(&mut command);
        Self::spawn(&mut command, program.to_owned())
    }

    fn spawn(command: &mut Command, program: PathBuf) -> Result<(Self, String), Trouble> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Trouble::Start { program: program.clone(), kind: error.kind() })?;
        let not_ready = || Trouble::NotReady { program: program.clone(), said: "nothing".to_owned() };
        let held = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(not_ready)?;
        let mut process = Self { program: program.clone(), child, held, stdout: BufReader::new(stdout) };
        let mut line = String::new();
        match process.stdout.read_line(&mut line) {
            Ok(0) | Err(_) => Err(not_ready()),
            Ok(_) => Ok((process, line)),
        }
    }

    /// Returns the error of a program whose first line is not what it should be.
    pub(crate) fn not_ready(&self, said: &str) -> Trouble {
        Trouble::NotReady { program: self.program.clone(), said: said.trim_end().to_owned() }
    }

    /// Lets go of the program and waits for its end.
    pub(crate) fn stop(mut self) -> Result<ExitStatus, Trouble> {
        let program = self.program.clone();
        self.end().ok_or_else(|| Trouble::Ended { program, status: "SIGKILL, for it did not end by itself".to_owned() })
    }

    /// Kills a program that was started to be kept, as a power cut would, and waits for its end.
    pub(crate) fn kill(self) -> Result<(), Trouble> {
        let shell = self.child.id();
        let children = PathBuf::from(format!("/proc/{shell}/task/{shell}/children"));
        let text = std::fs::read_to_string(&children).map_err(|error| Trouble::file(&children, &error))?;
        let is_it = |id: &&str| {
            let running = std::fs::canonicalize(format!("/proc/{id}/exe")).ok();
            running.is_some() && running == std::fs::canonicalize(&self.program).ok()
        };
        let id = text.split_whitespace().find(is_it).ok_or_else(|| self.not_ready("that it has ended"))?;
        run(Command::new("kill").args(["-KILL", id]))?;
        self.stop().map(drop)
    }

    /// Returns how it ended, unless it had to be killed.
    fn end(&mut self) -> Option<ExitStatus> {
        self.held = None;
        let mut waited = Duration::ZERO;
        while waited < END {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(POLL),
                Err(_) => break,
            }
            waited += POLL;
        }
        // What cannot be killed has ended.
        self.child.kill().ok();
        self.child.wait().ok();
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a command to its end and returns its standard output; another exit code than 0 is trouble.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>, Trouble> {
    let program = PathBuf::from(command.get_program());
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Trouble::Start { program: program.clone(), kind: error.kind() })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Trouble::Ended { program, status: output.status.to_string() })
}

/// Returns a file below this crate's own directory.
pub(crate) fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(script: &str) -> Result<(Process, String), Trouble> {
        Process::start_kept(Path::new("sh"), |command| {
            command.args(["-c", script]);
        })
    }

    #[test]
    fn a_kept_program_gets_sigterm_when_it_is_let_go_and_its_status_is_known() {
        let (process, line) = kept("trap 'exit 3' TERM; echo ready; while true; do sleep 0.05; done").unwrap();
        assert_eq!(line, "ready\n");
        assert_eq!(process.stop().unwrap().code(), Some(3));
    }

    #[test]
    fn a_program_that_says_nothing_did_not_become_ready() {
        assert!(matches!(kept("exec >&-; sleep 0.1").unwrap_err(), Trouble::NotReady { .. }));
        let error = Process::start(Command::new("sh").args(["-c", "exit 1"])).unwrap_err();
        assert!(matches!(error, Trouble::NotReady { .. }));
    }

    #[test]
    fn a_program_that_ends_with_its_input_is_waited_for() {
        let (process, _) = Process::start(Command::new("sh").args(["-c", "echo ready; cat"])).unwrap();
        assert_eq!(process.stop().unwrap().code(), Some(0));
    }

    #[test]
    fn a_command_that_fails_is_trouble() {
        assert_eq!(run(Command::new("sh").args(["-c", "echo yes"])).unwrap(), b"yes\n");
        assert!(matches!(run(Command::new("sh").args(["-c", "exit 2"])), Err(Trouble::Ended { .. })));
    }
}
