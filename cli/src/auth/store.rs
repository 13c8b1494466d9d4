//! The keys that are kept: in the keyring of the system, or in a file for its owner alone.
//!
//! Each belongs to a profile, and is kept together with the address that it is for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::config;
use crate::failure::{Code, Failure};
use crate::private;

/// A key and the only address that it is sent to.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) key: Secret,
    pub(crate) base_url: String,
}

/// Where one is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    #[cfg_attr(not(feature = "keyring"), allow(dead_code, reason = "made by the feature alone"))]
    Keyring,
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("the keyring"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// As it is written, in the file and in the keyring.
#[derive(Serialize, Deserialize)]
struct Written {
    key: String,
    base_url: String,
}

impl From<Written> for Kept {
    fn from(written: Written) -> Self {
        Self { key: Secret::new(written.key), base_url: written.base_url }
    }
}

impl From<&Kept> for Written {
    fn from(kept: &Kept) -> Self {
        Self { key: kept.key.expose().to_owned(), base_url: kept.base_url.clone() }
    }
}

/// The key of a profile.
pub(crate) fn find(profile: &str) -> Result<Option<(Kept, Place)>, Failure> {
    // A key in the file was kept when the keyring took none, and is the newer one: else it would have been removed.
    if let Some(path) = path()
        && let Some(kept) = read(&path)?.remove(profile)
    {
        return Ok(Some((kept.into(), Place::File(path))));
    }
    // A locked keyring is another thing than no key.
    if let Some(text) = ring::find(profile)? {
        let kept: Written = serde_json::from_str(&text).map_err(|_| {
            Failure::new(Code::Auth, format!("what the keyring has for the profile `{profile}` cannot be read"))
                .with_next("`opusclip auth login` replaces it")
        })?;
        return Ok(Some((kept.into(), Place::Keyring)));
    }
    Ok(None)
}

/// Keeps the key of a profile, in the best place that there is.
pub(crate) fn keep(profile: &str, kept: &Kept) -> Result<Place, Failure> {
    let written = Written::from(kept);
    let encoded = |error| Failure::new(Code::General, format!("the key cannot be encoded: {error}"));
    if ring::keep(profile, &serde_json::to_string(&written).map_err(encoded)?) {
        // The old one is not left behind.
        if let Some(path) = path() {
            remove(&path, profile)?;
        }
        return Ok(Place::Keyring);
    }
    let path = path().ok_or_else(|| {
        Failure::usage("there is no home folder to keep the key in", "set HOME, or give the key in OPUSCLIP_API_KEY at each run")
    })?;
    let _lock = lock(&path)?;
    let mut all = read(&path)?;
    all.insert(profile.to_owned(), written);
    write(&path, &all)?;
    Ok(Place::File(path))
}

/// Removes the key of a profile, wherever it is kept.
pub(crate) fn forget(profile: &str) -> Result<Vec<Place>, Failure> {
    let mut removed = Vec::new();
    if let Some(path) = path()
        && remove(&path, profile)?
    {
        removed.push(Place::File(path));
    }
    if ring::forget(profile)? {
        removed.push(Place::Keyring);
    }
    Ok(removed)
}

fn path() -> Option<PathBuf> {
    Some(config::folder()?.join("credentials.json"))
}

/// All keys of the file. One that others can read is not used, for somebody may have read it.
fn read(path: &Path) -> Result<BTreeMap<String, Written>, Failure> {
    let fault = |error: std::io::Error| Failure::io(format_args!("the stored keys in {}", path.display()), &error).with_code(Code::Usage);
    match private::shared_mode(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Ok(None) => {}
        Ok(Some(mode)) => {
            return Err(Failure::usage(
                format!("{} holds keys, and others than you may read it (mode {mode:04o})", path.display()),
                format!("chmod 600 {}; make new keys if somebody has", path.display()),
            ));
        }
        Err(error) => return Err(fault(error)),
    }
    let text = std::fs::read(path).map_err(fault)?;
    // Its own words would show what stands there.
    serde_json::from_slice(&text).map_err(|error| {
        Failure::usage(
            format!("{}:{}: the stored keys cannot be read", path.display(), error.line()),
            "mend or remove the file, and run `opusclip auth login`",
        )
    })
}

fn write(path: &Path, all: &BTreeMap<String, Written>) -> Result<(), Failure> {
    let fault = |error| Failure::io(format_args!("the stored keys in {}", path.display()), &error);
    let mut text = serde_json::to_vec_pretty(all).map_err(|error| fault(error.into()))?;
    text.push(b'\n');
    private::write(path, &text).map_err(fault)
}

fn lock(path: &Path) -> Result<std::fs::File, Failure> {
    private::lock(path).map_err(|error| Failure::io(format_args!("the stored keys in {}", path.display()), &error))
}

fn remove(path: &Path, profile: &str) -> Result<bool, Failure> {
    if !path.exists() {
        return Ok(false);
    }
    let _lock = lock(path)?;
    let mut all = read(path)?;
    if all.remove(profile).is_none() {
        return Ok(false);
    }
    match all.is_empty() {
        true => std::fs::remove_file(path).map_err(|error| Failure::io(path.display(), &error))?,
        false => write(path, &all)?,
    }
    Ok(true)
}

/// The keyring of the system, where the program is built with it and it answers.
#[cfg(feature = "keyring")]
mod ring {
    use keyring::{Entry, Error};

    use crate::failure::{Code, Failure};

    fn entry(profile: &str) -> Option<Entry> {
        let is_off = std::env::var_os("OPUSCLIP_NO_KEYRING").is_some_and(|value| !value.is_empty());
        if is_off { None } else { Entry::new("opusclip", profile).ok() }
    }

    fn failure(error: &Error) -> Failure {
        // Some of its errors hold the secret; these words do not.
        let why = match error {
            Error::NoStorageAccess(_) => "it is locked, or denies access".to_owned(),
            Error::PlatformFailure(error) => error.to_string(),
            _ => "what it has cannot be read".to_owned(),
        };
        Failure::new(Code::Auth, format!("the keyring does not give the key: {why}"))
            .with_next("unlock it; or set OPUSCLIP_NO_KEYRING=1, and run `opusclip auth login` to keep the key in a file")
    }

    pub(super) fn find(profile: &str) -> Result<Option<String>, Failure> {
        match entry(profile).map(|entry| entry.get_password()) {
            None | Some(Err(Error::NoEntry)) => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(error)) => Err(failure(&error)),
        }
    }

    /// `false` where there is none that takes it.
    pub(super) fn keep(profile: &str, text: &str) -> bool {
        entry(profile).is_some_and(|entry| entry.set_password(text).is_ok())
    }

    pub(super) fn forget(profile: &str) -> Result<bool, Failure> {
        match entry(profile).map(|entry| entry.delete_credential()) {
            None | Some(Err(Error::NoEntry)) => Ok(false),
            Some(Ok(())) => Ok(true),
            Some(Err(error)) => Err(failure(&error)),
        }
    }
}

/// Built without it: everything is in the file.
#[cfg(not(feature = "keyring"))]
mod ring {
    use crate::failure::Failure;

    #[allow(clippy::unnecessary_wraps, reason = "as the other one")]
    pub(super) fn find(_: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    pub(super) fn keep(_: &str, _: &str) -> bool {
        false
    }

    #[allow(clippy::unnecessary_wraps, reason = "as the other one")]
    pub(super) fn forget(_: &str) -> Result<bool, Failure> {
        Ok(false)
    }
}
