//! The page in a browser: a tiny portal fetches it over mutual TLS and serves it on loopback; Chromium shows it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{CARLA, CONTACT, token, unrevoked};
use crate::world::World;
use crate::world::ask::Ask;
use crate::world::raw::Wire;

/// A start of a browser on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A portal as small as one can be: whoever comes is taken for the patient, and sees the page as the gateway made it.
fn portal(dir: &Path, gateway: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, dir) = (listener.local_addr().unwrap(), dir.to_owned());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, dir) = (stream.unwrap(), dir.clone());
            thread::spawn(move || {
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap_or_default();
                let lang = match line.split(' ').nth(1) {
                    Some("/nl") => "nl",
                    Some("/en") => "en",
                    // An icon, or whatever else a browser asks for by itself.
                    _ => {
                        return stream
                            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                            .unwrap_or_default();
                    }
                };
                pass_on(&mut stream, &dir, gateway, lang);
            });
        }
    });
    address
}

fn pass_on(stream: &mut TcpStream, dir: &Path, gateway: u16, lang: &str) {
    let mut wire = Wire::connect(dir, "portal", gateway);
    let form = format!("{}&lang={lang}", token(CARLA));
    wire.send(
        format!(
            "POST /log/access-log HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        )
        .as_bytes(),
    );
    let heard = wire.hear().unwrap();
    assert_eq!(heard.status, 200, "{}", heard.head);
    // With the headers of the gateway, so that its policy is in force.
    stream.write_all(heard.head.as_bytes()).unwrap_or_default();
    stream.write_all(b"\r\nconnection: close\r\n\r\n").unwrap_or_default();
    stream.write_all(&heard.body).unwrap_or_default();
}

/// Runs the browser and returns what it wrote.
fn chromium(profile: &Path, arguments: &[&str]) -> String {
    let fixed = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        "--no-first-run",
        "--virtual-time-budget=2000",
    ];
    let started = Command::new("chromium")
        .args(fixed)
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.unwrap_or_else(|error| {
        panic!("Chromium does not start ({error}): `tools/setup test` installs the Debian package chromium")
    });
    let until = Instant::now() + PATIENCE;
    let out = child.stdout.take().unwrap();
    let errors = child.stderr.take().unwrap();
    let reading = thread::spawn(move || std::io::read_to_string(out).unwrap());
    let complaining = thread::spawn(move || std::io::read_to_string(errors).unwrap());
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("Chromium does not end");
        }
        thread::sleep(Duration::from_millis(50));
    }
    let (out, errors) = (reading.join().unwrap(), complaining.join().unwrap());
    // What the policy of the page keeps out is said here: its own style must not be among it.
    assert!(!errors.contains("Content Security Policy directive"), "{errors}");
    out
}

/// Something of every kind of line.
async fn told() -> World {
    let world = unrevoked().open();
    for (id, request) in [
        ("brug", Ask::get("huisarts-brug", "Condition?patient=carla")),
        ("noord", Ask::get("huisarts-noord", "MedicationRequest?patient=carla")),
        ("everything", Ask::get("apotheker", "Patient/carla/$everything?_count=100")),
        ("denied", Ask::get("internist-oost", "Observation?patient=carla")),
        (
            "btg",
            Ask {
                purpose: Some("BTG"),
                reason: Some("Buiten%20bewustzijn"),
                ..Ask::get("seh-arts", "Patient/carla/$summary")
            },
        ),
    ] {
        world.ask(&request.under(id)).await;
        world.closed(id).await;
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_page_in_both_languages_and_prints_it() {
    let mut world = told().await;
    let address = portal(world.dir(), world.portal_port());
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("portal");
    std::fs::create_dir_all(&pictures).unwrap();
    let profile = world.dir().join("browser");
    for (lang, title, heads, role, kinds) in [
        (
            "nl",
            "Wie heeft uw gegevens opgevraagd",
            "Noodprocedure gebruikt",
            "huisarts (01.015)",
            "problemen en diagnoses",
        ),
        (
            "en",
            "Who asked for your data",
            "Emergency procedure used",
            "general practitioner (01.015)",
            "problems and diagnoses",
        ),
    ] {
        let url = format!("http://{address}/{lang}");
        let dom = chromium(&profile, &["--dump-dom", &url]);
        for part in [
            format!("<html lang=\"{lang}\">"),
            format!("<h1>{title}</h1>"),
            format!("<th scope=\"col\" role=\"columnheader\">{heads}</th>"),
            role.to_owned(),
            kinds.to_owned(),
            CONTACT.to_owned(),
            "<caption id=\"log\">".to_owned(),
        ] {
            assert!(dom.contains(&part), "{part} in {dom}");
        }
        assert!(dom.matches("<th scope=\"row\" ").count() >= 4, "{dom}");
        for part in ["<script", CARLA, "carla-", "900000"] {
            assert!(!dom.contains(part), "{part} in {dom}");
        }
        let forms = [("wide", "1280,1000"), ("narrow", "400,900")];
        for (form, size) in forms.into_iter().take(if lang == "nl" { 2 } else { 1 }) {
            let picture = pictures.join(format!("{lang}-{form}.png"));
            std::fs::remove_file(&picture).unwrap_or_default();
            let screenshot = format!("--screenshot={}", picture.display());
            chromium(&profile, &[&screenshot, &format!("--window-size={size}"), &url]);
            let bytes = std::fs::read(&picture).unwrap();
            assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 5_000, "{} bytes", bytes.len());
        }
    }
    let printed = pictures.join("nl.pdf");
    std::fs::remove_file(&printed).unwrap_or_default();
    let url = format!("http://{address}/nl");
    chromium(&profile, &[&format!("--print-to-pdf={}", printed.display()), "--no-pdf-header-footer", &url]);
    assert!(std::fs::read(&printed).unwrap().starts_with(b"%PDF"));
    println!("screenshots of the page: {}", pictures.display());
    world.gateway().stop();
}
