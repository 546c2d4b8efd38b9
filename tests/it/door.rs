//! The door: who gets through the handshake and past it, by real handshakes with certificates of a test PKI.

mod clients;
mod fetch;
mod handshake;
pub(crate) mod house;
mod http;
mod ocsp;
mod revocation;
mod swaps;

use sluis::cli::demo::pki::{Issued, Leaf, Pki, World};

use house::{House, now};

const URA: &str = "90000382";

fn pki() -> Pki {
    Pki::new(World::Test, now()).unwrap()
}

fn doctor() -> Leaf {
    Leaf::professional(World::Test, "900016528", URA, "01.015")
}

/// A door and one caller with this certificate.
fn with(leaf: &Leaf) -> (House, Issued) {
    let mut pki = pki();
    let caller = pki.issue("caller", leaf).unwrap();
    (House::open(pki), caller)
}

/// The caller is refused in the handshake: by TLS 1.3 it learns so when it reads.
fn assert_refused(house: &House, caller: &Issued, code: &str) {
    let answer = house.call(caller).and_then(|mut call| call.get("/"));
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(house.failure(), code);
    assert!(house.metrics.render().contains(&format!("sluis_handshakes_failed_total{{reason=\"{code}\"}} 1\n")));
}

fn assert_admitted(house: &House, caller: &Issued) {
    let (status, body) = house.call(caller).unwrap().get("/fhir/metadata?a=%20b").unwrap();
    assert_eq!((status, body.as_str()), (200, format!("HTTP/1.1 GET /fhir/metadata?a=%20b {URA}").as_str()));
}
