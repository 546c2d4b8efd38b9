//! The gateway and nginx in front of the same static upstream, over mutual TLS with kept connections.
//!
//! nginx does nothing but mutual TLS and proxying; the gateway does identity, cached evidence, decision, durable audit and
//! the view. Both have one worker; the two are asked in turn, several times, and the ratio is that of the medians.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::load;
use crate::upstream::Static;

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// Files of the test PKI that the client and nginx use.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) server_ca: PathBuf,
    pub(crate) caller: PathBuf,
    pub(crate) caller_key: PathBuf,
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn measure(figures: &mut BTreeMap<&'static str, f64>) {
    let directory = std::env::temp_dir().join(format!("sluis-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for the run");
    let sluis = env!("CARGO_BIN_EXE_sluis");
    let written = Command::new(sluis).args(["demo", "--write", "--dir"]).arg(&directory).stdout(Stdio::null()).status();
    assert!(written.expect("sluis runs").success(), "sluis demo --write");
    let files = Files {
        server_ca: directory.join("server-ca.pem"),
        caller: directory.join("callers/gp.pem"),
        caller_key: directory.join("callers/gp.key"),
    };
    let upstream = Static::new("90000001").start();
    let (_gateway, gateway) = start_gateway(sluis, &directory, upstream);
    let (_nginx, nginx) = start_nginx(&directory, upstream);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (name, target) in [("nginx_2k", "/fhir/Observation/o0"), ("nginx_10k", "/fhir/Observation?patient=p1&_count=20")] {
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        let mut latency = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            let one = runtime.block_on(load::run(gateway, &files, target, CONNECTIONS, ROUND));
            let other = runtime.block_on(load::run(nginx, &files, target, CONNECTIONS, ROUND));
            ours.push(one.requests_per_second);
            theirs.push(other.requests_per_second);
            latency = (one.median, other.median);
        }
        println!("{name}: {:.0} and {:.0} requests/s, medians {latency:?}", median(&mut ours), median(&mut theirs));
        figures.insert(name, median(&mut ours) / median(&mut theirs));
    }
    drop(std::fs::remove_dir_all(&directory));
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn start_gateway(sluis: &str, directory: &Path, upstream: SocketAddr) -> (Stopped, SocketAddr) {
    let written = std::fs::read_to_string(directory.join("sluis.toml")).expect("a configuration");
    let mut lines: Vec<String> = Vec::new();
    for line in written.lines() {
        lines.push(match line.split('=').next().map(str::trim) {
            Some("base") => format!("base = \"http://{upstream}/fhir\""),
            Some("workers") => continue,
            Some("max_age") => continue,
            _ if line.trim() == "[listen]" => format!("{line}\nworkers = 1"),
            _ => line.to_owned(),
        });
    }
    let config = directory.join("bench.toml");
    std::fs::write(&config, lines.join("\n")).expect("a configuration can be written");
    let mut child = Command::new(sluis)
        .args(["serve", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("sluis starts");
    let mut ready = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut ready).expect("a ready line");
    let listening = ready.split('"').nth(3).unwrap_or_default();
    let address = listening.parse().unwrap_or_else(|_| panic!("not ready: {ready}"));
    (Stopped(child), address)
}

fn start_nginx(directory: &Path, upstream: SocketAddr) -> (Stopped, SocketAddr) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut anchors = Vec::new();
    for entry in std::fs::read_dir(directory.join("trust")).expect("anchors") {
        anchors.extend(std::fs::read(entry.expect("a file").path()).expect("a file"));
    }
    let anchors_file = directory.join("nginx-trust.pem");
    std::fs::write(&anchors_file, anchors).expect("anchors can be written");
    let root = directory.display();
    let text = format!(
        "daemon off;\nworker_processes 1;\npid {root}/nginx.pid;\nerror_log {root}/nginx-error.log;\nevents {{ worker_connections 512; }}\n\
         http {{ access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
         upstream fhir {{ server {upstream}; keepalive 64; }}\n\
         server {{ listen {free} ssl; ssl_certificate {root}/server.pem; ssl_certificate_key {root}/server.key; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; ssl_session_tickets off;\n\
         ssl_client_certificate {anchors}; ssl_verify_client optional_no_ca; ssl_verify_depth 3; keepalive_requests 100000000;\n\
         location / {{ proxy_pass http://fhir; proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}\n",
        anchors = anchors_file.display(),
    );
    let config = directory.join("nginx.conf");
    std::fs::write(&config, text).expect("a configuration can be written");
    let child = Command::new("nginx").arg("-c").arg(&config).arg("-p").arg(directory).stderr(Stdio::null()).spawn();
    let child = Stopped(child.expect("nginx starts"));
    for _ in 0..100 {
        if std::net::TcpStream::connect(free).is_ok() {
            return (child, free);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nginx does not listen: {}", std::fs::read_to_string(directory.join("nginx-error.log")).unwrap_or_default());
}
