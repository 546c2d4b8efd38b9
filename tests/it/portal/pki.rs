//! A CA of portals, what it issues, and its CRL.

use std::path::{Path, PathBuf};
use std::process::Command;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};

/// The name that the gateway knows the portal by.
pub(super) const PORTAL: &str = "portal.sluis.test";

pub(super) struct PortalCa {
    certificate: X509,
    key: PKey<Private>,
    dir: PathBuf,
}

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn name(common: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", common).unwrap();
    name.build()
}

fn begun(subject: &str, key: &PKey<Private>, serial: u32) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name(subject)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder
}

impl PortalCa {
    /// Makes the CA, and `portal-trust/` below `dir` with it.
    pub(super) fn below(dir: &Path) -> Self {
        let key = key();
        let mut builder = begun("Portals of De Sluis", &key, 1);
        builder.set_issuer_name(&name("Portals of De Sluis")).unwrap();
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build();
        std::fs::create_dir_all(dir.join("portal-trust")).unwrap();
        std::fs::write(dir.join("portal-trust/ca.pem"), certificate.to_pem().unwrap()).unwrap();
        Self { certificate, key, dir: dir.to_owned() }
    }

    /// Issues a client certificate with a DNS name; its files are among those of the callers.
    pub(super) fn issue(&self, file: &str, serial: u32, dns: &str) {
        let own = key();
        let mut builder = begun("A portal", &own, serial);
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        let names =
            SubjectAlternativeName::new().dns(dns).build(&builder.x509v3_context(Some(&self.certificate), None));
        builder.append_extension(names.unwrap()).unwrap();
        builder.append_extension(KeyUsage::new().critical().digital_signature().build().unwrap()).unwrap();
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build().unwrap()).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        let callers = self.dir.join("callers");
        std::fs::write(callers.join(format!("{file}.pem")), builder.build().to_pem().unwrap()).unwrap();
        std::fs::write(callers.join(format!("{file}.key")), own.private_key_to_pem_pkcs8().unwrap()).unwrap();
    }

    /// Writes a CRL into `portal-crl/` with these serial numbers.
    pub(super) fn revoke(&self, serials: &[u32]) {
        let work = self.dir.join("portal-ca");
        std::fs::create_dir_all(&work).unwrap();
        std::fs::create_dir_all(self.dir.join("portal-crl")).unwrap();
        let revoked = |serial: &u32| format!("R\t400101000000Z\t260101000000Z\t{serial:02X}\tunknown\t/CN=A portal\n");
        std::fs::write(work.join("index.txt"), serials.iter().map(revoked).collect::<String>()).unwrap();
        std::fs::write(work.join("number"), format!("{:02X}\n", serials.len() + 1)).unwrap();
        std::fs::write(work.join("ca.key"), self.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        std::fs::write(
            work.join("ca.cnf"),
            "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ncrlnumber = number\ndefault_md = sha256\n\
             default_crl_days = 7\nprivate_key = ca.key\ncertificate = ../portal-trust/ca.pem\n",
        )
        .unwrap();
        let arguments = ["ca", "-gencrl", "-config", "ca.cnf", "-out", "new.crl"];
        let made = Command::new("openssl").args(arguments).current_dir(&work).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::rename(work.join("new.crl"), self.dir.join("portal-crl/portals.crl")).unwrap();
    }
}
