//! What messages are signed with.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::auth::Secret;
use crate::context::Context;
use crate::failure::{Code, Failure};

/// The variable that has it.
pub(super) const VARIABLE: &str = "OPUSCLIP_WEBHOOK_SECRET";

/// Where it comes from. There is no option for the secret itself, as everybody on the machine could see it.
#[derive(Args, Debug)]
pub(crate) struct SecretArgs {
    /// Read the secret from this file; `-` is stdin [env: OPUSCLIP_WEBHOOK_SECRET; default: the API key]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

impl SecretArgs {
    pub(super) fn is_stdin(&self) -> bool {
        self.secret_file.as_deref() == Some(Path::new("-"))
    }

    /// File, environment, API key: the service signs with the latter.
    pub(super) fn resolve(&self, context: &Context) -> Result<Secret, Failure> {
        match self.given()? {
            Some(secret) => Ok(secret),
            None => context.account().map(|account| account.key().clone()).map_err(without),
        }
    }

    /// What is set for webhooks alone. An empty one is refused, as anybody could sign with it.
    pub(super) fn given(&self) -> Result<Option<Secret>, Failure> {
        let (name, text) = match (&self.secret_file, std::env::var_os(VARIABLE)) {
            (Some(file), _) => {
                let name = format!("--secret-file {}", file.display());
                let read = if self.is_stdin() { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
                let text = read.map_err(|error| Failure::io(&name, &error).with_code(Code::Usage))?;
                (name, text)
            }
            (None, Some(text)) => (VARIABLE.to_owned(), text.to_string_lossy().into_owned()),
            (None, None) => return Ok(None),
        };
        match text.trim() {
            "" => Err(Failure::usage(format!("{name} is empty"), "it has to be the API key that was made first, whole")),
            secret => Ok(Some(Secret::new(secret))),
        }
    }
}

/// The failure of an account that has no key, to somebody who does not call the API.
pub(super) fn without(failure: Failure) -> Failure {
    match failure.code {
        Code::Auth => Failure::new(Code::Auth, "there is no secret for signatures")
            .with_next(format!("set {VARIABLE} to the API key that was made first, or give a file with `--secret-file`")),
        _ => failure,
    }
}
