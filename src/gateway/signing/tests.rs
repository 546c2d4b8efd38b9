use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use time::macros::datetime;

use super::*;
use crate::audit::{Record, read as read_line};

struct Keys(PathBuf);

impl Keys {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("sluis-signing-{}-{name}", std::process::id())))
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(&self.0).unwrap();
        fs::write(self.0.join(name), bytes).unwrap();
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

/// A checkpoint of the second line, as it would be read back.
fn checkpoint(signer: &Signer) -> Checkpoint {
    let now = datetime!(2026-03-01 12:00 UTC);
    let mut head = Head::NONE;
    head.write(&Record::abandoned(None, None), now, &[], &mut Vec::new());
    let mut line = Vec::new();
    head.write(&signer.checkpoint(head, now).unwrap().into(), now, &[], &mut line);
    read_line(line.strip_suffix(b"\n").unwrap()).unwrap().checkpoint().unwrap().unwrap()
}

#[test]
fn the_key_is_made_once_and_only_its_owner_reads_it() {
    let keys = Keys::new("made");
    let first = Signer::read(&keys.0).unwrap();
    let again = Signer::read(&keys.0).unwrap();
    assert_eq!(again.known().judge(&checkpoint(&first)), Signature::Good);
    assert_eq!(checkpoint(&first), checkpoint(&again));
    for (file, mode) in [("journal-0001.key", 0o600), ("journal-0001.pub", 0o600), ("", 0o700)] {
        assert_eq!(fs::metadata(keys.0.join(file)).unwrap().permissions().mode() & 0o777, mode, "{file}");
    }
}

#[test]
fn an_older_key_stays_good_until_its_public_key_is_removed() {
    let keys = Keys::new("older");
    let older = checkpoint(&Signer::read(&keys.0).unwrap());
    keys.write("journal-0002.key", &PKey::generate_ed25519().unwrap().private_key_to_pem_pkcs8().unwrap());
    let signer = Signer::read(&keys.0).unwrap();
    let newer = checkpoint(&signer);
    assert_ne!(older.key(), newer.key());
    let judged = |known: &PublicKeys| (known.judge(&older), known.judge(&newer));
    assert_eq!(judged(signer.known()), (Signature::Good, Signature::Good));
    fs::remove_file(keys.0.join("journal-0001.key")).unwrap();
    assert_eq!(judged(Signer::read(&keys.0).unwrap().known()), (Signature::Good, Signature::Good));
    fs::remove_file(keys.0.join("journal-0001.pub")).unwrap();
    assert_eq!(judged(Signer::read(&keys.0).unwrap().known()), (Signature::UnknownKey, Signature::Good));
    let one = PublicKeys::read(&keys.0.join("journal-0002.pub")).unwrap();
    assert_eq!(judged(&one), (Signature::UnknownKey, Signature::Good));
}

#[test]
fn a_signature_over_anything_else_is_bad() {
    let keys = Keys::new("else");
    let signer = Signer::read(&keys.0).unwrap();
    let now = datetime!(2026-03-01 12:00 UTC);
    let other = Head { seq: 7, hash: "ab".repeat(32).parse().unwrap() };
    let mut head = other;
    let mut line = Vec::new();
    // Signed for one moment and written at another.
    let event = signer.checkpoint(head, now).unwrap();
    head.write(&event.into(), now + time::Duration::SECOND, &[], &mut line);
    let read = read_line(line.strip_suffix(b"\n").unwrap()).unwrap().checkpoint().unwrap().unwrap();
    assert_eq!(signer.known().judge(&read), Signature::Bad);
    // Of another line than the one before it.
    let mut head = Head { seq: 8, ..other };
    line.clear();
    head.write(&signer.checkpoint(other, now).unwrap().into(), now, &[], &mut line);
    assert!(read_line(line.strip_suffix(b"\n").unwrap()).unwrap().checkpoint().is_err());
}

#[test]
fn what_is_no_key_of_ed25519_is_refused_by_its_name() {
    let keys = Keys::new("none");
    keys.write("journal-0001.key", b"-----BEGIN PRIVATE KEY-----\n");
    assert!(Signer::read(&keys.0).unwrap_err().to_string().contains("journal-0001.key"));
    let p256 = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
    let p256 = PKey::from_ec_key(openssl::ec::EcKey::generate(&p256).unwrap()).unwrap();
    keys.write("journal-0001.key", &p256.private_key_to_pem_pkcs8().unwrap());
    assert!(matches!(Signer::read(&keys.0), Err(KeysError::NotAKey { .. })));
    keys.write("other.pub", &p256.public_key_to_pem().unwrap());
    assert!(matches!(PublicKeys::read(&keys.0.join("other.pub")), Err(KeysError::NotAKey { .. })));
    // A directory without any, and the public key of another pair beside the one that signs.
    assert!(matches!(PublicKeys::read(&keys.0), Err(KeysError::NotAKey { .. })));
    let pair = || PKey::generate_ed25519().unwrap();
    keys.write("journal-0001.key", &pair().private_key_to_pem_pkcs8().unwrap());
    keys.write("journal-0001.pub", &pair().public_key_to_pem().unwrap());
    assert!(matches!(Signer::read(&keys.0), Err(KeysError::NotAKey { .. })));
}
