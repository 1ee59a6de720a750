//! `mid zk explain`: what a code reveals and what not, for anyone, with no trust data and no key.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use protocol::credential::CredentialType;
use protocol::exchange::qr::{self, Kind};
use protocol::exchange::{Presentation, Received};
use serde_json::json;

use crate::files;
use crate::output::{Answer, CliError};

/// The types whose attributes can be named without a file; others are told by position.
const TYPES: [&[u8]; 2] =
    [include_bytes!("../../specs/types/zk-identity.json"), include_bytes!("../../specs/types/driver-licence.json")];

/// What is in a zero-knowledge presentation.
#[derive(Debug, Args)]
pub(crate) struct ZkArgs {
    #[command(subcommand)]
    command: Command,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a code reveals and what not; nothing is checked
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
struct ExplainArgs {
    /// The presentation: a PNG with its QR code, the code's text, its bytes, a folder of frames, or - for standard input
    presentation: PathBuf,
    /// The definition of a further credential type, so that its attributes are named; may be given more than once
    #[arg(long = "type-file", value_name = "JSON")]
    types: Vec<PathBuf>,
    /// The language
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lang {
    /// Korean
    Ko,
    /// English
    En,
}

pub(crate) fn run(args: ZkArgs) -> Result<Answer, CliError> {
    match args.command {
        Command::Explain(args) => explain(&args),
    }
}

fn explain(args: &ExplainArgs) -> Result<Answer, CliError> {
    let bytes = files::read_message(&args.presentation, Kind::Presentation)?;
    let mut types = TYPES.iter().map(|json| CredentialType::parse(json)).collect::<Result<Vec<_>, _>>()?;
    for path in &args.types {
        types.push(CredentialType::parse(&files::read(path)?)?);
    }
    let message = Received::split(&bytes)?;
    let explanation = Presentation::decode(&message.presentation)?.explain(&types);
    let version = qr::to_text(Kind::Presentation, &bytes).and_then(|text| qr::Drawing::new(&text));
    let version = version.ok().map(|drawing| drawing.version());
    let text = explanation.text(match args.lang {
        Lang::Ko => "ko",
        Lang::En => "en",
    });
    let portrait = message.portrait.map(|image| image.len());
    let beside = match (portrait, args.lang) {
        (None, _) => String::new(),
        (Some(bytes), Lang::Ko) => format!("\n얼굴 사진 {bytes}바이트가 함께 전달됩니다."),
        (Some(bytes), Lang::En) => format!("\nA picture of {bytes} bytes comes with it."),
    };
    let json = json!({ "explanation": explanation, "qr_version": version, "portrait_bytes": portrait });
    Ok(Answer::new(format!("{}{beside}", text.trim_end()), json))
}
