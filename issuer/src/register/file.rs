//! A register in a JSON file, for development and demonstration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use protocol::credential::Day;
use protocol::crypto::multikey::Multikey;
use serde::Deserialize;

use super::resident_number::ResidentNumber;
use super::{EnrolledCard, Person, PersonId, PersonState, Register, RegisterError};
use crate::portrait;

/// The people of this repository's demonstration. All are invented.
///
/// Their resident numbers have month 13 and day 99, so that none can ever belong to anyone.
const SAMPLE: &str = include_str!("../../sample/register.json");

/// The attribute that people are found by, besides their name.
const BIRTH_DATE: &str = "birth_date";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    people: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    revision: u32,
    state: State,
    resident_number: ResidentNumber,
    portrait: portrait::Features,
    attributes: BTreeMap<String, String>,
    /// As `mid card make` writes it.
    #[serde(default)]
    card: Option<CardEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardEntry {
    number: String,
    /// Multibase.
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Living,
    Deceased,
}

/// A register read from a file, and read again when its keeper has replaced it; changes made through it live in memory only.
pub struct FileRegister {
    people: RwLock<BTreeMap<PersonId, Person>>,
    source: Option<Source>,
}

/// Where it was read from.
struct Source {
    path: PathBuf,
    /// The file as it was read: when it was changed, and its length.
    read: Mutex<(SystemTime, u64)>,
}

impl FileRegister {
    /// The sample register of this repository.
    ///
    /// # Errors
    /// As [`FileRegister::parse`].
    pub fn sample() -> Result<Self, RegisterError> {
        Self::parse(SAMPLE)
    }

    /// Reads the register in the file at `path`.
    ///
    /// # Errors
    /// [`RegisterError::RegisterUnavailable`] when the file cannot be read, and as [`FileRegister::parse`].
    pub fn open(path: &Path) -> Result<Self, RegisterError> {
        let read = Mutex::new(version(path)?);
        let text = std::fs::read_to_string(path).map_err(|_| RegisterError::RegisterUnavailable)?;
        let source = Some(Source { path: path.to_owned(), read });
        Ok(Self { source, ..Self::parse(&text)? })
    }

    /// Reads the file again when it is another one now.
    fn renew(&self) -> Result<(), RegisterError> {
        let Some(source) = &self.source else { return Ok(()) };
        let mut read = source.read.lock().unwrap_or_else(PoisonError::into_inner);
        let now = version(&source.path)?;
        if *read != now {
            let text = std::fs::read_to_string(&source.path).map_err(|_| RegisterError::RegisterUnavailable)?;
            let renewed = Self::parse(&text)?.people.into_inner().unwrap_or_else(PoisonError::into_inner);
            *self.people.write().unwrap_or_else(PoisonError::into_inner) = renewed;
            *read = now;
        }
        Ok(())
    }

    /// Reads a register written as `issuer/sample/register.json` is.
    ///
    /// # Errors
    /// [`RegisterError::RegisterUnavailable`] for anything that has not this form,
    /// [`RegisterError::RegisterInconsistent`] when ids or numbers repeat or a birth date is none,
    /// [`RegisterError::ResidentNumberExposed`] when an attribute contains a resident number.
    pub fn parse(json: &str) -> Result<Self, RegisterError> {
        // The parser's own message could quote personal data, so it is dropped.
        let file: File = serde_json::from_str(json).map_err(|_| RegisterError::RegisterUnavailable)?;
        let numbers: BTreeSet<&ResidentNumber> = file.people.iter().map(|entry| &entry.resident_number).collect();
        if numbers.len() != file.people.len() {
            return Err(RegisterError::RegisterInconsistent);
        }
        let card_numbers: Vec<&String> =
            file.people.iter().filter_map(|it| it.card.as_ref()).map(|it| &it.number).collect();
        if card_numbers.iter().collect::<BTreeSet<_>>().len() != card_numbers.len() {
            return Err(RegisterError::RegisterInconsistent);
        }
        for text in file.people.iter().flat_map(|entry| entry.attributes.values()).chain(card_numbers) {
            if numbers.iter().any(|number| number.occurs_in(text)) {
                return Err(RegisterError::ResidentNumberExposed); // ISSU-13
            }
        }
        let mut people = BTreeMap::new();
        for entry in file.people {
            let person = person(entry)?;
            if people.insert(person.id.clone(), person).is_some() {
                return Err(RegisterError::RegisterInconsistent);
            }
        }
        Ok(Self { people: RwLock::new(people), source: None })
    }

    /// The ids of all entries, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<PersonId> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Records a death.
    ///
    /// # Errors
    /// [`RegisterError::PersonUnknown`].
    pub fn record_death(&self, id: &PersonId) -> Result<(), RegisterError> {
        self.change(id, |person| person.state = PersonState::Deceased)
    }

    /// Records a new value of an attribute, such as an address after a move.
    ///
    /// # Errors
    /// [`RegisterError::PersonUnknown`].
    pub fn record_attribute(&self, id: &PersonId, name: &str, value: &str) -> Result<(), RegisterError> {
        self.change(id, |person| {
            person.attributes.insert(name.to_owned(), value.to_owned());
            if let (BIRTH_DATE, Ok(day)) = (name, value.parse()) {
                person.birth_date = day;
            }
        })
    }

    /// Records that a person was given a chip card, in place of the one before. What credentials say stays the same.
    ///
    /// # Errors
    /// [`RegisterError::PersonUnknown`]; [`RegisterError::RegisterInconsistent`] when somebody has that card.
    pub fn record_card(&self, id: &PersonId, card: EnrolledCard) -> Result<(), RegisterError> {
        let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
        if people.values().any(|person| person.card.as_ref().is_some_and(|known| known.number == card.number)) {
            return Err(RegisterError::RegisterInconsistent);
        }
        people.get_mut(id).ok_or(RegisterError::PersonUnknown)?.card = Some(card);
        Ok(())
    }

    fn change(&self, id: &PersonId, change: impl FnOnce(&mut Person)) -> Result<(), RegisterError> {
        let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
        let person = people.get_mut(id).ok_or(RegisterError::PersonUnknown)?;
        change(person);
        person.revision += 1;
        Ok(())
    }
}

fn person(entry: Entry) -> Result<Person, RegisterError> {
    let card = entry.card.map(|card| match Multikey::from_multibase(&card.key) {
        Ok(key @ Multikey::P256(_)) => Ok(EnrolledCard { number: card.number, key }),
        _ => Err(RegisterError::RegisterInconsistent),
    });
    let birth_date = entry.attributes.get(BIRTH_DATE).and_then(|text| text.parse::<Day>().ok());
    Ok(Person {
        id: PersonId::new(entry.id),
        revision: entry.revision,
        state: match entry.state {
            State::Living => PersonState::Living,
            State::Deceased => PersonState::Deceased,
        },
        birth_date: birth_date.ok_or(RegisterError::RegisterInconsistent)?,
        attributes: entry.attributes,
        portrait: portrait::draw(&entry.portrait).map_err(|_| RegisterError::RegisterInconsistent)?,
        card: card.transpose()?,
    })
}

impl Register for FileRegister {
    fn person(&self, id: &PersonId) -> Result<Person, RegisterError> {
        self.renew()?;
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.get(id).cloned().ok_or(RegisterError::PersonUnknown)
    }

    fn find(&self, name: &str, birth_date: Day) -> Result<Vec<PersonId>, RegisterError> {
        self.renew()?;
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        let named = |person: &Person| ["name_ko", "name_en"].iter().any(|key| person.attribute(key) == Some(name));
        let found: Vec<PersonId> =
            people.values().filter(|p| p.birth_date == birth_date && named(p)).map(|p| p.id.clone()).collect();
        if found.is_empty() { Err(RegisterError::PersonUnknown) } else { Ok(found) }
    }

    fn holder_of(&self, attributes: &BTreeMap<String, String>) -> Result<PersonId, RegisterError> {
        self.renew()?;
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        let all = |person: &Person| attributes.iter().all(|(name, value)| person.attribute(name) == Some(value));
        let mut found = people.values().filter(|person| !attributes.is_empty() && all(person));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.id.clone()),
            (Some(_), Some(_)) => Err(RegisterError::SeveralPeople),
            (None, _) => Err(RegisterError::PersonUnknown),
        }
    }

    fn holder_of_card(&self, number: &str) -> Result<(PersonId, Multikey), RegisterError> {
        self.renew()?;
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        let mut cards = people.values().filter_map(|person| Some((&person.id, person.card.as_ref()?)));
        let (id, card) = cards.find(|(_, card)| card.number == number).ok_or(RegisterError::PersonUnknown)?;
        Ok((id.clone(), card.key))
    }

    fn has_cards(&self) -> Result<bool, RegisterError> {
        self.renew()?;
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        Ok(people.values().any(|person| person.card.is_some()))
    }
}

/// When the file was changed, and its length.
fn version(path: &Path) -> Result<(SystemTime, u64), RegisterError> {
    let about = std::fs::metadata(path).map_err(|_| RegisterError::RegisterUnavailable)?;
    Ok((about.modified().map_err(|_| RegisterError::RegisterUnavailable)?, about.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, number: &str, address: &str) -> String {
        format!(
            r#"{{"id":"{id}","revision":1,"state":"living","resident_number":"{number}","portrait":{{"seed":1,"glasses":false,"hair":"short"}},
            "attributes":{{"name_ko":"가","birth_date":"1990-01-01","address":"{address}"}}}}"#
        )
    }

    fn parse(people: &[String]) -> Result<FileRegister, RegisterError> {
        FileRegister::parse(&format!(r#"{{"about":"","people":[{}]}}"#, people.join(",")))
    }

    #[test]
    fn people_are_found_by_id_or_by_name_and_birth_date() {
        let register = FileRegister::sample().unwrap();
        assert!(register.ids().len() >= 20);
        for id in register.ids() {
            let person = register.person(&id).unwrap();
            for name in ["name_ko", "name_en"] {
                let found = register.find(person.attribute(name).unwrap(), person.birth_date).unwrap();
                assert!(found.contains(&id));
            }
            assert_eq!(format!("{person:?}"), "Person([redacted])");
        }
        assert_eq!(register.person(&PersonId::new("nobody")), Err(RegisterError::PersonUnknown));
        assert_eq!(register.find("nobody", Day::in_korea(0)), Err(RegisterError::PersonUnknown));
    }

    #[test]
    fn namesakes_born_on_one_day_are_all_found() {
        let twins = parse(&[entry("a", "901399-0000001", "x"), entry("b", "901399-0000002", "y")]).unwrap();
        assert_eq!(twins.find("가", "1990-01-01".parse().unwrap()).unwrap().len(), 2);
        // The sample's two 홍길동 were born on different days.
        let sample = FileRegister::sample().unwrap();
        assert_eq!(sample.find("홍길동", "2000-02-29".parse().unwrap()).unwrap(), [PersonId::new("person-0020")]);
    }

    #[test]
    fn somebody_is_found_by_all_attributes_together() {
        let register = parse(&[entry("a", "901399-0000001", "x"), entry("b", "901399-0000002", "y")]).unwrap();
        let of = |attributes: &[(&str, &str)]| {
            let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            register.holder_of(&attributes.collect())
        };
        let born = ("birth_date", "1990-01-01");
        assert_eq!(of(&[("name_ko", "가"), born, ("address", "y")]), Ok(PersonId::new("b")));
        assert_eq!(of(&[("name_ko", "가"), born]), Err(RegisterError::SeveralPeople));
        for unknown in [&[born, ("address", "z")][..], &[born, ("licence_number", "1")], &[]] {
            assert_eq!(of(unknown), Err(RegisterError::PersonUnknown));
        }
        assert_eq!(of(&[("resident_number", "901399-0000001")]), Err(RegisterError::PersonUnknown));
    }

    #[test]
    fn a_card_is_one_persons_and_found_by_its_number() {
        let key = "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169";
        let with =
            |entry: String, card: &str| entry.replacen("\"revision\"", &format!("\"card\":{card},\"revision\""), 1);
        let card = |number: &str, key: &str| format!(r#"{{"number":"{number}","key":"{key}"}}"#);
        let (a, b) = (entry("a", "901399-0000001", "x"), entry("b", "901399-0000002", "y"));
        assert_eq!(parse(&[a.clone(), b.clone()]).unwrap().has_cards(), Ok(false));
        let register = parse(&[with(a.clone(), &card("17", key)), b.clone()]).unwrap();
        let of = |register: &FileRegister, number: &str| register.holder_of_card(number).map(|(id, _)| id);
        assert_eq!((register.has_cards(), of(&register, "17")), (Ok(true), Ok(PersonId::new("a"))));
        assert_eq!(of(&register, "18"), Err(RegisterError::PersonUnknown));
        // Another card is given: the one before is nobody's.
        let key = Multikey::from_multibase(key).unwrap();
        let enrolled = |number: &str| EnrolledCard { number: number.to_owned(), key };
        register.record_card(&PersonId::new("a"), enrolled("18")).unwrap();
        assert_eq!((of(&register, "17").is_err(), of(&register, "18")), (true, Ok(PersonId::new("a"))));
        let twice = register.record_card(&PersonId::new("b"), enrolled("18"));
        assert_eq!(twice, Err(RegisterError::RegisterInconsistent));
        assert_eq!(register.record_card(&PersonId::new("c"), enrolled("19")), Err(RegisterError::PersonUnknown));
        let key = key.to_multibase();
        let refused = |people: &[String]| parse(people).err();
        let both = [with(a.clone(), &card("17", &key)), with(b.clone(), &card("17", &key))];
        assert_eq!(refused(&both), Some(RegisterError::RegisterInconsistent));
        let ed25519 = "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
        assert_eq!(refused(&[with(a.clone(), &card("17", ed25519))]), Some(RegisterError::RegisterInconsistent));
        let number = card("9013990000001", &key);
        assert_eq!(refused(&[with(a, &number), b]), Some(RegisterError::ResidentNumberExposed), "ISSU-13");
    }

    #[test]
    fn changes_raise_the_revision() {
        let register = FileRegister::sample().unwrap();
        let id = register.ids()[0].clone();
        let before = register.person(&id).unwrap();
        register.record_attribute(&id, "address", "제주특별자치도 제주시 문연로 6").unwrap();
        register.record_death(&id).unwrap();
        let after = register.person(&id).unwrap();
        assert_eq!(after.revision, before.revision + 2);
        assert_eq!(after.state, PersonState::Deceased);
        assert_eq!(register.record_death(&PersonId::new("nobody")), Err(RegisterError::PersonUnknown));
    }

    #[test]
    fn a_file_that_was_replaced_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("register.json");
        let write = |address: &str, rest: &str| {
            let people = entry("a", "901399-0000001", address);
            std::fs::write(&path, format!(r#"{{"about":"","people":[{people}]}}{rest}"#)).unwrap();
        };
        write("x", "");
        let register = FileRegister::open(&path).unwrap();
        let address = || register.person(&PersonId::new("a")).map(|it| it.attribute("address").map(str::to_owned));
        assert_eq!(address(), Ok(Some("x".into())));
        write("moved", "");
        assert_eq!(address(), Ok(Some("moved".into())));
        // One that cannot be read is no register, and what was known before is not handed out as if it were.
        write("moved", "broken");
        assert_eq!(address(), Err(RegisterError::RegisterUnavailable));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(register.find("가", "1990-01-01".parse().unwrap()), Err(RegisterError::RegisterUnavailable));
    }

    #[test]
    fn issu_13_contradictions_and_exposed_numbers_are_refused() {
        let good = entry("a", "901399-0000001", "x");
        assert!(parse(&[good.clone(), entry("b", "901399-0000002", "x")]).is_ok());
        let refused = |people: &[String]| parse(people).err();
        assert_eq!(
            refused(&[good.clone(), entry("a", "901399-0000002", "x")]),
            Some(RegisterError::RegisterInconsistent)
        );
        assert_eq!(
            refused(&[good.clone(), entry("b", "901399-0000001", "x")]),
            Some(RegisterError::RegisterInconsistent)
        );
        assert_eq!(refused(&[good.replace("1990-01-01", "1990-02-30")]), Some(RegisterError::RegisterInconsistent));
        // Also when it is someone else's number.
        let exposed = entry("b", "901399-0000002", "no. 901399 0000001");
        assert_eq!(refused(&[good, exposed]), Some(RegisterError::ResidentNumberExposed));
        assert_eq!(FileRegister::parse("[]").err(), Some(RegisterError::RegisterUnavailable));
        assert_eq!(FileRegister::open(Path::new("/nonexistent")).err(), Some(RegisterError::RegisterUnavailable));
    }
}
