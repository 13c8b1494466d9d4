//! The catalogue of checks is complete, and the published schemas are those of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use opusclip_conformance::explain::{all, explain};
use opusclip_conformance::finding::Attribution;
use opusclip_conformance::fixture::fixture_schema;
use opusclip_conformance::spec;

/// Every text of the form `"C405"` in the sources, tests and the catalogue itself left out.
fn emitted(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("explain") {
                emitted(&path, found);
            }
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for quoted in code.join("\n").split('"') {
            let is_id = quoted.len() == 4
                && quoted.starts_with(['S', 'F', 'C', 'D', 'R', 'V', 'M', 'E'])
                && quoted.bytes().skip(1).all(|b| b.is_ascii_digit());
            if is_id {
                found.insert(quoted.to_owned());
            }
        }
    }
}

#[test]
fn every_check_is_explained_and_every_explanation_has_a_check() {
    let mut ids = BTreeSet::new();
    emitted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut ids);
    let explained: BTreeSet<String> = all().map(|check| check.id.to_owned()).collect();
    assert_eq!(ids, explained);
    assert_eq!(all().count(), explained.len(), "an id is explained twice");
    assert!(spec::CHECKS.iter().all(|id| explain(id).is_some()));
}

#[test]
fn explanations_say_something() {
    for check in all() {
        for text in [check.title, check.meaning, check.cause, check.fix, check.example] {
            assert!(text.len() > 4 && text.trim() == text, "{}: {text:?}", check.id);
        }
        let text = check.to_string();
        assert!(text.starts_with(check.id) && text.split_whitespace().collect::<Vec<_>>().join(" ").contains(check.fix));
        assert_ne!((check.id.starts_with('E'), check.attribution()), (false, Attribution::Engine), "{}", check.id);
    }
}

#[test]
fn explanations_fit_the_width_that_they_are_given() {
    for check in all() {
        for width in [60, 100] {
            let long = check.to_text(width).lines().filter(|line| line.chars().count() > width).map(str::to_owned).collect::<Vec<_>>();
            // A pointer or a command is one word, however long.
            assert!(long.iter().all(|line| line.trim().split(' ').count() <= 2), "{}: {long:#?}", check.id);
        }
        assert!(check.to_text(60).lines().count() >= check.to_text(100).lines().count());
    }
}

#[test]
fn the_published_schema_is_the_one_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixture.schema.json");
    let published = fs::read_to_string(&path).unwrap_or_default();
    let current = format!("{:#}\n", fixture_schema());
    assert_eq!(published, current, "write it anew: conformance schema fixture > {}", path.display());
}
