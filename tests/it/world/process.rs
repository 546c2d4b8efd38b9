//! The gateway as a process, and the subcommands.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SLUIS: &str = env!("CARGO_BIN_EXE_sluis");

/// A start on a busy machine takes a second; more is a failure.
const READY: Duration = Duration::from_secs(30);

/// A running `sluis serve`; it is killed when dropped.
pub(crate) struct Process {
    child: Child,
    ready: serde_json::Value,
}

impl Process {
    /// Starts it and waits for the line that says where it listens. Its stderr is in `gateway.log` below `dir`.
    pub(crate) fn serve(configuration: &Path, dir: &Path, file_bytes: Option<u64>) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(dir.join("gateway.log")).unwrap();
        let mut command = match file_bytes {
            Some(bytes) => {
                let mut shell = Command::new("sh");
                // POSIX: `ulimit -f` counts in blocks of 512 bytes. A signal that is ignored stays ignored in the process.
                let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
                shell.arg("-c").arg(script).arg(SLUIS);
                shell
            }
            None => Command::new(SLUIS),
        };
        command.arg("serve").arg("--config").arg(configuration);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (report, line) = mpsc::channel();
        std::thread::spawn(move || {
            let mut first = String::new();
            let read = BufReader::new(stdout).read_line(&mut first);
            report.send(read.map(|_| first)).unwrap_or_default();
        });
        let mut process = Self { child, ready: serde_json::Value::Null };
        let line = line.recv_timeout(READY).expect("the gateway says nothing").unwrap();
        process.ready = serde_json::from_str(&line).unwrap_or_else(|_| {
            let log = std::fs::read_to_string(dir.join("gateway.log")).unwrap_or_default();
            panic!("the gateway does not start: {line:?} {log}")
        });
        process
    }

    /// The line it wrote when it was ready.
    pub(crate) fn ready(&self) -> &serde_json::Value {
        &self.ready
    }

    pub(crate) fn port(&self) -> u16 {
        let address: std::net::SocketAddr = self.ready["listening"].as_str().unwrap().parse().unwrap();
        address.port()
    }

    pub(crate) fn admin(&self) -> &str {
        self.ready["admin"].as_str().unwrap()
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to read its configuration again.
    pub(crate) fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ended by itself.
    pub(crate) fn wait(&mut self, patience: Duration) -> ExitStatus {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the gateway does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it in order and waits for that.
    pub(crate) fn stop(&mut self) {
        self.terminate();
        assert_eq!(self.wait(Duration::from_secs(60)).code(), Some(0));
    }

    pub(crate) fn assert_ended(&mut self) {
        assert!(self.child.try_wait().unwrap().is_some(), "the gateway still runs");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}

/// What a subcommand came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Stdout as the one JSON value it must be.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {:?} {}", self.stdout, self.stderr))
    }
}

/// Runs `sluis` with these arguments and this stdin to its end.
pub(crate) fn sluis(arguments: &[&str], stdin: &str) -> Ran {
    let mut child = Command::new(SLUIS)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone by now.
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap_or_default();
    let mut errors = child.stderr.take().unwrap();
    let stderr = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).map(|_| text).unwrap()
    });
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let code = child.wait().unwrap().code();
    Ran { code, stdout, stderr: stderr.join().unwrap() }
}
