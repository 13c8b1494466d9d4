//! `opusclip webhook verify`: a message that was saved.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use opusclip::Clock as _;
use opusclip::webhook::{Reason, Rejection};

use super::message::{self, Message, SALT, SIGNATURE, TIMESTAMP};
use super::secret::SecretArgs;
use crate::clock::FastClock;
use crate::context::Context;
use crate::failure::{Code, Failure};

const EXAMPLES: &str = "\
Examples:
  opusclip webhook verify body.json --headers headers.txt
      a body as it came, and its headers, one in each line
  opusclip webhook verify - --signature 6074… --salt 0f1e… --timestamp 1780000000 < body.json
  opusclip webhook verify body.json --headers headers.txt --any-time
      a message that is older than five minutes

The body has to be the bytes that came: JSON that was read and written again has another signature.
A message that does not verify ends the program with 7.";

/// Check a message that was saved, and show what it says
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The body, as it came; `-` is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    body: PathBuf,
    /// File with the headers of the message, one in each line
    #[arg(long, value_name = "FILE", required_unless_present_all = ["signature", "salt"], conflicts_with_all = ["signature", "salt", "timestamp"])]
    headers: Option<PathBuf>,
    /// Value of the header X-Opus-Signature
    #[arg(long, value_name = "HEX")]
    signature: Option<String>,
    /// Value of the header X-Opus-Salt
    #[arg(long, value_name = "HEX")]
    salt: Option<String>,
    /// Value of the header X-Opus-Timestamp
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<String>,
    /// Let it be of any age
    #[arg(long)]
    any_time: bool,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Runs the command.
pub(super) fn run(args: &VerifyArgs, context: &Context) -> Result<(), Failure> {
    context.no_curl("webhook verify")?;
    if args.secret.is_stdin() && is_stdin(&args.body) {
        return Err(Failure::usage("body and secret are both to come from stdin", "give one of them as a file"));
    }
    let headers = match &args.headers {
        Some(file) => headers_of(file)?,
        None => {
            let given = [(SIGNATURE, &args.signature), (SALT, &args.salt), (TIMESTAMP, &args.timestamp)];
            let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
            given.map(|(name, value)| Ok((name.clone(), header(name.as_str(), value)?))).collect::<Result<_, Failure>>()?
        }
    };
    let message = Message { headers, body: body_of(&args.body)?.into() };
    let secret = args.secret.resolve(context)?;
    let event = message.check(&secret, FastClock::new(1.0).system_time(), args.any_time).map_err(|rejection| refused(&rejection))?;
    context.output.data(&message::data(&event), &["projectId", "stage", "error", "sentAt"])
}

fn refused(rejection: &Rejection) -> Failure {
    let next = match rejection.reason() {
        Reason::Header => "give the headers as they came; `--any-time` does without X-Opus-Timestamp",
        Reason::Stale => "compare the clocks; `--any-time` lets a message be of any age",
        Reason::Signature => "check the secret, which is the API key that was made first, and that the body is as it came",
        _ => "give another message",
    };
    Failure::new(Code::Invalid, rejection.to_string()).with_next(next)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// A body, as it is.
pub(super) fn body_of(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if is_stdin(file) {
        std::io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::io(format_args!("the body {}", file.display()), &error).with_code(Code::Usage))?;
    Ok(bytes)
}

/// The header lines of a file, up to an empty one; a first line as `POST /hooks HTTP/1.1` is passed over.
fn headers_of(file: &Path) -> Result<HeaderMap, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::io(format_args!("--headers {}", file.display()), &error).with_code(Code::Usage))?;
    let mut headers = HeaderMap::new();
    for (index, line) in text.lines().enumerate().take_while(|(_, line)| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.contains(' ')) else {
            if index == 0 && line.contains("HTTP/") {
                continue;
            }
            return Err(Failure::usage(
                format!("line {} of {} is no header: {line:?}", index + 1, file.display()),
                "write one in each line, as `X-Opus-Salt: 0f1e2d3c4b5a6978`",
            ));
        };
        let parsed = HeaderName::try_from(name.trim()).map_err(|_| {
            Failure::usage(format!("{name:?} in {} is no name of a header", file.display()), "correct it, or take the line out")
        })?;
        headers.append(parsed, header(name, value.trim())?);
    }
    Ok(headers)
}

fn header(name: &str, value: &str) -> Result<HeaderValue, Failure> {
    value.parse().map_err(|_| Failure::usage(format!("the header {name} cannot be {value:?}"), "give its value as it came"))
}
