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

    /// What is noted of a CRL, which is not read from it here.
    mod edition {
        use time::OffsetDateTime;

        #[allow(dead_code)]
        pub(in crate::gateway) struct Edition {
            pub(super) number: Option<Vec<u8>>,
            pub(super) this_update: OffsetDateTime,
            pub(super) next_update: OffsetDateTime,
        }

        #[derive(Default)]
        pub struct Editions(Vec<String>);

        impl Editions {
            pub(super) fn note(&mut self, series: &str, _: &Edition) {
                self.0.push(series.to_owned());
            }
        }
    }

    use openssl::x509::X509Crl;

    pub(super) fn read(bytes: &[u8]) {
        let Ok(crl) = crl::Crl::read(bytes) else { return };
        let own = X509Crl::from_der(crl.der()).expect("one CRL");
        let same = X509Crl::from_der(&own.to_der().expect("DER")).expect("one CRL");
        assert_eq!(own.last_update().to_string(), same.last_update().to_string());
        assert!(!crl.series().is_empty() && crl.is_of_issuer_of(&crl));
        assert!(crl.signer(std::iter::empty()).is_err(), "signed by nobody who is known");
        if crl.is_whole().is_ok() {
            let (_, read) = x509_parser::parse_x509_crl(crl.der()).expect("one CRL");
            let is_delta = read.extensions().iter().any(|extension| extension.oid.to_id_string() == "2.5.29.27");
            assert!(!is_delta, "what changed is taken for the whole");
        }
        crl.note(&mut edition::Editions::default());
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::read(bytes));
