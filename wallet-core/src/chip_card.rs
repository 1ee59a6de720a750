//! The citizen's chip card, with which one logs in at an issuer's page from home (`specs/chip-card.md`).
//!
//! [`ChipCard`] is the door to a card, whatever reads it. [`SoftwareCard`] is a card in a file, for tests and demonstration: it keeps
//! to the same rules, and nothing keeps anybody from copying the file. The page gives a [`CardChallenge`]; the card answers it after its
//! PIN; the owner hands the answer to the same page.

use std::path::{Path, PathBuf};

use minicbor::{Decode, Encode};
use protocol::cbor;
use protocol::crypto::jose;
use protocol::crypto::multikey::{Multikey, StandardKey, StandardSigner as _};
use rand_core::CryptoRng;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use crate::durable;
use crate::labels::{CARD_PIN, CARD_UNLOCK};
use crate::openid4vci::query_pairs;

/// Media type (`typ`) of an answer: nothing else is signed by a card's key.
const KIND: &str = "mid-card-log-in+jwt";
/// What a challenge begins with.
const LINK: &str = "mid-card://log-in?";
/// Longest challenge, in bytes.
const LINK_MAX: usize = 4_096;
/// Longest file of a software card, in bytes.
const FILE_MAX: usize = 1_024;
/// Wrong PINs after which a card is locked.
const TRIES: u8 = 3;
/// Wrong unlock codes after which nothing unlocks it.
const UNLOCK_TRIES: u8 = 10;

/// Why a card did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The PIN is wrong.
    #[error("the card's PIN is wrong; {remaining} tries are left")]
    CardPinIncorrect {
        /// How many more wrong ones the card takes before it locks itself.
        remaining: u8,
    },
    /// The PIN was wrong three times.
    #[error("the card is locked; have it unlocked at a counter")]
    CardLocked,
    /// The unlock code is wrong.
    #[error("the unlock code is wrong; {remaining} tries are left")]
    UnlockCodeIncorrect {
        /// How many more wrong ones the card takes.
        remaining: u8,
    },
    /// The unlock code was wrong ten times.
    #[error("nothing unlocks this card any more; ask for a new one")]
    CardBlocked,
    /// The new PIN is not one of six digits.
    #[error("a card's PIN has six digits")]
    CardPinUnfit,
    /// This is not what an issuer's page shows.
    #[error("this is not what an issuer's page shows for a card; copy it whole")]
    CardChallengeMalformed,
    /// There is no card, or it cannot be read or written.
    #[error("the card cannot be used; check that it is there")]
    CardUnavailable,
}

/// What an issuer's page asks of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardChallenge {
    /// The issuer's identifier: its address.
    pub issuer: String,
    /// Which wallet gets what is asked for, as it calls itself.
    pub client: String,
    /// The credential types that are asked for.
    pub wants: Vec<String>,
    nonce: String,
}

impl CardChallenge {
    /// Reads the link that the page shows.
    ///
    /// # Errors
    /// [`CardError::CardChallengeMalformed`]
    pub fn read(link: &str) -> Result<Self, CardError> {
        let malformed = CardError::CardChallengeMalformed;
        let query = link.trim().strip_prefix(LINK).filter(|_| link.len() <= LINK_MAX).ok_or(malformed)?;
        let pairs = query_pairs(query).ok_or(malformed)?;
        let one = |name: &str| {
            let mut values = pairs.iter().filter(|(known, value)| known == name && !value.is_empty());
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Ok(value.clone()),
                _ => Err(malformed),
            }
        };
        let wants = one("wants")?.split(' ').map(str::to_owned).collect();
        Ok(Self { issuer: one("issuer")?, client: one("client")?, wants, nonce: one("challenge")? })
    }
}

/// A chip card, through whatever reads it.
pub trait ChipCard {
    /// The number that the register knows it by.
    fn number(&self) -> &str;

    /// The public half of its key.
    fn public_key(&self) -> Multikey;

    /// The answer to a challenge, signed after the right PIN. A wrong one costs a try before anything else happens, and three in a
    /// row lock the card (CARD-01).
    ///
    /// # Errors
    /// [`CardError::CardPinIncorrect`], [`CardError::CardLocked`], [`CardError::CardUnavailable`]
    fn answer(&mut self, pin: &str, challenge: &CardChallenge) -> Result<String, CardError>;

    /// Sets a new PIN and gives all tries back, with the code that the counter keeps (CARD-02).
    ///
    /// # Errors
    /// [`CardError::CardPinUnfit`], [`CardError::UnlockCodeIncorrect`], [`CardError::CardBlocked`], [`CardError::CardUnavailable`]
    fn unlock(&mut self, unlock_code: &str, new_pin: &str) -> Result<(), CardError>;
}

/// A card in a file. It protects nothing against whoever can copy the file.
pub struct SoftwareCard {
    path: PathBuf,
    chip: Chip,
}

/// What a software card remembers.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Chip {
    #[n(0)]
    number: String,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    scalar: [u8; 32],
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    salt: [u8; 16],
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pin: [u8; 32],
    #[n(4)]
    tries: u8,
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    unlock: [u8; 32],
    #[n(6)]
    unlock_tries: u8,
}

impl Drop for Chip {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.scalar);
    }
}

/// It holds a key.
impl core::fmt::Debug for SoftwareCard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SoftwareCard([redacted])")
    }
}

impl SoftwareCard {
    /// Makes a card with a new number and key in a file that is not there yet. The second value is the unlock code, ten digits, which the
    /// counter keeps.
    ///
    /// # Errors
    /// [`CardError::CardPinUnfit`], [`CardError::CardUnavailable`]
    pub fn make(path: &Path, pin: &str, rng: &mut dyn CryptoRng) -> Result<(Self, String), CardError> {
        if !is_pin(pin) {
            return Err(CardError::CardPinUnfit);
        }
        if durable::read(path).map_err(unavailable)?.is_some() {
            return Err(CardError::CardUnavailable);
        }
        let mut digits = |count: usize| -> String {
            let mut text = String::with_capacity(count);
            while text.len() < count {
                let mut byte = [0];
                rng.fill_bytes(&mut byte);
                // All digits are equally likely below 250.
                if byte[0] < 250 {
                    text.push(char::from(b'0' + byte[0] % 10));
                }
            }
            text
        };
        let (number, unlock_code) = (digits(12), digits(10));
        let (mut salt, mut scalar) = ([0; 16], [0; 32]);
        rng.fill_bytes(&mut salt);
        loop {
            rng.fill_bytes(&mut scalar);
            if StandardKey::p256(&scalar).is_ok() {
                break;
            }
        }
        let (pin, unlock) = (digest(CARD_PIN, &salt, pin), digest(CARD_UNLOCK, &salt, &unlock_code));
        let chip = Chip { number, scalar, salt, pin, tries: TRIES, unlock, unlock_tries: UNLOCK_TRIES };
        let card = Self { path: path.to_owned(), chip };
        card.write()?;
        Ok((card, unlock_code))
    }

    /// The card in a file.
    ///
    /// # Errors
    /// [`CardError::CardUnavailable`]
    pub fn open(path: &Path) -> Result<Self, CardError> {
        let bytes = durable::read(path).map_err(unavailable)?.ok_or(CardError::CardUnavailable)?;
        let chip: Chip = cbor::from_slice(&bytes, FILE_MAX).map_err(|_| CardError::CardUnavailable)?;
        StandardKey::p256(&chip.scalar).map_err(|_| CardError::CardUnavailable)?;
        Ok(Self { path: path.to_owned(), chip })
    }

    /// How many wrong PINs it takes before it locks itself; none when it is locked.
    #[must_use]
    pub fn tries_left(&self) -> u8 {
        self.chip.tries
    }

    fn key(&self) -> Result<StandardKey, CardError> {
        StandardKey::p256(&self.chip.scalar).map_err(|_| CardError::CardUnavailable)
    }

    fn write(&self) -> Result<(), CardError> {
        durable::replace(&self.path, &cbor::to_vec(&self.chip)).map_err(unavailable)
    }
}

impl ChipCard for SoftwareCard {
    fn number(&self) -> &str {
        &self.chip.number
    }

    fn public_key(&self) -> Multikey {
        // The scalar was checked when the card was made or opened.
        self.key().map_or(Multikey::P256([0; 33]), |key| key.multikey())
    }

    fn answer(&mut self, pin: &str, challenge: &CardChallenge) -> Result<String, CardError> {
        // CARD-01: on disk before the comparison, so that pulling the card out costs the try, too.
        self.chip.tries = self.chip.tries.checked_sub(1).ok_or(CardError::CardLocked)?;
        self.write()?;
        if digest(CARD_PIN, &self.chip.salt, pin) != self.chip.pin {
            let remaining = self.chip.tries;
            return Err(if remaining == 0 { CardError::CardLocked } else { CardError::CardPinIncorrect { remaining } });
        }
        self.chip.tries = TRIES;
        self.write()?;
        let header =
            Map::from_iter([("typ".to_owned(), KIND.into()), ("kid".to_owned(), self.chip.number.clone().into())]);
        let said = json!({
            "aud": challenge.issuer, "client": challenge.client, "wants": challenge.wants, "nonce": challenge.nonce,
        });
        jose::sign(&header, said.to_string().as_bytes(), &self.key()?).map_err(|_| CardError::CardUnavailable)
    }

    fn unlock(&mut self, unlock_code: &str, new_pin: &str) -> Result<(), CardError> {
        if !is_pin(new_pin) {
            return Err(CardError::CardPinUnfit);
        }
        // CARD-02
        self.chip.unlock_tries = self.chip.unlock_tries.checked_sub(1).ok_or(CardError::CardBlocked)?;
        self.write()?;
        if digest(CARD_UNLOCK, &self.chip.salt, unlock_code) != self.chip.unlock {
            let remaining = self.chip.unlock_tries;
            let blocked = remaining == 0;
            return Err(if blocked { CardError::CardBlocked } else { CardError::UnlockCodeIncorrect { remaining } });
        }
        (self.chip.tries, self.chip.unlock_tries) = (TRIES, UNLOCK_TRIES);
        self.chip.pin = digest(CARD_PIN, &self.chip.salt, new_pin);
        self.write()
    }
}

fn is_pin(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn digest(label: &[u8], salt: &[u8; 16], secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(label).chain_update(salt).chain_update(secret).finalize().into()
}

fn unavailable(_: std::io::Error) -> CardError {
    CardError::CardUnavailable
}

#[cfg(test)]
mod tests {
    use protocol::crypto::jose::Jws;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    const PIN: &str = "402917";

    fn challenge() -> CardChallenge {
        let link = "mid-card://log-in?issuer=https%3A%2F%2Fa.example&client=w&wants=x+y&challenge=AAAA";
        CardChallenge::read(link).unwrap()
    }

    fn card(dir: &tempfile::TempDir) -> (SoftwareCard, String) {
        SoftwareCard::make(&dir.path().join("card"), PIN, &mut ChaCha20Rng::from_seed([3; 32])).unwrap()
    }

    #[test]
    fn an_answer_says_who_asks_what_and_is_signed() {
        let dir = tempfile::tempdir().unwrap();
        let (mut card, _) = card(&dir);
        let asked = challenge();
        assert_eq!((asked.issuer.as_str(), asked.client.as_str()), ("https://a.example", "w"));
        let answer = card.answer(PIN, &asked).unwrap();
        let jws = Jws::read(&answer).unwrap();
        assert_eq!(jws.header().text("kid"), Some(card.number()));
        let claims = jws.verify(&card.public_key()).unwrap().claims().unwrap();
        assert_eq!(
            serde_json::Value::Object(claims),
            json!({ "aud": "https://a.example", "client": "w", "wants": ["x", "y"], "nonce": "AAAA" })
        );
        assert_eq!(SoftwareCard::open(&dir.path().join("card")).unwrap().public_key(), card.public_key());
        assert_eq!(format!("{card:?}"), "SoftwareCard([redacted])");
    }

    #[test]
    fn card_01_three_wrong_pins_lock_it_for_good_and_card_02_the_counter_unlocks_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut card, code) = card(&dir);
        let wrong = |remaining| Err(CardError::CardPinIncorrect { remaining });
        assert_eq!(card.answer("000000", &challenge()), wrong(2));
        assert!(card.answer(PIN, &challenge()).is_ok(), "the right one gives the tries back");
        assert_eq!(card.answer("000000", &challenge()), wrong(2));
        // Another reader, and a card that was pulled out, know the same.
        let mut card = SoftwareCard::open(&dir.path().join("card")).unwrap();
        assert_eq!(card.answer("", &challenge()), wrong(1));
        assert_eq!(card.answer("4029170", &challenge()), Err(CardError::CardLocked));
        let mut card = SoftwareCard::open(&dir.path().join("card")).unwrap();
        assert_eq!(card.tries_left(), 0);
        assert_eq!(card.answer(PIN, &challenge()), Err(CardError::CardLocked), "the right one, too");

        for unfit in ["12345", "1234567", "12345x", ""] {
            assert_eq!(card.unlock(&code, unfit), Err(CardError::CardPinUnfit));
        }
        assert_eq!(card.unlock("0000000000", "555123"), Err(CardError::UnlockCodeIncorrect { remaining: 9 }));
        card.unlock(&code, "555123").unwrap();
        assert_eq!(card.answer(PIN, &challenge()), wrong(2), "the old PIN is over");
        assert!(card.answer("555123", &challenge()).is_ok());
        for remaining in (1..10).rev() {
            assert_eq!(card.unlock("x", PIN), Err(CardError::UnlockCodeIncorrect { remaining }));
        }
        assert_eq!(card.unlock("x", PIN), Err(CardError::CardBlocked));
        assert_eq!(card.unlock(&code, PIN), Err(CardError::CardBlocked));
    }

    #[test]
    fn what_is_no_challenge_or_no_card_is_refused() {
        for link in [
            "",
            "https://a.example/?issuer=a&client=w&wants=x&challenge=A",
            "mid-card://log-in?issuer=a&client=w&wants=x",
            "mid-card://log-in?issuer=a&client=w&wants=x&challenge=",
            "mid-card://log-in?issuer=a&issuer=b&client=w&wants=x&challenge=A",
            "mid-card://log-in?issuer=%f&client=w&wants=x&challenge=A",
            &format!("mid-card://log-in?issuer=a&client=w&wants=x&challenge={}", "A".repeat(5_000)),
        ] {
            assert_eq!(CardChallenge::read(link), Err(CardError::CardChallengeMalformed), "{link:.80}");
        }
        let dir = tempfile::tempdir().unwrap();
        let missing = SoftwareCard::open(&dir.path().join("card")).map(drop);
        assert_eq!(missing, Err(CardError::CardUnavailable));
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let unfit = SoftwareCard::make(&dir.path().join("card"), "1234", &mut rng).map(drop);
        assert_eq!(unfit, Err(CardError::CardPinUnfit));
        card(&dir);
        let again = SoftwareCard::make(&dir.path().join("card"), PIN, &mut rng).map(drop);
        assert_eq!(again, Err(CardError::CardUnavailable), "a card is not made twice");
        std::fs::write(dir.path().join("card"), b"x").unwrap();
        assert_eq!(SoftwareCard::open(&dir.path().join("card")).map(drop), Err(CardError::CardUnavailable));
    }
}
