//! Changes of the configuration file, which keep what its owner wrote into it.

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::{DEFAULT_PROFILE, File};
use crate::failure::{Code, Failure};
use crate::private;

/// A file that is being changed.
pub(crate) struct Edit {
    path: PathBuf,
    before: String,
    document: DocumentMut,
}

impl Edit {
    /// Begins; what cannot be read is an error, so that nothing of it is lost.
    pub(crate) fn begin(file: &File) -> Result<Self, Failure> {
        let nowhere = || Failure::usage("there is no home folder, and so no configuration", "name a file in OPUSCLIP_CONFIG");
        let path = file.path().ok_or_else(nowhere)?.to_owned();
        let before = file.text.clone().unwrap_or_default();
        let document = before.parse().map_err(|error: toml_edit::TomlError| {
            Failure::usage(format!("{}: this is not TOML: {}", path.display(), error.message()), "mend it first")
        })?;
        Ok(Self { path, before, document })
    }

    /// Sets the profile that is taken where none is chosen.
    pub(crate) fn set_default_profile(&mut self, profile: &str) {
        let is_new = !self.document.contains_key(DEFAULT_PROFILE);
        let header = if is_new { self.take_header() } else { String::new() };
        put(self.document.as_table_mut(), DEFAULT_PROFILE, profile.into());
        if let Some(mut key) = self.document.key_mut(DEFAULT_PROFILE).filter(|_| is_new) {
            key.leaf_decor_mut().set_prefix(header);
        }
    }

    /// What is written at the top of the file, to go there again when something new comes to be the first.
    fn take_header(&mut self) -> String {
        if self.document.is_empty() {
            let header = self.document.trailing().as_str().unwrap_or_default().to_owned();
            self.document.set_trailing("");
            return header;
        }
        let Some(first) = self.first_table() else { return String::new() };
        // Up to an empty line it is of the file; what follows is of the table.
        let before = first.decor().prefix().and_then(toml_edit::RawString::as_str).unwrap_or_default().to_owned();
        let Some(end) = before.rfind("\n\n").map(|end| end + 1) else { return String::new() };
        first.decor_mut().set_prefix(&before[end..]);
        before[..end].to_owned()
    }

    pub(crate) fn unset_default_profile(&mut self) -> bool {
        let Some((key, _)) = self.document.remove_entry(DEFAULT_PROFILE) else { return false };
        let header = key.leaf_decor().prefix().and_then(toml_edit::RawString::as_str).unwrap_or_default();
        match self.first_table() {
            Some(first) => {
                let own = first.decor().prefix().and_then(toml_edit::RawString::as_str).unwrap_or_default().to_owned();
                first.decor_mut().set_prefix(format!("{header}{own}"));
            }
            None => {
                let own = self.document.trailing().as_str().unwrap_or_default().to_owned();
                self.document.set_trailing(format!("{header}{own}"));
            }
        }
        true
    }

    fn first_table(&mut self) -> Option<&mut Table> {
        let profiles = self.document.get_mut("profiles").and_then(Item::as_table_mut);
        let tables = profiles.into_iter().flat_map(Table::iter_mut).filter_map(|(_, item)| item.as_table_mut());
        tables.min_by_key(|table| table.position())
    }

    /// Sets something of a profile, and makes the profile where there is none.
    pub(crate) fn set(&mut self, profile: &str, name: &str, value: Value) -> Result<(), Failure> {
        put(self.profile(profile)?, name, value);
        Ok(())
    }

    /// Takes something out of a profile; `false` where it was not there.
    pub(crate) fn unset(&mut self, profile: &str, name: &str) -> bool {
        let profiles = self.document.get_mut("profiles").and_then(Item::as_table_like_mut);
        let profile = profiles.and_then(|profiles| profiles.get_mut(profile)).and_then(Item::as_table_like_mut);
        profile.is_some_and(|profile| profile.remove(name).is_some())
    }

    /// The table of a profile, made where there is none.
    pub(crate) fn profile(&mut self, name: &str) -> Result<&mut dyn TableLike, Failure> {
        let file = self.path.display().to_string();
        let no_table = |at: &str| Failure::new(Code::General, format!("{file}: `{at}` is no table"));
        let header = if self.document.is_empty() { self.take_header() } else { String::new() };
        let profiles = self.document.as_table_mut().entry("profiles").or_insert_with(|| {
            let mut table = Table::new();
            // No line of its own, for `[profiles.NAME]` says it.
            table.set_implicit(true);
            Item::Table(table)
        });
        // Tables in braces stay in them.
        let new = match profiles.is_inline_table() {
            true => Item::Value(Value::InlineTable(toml_edit::InlineTable::new())),
            false => {
                let mut table = Table::new();
                if !header.is_empty() {
                    table.decor_mut().set_prefix(header);
                }
                Item::Table(table)
            }
        };
        let profiles = profiles.as_table_like_mut().ok_or_else(|| no_table("profiles"))?;
        profiles.entry(name).or_insert(new).as_table_like_mut().ok_or_else(|| no_table(name))
    }

    /// Writes it, for its owner alone; where nothing has changed, nothing is written.
    pub(crate) fn write(self) -> Result<(), Failure> {
        let after = self.text();
        if after == self.before {
            return Ok(());
        }
        // Whatever was changed: it has to be read again.
        File::parse(self.path.clone(), after.clone())?;
        let fault = |error| Failure::io(format_args!("the configuration {}", self.path.display()), &error);
        let _lock = private::lock(&self.path).map_err(fault)?;
        let there = match std::fs::read(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            there => there.map_err(fault)?,
        };
        if there != self.before.as_bytes() {
            let what = format!("the configuration {} was changed meanwhile by another program", self.path.display());
            return Err(Failure::new(Code::General, what).with_next("run it again: nothing was changed"));
        }
        private::write(&self.path, after.as_bytes()).map_err(fault)
    }

    /// The ends of lines stay as they are on Windows; the document makes them all the same.
    fn text(&self) -> String {
        let text = self.document.to_string();
        match self.before.contains("\r\n") {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Replaces a value, and keeps what stands around it: blanks, and the comment behind it.
fn put(table: &mut dyn TableLike, name: &str, mut value: Value) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => drop(table.insert(name, Item::Value(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, change: impl FnOnce(&mut Edit)) -> String {
        let file = File::parse("c.toml".into(), text.to_owned()).unwrap();
        let mut edit = Edit::begin(&file).unwrap();
        change(&mut edit);
        edit.text()
    }

    #[test]
    fn what_its_owner_wrote_stays() {
        let text = "# mine\ndefault_profile = 'a' # why\n\n[profiles.a]\norg  =  'o' # whose\n\n# the other\n[profiles.b]\nspeed = 2\n";
        let changed = edited(text, |edit| {
            edit.set("a", "org", "p".into()).unwrap();
            edit.set("a", "base_url", "https://x.example".into()).unwrap();
            edit.set("c", "speed", 3.5.into()).unwrap();
            edit.set_default_profile("b");
            assert!(edit.unset("b", "speed") && !edit.unset("b", "org") && !edit.unset("none", "org"));
        });
        assert_eq!(
            changed,
            "# mine\ndefault_profile = \"b\" # why\n\n[profiles.a]\norg  =  \"p\" # whose\nbase_url = \"https://x.example\"\n\n# the other\n[profiles.b]\n\n[profiles.c]\nspeed = 3.5\n"
        );
        assert_eq!(edited("", |edit| edit.set("a", "org", "o".into()).unwrap()), "[profiles.a]\norg = \"o\"\n");
        let with_default = |text| edited(text, |edit| edit.set_default_profile("a"));
        assert_eq!(with_default("# mine\n\n# its own\n[profiles.a]\n"), "# mine\ndefault_profile = \"a\"\n\n# its own\n[profiles.a]\n");
        assert_eq!(with_default("# its own\n[profiles.a]\n"), "default_profile = \"a\"\n# its own\n[profiles.a]\n");
        assert_eq!(with_default("# mine\n"), "# mine\ndefault_profile = \"a\"\n");
        assert_eq!(edited("# mine\n", |edit| edit.set("a", "org", "o".into()).unwrap()), "# mine\n[profiles.a]\norg = \"o\"\n");
        let inline = edited("profiles = { a = { org = 'o' } }\n", |edit| edit.set("b", "org", "p".into()).unwrap());
        assert_eq!(File::parse("c.toml".into(), inline.clone()).unwrap().profile_names().collect::<Vec<_>>(), ["a", "b"], "{inline}");
        // Lines that end as on Windows, and a file whose last line has no end.
        let windows = edited("# mine\r\n[profiles.a]\r\norg = 'o'", |edit| edit.set("a", "speed", 2.0.into()).unwrap());
        assert_eq!(windows, "# mine\r\n[profiles.a]\r\norg = 'o'\r\nspeed = 2.0\r\n");
    }
}
