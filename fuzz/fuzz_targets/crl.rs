//! Revocation: arbitrary bytes as a CRL that was fetched.
//!
//! Nothing panics, and what is read is one CRL in DER, the whole of it, to another reader too.
#![no_main]

/// Reading, in a module of the name that it has in the gateway, without all that is around it there.
#[path = "."]
mod gateway {
    #[path = "../../src/gateway/trust/crl.rs"]
    #[allow(dead_code)]
    mod crl;

    mod load {
        /// As in the gateway: what is not PEM is taken for DER.
        pub(super) fn is_pem(bytes: &[u8]) -> bool {
            memchr::memmem::find(bytes, b"-----BEGIN ").is_some()
        }
    }

    use openssl::x509::X509Crl;
    use time::macros::datetime;

    pub(super) fn read(bytes: &[u8]) {
        let Ok(crl) = crl::Crl::read(bytes) else { return };
        let own = X509Crl::from_der(crl.der()).expect("one CRL");
        let same = X509Crl::from_der(&own.to_der().expect("DER")).expect("one CRL");
        assert_eq!(own.last_update().to_string(), same.last_update().to_string());
        assert!(!crl.issuer().is_empty());
        assert!(crl.is_signed_by_one_of(std::iter::empty()).is_err(), "signed by nobody who is known");
        let edition = crl.edition();
        assert!(!edition.is_before(edition), "older than itself");
        let now = datetime!(2026-03-01 12:00 UTC);
        assert!(crl.holds_at(now).is_err() || edition.next_update > now, "past its end");
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::read(bytes));
