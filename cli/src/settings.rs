//! Key, organisation and address: flag, environment, default.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use etcetera::BaseStrategy as _;
use opusclip::{Client, ClientBuilder, Clock};
use sha2::{Digest as _, Sha256};

use crate::clock::FastClock;
use crate::failure::{Code, Failure};

/// Where the account's own settings come from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Account")]
pub(crate) struct AccountArgs {
    /// Organisation, for an account that belongs to several [env: OPUSCLIP_ORG_ID]
    #[arg(long, value_name = "ID", global = true, hide_short_help = true)]
    pub(crate) org: Option<String>,
    /// Address of the API [env: OPUSCLIP_BASE_URL, or OPUSCLIP_API_URL, which ends in /api]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub(crate) base_url: Option<String>,
    /// Read the API key from this file; `-` is stdin
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true, conflicts_with = "api_key")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The API key itself, which everybody on this machine can see: OPUSCLIP_API_KEY is better
    #[arg(long, value_name = "KEY", global = true, hide_short_help = true)]
    pub(crate) api_key: Option<String>,
    /// How fast time goes, for a sandbox that was started with `--speed` [env: OPUSCLIP_SPEED]
    #[arg(long, value_name = "FACTOR", global = true, hide_short_help = true)]
    pub(crate) speed: Option<f64>,
}

/// What a client is made of.
#[derive(Clone)]
pub(crate) struct Account {
    builder: ClientBuilder,
    clock: Arc<dyn Clock>,
    fingerprint: String,
    key: String,
    org: Option<String>,
}

impl Account {
    /// Puts it together; nothing is sent.
    pub(crate) fn resolve(args: &AccountArgs) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let key = match (&args.api_key, &args.api_key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(file)) => key_of(file)?,
            (None, None) => variable("OPUSCLIP_API_KEY").ok_or_else(|| Failure::new(Code::Auth, "there is no API key"))?,
        };
        let mut hash = Sha256::new();
        hash.update(key.trim());
        let mut builder = Client::builder(key.as_str()).with_user_agent(concat!("opusclip-cli/", env!("CARGO_PKG_VERSION")));
        let org = args.org.clone().or_else(|| variable("OPUSCLIP_ORG_ID")).map(|org| org.trim().to_owned());
        if let Some(org) = &org {
            hash.update(format!(" of {org}"));
            builder = builder.with_org(org.as_str());
        }
        let url = match &args.base_url {
            Some(url) => Some(url.clone()),
            None => address()?,
        };
        if let Some(url) = &url {
            hash.update(format!(" at {url}"));
            builder = builder.with_base_url(url);
        }
        let speed = match (args.speed, variable("OPUSCLIP_SPEED")) {
            (Some(speed), _) => Some(speed),
            (None, Some(text)) => Some(text.trim().parse().map_err(|_| wrong_speed(&text))?),
            (None, None) => None,
        };
        let clock: Arc<dyn Clock> = Arc::new(FastClock::new(speed.map_or(Ok(1.0), |speed| checked(speed, url.as_deref()))?));
        if speed.is_some() {
            builder = builder.with_pacing(false);
        }
        let builder = builder.with_clock(Arc::clone(&clock));
        let fingerprint = hex(&hash.finalize()[..6]);
        Ok(Self { builder, clock, fingerprint, key, org })
    }

    /// The time that the client goes by.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The organisation, where one is chosen.
    pub(crate) fn org(&self) -> Option<String> {
        self.org.clone()
    }

    /// Something that tells accounts apart and betrays none.
    pub(crate) fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// The key alone, which webhooks are signed with.
    pub(crate) fn key(&self) -> &str {
        let key = self.key.trim();
        key.strip_prefix("Bearer ").unwrap_or(key).trim()
    }

    /// The client.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(self.builder.clone().build()?)
    }
}

/// The address that the environment sets. An empty one must not fall back to production, where calls are billed.
fn address() -> Result<Option<String>, Failure> {
    for (name, ending) in [("OPUSCLIP_BASE_URL", ""), ("OPUSCLIP_API_URL", "/api")] {
        let Ok(url) = std::env::var(name) else { continue };
        let url = url.trim().trim_end_matches('/');
        if url.is_empty() {
            return Err(Failure::usage(format!("{name} is empty"), "unset it for https://api.opus.pro"));
        }
        let base = url.strip_suffix(ending).ok_or_else(|| {
            Failure::usage(format!("{name} is {url:?}, which does not end in `{ending}`"), "set OPUSCLIP_BASE_URL instead")
        })?;
        return Ok(Some(base.to_owned()));
    }
    Ok(None)
}

fn key_of(file: &std::path::Path) -> Result<String, Failure> {
    let text = if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    text.map_err(|error| Failure::io(format_args!("--api-key-file {}", file.display()), &error).with_code(Code::Usage))
}

fn wrong_speed(text: &str) -> Failure {
    Failure::usage(format!("the speed {text:?} is not a number above 0"), "give one like 60")
}

/// Only a sandbox may be asked so much more often.
fn checked(speed: f64, url: Option<&str>) -> Result<f64, Failure> {
    if !(speed.is_finite() && (0.001..=100_000.0).contains(&speed)) {
        return Err(wrong_speed(&speed.to_string()));
    }
    let url = url.and_then(|url| url::Url::parse(url).ok());
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

fn hex(bytes: &[u8]) -> String {
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
            assert_eq!(checked(60.0, Some(here)).unwrap().to_string(), "60", "{here}");
        }
        for elsewhere in ["http://127.evil.example", "http://localhost.example", "https://api.opus.pro", "127.0.0.1"] {
            assert!(checked(60.0, Some(elsewhere)).is_err(), "{elsewhere}");
        }
        assert!(checked(60.0, None).is_err());
        assert!([0.0, -1.0, f64::NAN, f64::INFINITY].iter().all(|speed| checked(*speed, Some("http://127.0.0.1")).is_err()));
    }
}
