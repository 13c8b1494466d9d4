//! `opusclip auth`: the key, where it is kept, and whether the service takes it.

mod login;
pub(crate) mod probe;
mod prompt;
pub(crate) mod store;

use std::fmt;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::context::Context;
use crate::failure::Failure;
use crate::settings::{Settings, hex};
use store::Place;

/// A key, which nothing prints.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key itself, to be sent or kept.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Something to recognise it by: the first 12 hex digits of its SHA-256, as `sha256sum` tells them.
    pub(crate) fn fingerprint(&self) -> String {
        format!("sha256:{}", hex(&Sha256::digest(&self.0)[..6]))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A key and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) secret: Secret,
    pub(crate) from: KeyOrigin,
}

impl Key {
    /// The text may have blanks around the key, and the scheme before it.
    pub(crate) fn new(text: &str, from: KeyOrigin) -> Self {
        // Editors on Windows begin a file with a mark.
        let text = text.trim().trim_start_matches('\u{feff}').trim_start();
        let bare = match text.split_at_checked(7) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim(),
            _ => text,
        };
        Self { secret: Secret::new(bare), from }
    }
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    Flag,
    File(PathBuf),
    Variable,
    ProfileFile(PathBuf),
    Kept(Place),
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--api-key"),
            Self::File(path) => write!(f, "--api-key-file {}", path.display()),
            Self::Variable => f.write_str("OPUSCLIP_API_KEY"),
            Self::ProfileFile(path) => write!(f, "api_key_file {}", path.display()),
            Self::Kept(place) => write!(f, "{place}"),
        }
    }
}

const LOGIN_EXAMPLES: &str = "\
Examples:
  opusclip auth login                                    asks for the key, and does not show it
  opusclip auth login < key.txt                          from a file or a pipe
  opusclip auth login --profile work --org org_12ab      a second account, as `--profile work`

Keys are made at https://clip.opus.pro/dashboard. A key is kept for the address that it was
given for, and sent to no other.";

const STATUS_EXAMPLES: &str = "\
Examples:
  opusclip auth status                            which key, from where, for which address
  opusclip auth status --check --profile work     whether the service takes that of another profile";

const LOGOUT_EXAMPLES: &str = "\
Examples:
  opusclip auth logout                    of the profile in use
  opusclip auth logout --profile work     of another one";

/// Keep the API key on this machine, look at it, take it away
#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Ask for the key, have the service check it for free, and keep it for the profile
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(login::LoginArgs),
    /// Tell which key is used and where it comes from; ends with 3 where there is none
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        /// Have the service check it, for free
        #[arg(long)]
        check: bool,
    },
    /// Remove the key that was kept for the profile
    #[command(after_help = LOGOUT_EXAMPLES)]
    Logout,
}

/// Runs the command.
pub(crate) async fn run(command: Auth, context: &Context) -> Result<(), Failure> {
    context.no_curl("auth")?;
    match command {
        Auth::Login(args) => login::run(args, context).await,
        Auth::Status { check } => status(check, context).await,
        Auth::Logout => logout(context),
    }
}

/// Whether a variable has a key, which goes before the one that is kept.
fn is_in_environment() -> bool {
    std::env::var("OPUSCLIP_API_KEY").is_ok_and(|key| !key.trim().is_empty())
}

async fn status(check: bool, context: &Context) -> Result<(), Failure> {
    let settings = Settings::resolve(&context.account)?;
    let key = settings.key();
    let found = key.as_ref().ok().and_then(Option::as_ref);
    let checked = match found {
        Some(key) if check => Some(probe::check(&settings.account_with(&key.secret)).await),
        _ => None,
    };
    let shown = json!({
        "profile": settings.profile.value,
        "profileFrom": settings.profile.from.to_string(),
        "key": found.map(|key| key.secret.fingerprint()),
        "keyFrom": found.map(|key| key.from.to_string()),
        "org": settings.org.as_ref().map(|org| org.value.as_str()),
        "orgFrom": settings.org.as_ref().map(|org| org.from.to_string()),
        "baseUrl": settings.base_url.value,
        "baseUrlFrom": settings.base_url.from.to_string(),
        "accepted": checked.as_ref().map(Result::is_ok),
    });
    let columns = ["profile", "profileFrom", "key", "keyFrom", "org", "orgFrom", "baseUrl", "baseUrlFrom", "accepted"];
    context.output.data(&shown, &columns)?;
    match (key?, checked) {
        (None, _) => Err(settings.no_key()),
        (Some(_), Some(Err(failure))) => Err(failure),
        _ => Ok(()),
    }
}

fn logout(context: &Context) -> Result<(), Failure> {
    let settings = Settings::resolve_new(&context.account)?;
    let profile = &settings.profile.value;
    let removed = store::forget(profile)?;
    let whose = format!("the key of the profile `{profile}`");
    if removed.is_empty() {
        context.output.say(&format!("{whose}: none was kept"));
    }
    for place in &removed {
        context.output.say(&format!("{whose} is removed from {place}"));
    }
    // What it cannot take away goes on to be used, which has to be said.
    if is_in_environment() {
        context.output.tell("OPUSCLIP_API_KEY is still set: unset it, too");
    }
    let section = settings.file.profile(profile);
    if let Some(file) = section.and_then(|section| section.api_key_file.as_deref()) {
        let file = settings.file.beside(file);
        context
            .output
            .tell(&format!("the profile still has the key in {}: delete it, or `opusclip config unset api_key_file`", file.display()));
    }
    if !removed.is_empty() {
        context.output.say("the service still takes it: one that others may have seen is revoked at https://clip.opus.pro/dashboard");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_and_not_shown() {
        let key = Key::new(" Bearer sk-0123456789 \n", KeyOrigin::Variable);
        assert_eq!(key.secret.expose(), "sk-0123456789");
        // printf %s sk-0123456789 | sha256sum
        assert_eq!(key.secret.fingerprint(), "sha256:5c85b6dd8ccb");
        assert!(!format!("{key:?}").contains("sk-0"));
    }
}
