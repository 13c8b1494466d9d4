//! A comparison as text and as JSON, and what it means for CI.

use std::fmt::Write as _;
use std::str::FromStr;

use super::{Change, Class, Compiles, Drift, Place};

/// The mildest class that counts as a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Changes of this class, and all that are worse.
    Class(Class),
    /// Nothing does.
    Never,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "breaking" => Ok(Self::Class(Class::Breaking)),
            "client-risk" => Ok(Self::Class(Class::ClientRisk)),
            "additive" => Ok(Self::Class(Class::Additive)),
            "never" => Ok(Self::Never),
            _ => Err(format!("`{text}` is none of breaking, client-risk, additive, never")),
        }
    }
}

/// How many fixtures a change lists in a report for people.
const SHOWN: usize = 3;

impl Drift {
    /// How many changes count as findings.
    #[must_use]
    pub fn findings(&self, threshold: Threshold) -> usize {
        match threshold {
            Threshold::Never => 0,
            Threshold::Class(worst) => self.changes.iter().filter(|change| change.class <= worst).count(),
        }
    }

    /// The whole comparison as JSON, whose schema is [`super::drift_schema`].
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_value(self).map(|value| format!("{value:#}\n")).unwrap_or_default()
    }

    /// The comparison for people, worst first.
    #[must_use]
    pub fn to_text(&self, threshold: Threshold) -> String {
        let mut text = String::new();
        for class in Class::ALL {
            let changes: Vec<&Change> = self.changes.iter().filter(|change| change.class == class).collect();
            if changes.is_empty() {
                continue;
            }
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{} ({}): {}\n", class.name().to_uppercase(), changes.len(), class.meaning());
            for change in changes {
                entry(&mut text, change);
            }
        }
        let _ = writeln!(text, "{}", self.verdict(threshold));
        text
    }

    /// One line with the counts, and one that says what to do.
    #[must_use]
    pub fn verdict(&self, threshold: Threshold) -> String {
        let counts = Class::ALL.map(|class| format!("{} {}", self.of(class), class.name())).join(", ");
        let accepted = self.accepted.map_or_else(String::new, |count| format!("; {count} differences are accepted"));
        let findings = self.findings(threshold);
        let verdict = if findings == 0 { "PASS" } else { "FAIL" };
        format!("{verdict}  {counts}{accepted}  ({} -> {})\n{}", self.old, self.new, self.advice())
    }

    fn advice(&self) -> String {
        let stops = self.changes.iter().filter(|change| change.binding.compiles == Compiles::No).count();
        match self.accepted {
            Some(_) if self.changes.is_empty() => return "Next: nothing; every difference is meant and has its reason.".to_owned(),
            Some(_) => {
                return "Next: take over what is true of the service, accept the rest with a reason, and take out entries that cover nothing. \
                        `conformance explain ID` tells more."
                    .to_owned();
            }
            None => {}
        }
        if self.changes.is_empty() {
            return "Next: nothing; the documents say the same.".to_owned();
        }
        if self.of(Class::Breaking) > 0 {
            let code = if stops > 0 {
                format!(" {stops} of the changes stop calling code from compiling, so it is a new major version.")
            } else {
                String::new()
            };
            return format!(
                "Next: regenerate the client before the service changes, and change the fixtures that are named above.{code} `conformance explain ID` tells more."
            );
        }
        if stops > 0 {
            return format!(
                "Next: regenerate when it suits; {stops} of the changes stop calling code from compiling, so it is a new major version. `conformance explain ID` tells more."
            );
        }
        if self.of(Class::ClientRisk) > 0 {
            return "Next: make sure that the client survives what it does not know, then regenerate. `conformance explain ID` tells more."
                .to_owned();
        }
        if self.of(Class::Additive) > 0 {
            return "Next: regenerate when you want what is new, and add fixtures for it.".to_owned();
        }
        "Next: nothing for requests and answers; regenerate for the names and texts.".to_owned()
    }
}

impl Class {
    fn meaning(self) -> &'static str {
        match self {
            Self::Breaking => "a client that keeps to the old document fails",
            Self::ClientRisk => "a typed client or its callers can be hit",
            Self::Additive => "more is possible than before",
            Self::None => "no request and no answer changes",
        }
    }
}

fn entry(text: &mut String, change: &Change) {
    let _ = writeln!(text, "{}  {}", change.id, change.summary);
    if let Some(places) = places(change) {
        let _ = writeln!(text, "      where     {places}");
    }
    if let Some(uses) = uses(change) {
        let _ = writeln!(text, "      used by   {uses}");
    }
    let _ = writeln!(text, "      binding   {}", change.binding.effect);
    let _ = writeln!(text, "      compiles  {}", compiles(change));
    let _ = writeln!(text, "      until     {}", change.binding.until);
    if let Some(fixtures) = fixtures(change) {
        let _ = writeln!(text, "      fixtures  {fixtures}");
    }
    text.push('\n');
}

pub(super) fn compiles(change: &Change) -> String {
    let word = match change.binding.compiles {
        Compiles::Yes => "yes",
        Compiles::Partly => "partly",
        Compiles::No => "no",
    };
    change.binding.why.as_ref().map_or_else(|| word.to_owned(), |why| format!("{word}: {why}"))
}

pub(super) fn places(change: &Change) -> Option<String> {
    let show = |place: &Place| match &place.at {
        Some(at) => format!("{}:{}:{}", at.file, at.line, at.column),
        None => place.pointer.clone(),
    };
    match (&change.old, &change.new) {
        (Some(old), Some(new)) if old.pointer.is_empty() && new.pointer.is_empty() => None,
        (Some(old), Some(new)) => Some(format!("{} -> {}", show(old), show(new))),
        (Some(old), None) => Some(show(old)),
        (None, Some(new)) => Some(show(new)),
        (None, None) => None,
    }
}

pub(super) fn uses(change: &Change) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for by in change.uses.iter().filter(|by| !by.operation.is_empty()) {
        let name = by.status.as_ref().map_or_else(|| by.operation.clone(), |status| format!("{} {status}", by.operation));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    listed(&names)
}

pub(super) fn fixtures(change: &Change) -> Option<String> {
    let list = listed(&change.evidence.fixtures)?;
    Some(if change.evidence.is_exact { list } else { format!("none carries it; of the operation: {list}") })
}

fn listed(names: &[String]) -> Option<String> {
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        _ if names.is_empty() => None,
        0 => Some(shown),
        more => Some(format!("{shown} and {more} more")),
    }
}
