//! `opusclip auth login`.

use std::io::{IsTerminal as _, Read as _};

use clap::Args;
use serde_json::json;

use super::store::{self, Kept};
use super::{Key, KeyOrigin, Secret, probe, prompt};
use crate::config::Edit;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::output::Format;
use crate::settings::{Origin, Settings, key_of};

/// No key is as long.
const LONGEST: u64 = 16 << 10;

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// Keep the key without asking the service whether it takes it
    #[arg(long)]
    no_check: bool,
    /// A key that somebody gives as an argument, to be refused without being shown.
    #[arg(hide = true)]
    argument: Option<Secret>,
}

/// Runs the command.
pub(super) async fn run(args: LoginArgs, context: &Context) -> Result<(), Failure> {
    if context.account.api_key.is_some() || args.argument.is_some() {
        return Err(Failure::usage(
            "everybody on this machine can see a key on the command line, so that `auth login` does not take it there",
            "run it without: it asks for the key, or reads it from stdin or `--api-key-file`",
        ));
    }
    let settings = Settings::resolve_new(&context.account)?;
    // First of all, so that a wrong file is told before somebody looks for the key.
    let edit = edit(&settings)?;
    let key = read(&settings, context).await?;
    let account = settings.account_with(&key.secret);
    // Looks at the form of all of it.
    account.client()?;
    if !key.secret.expose().starts_with("sk-") {
        context.output.tell("warning: keys of the service begin with `sk-`, and this one does not");
    }
    if !args.no_check {
        probe::check(&account).await.map_err(not_kept)?;
    }
    if let Some(edit) = edit {
        edit.write()?;
    }
    let profile = &settings.profile.value;
    let place = store::keep(profile, &Kept { key: key.secret.clone(), base_url: settings.base_url.value.clone() })?;
    let (fingerprint, base_url) = (key.secret.fingerprint(), &settings.base_url.value);
    context.output.say(&format!("the key {fingerprint} of the profile `{profile}` is kept in {place}, for {base_url}"));
    if super::is_in_environment() {
        context.output.tell("warning: OPUSCLIP_API_KEY is set, and is used instead of it");
    }
    if let Some(file) = settings.file.profile(profile).and_then(|section| section.api_key_file.as_deref()) {
        let file = settings.file.beside(file);
        context.output.tell(&format!(
            "warning: the profile has its key in {}, which goes before it: `opusclip config unset api_key_file`",
            file.display()
        ));
    }
    match context.output.format() {
        Format::Table => Ok(()),
        Format::Json => {
            let kept = json!({"profile": profile, "key": fingerprint, "keyFrom": place.to_string(), "baseUrl": base_url,
                              "accepted": (!args.no_check).then_some(true)});
            context.output.data(&kept, &[])
        }
    }
}

fn not_kept(failure: Failure) -> Failure {
    let (code, message) = (failure.code, format!("{failure}; it is not kept"));
    match code {
        Code::Auth => Failure::new(code, message).with_next("copy it again from https://clip.opus.pro/dashboard"),
        Code::Forbidden => Failure::new(code, message),
        _ => Failure::new(code, format!("the key could not be checked: {message}"))
            .with_next("run it again; `--no-check` keeps it without asking the service"),
    }
}

/// What was given beside the key belongs to the profile as well: without it, the key would not work.
fn edit(settings: &Settings) -> Result<Option<Edit>, Failure> {
    let profile = &settings.profile.value;
    let is_known = settings.profile.from == Origin::Default || settings.file.profile(profile).is_some();
    let flag = |from: &Origin| matches!(from, Origin::Flag(_));
    let org = settings.org.as_ref().filter(|org| flag(&org.from));
    let base_url = Some(&settings.base_url).filter(|url| flag(&url.from));
    let speed = settings.speed.as_ref().filter(|speed| flag(&speed.from));
    if is_known && org.is_none() && base_url.is_none() && speed.is_none() {
        return Ok(None);
    }
    let mut edit = Edit::begin(&settings.file)?;
    edit.profile(profile)?;
    if let Some(org) = org {
        edit.set(profile, "org", org.value.as_str().into())?;
    }
    if let Some(url) = base_url {
        edit.set(profile, "base_url", url.value.as_str().into())?;
    }
    if let Some(speed) = speed {
        edit.set(profile, "speed", speed.value.into())?;
    }
    Ok(Some(edit))
}

/// The key, from whom it is asked.
async fn read(settings: &Settings, context: &Context) -> Result<Key, Failure> {
    let stdin = std::io::stdin();
    let text = match &context.account.api_key_file {
        Some(file) => {
            settings.check_address("the key")?;
            key_of(file, "--api-key-file")?
        }
        None if stdin.is_terminal() => {
            context.output.say(&format!(
                "Key for {}, profile `{}`; it is made at https://clip.opus.pro/dashboard",
                settings.base_url.value, settings.profile.value
            ));
            prompt::hidden("API key (not shown): ").await.map_err(|error| Failure::io("the prompt", &error))?
        }
        None => {
            // At a terminal the prompt has named it.
            settings.check_address("the key")?;
            let mut text = String::new();
            stdin.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| Failure::io("stdin", &error).with_code(Code::Usage))?;
            text
        }
    };
    let key = Key::new(&text, KeyOrigin::Flag);
    match key.secret.expose() {
        "" => Err(Failure::usage("no key was given", "paste it at the prompt, or pipe it in: `opusclip auth login < key.txt`")),
        text if text.len() as u64 > LONGEST => {
            Err(Failure::usage(format!("a key is not longer than {LONGEST} bytes, and this is"), "give the key alone"))
        }
        text if text.contains(char::is_whitespace) => Err(Failure::usage("a key is one word, and this is more", "give the key alone")),
        _ => Ok(key),
    }
}
