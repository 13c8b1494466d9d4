//! `opusclip config`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{DEFAULT, DEFAULT_PROFILE, Edit, File, check_name, is_key, nearest};
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::settings::{Origin, Setting, Settings};

const EXAMPLES: &str = "\
Settings:
  org               organisation, for an account that belongs to several
  base_url          address of the API
  speed             how fast time goes in a sandbox
  api_key_file      file with the key, for who does not use `opusclip auth login`
  default_profile   profile that is taken where none is chosen

Examples:
  opusclip config set org org_12ab                                        of the profile that is chosen
  opusclip config set base_url http://127.0.0.1:8787 --profile sandbox    of another one, which is made
  opusclip config list                                                    what is in effect, and why

A flag goes before the environment, the environment before the profile.";

/// Look at the settings and change those of a profile
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Config {
    /// Tell where the configuration file is, or would be
    #[command(after_help = "Examples:\n  opusclip config path")]
    Path,
    /// List the settings in effect, and where each comes from
    #[command(after_help = "Examples:\n  opusclip config list\n  opusclip config list --profile work --json")]
    List,
    /// Print a setting in effect
    #[command(after_help = "Examples:\n  opusclip config get base_url\n  opusclip config get org --profile work")]
    Get {
        /// Name of the setting
        #[arg(value_parser = Name::parse, value_name = "NAME")]
        name: Name,
    },
    /// Set something of the profile
    #[command(after_help = "Examples:\n  opusclip config set org org_12ab\n  opusclip config set default_profile work")]
    Set {
        /// Name of the setting
        #[arg(value_parser = Name::parse, value_name = "NAME")]
        name: Name,
        /// Its value
        value: String,
    },
    /// Take something out of the profile
    #[command(after_help = "Examples:\n  opusclip config unset org\n  opusclip config unset speed --profile sandbox")]
    Unset {
        /// Name of the setting
        #[arg(value_parser = Name::parse, value_name = "NAME")]
        name: Name,
    },
}

/// A setting of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Org,
    BaseUrl,
    Speed,
    ApiKeyFile,
    DefaultProfile,
}

impl Name {
    const ALL: [Self; 5] = [Self::Org, Self::BaseUrl, Self::Speed, Self::ApiKeyFile, Self::DefaultProfile];

    fn name(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::BaseUrl => "base_url",
            Self::Speed => "speed",
            Self::ApiKeyFile => "api_key_file",
            Self::DefaultProfile => DEFAULT_PROFILE,
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let name = text.replace('-', "_");
        if let Some(found) = Self::ALL.into_iter().find(|known| known.name() == name) {
            return Ok(found);
        }
        if is_key(&name) {
            return Err("keys are not kept in this file; `opusclip auth login` keeps one".to_owned());
        }
        let names = Self::ALL.map(Self::name);
        Err(match nearest(&name, names) {
            Some(near) => format!("there is no such setting; did you mean `{near}`?"),
            None => format!("there is no such setting; there are {}", names.join(", ")),
        })
    }
}

/// Runs the command.
pub(crate) fn run(command: &Config, context: &Context) -> Result<(), Failure> {
    context.no_curl("config")?;
    match command {
        Config::Path => {
            let nowhere = || Failure::usage("there is no home folder, and so no configuration", "name a file in OPUSCLIP_CONFIG");
            print(context, &super::path().ok_or_else(nowhere)?.display().to_string())
        }
        Config::List => context.output.data(&Value::Array(rows(context)?), &["setting", "value", "from"]),
        Config::Get { name } => {
            let settings = Settings::resolve(&context.account)?;
            match value(&settings, *name) {
                Some((value, _)) => print(context, &value),
                None => Err(Failure::new(Code::General, format!("{} is not set", name.name()))
                    .with_next(format!("`opusclip config set {} VALUE` sets it", name.name()))),
            }
        }
        Config::Set { name, value } => set(*name, value.trim(), context),
        Config::Unset { name } => unset(*name, context),
    }
}

/// As it is, for a script that puts it into a variable; JSON for who asks for it.
fn print(context: &Context, text: &str) -> Result<(), Failure> {
    match context.output.is_json_asked() {
        true => context.output.data(&text.into(), &[]),
        false => context.output.text(text),
    }
}

/// What is in effect, as text.
fn value(settings: &Settings, name: Name) -> Option<(String, Origin)> {
    let text = |setting: &Setting<String>| (setting.value.clone(), setting.from.clone());
    match name {
        Name::Org => settings.org.as_ref().map(text),
        Name::BaseUrl => Some(text(&settings.base_url)),
        Name::Speed => settings.speed.as_ref().map(|speed| (speed.value.to_string(), speed.from.clone())),
        Name::ApiKeyFile => {
            let profile = settings.file.profile(&settings.profile.value)?;
            let path = settings.file.beside(profile.api_key_file.as_deref()?);
            Some((path.display().to_string(), Origin::Profile(settings.profile.value.clone())))
        }
        Name::DefaultProfile => settings.file.default_profile.clone().map(|name| (name, Origin::DefaultProfile)),
    }
}

fn rows(context: &Context) -> Result<Vec<Value>, Failure> {
    let settings = Settings::resolve(&context.account)?;
    let row = |setting: &str, value: Option<String>, from: Option<String>| json!({"setting": setting, "value": value, "from": from});
    let mut rows = vec![row("profile", Some(settings.profile.value.clone()), Some(settings.profile.from.to_string()))];
    for name in [Name::Org, Name::BaseUrl, Name::Speed] {
        let (value, from) = value(&settings, name).unzip();
        rows.push(row(name.name(), value, from.map(|from| from.to_string())));
    }
    rows.push(match settings.key() {
        Ok(Some(key)) => row("key", Some(key.secret.fingerprint()), Some(key.from.to_string())),
        Ok(None) => row("key", None, None),
        Err(failure) => row("key", None, Some(format!("not used: {failure}"))),
    });
    let profiles: Vec<&str> = settings.file.profile_names().collect();
    let file = settings.file.path().filter(|_| settings.file.is_there()).map(|path| path.display().to_string());
    rows.push(row("profiles", Some(profiles.join(", ")).filter(|names| !names.is_empty()), file));
    Ok(rows)
}

fn set(name: Name, value: &str, context: &Context) -> Result<(), Failure> {
    if value.is_empty() {
        return Err(Failure::usage(format!("the value of {} is empty", name.name()), format!("`opusclip config unset {}`", name.name())));
    }
    let (file, profile) = target(context)?;
    let mut edit = Edit::begin(&file)?;
    if name == Name::DefaultProfile {
        if file.profile(value).is_none() && value != DEFAULT {
            let known: Vec<&str> = file.profile_names().chain([DEFAULT]).collect();
            return Err(Failure::usage(format!("there is no profile `{value}`"), format!("there are {}", known.join(", "))));
        }
        edit.set_default_profile(value);
    } else {
        edit.set(&profile, name.name(), checked(name, value, &file)?)?;
    }
    let path = edit.path().display().to_string();
    edit.write()?;
    let whose = if name == Name::DefaultProfile { String::new() } else { format!(" of the profile `{profile}`") };
    context.output.say(&format!("{}{whose} is {value}, in {path}", name.name()));
    // Whoever sets something wants it to have an effect.
    let variables: &[&str] = match name {
        Name::Org => &["OPUSCLIP_ORG_ID"],
        Name::BaseUrl => &["OPUSCLIP_BASE_URL", "OPUSCLIP_API_URL"],
        Name::Speed => &["OPUSCLIP_SPEED"],
        Name::ApiKeyFile => &["OPUSCLIP_API_KEY"],
        Name::DefaultProfile => &["OPUSCLIP_PROFILE"],
    };
    if let Some(variable) = variables.iter().find(|name| std::env::var(name).is_ok_and(|value| !value.trim().is_empty())) {
        context.output.tell(&format!("warning: {variable} is set, and goes before it"));
    }
    Ok(())
}

fn unset(name: Name, context: &Context) -> Result<(), Failure> {
    let (file, profile) = target(context)?;
    let mut edit = Edit::begin(&file)?;
    let was_there = match name {
        Name::DefaultProfile => edit.unset_default_profile(),
        _ => edit.unset(&profile, name.name()),
    };
    edit.write()?;
    let whose = if name == Name::DefaultProfile { String::new() } else { format!(" of the profile `{profile}`") };
    context.output.say(&format!("{}{whose} {}", name.name(), if was_there { "is not set any more" } else { "was not set" }));
    Ok(())
}

/// The file and the profile to be changed, whatever its other settings are: a wrong one is what is to be mended.
fn target(context: &Context) -> Result<(File, String), Failure> {
    let file = File::read_or_new()?;
    let profile = crate::settings::chosen(&context.account, &file)?.value;
    Ok((file, profile))
}

/// The value as it is written, if it can be used.
fn checked(name: Name, value: &str, file: &File) -> Result<toml_edit::Value, Failure> {
    let client = || opusclip::Client::builder("sk-not-sent");
    match name {
        Name::Org => client().with_org(value).build().map(drop)?,
        Name::BaseUrl => client().with_base_url(value).build().map(drop)?,
        Name::Speed => {
            let speed = value.parse::<f64>().ok().filter(|speed| speed.is_finite() && *speed > 0.0);
            let speed = speed.ok_or_else(|| crate::settings::wrong_speed(value))?;
            // As it was written: 60 and not 60.0.
            return Ok(value.parse::<i64>().map_or_else(|_| speed.into(), Into::into));
        }
        Name::ApiKeyFile if value.starts_with("sk-") => {
            return Err(Failure::usage("api_key_file is the name of a file, and not a key", "keep a key with `opusclip auth login`"));
        }
        Name::ApiKeyFile => {
            let path = file.beside(value.as_ref());
            if !path.is_file() {
                return Err(Failure::usage(format!("there is no file {}", path.display()), "make it first, for you alone (chmod 600)"));
            }
        }
        Name::DefaultProfile => check_name(value).map_err(|why| Failure::usage(why, super::NAMES))?,
    }
    Ok(value.into())
}
