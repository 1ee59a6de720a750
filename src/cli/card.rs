//! `mid card`: a chip card in software, for tests and demonstration, and the reader that it is in. It says in every answer what it is.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use wallet_core::{CardChallenge, ChipCard as _, SoftwareCard};

use crate::output::{Answer, CliError};
use crate::pin::PinSource;
use crate::{files, randomness};

/// What a software card is not.
const WARNING: &str = "this is a card in software, for tests: whoever copies its file has the card";

/// A chip card in software.
#[derive(Debug, Args)]
pub(crate) struct CardArgs {
    #[command(subcommand)]
    command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a card, and enrol it for a person of a register
    Make(MakeArgs),
    /// Answer the challenge of an issuer's page, after the PIN
    Answer(AnswerArgs),
    /// Set a new PIN with the code that the counter keeps
    Unlock(UnlockArgs),
}

/// Which card, and its PIN.
#[derive(Debug, Args)]
struct Place {
    /// The card: a file
    #[arg(long, value_name = "FILE")]
    card: PathBuf,
    #[command(flatten)]
    pin: PinSource,
}

#[derive(Debug, Args)]
struct MakeArgs {
    #[command(flatten)]
    place: Place,
    /// The register's file, in which the card is enrolled
    #[arg(long, value_name = "FILE", requires = "person")]
    register: Option<PathBuf>,
    /// Whose card it is, by the register's id
    #[arg(long, value_name = "ID", requires = "register")]
    person: Option<String>,
}

#[derive(Debug, Args)]
struct AnswerArgs {
    /// What the page shows for the card: mid-card://…
    challenge: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct UnlockArgs {
    /// File whose first line is the code that the counter keeps
    #[arg(long, value_name = "FILE")]
    unlock_code_file: PathBuf,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: CardArgs) -> Result<Answer, CliError> {
    match args.command {
        Command::Make(args) => make(&args),
        Command::Answer(args) => answer(&args),
        Command::Unlock(args) => unlock(&args),
    }
}

fn make(args: &MakeArgs) -> Result<Answer, CliError> {
    let pin = args.place.pin.read_new(None)?;
    let (card, unlock_code) = SoftwareCard::make(&args.place.card, &pin, &mut randomness::os()?)?;
    let (number, key) = (card.number().to_owned(), card.public_key().to_multibase());
    let enrolled = match (&args.register, &args.person) {
        (Some(register), Some(person)) => {
            enrol(register, person, &json!({ "number": number, "key": key }))?;
            format!("enrolled for {person}")
        }
        _ => "nobody's yet: enrol number and key in the register".to_owned(),
    };
    let text = format!("card {number}, {enrolled}\nkey {key}\nunlock code, for the counter: {unlock_code}\n{WARNING}");
    Ok(Answer::new(text, json!({ "number": number, "key": key, "unlock_code": unlock_code, "software": true })))
}

/// Writes a card into a register's file, as its keeper does.
fn enrol(path: &Path, person: &str, card: &Value) -> Result<(), CliError> {
    let unreadable = || CliError::usage(format!("{} is no register", path.display()));
    let mut register: Value = serde_json::from_slice(&files::read(path)?).map_err(|_| unreadable())?;
    let people = register.get_mut("people").and_then(Value::as_array_mut).ok_or_else(unreadable)?;
    let entry = people.iter_mut().find(|entry| entry["id"] == person).and_then(Value::as_object_mut);
    let entry = entry.ok_or_else(|| CliError::refused("PersonUnknown", "the register has nobody with this id"))?;
    entry.insert("card".to_owned(), card.clone());
    files::write(path, &serde_json::to_vec_pretty(&register)?)
}

fn answer(args: &AnswerArgs) -> Result<Answer, CliError> {
    let challenge = CardChallenge::read(&args.challenge)?;
    let mut card = SoftwareCard::open(&args.place.card)?;
    let asked =
        format!("{} asks, for {} in the wallet {}", challenge.issuer, challenge.wants.join(", "), challenge.client);
    let answer = card.answer(&args.place.pin.read()?, &challenge)?;
    let text = format!("{asked}\nhand this to the page that showed the challenge, and to nobody:\n{answer}\n{WARNING}");
    let asked = json!({ "issuer": challenge.issuer, "client": challenge.client, "wants": challenge.wants });
    Ok(Answer::new(text, json!({ "answer": answer, "asked": asked, "software": true })))
}

fn unlock(args: &UnlockArgs) -> Result<Answer, CliError> {
    let code = files::read(&args.unlock_code_file)?;
    let code = core::str::from_utf8(&code).map_err(|_| CliError::usage("the unlock code is no text"))?;
    let mut card = SoftwareCard::open(&args.place.card)?;
    card.unlock(code.lines().next().unwrap_or_default(), &args.place.pin.read_new(None)?)?;
    Ok(Answer::new(format!("unlocked, with a new PIN\n{WARNING}"), json!({ "unlocked": true, "software": true })))
}
