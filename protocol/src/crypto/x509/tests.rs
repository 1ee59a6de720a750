use super::testkit::Draft;
use super::*;
use crate::crypto::keys::SignatureError;
use crate::crypto::multikey::{StandardKey, StandardSigner};

const NOW: u64 = 1_800_000_000;
const YEAR: u64 = 31_536_000;
const DOCUMENT_SIGNER: &str = "1.0.18013.5.1.2";

fn p256(seed: u8) -> StandardKey {
    StandardKey::p256(&[seed; 32]).unwrap()
}

fn root() -> Draft {
    Draft::root("CN=Root,C=KR", p256(1).multikey(), NOW - YEAR, NOW + YEAR)
}

fn leaf() -> Draft {
    root().leaf("CN=Signer,C=KR", p256(2).multikey(), Some(DOCUMENT_SIGNER))
}

fn trusted(draft: &Draft) -> [Root; 1] {
    [Root::from_der(&draft.sign(&p256(1))).unwrap()]
}

fn check(leaf: &Draft) -> Result<VerifiedLeaf, CertificateError> {
    verify_chain(&[leaf.sign(&p256(1))], &trusted(&root()), Purpose::Documents, NOW)
}

#[test]
fn cert_01_a_chain_ends_at_a_trusted_root() {
    let verified = check(&leaf()).unwrap();
    assert_eq!(verified.key, p256(2).multikey());
    assert_eq!(&verified.root, trusted(&root())[0].key());
    let with_root = [leaf().sign(&p256(1)), root().sign(&p256(1))];
    assert!(verify_chain(&with_root, &trusted(&root()), Purpose::Documents, NOW).is_ok());

    let stranger = Draft { issuer_key: p256(3).multikey(), key: p256(3).multikey(), ..root() };
    let other = [Root::from_der(&stranger.sign(&p256(3))).unwrap()];
    let untrusted = Err(CertificateError::KeyNotTrusted);
    let chain = [leaf().sign(&p256(1))];
    assert_eq!(verify_chain(&chain, &other, Purpose::Documents, NOW), untrusted, "A07: same name, other key");
    assert_eq!(verify_chain(&chain, &[], Purpose::Documents, NOW), untrusted);
    // A leaf that signs itself, alone or as its own root.
    let own = Draft { issuer: leaf().subject, issuer_key: leaf().key, ..leaf() }.sign(&p256(2));
    assert_eq!(verify_chain(&[&own], &trusted(&root()), Purpose::Documents, NOW), untrusted, "A07");
    assert_eq!(verify_chain(&[&own, &own], &trusted(&root()), Purpose::Documents, NOW), untrusted);
    let named = Draft { issuer: "CN=Other,C=KR".into(), ..leaf() };
    assert_eq!(check(&named), untrusted, "names chain");
    let identified = Draft { issuer_key: p256(3).multikey(), ..leaf() };
    assert_eq!(check(&identified), untrusted, "key identifiers chain");
    // A root's own certificate is no leaf.
    let alone = [root().sign(&p256(1))];
    let refused = verify_chain(&alone, &trusted(&root()), Purpose::Documents, NOW);
    assert_eq!(refused, Err(CertificateError::CertificateProfileInvalid));
}

#[test]
fn cert_01_every_algorithm_and_an_intermediate() {
    let (top, middle, end) = (StandardKey::p384(&[1; 48]).unwrap(), p256(4), StandardKey::ed25519(&[5; 32]));
    let root = Draft { authority: Some(Some(1)), ..Draft::root("CN=Top", top.multikey(), NOW - 9, NOW + 9) };
    let between =
        Draft { authority: Some(Some(0)), key_usage: 0x04, ..root.leaf("CN=Middle", middle.multikey(), None) };
    let leaf = between.leaf("CN=End", end.multikey(), None);
    let roots = [Root::from_der(&root.sign(&top)).unwrap()];
    let chain = [leaf.sign(&middle), between.sign(&top)];
    let verified = verify_chain(&chain, &roots, Purpose::Credentials, NOW).unwrap();
    assert_eq!(verified.key, end.multikey());
    // The same below a root that allows no authority below it.
    let strict = Draft { authority: Some(Some(0)), ..root.clone() };
    let roots = [Root::from_der(&strict.sign(&top)).unwrap()];
    let profile = Err(CertificateError::CertificateProfileInvalid);
    assert_eq!(verify_chain(&chain, &roots, Purpose::Credentials, NOW), profile, "path length");
    // A leaf that signs another.
    let roots = [Root::from_der(&root.sign(&top)).unwrap()];
    let minting = root.leaf("CN=Middle", middle.multikey(), None);
    let chain = [leaf.sign(&middle), minting.sign(&top)];
    assert_eq!(verify_chain(&chain, &roots, Purpose::Credentials, NOW), profile, "no authority");
    assert_eq!(verify_chain(&[[0u8; 0]; 0], &roots, Purpose::Credentials, NOW), Err(CertificateError::ChainLength));
    let five = vec![leaf.sign(&middle); 5];
    assert_eq!(verify_chain(&five, &roots, Purpose::Credentials, NOW), Err(CertificateError::ChainLength));
}

#[test]
fn cert_06_a_recorded_key_is_a_root_without_its_certificate() {
    let recorded = [Root::recorded(p256(1).multikey(), NOW - 10, NOW + 10)];
    let chain = [leaf().sign(&p256(1))];
    let verified = verify_chain(&chain, &recorded, Purpose::Documents, NOW).unwrap();
    assert_eq!((verified.root, verified.from, verified.until), (p256(1).multikey(), NOW - 10, NOW + 10));
    let with_root = [leaf().sign(&p256(1)), root().sign(&p256(1))];
    assert!(verify_chain(&with_root, &recorded, Purpose::Documents, NOW).is_ok());
    let expired = [Root::recorded(p256(1).multikey(), NOW - 10, NOW - 1)];
    let refused = verify_chain(&chain, &expired, Purpose::Documents, NOW);
    assert_eq!(refused, Err(CertificateError::CertificateExpired));
    let other = [Root::recorded(p256(3).multikey(), NOW - 10, NOW + 10)];
    assert_eq!(verify_chain(&chain, &other, Purpose::Documents, NOW), Err(CertificateError::KeyNotTrusted));
    assert_eq!(verify_chain(&with_root, &other, Purpose::Documents, NOW), Err(CertificateError::KeyNotTrusted));
    // A certificate of that key that is no authority does not stand for it.
    let weak = Draft { authority: None, ..root() };
    let refused = verify_chain(&[leaf().sign(&p256(1)), weak.sign(&p256(1))], &recorded, Purpose::Documents, NOW);
    assert_eq!(refused, Err(CertificateError::CertificateProfileInvalid));
}

#[test]
fn cert_02_one_encoding_and_every_byte_counts() {
    let good = leaf().sign(&p256(1));
    let roots = trusted(&root());
    assert!(verify_chain(&[&good], &roots, Purpose::Documents, NOW).is_ok());
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(verify_chain(&[&changed], &roots, Purpose::Documents, NOW).is_err(), "byte {at}");
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert_eq!(Certificate::from_der(&longer), Err(CertificateError::MalformedCertificate));
    assert_eq!(Certificate::from_der(&[]), Err(CertificateError::MalformedCertificate));
    assert_eq!(Certificate::from_der(&vec![0x30; CERTIFICATE_MAX + 1]), Err(CertificateError::TooLarge));
    let twice = Draft { extra: vec![("2.5.29.15", true, vec![3, 2, 7, 0x80])], ..leaf() };
    assert_eq!(check(&twice), Err(CertificateError::MalformedCertificate), "an extension twice");
}

#[test]
fn cert_03_all_certificates_are_valid_then_and_now() {
    let expired = Draft { until: NOW - 1, ..leaf() };
    assert_eq!(check(&expired), Err(CertificateError::CertificateExpired));
    assert_eq!(check(&Draft { from: NOW + 1, ..leaf() }), Err(CertificateError::CertificateExpired));
    assert!(check(&Draft { from: NOW, until: NOW, ..leaf() }).is_ok());
    // A09: valid now, and not when the credential was signed.
    let young = check(&Draft { from: NOW - 10, ..leaf() }).unwrap();
    assert_eq!(young.check_time(NOW - 10), Ok(()));
    assert_eq!(young.check_time(NOW - 11), Err(CertificateError::CertificateExpired));
    let old = Draft { until: NOW - 1, ..root() };
    let refused = verify_chain(&[leaf().sign(&p256(1))], &trusted(&old), Purpose::Documents, NOW);
    assert_eq!(refused, Err(CertificateError::CertificateExpired), "the root counts");
}

#[test]
fn cert_07_what_is_remembered_is_the_chain_its_use_and_its_root() {
    let roots = trusted(&root());
    let good = leaf().sign(&p256(1));
    let ask = |der: &[u8], purpose, now| verify_chain(&[der], &roots, purpose, now);
    let first = ask(&good, Purpose::Documents, NOW).unwrap();
    assert_eq!(ask(&good, Purpose::Documents, NOW), Ok(first.clone()));
    assert_eq!(verify_chain(&[&good], &roots.clone(), Purpose::Documents, NOW), Ok(first));
    // Time is asked every time, the use is part of what is remembered, and so is every byte.
    let late = Err(CertificateError::CertificateExpired);
    assert_eq!(ask(&good, Purpose::Documents, NOW + YEAR + 1), late);
    assert_eq!(ask(&good, Purpose::Reader, NOW), Err(CertificateError::CertificateProfileInvalid));
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(ask(&changed, Purpose::Documents, NOW).is_err());
    // Another root of the same name does not know what this one vouched for.
    let other = [Root::recorded(p256(3).multikey(), 0, u64::MAX)];
    let refused = verify_chain(&[&good], &other, Purpose::Documents, NOW);
    assert_eq!(refused, Err(CertificateError::KeyNotTrusted));
}

#[test]
fn cert_04_each_certificate_has_one_use() {
    let profile = Err(CertificateError::CertificateProfileInvalid);
    for (why, draft) in [
        ("A08: a leaf that is an authority", Draft { authority: Some(None), ..leaf() }),
        ("A08: no signatures", Draft { key_usage: 0x08, ..leaf() }),
        ("A08: signs certificates as well", Draft { key_usage: 0x84, ..leaf() }),
        ("A08: a reader", Draft { extended: Some("1.0.18013.5.1.6"), ..leaf() }),
        ("A08: nothing in particular", Draft { extended: None, ..leaf() }),
    ] {
        assert_eq!(check(&draft), profile, "{why}");
    }
    let for_other = |draft: &Draft, purpose| verify_chain(&[draft.sign(&p256(1))], &trusted(&root()), purpose, NOW);
    assert!(for_other(&leaf(), Purpose::Credentials).is_ok());
    assert!(for_other(&leaf(), Purpose::Status).is_ok());
    assert_eq!(for_other(&leaf(), Purpose::Reader), profile);
    let web = Draft { extended: Some("1.3.6.1.5.5.7.3.1"), ..leaf() };
    assert_eq!(for_other(&web, Purpose::Credentials), profile, "a web server signs no credentials");
    assert_eq!(for_other(&web, Purpose::Status), profile);
    assert!(for_other(&Draft { extended: Some("1.0.18013.5.1.6"), ..leaf() }, Purpose::Reader).is_ok());
    for wrong in [Draft { authority: None, ..root() }, Draft { key_usage: 0x80, ..root() }] {
        assert_eq!(Root::from_der(&wrong.sign(&p256(1))), Err(CertificateError::CertificateProfileInvalid));
    }
    assert_eq!(Root::from_der(&leaf().sign(&p256(1))), Err(CertificateError::CertificateProfileInvalid));
    assert_eq!(Root::from_der(&root().sign(&p256(2))), Err(CertificateError::KeyNotTrusted), "not its own signature");
}

#[test]
fn cert_05_what_is_not_understood_is_refused() {
    let with = |id, critical| check(&Draft { extra: vec![(id, critical, vec![5, 0])], ..leaf() }).map(|_| ());
    assert_eq!(with("2.5.29.18", false), Ok(()), "issuer alternative name");
    assert_eq!(with("2.5.29.18", true), Err(CertificateError::CertificateProfileInvalid));
    assert_eq!(with("2.5.29.30", false), Err(CertificateError::CertificateProfileInvalid), "A08: name constraints");
}

#[test]
fn keys_of_other_kinds_are_refused() {
    let good = leaf().sign(&p256(1));
    let replaced = |from: &[u8], to: &[u8]| {
        let at = good.windows(from.len()).position(|window| window == from).unwrap();
        let mut changed = good.clone();
        changed[at..at + to.len()].copy_from_slice(to);
        Certificate::from_der(&changed).map(|_| ())
    };
    let curve = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let other = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 6];
    assert_eq!(replaced(&curve, &other), Err(CertificateError::UnsupportedAlgorithm));
    let (x, _) = leaf().key.coordinates().unwrap();
    assert_eq!(replaced(&x, &[0; 32]), Err(CertificateError::Key(SignatureError::InvalidKey)));
}
