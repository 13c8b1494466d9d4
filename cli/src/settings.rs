//! Key, organisation and address: flag, environment, profile, default.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use etcetera::BaseStrategy as _;
use opusclip::{Client, ClientBuilder, Clock};
use sha2::{Digest as _, Sha256};

use crate::auth::{Key, KeyOrigin, Secret, store};
use crate::clip::Whose;
use crate::clock::FastClock;
use crate::config::{self, File};
use crate::failure::{Code, Failure};

/// Where the service is.
pub(crate) const BASE_URL: &str = "https://api.opus.pro";

/// Where the account's own settings come from.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Account")]
pub(crate) struct AccountArgs {
    /// Profile of the configuration file, with its own settings and key [env: OPUSCLIP_PROFILE]
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub(crate) profile: Option<String>,
    /// Organisation, for an account that belongs to several [env: OPUSCLIP_ORG_ID]
    #[arg(long, value_name = "ID", global = true, hide_short_help = true)]
    pub(crate) org: Option<String>,
    /// Address of the API [env: OPUSCLIP_BASE_URL, or OPUSCLIP_API_URL, which ends in /api]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub(crate) base_url: Option<String>,
    /// Read the API key from this file; `-` is stdin
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true, conflicts_with = "api_key")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The API key itself, which everybody on this machine can see: `opusclip auth login` or OPUSCLIP_API_KEY are better
    #[arg(long, value_name = "KEY", global = true, hide_short_help = true)]
    pub(crate) api_key: Option<Secret>,
    /// How fast time goes, for a sandbox that was started with `--speed` [env: OPUSCLIP_SPEED]
    #[arg(long, value_name = "FACTOR", global = true, hide_short_help = true)]
    pub(crate) speed: Option<f64>,
}

/// Where a setting was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    /// Chooses the profile where nothing else does.
    DefaultProfile,
    Profile(String),
    Default,
}

impl Origin {
    /// Whether it was said for this run, and not once for all.
    pub(crate) fn is_of_run(&self) -> bool {
        matches!(self, Self::Flag(_) | Self::Variable(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::DefaultProfile => f.write_str(config::DEFAULT_PROFILE),
            Self::Profile(name) => write!(f, "profile `{name}`"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) from: Origin,
}

/// All settings of an account but its key.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) file: File,
    pub(crate) profile: Setting<String>,
    pub(crate) org: Option<Setting<String>>,
    pub(crate) base_url: Setting<String>,
    pub(crate) speed: Option<Setting<f64>>,
    args: AccountArgs,
}

impl Settings {
    /// Reads them; the profile has to be there.
    pub(crate) fn resolve(args: &AccountArgs) -> Result<Self, Failure> {
        Self::of(args, File::read()?, false)
    }

    /// Reads them for a command that can make file and profile.
    pub(crate) fn resolve_new(args: &AccountArgs) -> Result<Self, Failure> {
        Self::of(args, File::read_or_new()?, true)
    }

    fn of(args: &AccountArgs, file: File, may_be_new: bool) -> Result<Self, Failure> {
        let profile = chosen(args, &file)?;
        let section = match file.profile(&profile.value) {
            Some(section) => section.clone(),
            None if may_be_new || profile.value == config::DEFAULT => config::Profile::default(),
            None => return Err(unknown(&profile, &file)),
        };
        let of_profile = || Origin::Profile(profile.value.clone());
        let text = |flag: Option<&String>, flag_name, variable_name, section: Option<String>| {
            if let Some(value) = flag {
                return Ok(Some(Setting { value: value.trim().to_owned(), from: Origin::Flag(flag_name) }));
            }
            let variable = variable(variable_name)?.map(|value| Setting { value, from: Origin::Variable(variable_name) });
            Ok::<_, Failure>(variable.or_else(|| section.map(|value| Setting { value, from: of_profile() })))
        };
        let org = text(args.org.as_ref(), "--org", "OPUSCLIP_ORG_ID", section.org)?;
        let base_url = match &args.base_url {
            Some(url) => Some(Setting { value: url.clone(), from: Origin::Flag("--base-url") }),
            None => address()?,
        };
        let base_url = base_url
            .or_else(|| section.base_url.map(|value| Setting { value, from: of_profile() }))
            .unwrap_or_else(|| Setting { value: BASE_URL.to_owned(), from: Origin::Default });
        let speed = match (args.speed, variable("OPUSCLIP_SPEED")?) {
            (Some(value), _) => Some(Setting { value, from: Origin::Flag("--speed") }),
            (None, Some(text)) => {
                Some(Setting { value: text.parse().map_err(|_| wrong_speed(&text))?, from: Origin::Variable("OPUSCLIP_SPEED") })
            }
            (None, None) => section.speed.map(|value| Setting { value, from: of_profile() }),
        };
        if let Some(speed) = &speed {
            checked(speed.value, &base_url.value).map_err(|failure| match speed.from.is_of_run() {
                true => failure,
                false => failure.with_next(format!("it is the speed of the {}", speed.from)),
            })?;
        }
        Ok(Self { file, profile, org, base_url, speed, args: args.clone() })
    }

    /// The key, if there is one and it may be sent to the address.
    ///
    /// A key is for one service, and a file that is read at each run must not redirect it. So one that was given for this run goes
    /// to the service itself or to an address that was given for this run, be it by the name of a profile; one that is kept goes
    /// to the address that it is kept for.
    pub(crate) fn key(&self) -> Result<Option<Key>, Failure> {
        let given = match (&self.args.api_key, &self.args.api_key_file) {
            (Some(key), _) => Some(Key::new(key.expose(), KeyOrigin::Flag)),
            (None, Some(file)) => Some(Key::new(&key_of(file, "--api-key-file")?, KeyOrigin::File(file.clone()))),
            (None, None) => variable("OPUSCLIP_API_KEY")?.map(|key| Key::new(&key, KeyOrigin::Variable)),
        };
        match given {
            Some(key) => self.check_address(&key.from.to_string()).map(|()| Some(key)),
            None => self.kept_key(),
        }
    }

    /// An error for a key that was given for this run, where only a file says where it would go.
    pub(crate) fn check_address(&self, key: &str) -> Result<(), Failure> {
        let is_said = self.base_url.from == Origin::Default || self.base_url.from.is_of_run() || self.profile.from.is_of_run();
        match is_said || is_same_address(&self.base_url.value, BASE_URL) {
            true => Ok(()),
            false => Err(Failure::usage(
                format!("{key} is not known to be for {}, the address of the {}", self.base_url.value, self.base_url.from),
                format!("say so with `--profile {}`, or keep a key for it with `opusclip auth login`", self.profile.value),
            )),
        }
    }

    /// The key of the profile itself.
    pub(crate) fn kept_key(&self) -> Result<Option<Key>, Failure> {
        let section = self.file.profile(&self.profile.value);
        let (key, base_url) = match section.and_then(|section| section.api_key_file.as_deref()) {
            Some(file) => {
                let file = self.file.beside(file);
                let key = Key::new(&key_of(&file, "api_key_file")?, KeyOrigin::ProfileFile(file));
                (key, section.and_then(|section| section.base_url.clone()).unwrap_or_else(|| BASE_URL.to_owned()))
            }
            None => match store::find(&self.profile.value)? {
                Some((kept, place)) => (Key::new(kept.key.expose(), KeyOrigin::Kept(place)), kept.base_url),
                None => return Ok(None),
            },
        };
        if !is_same_address(&base_url, &self.base_url.value) {
            return Err(Failure::usage(
                format!(
                    "the key of the profile `{}` is for {base_url}, and the address is {}, from {}",
                    self.profile.value, self.base_url.value, self.base_url.from
                ),
                "choose a profile with `--profile`, give a key for that address in OPUSCLIP_API_KEY, or take the address out",
            ));
        }
        Ok(Some(key))
    }

    /// The account, with its key.
    pub(crate) fn account(&self) -> Result<Account, Failure> {
        match self.key()? {
            Some(key) => Ok(self.account_with(&key.secret)),
            None => Err(self.no_key()),
        }
    }

    /// The account, with another key; nothing is sent.
    pub(crate) fn account_with(&self, key: &Secret) -> Account {
        let mut hash = Sha256::new();
        hash.update(key.expose());
        let mut builder = Client::builder(key.expose())
            .with_user_agent(concat!("opusclip-cli/", env!("CARGO_PKG_VERSION")))
            .with_base_url(self.base_url.value.as_str());
        let org = self.org.as_ref().map(|org| org.value.clone());
        if let Some(org) = &org {
            hash.update(format!(" of {org}"));
            builder = builder.with_org(org.as_str());
        }
        if !is_same_address(&self.base_url.value, BASE_URL) {
            hash.update(format!(" at {}", self.base_url.value));
        }
        let clock: Arc<dyn Clock> = Arc::new(FastClock::new(self.speed.as_ref().map_or(1.0, |speed| speed.value)));
        if self.speed.is_some() {
            builder = builder.with_pacing(false);
        }
        let builder = builder.with_clock(Arc::clone(&clock));
        let owner = Sha256::digest(format!("{}\n{}\n{}", self.base_url.value, org.as_deref().unwrap_or_default(), self.profile.value));
        let whose = Whose { account: hex(&hash.finalize()[..6]), owner: hex(&owner[..6]) };
        Account { builder, clock, whose, key: key.clone() }
    }

    pub(crate) fn no_key(&self) -> Failure {
        let whose = if self.profile.from == Origin::Default { String::new() } else { format!(" for the profile `{}`", self.profile.value) };
        Failure::new(Code::Auth, format!("there is no API key{whose}"))
    }
}

/// The profile that is asked for.
pub(crate) fn chosen(args: &AccountArgs, file: &File) -> Result<Setting<String>, Failure> {
    let said = match (&args.profile, variable("OPUSCLIP_PROFILE")?) {
        (Some(name), _) => Some(Setting { value: name.clone(), from: Origin::Flag("--profile") }),
        (None, Some(value)) => Some(Setting { value, from: Origin::Variable("OPUSCLIP_PROFILE") }),
        (None, None) => file.default_profile.clone().map(|value| Setting { value, from: Origin::DefaultProfile }),
    };
    let profile = said.unwrap_or_else(|| Setting { value: config::DEFAULT.to_owned(), from: Origin::Default });
    match config::check_name(&profile.value) {
        Ok(()) => Ok(profile),
        Err(why) => Err(Failure::usage(format!("{}: {why}", profile.from), config::NAMES)),
    }
}

fn unknown(profile: &Setting<String>, file: &File) -> Failure {
    let path = file.path().map_or_else(|| "the configuration".to_owned(), |path| path.display().to_string());
    let known: Vec<&str> = file.profile_names().collect();
    let next = match config::nearest(&profile.value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("make it with `opusclip auth login --profile {}`", profile.value),
        None => format!("there are {}; `opusclip auth login --profile NAME` makes one", known.join(", ")),
    };
    Failure::usage(format!("there is no profile `{}` in {path} (from {})", profile.value, profile.from), next)
}

/// A variable of the environment, where it says anything.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    Ok(readable(name)?.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
}

/// A variable as it is. One that cannot be read must not count as one that is not set: another account or address would be taken.
fn readable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{name} is not UTF-8"), "set it anew, or unset it")),
    }
}

/// Whether a key of the one may be sent to the other.
fn is_same_address(one: &str, other: &str) -> bool {
    let whole = |text: &str| url::Url::parse(text).ok().map(|url| url.as_str().trim_end_matches('/').to_owned());
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// What a client is made of.
#[derive(Clone)]
pub(crate) struct Account {
    builder: ClientBuilder,
    clock: Arc<dyn Clock>,
    whose: Whose,
    key: Secret,
}

impl Account {
    /// The time that the client goes by.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Something that tells accounts apart and betrays none.
    pub(crate) fn whose(&self) -> Whose {
        self.whose.clone()
    }

    /// The key alone, which webhooks are signed with.
    pub(crate) fn key(&self) -> &Secret {
        &self.key
    }

    /// The client.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(self.builder.clone().build()?)
    }

    /// What the client is built with, to be changed.
    pub(crate) fn builder(&self) -> ClientBuilder {
        self.builder.clone()
    }
}

/// The address that the environment sets. An empty one must not fall back to production, where calls are billed.
fn address() -> Result<Option<Setting<String>>, Failure> {
    for (name, ending) in [("OPUSCLIP_BASE_URL", ""), ("OPUSCLIP_API_URL", "/api")] {
        let Some(url) = readable(name)? else { continue };
        let url = url.trim().trim_end_matches('/');
        if url.is_empty() {
            return Err(Failure::usage(format!("{name} is empty"), "unset it for https://api.opus.pro"));
        }
        let base = url.strip_suffix(ending).ok_or_else(|| {
            Failure::usage(format!("{name} is {url:?}, which does not end in `{ending}`"), "set OPUSCLIP_BASE_URL instead")
        })?;
        return Ok(Some(Setting { value: base.to_owned(), from: Origin::Variable(name) }));
    }
    Ok(None)
}

/// The key in a file; `what` names how it was given.
pub(crate) fn key_of(file: &Path, what: &str) -> Result<String, Failure> {
    let text = if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    let text = text.map_err(|error| Failure::io(format_args!("{what} {}", file.display()), &error).with_code(Code::Usage))?;
    match text.trim().is_empty() {
        true => Err(Failure::usage(format!("{what} {} is empty", file.display()), "put the key into it, and nothing else")),
        false => Ok(text),
    }
}

pub(crate) fn wrong_speed(text: &str) -> Failure {
    Failure::usage(format!("the speed {text:?} is not a number above 0"), "give one like 60")
}

/// Only a sandbox may be asked so much more often.
fn checked(speed: f64, url: &str) -> Result<f64, Failure> {
    if !(speed.is_finite() && (0.001..=100_000.0).contains(&speed)) {
        return Err(wrong_speed(&speed.to_string()));
    }
    let url = url::Url::parse(url).ok();
    if !url.as_ref().is_some_and(is_here) {
        return Err(Failure::usage("a speed is for a sandbox on this machine only", "leave `--speed` and OPUSCLIP_SPEED out"));
    }
    Ok(speed)
}

/// Whether an address is on this machine.
pub(crate) fn is_here(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A file name that is made of these texts and tells none of them.
pub(crate) fn name_of(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    hex(&hash.finalize()[..16])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where what is unfinished is remembered.
pub(crate) fn state_folder(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let set = given.map(Path::to_owned).or_else(|| std::env::var_os("OPUSCLIP_STATE").filter(|value| !value.is_empty()).map(PathBuf::from));
    if let Some(folder) = set {
        return Ok(folder);
    }
    let strategy = etcetera::choose_base_strategy()
        .map_err(|error| Failure::usage(format!("there is no home folder ({error})"), "set OPUSCLIP_STATE, or give `--state`"))?;
    Ok(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("opusclip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_fast_on_this_machine_only() {
        for here in ["http://127.0.0.1:8787", "http://localhost", "http://[::1]:1"] {
            assert_eq!(checked(60.0, here).unwrap().to_string(), "60", "{here}");
        }
        for elsewhere in [BASE_URL, "http://127.evil.example", "http://localhost.example", "127.0.0.1"] {
            assert!(checked(60.0, elsewhere).is_err(), "{elsewhere}");
        }
        assert!([0.0, -1.0, f64::NAN, f64::INFINITY].iter().all(|speed| checked(*speed, "http://127.0.0.1").is_err()));
    }
}
