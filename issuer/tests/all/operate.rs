//! Making, opening and running an issuer: every error an operator can meet.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use issuer::keys::KeyStoreError;
use issuer::register::{FileRegister, PersonId, RegisterError};
use issuer::{DAYS, Description, Issuer, IssuerError};
use protocol::credential::{TypeError, ValueError};
use protocol::crypto::curve::Scalar;
use protocol::crypto::membership::{SetPublicKey, ValueSignature};
use protocol::identifier::DidError;

use crate::database::{is_postgresql, prepare, sql};
use crate::world::*;

fn create(dir: &std::path::Path, description: &Description) -> Result<Issuer, IssuerError> {
    Issuer::create(dir, description, Arc::new(FileRegister::sample().unwrap()), &mut rng(3), &|_| {})
}

fn open(dir: &std::path::Path) -> Option<IssuerError> {
    Issuer::open(dir, Arc::new(FileRegister::sample().unwrap())).err()
}

#[test]
fn an_issuer_is_made_once_and_keeps_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let most = AtomicU64::new(0);
    prepare(dir.path(), None);
    let register = Arc::new(FileRegister::sample().unwrap());
    let made = Issuer::create(dir.path(), &description(), register, &mut rng(3), &|done| {
        most.fetch_max(done, Ordering::Relaxed);
    });
    let did = made.unwrap().did().clone();
    assert_eq!(most.into_inner(), DAYS);
    assert_eq!(did.network(), "kr");
    assert_eq!(create(dir.path(), &description()).err(), Some(IssuerError::AlreadyExists));
    assert_eq!(Issuer::open(dir.path(), Arc::new(FileRegister::sample().unwrap())).unwrap().did(), &did);
    // A creation that was interrupted before its last step can be repeated.
    fs::remove_file(dir.path().join("issuer.json")).unwrap();
    assert_eq!(open(dir.path()), Some(IssuerError::NotAnIssuer));
    assert_eq!(create(dir.path(), &description()).unwrap().did(), &did);
}

#[test]
fn descriptions_are_checked_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |change: fn(&mut Description)| {
        let mut description = description();
        change(&mut description);
        let error = create(&dir.path().join("new"), &description).err();
        assert!(!dir.path().join("new").exists(), "nothing was made");
        error
    };
    assert_eq!(refused(|d| d.network = "K R".into()), Some(IssuerError::Did(DidError::MalformedDid)));
    assert_eq!(
        refused(|d| d.credential_types[0].attributes[0].name = "jumin_number".into()),
        Some(IssuerError::CredentialType(TypeError::ForbiddenAttribute))
    );
    for url in ["http://issuer.example", "javascript:alert(1)", "https://a@b"] {
        let mut description = description();
        description.url = url.into();
        assert_eq!(create(&dir.path().join("new"), &description).err(), Some(IssuerError::AddressNotAllowed), "{url}");
    }
    fs::write(dir.path().join("file"), "").unwrap();
    assert_eq!(create(&dir.path().join("file"), &description()).err(), Some(IssuerError::FileUnavailable));
}

#[test]
fn damage_is_noticed_when_opening() {
    let damage = |name: &str, change: &dyn Fn(&std::path::Path)| {
        let dir = tempfile::tempdir().unwrap();
        copy_template(dir.path());
        assert_eq!(open(dir.path()), None);
        change(&dir.path().join(name));
        open(dir.path())
    };
    let remove = |path: &std::path::Path| fs::remove_file(path).unwrap();
    assert_eq!(damage("issuer.json", &|path| fs::write(path, "{}").unwrap()), Some(IssuerError::NotAnIssuer));
    assert_eq!(damage("keys/did.key", &remove), Some(IssuerError::Keys(KeyStoreError::KeyUnavailable)));
    let readable = |path: &std::path::Path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(damage("keys/did.key", &readable), Some(IssuerError::Keys(KeyStoreError::PermissionsTooOpen)));
    assert_eq!(damage("day-set.bin", &remove), Some(IssuerError::FileUnavailable));
    let flip = |path: &std::path::Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[0] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    assert_eq!(damage("day-set.bin", &flip), Some(IssuerError::DaySetDamaged));
    assert_eq!(damage("day-set.bin", &|path| fs::write(path, [1]).unwrap()), Some(IssuerError::DaySetDamaged));
    let sets = format!("{ZK}.sets.bin");
    assert_eq!(damage(&sets, &remove), Some(IssuerError::FileUnavailable));
    assert_eq!(damage(&sets, &flip), Some(IssuerError::PublicSetsDamaged));
    let fewer = |path: &std::path::Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 48]).unwrap();
    };
    assert_eq!(damage(&sets, &fewer), Some(IssuerError::PublicSetsDamaged));
    if !is_postgresql() {
        let damaged = damage("issuer.db", &|path| fs::write(path, "not a database").unwrap());
        assert_eq!(damaged, Some(IssuerError::StorageUnavailable));
    }
    let newer = |dir: &std::path::Path| drop(sql(dir, "INSERT INTO migration (step) VALUES (99)").unwrap());
    assert_eq!(damage("", &newer), Some(IssuerError::StorageVersionUnsupported));
}

#[test]
fn the_day_set_signs_every_day_and_nothing_else() {
    let world = world();
    let record = world.issuer.issuer_key_records(0, 1).unwrap().remove(0);
    let key = SetPublicKey::from_bytes(&record.day_set).unwrap();
    let signatures: Vec<_> =
        world.issuer.day_set().chunks(48).map(|bytes| ValueSignature::from_bytes(bytes).unwrap()).collect();
    assert_eq!(signatures.len() as u64, DAYS);
    let signed: Vec<_> = (0..DAYS).step_by(257).map(|day| (Scalar::from_u64(day), signatures[day as usize])).collect();
    assert!(key.verify_all(&signed).is_empty());
    assert!(key.verify(Scalar::from_u64(DAYS), &signatures[DAYS as usize - 1]).is_err());
}

#[test]
fn offers_are_refused_with_reasons() {
    let world = world();
    let offer = |person: &str, types: &[&str], life: u64| {
        let mut terms = terms(types, false, false);
        terms.life = life;
        world.issuer.offer(&PersonId::new(person), &terms, NOW, &mut fresh()).err()
    };
    assert_eq!(offer(HOLDER, &[ZK], 600), None);
    assert_eq!(offer(HOLDER, &[], 600), Some(IssuerError::OfferMalformed));
    assert_eq!(offer(HOLDER, &[ZK, ZK], 600), Some(IssuerError::OfferMalformed));
    assert_eq!(offer(HOLDER, &[ZK], 0), Some(IssuerError::OfferMalformed));
    assert_eq!(offer(HOLDER, &[ZK], 7 * 86_400 + 1), Some(IssuerError::OfferMalformed));
    assert_eq!(offer(HOLDER, &["unknown"], 600), Some(IssuerError::CredentialTypeUnknown));
    assert_eq!(offer("nobody", &[ZK], 600), Some(IssuerError::Register(RegisterError::PersonUnknown)));
    assert_eq!(offer(DECEASED, &[ZK], 600), Some(IssuerError::PersonDeceased));
    assert_eq!(offer(WITHOUT_LICENCE, &[LICENCE], 600), Some(IssuerError::AttributeMissing));
    world.register.record_attribute(&PersonId::new(HOLDER), "nationality", "MARS").unwrap();
    assert_eq!(offer(HOLDER, &[ZK], 600), Some(IssuerError::AttributeRefused(ValueError::ValueNotInType)));
    world.register.record_attribute(&PersonId::new(HOLDER), "address", "900101-1234567").unwrap();
    assert_eq!(
        offer(HOLDER, &[LICENCE], 600),
        Some(IssuerError::AttributeRefused(ValueError::ResidentNumberForbidden))
    );
}

#[test]
fn an_audit_log_that_lost_its_end_is_noticed() {
    let world = world();
    world.issue(HOLDER, ZK);
    world.issuer.check_audit().unwrap();
    sql(world.dir.path(), "DELETE FROM audit WHERE sequence = (SELECT MAX(sequence) FROM audit)").unwrap();
    assert_eq!(world.issuer.check_audit(), Err(IssuerError::AuditLogTampered));
}
