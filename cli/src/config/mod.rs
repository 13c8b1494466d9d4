//! The configuration file: profiles with what an account needs, but its key.

mod commands;
mod edit;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use toml_edit::{Document, Item, TableLike};

pub(crate) use commands::{Config, run};
pub(crate) use edit::Edit;

use crate::failure::Failure;

/// The profile where none is chosen. It needs no place in the file.
pub(crate) const DEFAULT: &str = "default";

/// The key of the file that chooses a profile.
pub(crate) const DEFAULT_PROFILE: &str = "default_profile";

const TOP: [&str; 2] = [DEFAULT_PROFILE, "profiles"];
const SETTINGS: [&str; 4] = ["org", "base_url", "speed", "api_key_file"];

/// What a profile sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Profile {
    pub(crate) org: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) speed: Option<f64>,
    /// Absolute, or relative to the folder of the configuration.
    pub(crate) api_key_file: Option<PathBuf>,
}

/// The file, read and checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    path: Option<PathBuf>,
    text: Option<String>,
    pub(crate) default_profile: Option<String>,
    profiles: BTreeMap<String, Profile>,
}

impl File {
    /// Reads it; where there is none, nothing is set.
    ///
    /// One that OPUSCLIP_CONFIG names has to be there: else a typing error would choose another account.
    pub(crate) fn read() -> Result<Self, Failure> {
        let file = Self::read_or_new()?;
        match (&file.path, file.is_there(), named().is_some()) {
            (Some(path), false, true) => Err(Failure::usage(
                format!("OPUSCLIP_CONFIG names {}, which is not there", path.display()),
                "unset it, or make the file with `opusclip config set`",
            )),
            _ => Ok(file),
        }
    }

    /// Reads it, for a command that can make it.
    pub(crate) fn read_or_new() -> Result<Self, Failure> {
        let Some(path) = path() else { return Ok(Self::default()) };
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self { path: Some(path), ..Self::default() }),
            Err(error) => {
                let why = Failure::usage(format!("the configuration {} cannot be read: {error}", path.display()), "");
                return Err(why.with_next("look at its permissions, or name another one in OPUSCLIP_CONFIG"));
            }
            Ok(bytes) => bytes,
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            wrong(&path, line, "what is there is not UTF-8", "save it as UTF-8")
        })?;
        Self::parse(path, text)
    }

    fn parse(path: PathBuf, text: String) -> Result<Self, Failure> {
        let document = Document::parse(text.as_str()).map_err(|error| {
            // Its own text shows the line, in which there may be a key.
            let message = error.message().trim().replace('\n', ", ");
            wrong(&path, line(&text, error.span()), &format!("this is not TOML: {message}"), "mend that line")
        })?;
        let reader = Reader { path: &path, text: &text };
        let mut default_profile = None;
        let mut profiles = BTreeMap::new();
        for (name, item) in document.as_table() {
            match name {
                DEFAULT_PROFILE => default_profile = Some(reader.text_of(name, item)?),
                "profiles" => {
                    let table = reader.table(name, item)?;
                    for (profile, item) in table.iter() {
                        let at = format!("profiles.{profile}");
                        check_name(profile).map_err(|why| wrong(&path, line(&text, span_of(table, profile)), &why, NAMES))?;
                        profiles.insert(profile.to_owned(), reader.profile(&at, item)?);
                    }
                }
                _ => return Err(reader.unknown(name, "", document.as_table(), &TOP)),
            }
        }
        Ok(Self { path: Some(path), text: Some(text), default_profile, profiles })
    }

    /// Where it is, or would be; a system without home folders has none.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn is_there(&self) -> bool {
        self.text.is_some()
    }

    /// What the profile of this name sets.
    pub(crate) fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    pub(crate) fn profile_names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// A path that stands in it.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        if let (Ok(rest), Ok(home)) = (path.strip_prefix("~"), etcetera::home_dir()) {
            return home.join(rest);
        }
        self.path().and_then(Path::parent).map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }
}

/// The file that OPUSCLIP_CONFIG names.
fn named() -> Option<PathBuf> {
    std::env::var_os("OPUSCLIP_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn path() -> Option<PathBuf> {
    named().or_else(|| Some(folder()?.join("config.toml")))
}

/// Where configuration and stored keys are.
pub(crate) fn folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("opusclip"))
}

/// What names of profiles are made of.
pub(crate) const NAMES: &str = "letters, digits, `-`, `_` and `.` make a name";

/// What is wrong with the name of a profile.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !name.is_empty() && name.len() <= 64 && name.chars().all(is_fine) {
        true => Ok(()),
        false => Err(format!("{name:?} is no name of a profile")),
    }
}

/// The one that was meant, where it is clear.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_lowercase();
    let near = known.into_iter().map(|known| (strsim::osa_distance(&name, known), known));
    near.filter(|(distance, _)| *distance < name.len() && *distance <= 1 + name.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// A name under which people look for a place for the key.
pub(crate) fn is_key(name: &str) -> bool {
    ["api_key", "apikey", "key", "token", "api_token", "opusclip_api_key"].contains(&name.to_lowercase().replace('-', "_").as_str())
}

fn wrong(path: &Path, line: usize, what: &str, next: &str) -> Failure {
    Failure::usage(format!("{}:{line}: {what}", path.display()), next)
}

fn line(text: &str, span: Option<Range<usize>>) -> usize {
    let at = span.map_or(0, |span| span.start).min(text.len());
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn span_of(table: &dyn TableLike, name: &str) -> Option<Range<usize>> {
    table.get_key_value(name).and_then(|(key, item)| key.span().or_else(|| item.span()))
}

/// What is read out of the document, and where it is wrong.
struct Reader<'f> {
    path: &'f Path,
    text: &'f str,
}

impl Reader<'_> {
    fn profile(&self, at: &str, item: &Item) -> Result<Profile, Failure> {
        let table = self.table(at, item)?;
        let mut profile = Profile::default();
        for (name, item) in table.iter() {
            let whole = format!("{at}.{name}");
            match name {
                "org" => profile.org = Some(self.text_of(&whole, item)?),
                "base_url" => profile.base_url = Some(self.text_of(&whole, item)?.trim_end_matches('/').to_owned()),
                "api_key_file" => profile.api_key_file = Some(self.text_of(&whole, item)?.into()),
                "speed" => {
                    // No cast: a float has the same digits.
                    let speed = item.as_float().or_else(|| item.as_integer().and_then(|whole| whole.to_string().parse().ok()));
                    profile.speed = Some(speed.ok_or_else(|| self.mistyped(&whole, item, "a number, as 60"))?);
                }
                _ => return Err(self.unknown(name, &format!("{at}."), table, &SETTINGS)),
            }
        }
        Ok(profile)
    }

    fn table<'i>(&self, at: &str, item: &'i Item) -> Result<&'i dyn TableLike, Failure> {
        item.as_table_like().ok_or_else(|| self.mistyped(at, item, "a table, as `[profiles.work]`"))
    }

    /// An empty one is none: it must not stand for what happens to be the default.
    fn text_of(&self, at: &str, item: &Item) -> Result<String, Failure> {
        let text = item.as_str().map(str::trim).ok_or_else(|| self.mistyped(at, item, "a text in quotes"))?;
        match text.is_empty() {
            true => Err(wrong(self.path, line(self.text, item.span()), &format!("`{at}` is empty"), "give it a value, or take it out")),
            false => Ok(text.to_owned()),
        }
    }

    fn mistyped(&self, at: &str, item: &Item, expected: &str) -> Failure {
        let found = item.type_name();
        wrong(self.path, line(self.text, item.span()), &format!("`{at}` is of the type {found}; expected {expected}"), "mend that line")
    }

    fn unknown(&self, name: &str, at: &str, table: &dyn TableLike, known: &[&str]) -> Failure {
        let line = line(self.text, span_of(table, name));
        if is_key(name) {
            let what = format!("`{at}{name}`: keys are not kept in this file");
            return wrong(self.path, line, &what, "take it out, and keep the key with `opusclip auth login`");
        }
        let next = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if SETTINGS.contains(&name) => format!("put it into a profile, as `[profiles.{DEFAULT}]`"),
            None => format!("there are {}", known.join(", ")),
        };
        wrong(self.path, line, &format!("there is no setting `{at}{name}`"), &next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File, Failure> {
        File::parse("c.toml".into(), text.to_owned())
    }

    #[test]
    fn a_file_is_read_however_it_is_written() {
        for text in [
            "default_profile = 'a'\n[profiles.a]\norg = 'o'\nbase_url = 'https://x.example/'\nspeed = 60\napi_key_file = 'k'",
            "default_profile = 'a'\nprofiles = { a = { org = 'o', base_url = 'https://x.example', speed = 60.0, api_key_file = 'k' } }",
            "default_profile = 'a'\nprofiles.a.org = 'o'\nprofiles.a.base_url = 'https://x.example'\nprofiles.a.speed = 6e1\nprofiles.a.api_key_file = 'k'",
        ] {
            let file = parse(text).unwrap();
            let profile = Profile {
                org: Some("o".to_owned()),
                base_url: Some("https://x.example".to_owned()),
                speed: Some(60.0),
                api_key_file: Some("k".into()),
            };
            assert_eq!((file.default_profile.as_deref(), file.profile("a")), (Some("a"), Some(&profile)), "{text}");
        }
        assert_eq!(parse("").unwrap().profile_names().count(), 0);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_without_its_value() {
        for (text, message, next) in [
            ("a = 'sk-1", "c.toml:1: this is not TOML", "mend that line"),
            ("\n[profiles.a]\norgs = 'sk-1'", "c.toml:3: there is no setting `profiles.a.orgs`", "did you mean `org`?"),
            ("[profile.a]\norg = 'sk-1'", "c.toml:1: there is no setting `profile`", "did you mean `profiles`?"),
            ("org = 'sk-1'", "c.toml:1: there is no setting `org`", "put it into a profile, as `[profiles.default]`"),
            ("[profiles.a]\napi_key = 'sk-1'", "c.toml:2: `profiles.a.api_key`: keys are not kept", "opusclip auth login"),
            ("[profiles.a]\n\nspeed = 'sk-1'", "c.toml:3: `profiles.a.speed` is of the type string; expected a number", "mend"),
            ("[profiles.a]\norg = 1", "c.toml:2: `profiles.a.org` is of the type integer; expected a text", "mend"),
            ("profiles = 'sk-1'", "c.toml:1: `profiles` is of the type string; expected a table", "mend"),
            ("[profiles]\na = 1", "c.toml:2: `profiles.a` is of the type integer; expected a table", "mend"),
            ("[profiles.a]\nbase_url = ' '", "c.toml:2: `profiles.a.base_url` is empty", "take it out"),
            ("[profiles.'a b']\norg = 'o'", "c.toml:1: \"a b\" is no name of a profile", "letters"),
            (
                "[profiles.a]\nzzz = 'sk-1'",
                "c.toml:2: there is no setting `profiles.a.zzz`",
                "there are org, base_url, speed, api_key_file",
            ),
            ("[profiles.a]\norg = 'sk-1'\norg = 'sk-2'", "c.toml:3: this is not TOML: duplicate key", "mend"),
        ] {
            let failure = parse(text).unwrap_err();
            let next_said = failure.next().unwrap_or_default();
            assert!(failure.message().starts_with(message) && next_said.contains(next), "{text}: {failure}; {next_said}");
            assert!(!format!("{failure} {next_said}").contains("sk-"), "{failure}");
        }
    }
}
