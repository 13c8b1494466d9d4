//! `opusclip webhook send`: a message as the service would send it.

use std::path::PathBuf;

use clap::Args;
use opusclip::Clock as _;
use reqwest::{Method, StatusCode, Url};
use serde_json::json;

use super::message::{Message, SALT};
use super::post::{Answer, Receiver, address};
use super::secret::SecretArgs;
use super::verify::body_of;
use crate::clock::FastClock;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::{Code, Failure};

const EXAMPLES: &str = "\
Examples:
  opusclip webhook send http://127.0.0.1:3000/hooks
      a project that is complete
  opusclip webhook send http://127.0.0.1:3000/hooks --stage STALLED --error 'no speech'
  opusclip webhook send https://example.com/hooks --body message.json
  opusclip --curl webhook send http://127.0.0.1:3000/hooks
      the same as a curl command, which a receiver takes for five minutes

What the service writes into a message is not documented; a sample has `projectId`, `stage` and,
where it is given, `error`. The exit code tells the answer: 0 for 2xx; 3, 4, 5, 6 and 7 for 401,
403, 404, 429 and any other 4xx; 8 for the rest, and where there is no answer.";

/// Sign a sample message and send it to a receiver
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SendArgs {
    /// Address of the receiver
    #[arg(value_parser = address)]
    url: Url,
    /// Project that it is about
    #[arg(long, value_name = "ID", default_value = "P0000000demo")]
    project: String,
    /// Stage that the project has come to
    #[arg(long, value_name = "STAGE", default_value = "COMPLETE")]
    stage: String,
    /// What went wrong
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Send this file instead of a sample; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["project", "stage", "error"])]
    body: Option<PathBuf>,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Runs the command.
pub(super) async fn run(args: &SendArgs, context: &Context) -> Result<(), Failure> {
    if args.secret.is_stdin() && args.body.as_deref().is_some_and(|file| file.as_os_str() == "-") {
        return Err(Failure::usage("body and secret are both to come from stdin", "give one of them as a file"));
    }
    let body = match &args.body {
        Some(file) => body_of(file)?.into(),
        None => Message::payload(&args.project, &args.stage, args.error.as_deref()),
    };
    let secret = args.secret.resolve(context)?;
    let message = Message::signed(body, &secret, FastClock::new(1.0).system_time());
    if context.curl {
        return context.output.text(&to_curl(&args.url, &message)?);
    }
    let receiver = Receiver::new(&args.url)?;
    let name = receiver.name();
    let answer = receiver.post(&message).await.map_err(|why| {
        Failure::new(Code::Upstream, format!("{name} {why}")).with_next("look whether the receiver runs, and at its address")
    })?;
    if !answer.status.is_success() {
        return Err(refused(&name, &answer));
    }
    let salt = message.headers.get(SALT).and_then(|salt| salt.to_str().ok());
    let sent = json!({"url": name, "status": answer.status.as_u16(), "answer": answer.text, "salt": salt});
    context.output.data(&sent, &["url", "status", "answer"])
}

fn refused(name: &str, answer: &Answer) -> Failure {
    let (code, next) = match answer.status {
        StatusCode::UNAUTHORIZED => (Code::Auth, "compare its secret with the one here, and the clocks"),
        StatusCode::FORBIDDEN => (Code::Forbidden, "look whom the receiver lets in"),
        StatusCode::NOT_FOUND => (Code::NotFound, "look at the path of the address"),
        StatusCode::TOO_MANY_REQUESTS => (Code::RateLimited, "send it later"),
        status if status.is_client_error() => (Code::Invalid, "look at the log of the receiver"),
        status if status.is_redirection() => (Code::Upstream, "redirects are not followed: give the address that it leads to"),
        _ => (Code::Upstream, "look at the log of the receiver"),
    };
    Failure::new(code, format!("{name} {}", answer.told())).with_next(next)
}

/// As a command for a shell: the signature is in it, the secret is not.
fn to_curl(url: &Url, message: &Message) -> Result<String, Failure> {
    let body = std::str::from_utf8(&message.body)
        .map_err(|_| Failure::usage("the body is no text, which a shell could not be given", "leave `--curl` out"))?;
    Ok(Curl::new(&Method::POST, url.as_str())?.with_headers(&message.headers)?.with_body(body)?.into_text())
}
