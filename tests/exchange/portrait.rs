//! A picture travels only where it was asked for, and only the one that was signed is ever shown (PRES-15).

use protocol::credential::{HolderSecrets, Value};
use protocol::exchange::frames::{Assembler, FRAME_BYTES, Frames};
use protocol::exchange::qr::Kind;
use protocol::exchange::{PORTRAIT_MAX, Query, Received};
use sha2::{Digest, Sha256};
use tests::rng;
use tests::world::{Held, NOW, World};
use verifier::{Asked, Policy, Scan, SeenInMemory, Verdict, Verifier};

/// A small picture, another one for each seed.
fn face(seed: u32) -> Vec<u8> {
    const SIDES: (u32, u32) = (96, 112);
    let brightness = |place: u32| (place % SIDES.0 * seed % 251) as u8 & 0xe0 | (place / SIDES.0 % 7) as u8;
    let pixels: Vec<u8> = (0..SIDES.0 * SIDES.1).map(brightness).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDES.0, SIDES.1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    assert!(bytes.len() < PORTRAIT_MAX, "{} bytes", bytes.len());
    bytes
}

/// The holder's licence, issued with the digest of `image`.
fn with_portrait(world: &World, image: &[u8]) -> Held {
    let (held, issuing) = (&world.holder.licence, &world.licences);
    let secrets = HolderSecrets { link_secret: held.secrets.link_secret, blinder: held.secrets.blinder };
    let mut credential = held.credential.clone();
    let position = issuing.credential_type.position("portrait").unwrap();
    credential.values[position] = Value::Bytes(Sha256::digest(image).to_vec());
    let credential = issuing.sign(credential, &secrets);
    Held { credential, secrets, device: held.device.clone(), evidence: held.evidence.clone() }
}

fn check(world: &World, query: &Query, message: &[u8]) -> Result<Verdict, String> {
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let verdict = verifier.check(&Asked::Displayed(query), message, &world.trust("usual"), NOW);
    verdict.map_err(|refusal| refusal.name())
}

fn refused(world: &World, query: &Query, message: &[u8]) -> String {
    check(world, query, message).map(|_| ()).unwrap_err()
}

fn with(presentation: &[u8], image: &[u8]) -> Vec<u8> {
    Received { presentation: presentation.to_vec(), staple: None, portrait: Some(image.to_vec()) }.encode()
}

#[test]
fn pres_15_the_signed_picture_is_shown_and_travels_in_small_codes() {
    let world = World::new();
    let query = world.profile("portrait-check");
    let image = face(7);
    let shown = with_portrait(&world, &image).show(&world.licences, &query, &mut rng("portrait"));
    let message = with(&shown, &image);
    let frames = Frames::new(Kind::Presentation, &message, FRAME_BYTES).unwrap();
    println!("{} bytes with the picture, {} small codes at least", message.len(), frames.pieces());
    assert!(frames.pieces() <= 16);
    // Whoever misses every third needs some more.
    let mut assembler = Assembler::new(Kind::Presentation);
    for (_, text) in (0..60).zip(frames).filter(|(number, _)| number % 3 != 1) {
        assembler.receive(&text).unwrap();
    }
    let received = assembler.message().unwrap();
    assert_eq!(received, message);
    let verdict = check(&world, &query, &received).unwrap();
    assert_eq!(verdict.portrait().unwrap().png(), image);
    assert!(!format!("{verdict:?}").contains(&hex::encode(&image[..16])), "a verdict does not print it");
    // Without the picture the digest still is what it was, and no picture is shown.
    assert!(check(&world, &query, &shown).unwrap().portrait().is_none());
    // Many together get what each would get alone.
    let (trust, asked) = (world.trust("usual"), Asked::Displayed(&query));
    let mut verifier = Verifier::new(Policy::default(), SeenInMemory::default());
    let other = with(&with_portrait(&world, &image).show(&world.licences, &query, &mut rng("other")), &face(8));
    let scans = [&message, &other].map(|presentation| Scan { asked: &asked, presentation });
    let verdicts = verifier.check_all(&scans, &trust, NOW);
    assert_eq!(verdicts[0].as_ref().unwrap().portrait().unwrap().png(), image);
    assert_eq!(verdicts[1].as_ref().unwrap_err().name(), "DigestMismatch");
}

#[test]
fn pres_15_no_other_picture_is_shown() {
    let world = World::new();
    let query = world.profile("portrait-check");
    let image = face(7);
    let held = with_portrait(&world, &image);
    let shown = held.show(&world.licences, &query, &mut rng("portrait"));
    assert!(check(&world, &query, &with(&shown, &image)).is_ok());
    let refusal = |image: &[u8]| refused(&world, &query, &with(&shown, image));
    // E17: another face, a changed one, none.
    assert_eq!(refusal(&face(8)), "DigestMismatch");
    for at in [0, 20, image.len() / 2, image.len() - 1] {
        let mut changed = image.clone();
        changed[at] ^= 1;
        assert_eq!(refusal(&changed), "DigestMismatch", "{at}");
    }
    assert_eq!(refusal(&image[..image.len() - 1]), "DigestMismatch");
    assert_eq!(refusal(&[image.as_slice(), b"<script>"].concat()), "DigestMismatch");
    assert_eq!(refusal(&[]), "DigestMismatch");
    assert_eq!(refusal(&vec![0; PORTRAIT_MAX + 1]), "MalformedPresentation");
    // Not asked for: a picture beside an answer that shows no digest, the right one included.
    let roadside = world.profile("roadside");
    let bare = held.show(&world.licences, &roadside, &mut rng("roadside"));
    assert_eq!(refused(&world, &roadside, &with(&bare, &image)), "ClaimNotRequested");
    let age = world.profile("age-19");
    let anonymous = world.holder.identity.show(&world.identities, &age, &mut rng("age"));
    assert_eq!(refused(&world, &age, &with(&anonymous, &image)), "ClaimNotRequested");
    // Shown although not asked for: refused for the digest already.
    assert_eq!(refused(&world, &roadside, &with(&shown, &image)), "QueryNotSatisfied");
    // One message, one encoding.
    let message = with(&shown, &image);
    assert_eq!(refused(&world, &query, &[message.as_slice(), &[0]].concat()), "MalformedPresentation");
    assert_eq!(refused(&world, &query, &message[..message.len() - 1]), "MalformedPresentation");
}

/// D29: even what an issuer has signed is shown only if it is a small picture and nothing else.
#[test]
fn d29_a_signed_file_that_is_more_than_a_picture_is_refused() {
    let world = World::new();
    let query = world.profile("portrait-check");
    let good = face(7);
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        let mut bytes = (content.len() as u32).to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.extend(content);
        let crc = bytes[4..].iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        });
        bytes.extend((!crc).to_be_bytes());
        bytes
    };
    let header = 8 + 25;
    let insert = |extra: &[u8]| [&good[..header], extra, &good[header..]].concat();
    let mut wide = good.clone();
    let wider: Vec<u8> = [&100_000u32.to_be_bytes()[..], &good[20..29]].concat();
    wide.splice(8..header, chunk(b"IHDR", &wider));
    let files = [
        ("text", insert(&chunk(b"tEXt", b"Comment\0<script>alert(1)</script>"))),
        ("exif", insert(&chunk(b"eXIf", b"MM\0*"))),
        ("polyglot", [good.as_slice(), b"PK\x03\x04"].concat()),
        ("jpeg", vec![0xff, 0xd8, 0xff, 0xe0]),
        ("nothing", vec![]),
        ("header only", good[..header].to_vec()),
        ("a hundred thousand pixels wide", wide),
        ("endless chunk", insert(&[0xff, 0xff, 0xff, 0xff, b'I', b'D', b'A', b'T'])),
    ];
    for (name, file) in files {
        let shown = with_portrait(&world, &file).show(&world.licences, &query, &mut rng(name));
        assert_eq!(refused(&world, &query, &with(&shown, &file)), "ImageRejected", "{name}");
    }
}
