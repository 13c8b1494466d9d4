//! What the forms of a report have in common: findings of one cause together, and how numbers and places are written.

use std::collections::BTreeMap;

use super::{Report, Status};
use crate::finding::{Attribution, Finding};

/// The findings by cause: each group is sorted, and stands where its first finding would.
pub(super) fn groups<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Vec<&'a Finding>> {
    let mut causes: BTreeMap<(&str, String), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        causes.entry((finding.id, cause(finding))).or_default().push(finding);
    }
    let mut groups: Vec<Vec<&Finding>> = causes.into_values().collect();
    groups.sort_by_key(|group| group.first().copied());
    groups
}

/// What findings of one check have in common that come from one cause: the place in the interaction, whichever fixture and
/// element of a list it is; for coverage, and where there is no place, what is said.
fn cause(finding: &Finding) -> String {
    match finding.attribution {
        Attribution::Coverage => finding.message.clone(),
        _ if finding.pointer.is_empty() => finding.message.clone(),
        _ => {
            let is_index = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
            finding.pointer.split('/').map(|step| if is_index(step) { "*" } else { step }).collect::<Vec<_>>().join("/")
        }
    }
}

/// The fixture and the pointer, as far as there are any.
pub(super) fn place(finding: &Finding) -> String {
    let place = [finding.fixture.as_deref(), Some(finding.pointer.as_str())];
    place.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `1 finding`, `2 findings`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Rounded down: 100 % is only what is complete.
pub(super) fn percent(covered: usize, total: usize) -> usize {
    covered.saturating_mul(100).checked_div(total).unwrap_or(100)
}

/// For each tag: all fixtures, and those that passed, failed, ended in an error, are waived.
pub(super) fn tags(report: &Report) -> BTreeMap<&str, [usize; 5]> {
    let mut tags: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    for fixture in &report.fixtures {
        let [all, passed, failed, errors, waived] = tags.entry(fixture.id.split('/').next().unwrap_or_default()).or_default();
        *all += 1;
        match fixture.status {
            Status::Passed => *passed += 1,
            Status::Failed => *failed += 1,
            Status::Error => *errors += 1,
            Status::Waived => *waived += 1,
        }
    }
    tags
}

/// The name of an attribution in data and in style sheets.
pub(super) fn who(attribution: Attribution) -> &'static str {
    match attribution {
        Attribution::Spec => "spec",
        Attribution::Fixture => "fixture",
        Attribution::Client => "client",
        Attribution::Drift => "drift",
        Attribution::Redaction => "redaction",
        Attribution::Coverage => "coverage",
        Attribution::Mutation => "mutation",
        Attribution::Engine => "engine",
    }
}

/// What was expected and what was found, where a message tells both.
pub(super) fn sides(message: &str) -> Option<(&str, &str)> {
    let after = ["expected ", "the snapshot has ", "the call gives ", "the response has ", ""];
    let between = [
        ", the client sent ",
        ", the client decoded into ",
        ", the client decoded ",
        ", the client reported ",
        ", the client's error tells ",
        ", this run has ",
        ", this run ",
        ", the request has ",
        ", found ",
        " comes back as ",
    ];
    let is_plain = |start: &str| start.is_empty();
    after.into_iter().find_map(|start| {
        let rest = message.strip_prefix(start)?;
        let (separator, at) =
            between.into_iter().filter_map(|separator| Some((separator, rest.find(separator)?))).min_by_key(|(_, at)| *at)?;
        // Only a round trip tells its two sides without a word in front.
        (is_plain(start) == (separator == " comes back as ")).then(|| (&rest[..at], &rest[at + separator.len()..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_told_apart_where_a_message_has_them() {
        for (message, expected) in [
            ("expected GET, the client sent HEAD", Some(("GET", "HEAD"))),
            ("expected `Book`, the client decoded into `Vec<Book>`", Some(("`Book`", "`Vec<Book>`"))),
            ("expected integer, found the text \"x\"", Some(("integer", "the text \"x\""))),
            ("\"a\" comes back as \"b\"", Some(("\"a\"", "\"b\""))),
            ("the snapshot has 1, this run has nothing", Some(("1", "nothing"))),
            ("\"a\" is lost", None),
            ("the property `x` is not documented", None),
        ] {
            assert_eq!(sides(message), expected, "{message}");
        }
    }

    #[test]
    fn one_is_singular_and_nothing_is_complete() {
        assert_eq!((count(1, "finding"), count(0, "finding")), ("1 finding".into(), "0 findings".into()));
        assert_eq!((percent(0, 0), percent(999, 1000)), (100, 99));
    }
}
