//! What every check means and what to do about it.

mod client;
mod coverage;
mod drift;
mod fixture;
mod mutation;
mod spec;

use std::fmt;

use crate::finding::Attribution;

/// All that there is to say about one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Id of the check, as `C401`.
    pub id: &'static str,
    /// What it checks, in a few words.
    pub title: &'static str,
    /// What a finding says.
    pub meaning: &'static str,
    /// How one usually comes about.
    pub cause: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// A finding, or what causes one.
    pub example: &'static str,
}

const fn entry(
    id: &'static str,
    title: &'static str,
    meaning: &'static str,
    cause: &'static str,
    fix: &'static str,
    example: &'static str,
) -> Explanation {
    Explanation { id, title, meaning, cause, fix, example }
}

impl Explanation {
    /// Who has to act on a finding.
    #[must_use]
    pub fn attribution(&self) -> Attribution {
        Attribution::of(self.id)
    }
}

impl Explanation {
    /// The explanation in lines of at most `width` columns. Long words, which are pointers and commands, stay whole.
    #[must_use]
    pub fn to_text(&self, width: usize) -> String {
        let wrapped = |text: &str, first: &str, rest: &str| {
            textwrap::fill(text, textwrap::Options::new(width).initial_indent(first).subsequent_indent(rest).break_words(false))
        };
        let mut out = format!("{}  {}\n\n{}\n\n", self.id, self.title, wrapped(self.meaning, "  ", "  "));
        let parts = [("who acts", self.attribution().title()), ("cause", self.cause), ("fix", self.fix), ("example", self.example)];
        for (name, text) in parts {
            out.push_str(&wrapped(text, &format!("  {name:8}  "), "            "));
            out.push('\n');
        }
        out
    }
}

/// In lines of at most 100 columns.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(100))
    }
}

/// The explanation of a check, or `None` for an id that no check has.
///
/// ```
/// use opusclip_conformance::explain::explain;
///
/// assert_eq!(explain("C405").map(|check| check.title), Some("round trip"));
/// assert!(explain("X1").is_none());
/// ```
#[must_use]
pub fn explain(id: &str) -> Option<&'static Explanation> {
    all().find(|explanation| explanation.id == id)
}

/// Every check, in order of the ids within spec, fixture, client, drift, coverage and engine.
pub fn all() -> impl Iterator<Item = &'static Explanation> {
    [spec::CHECKS, fixture::CHECKS, client::CHECKS, drift::CHECKS, mutation::CHECKS, coverage::CHECKS].into_iter().flatten()
}
