//! What a report says, and how a run ends.

use opusclip_conformance::options::Options;
use opusclip_conformance::run::{check, lint_only};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::waivers::Waivers;

use crate::toy::{root, spec, suite};

fn waivers(text: &str) -> Waivers {
    Waivers::parse("waivers.yaml", text, "2026-11-20".parse().unwrap()).unwrap()
}

/// The toy API with one more operation, which no fixture knows.
fn wider() -> Spec {
    let text = std::fs::read_to_string(root().join("openapi.yaml")).unwrap();
    let more = "  /shelves:\n    get:\n      operationId: list_shelves\n      tags: [books]\n      responses:\n        \
                '204': {description: None.}\n        '401': {description: No key.}\n";
    Spec::parse("openapi.yaml", &text.replace("components:\n", &format!("{more}components:\n"))).unwrap()
}

#[test]
fn what_no_fixture_covers_is_a_finding_with_its_place() {
    let report = check(&wider(), &suite(), &Waivers::none(), &Options::default());
    let items: Vec<String> = report.findings.iter().map(|finding| finding.item()).collect();
    assert_eq!(items, ["V701 list_shelves", "V702 list_shelves 204", "V702 list_shelves 401"]);
    assert!(report.findings[0].spec_at.is_some());
    assert_eq!(report.exit_code(), 1);
    let text = report.to_text(false);
    for part in ["FAIL", "No client ran", "V701  operations", "4/5   80 %", "COVERAGE", "conformance explain V701 V702", "openapi.yaml:"] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_waiver_takes_a_gap_out_and_stays_visible() {
    let all = "- {item: V701 list_shelves, reason: new, until: 2026-12-31}\n\
               - {item: V702 list_shelves 204, reason: new, until: 2026-12-31}\n\
               - {item: V702 list_shelves 401, reason: new, until: 2026-12-31}\n";
    let report = check(&wider(), &suite(), &waivers(all), &Options::default());
    assert!(report.is_pass(), "{}", report.to_text(false));
    assert_eq!((report.waivers.len(), report.totals.waived_findings), (3, 3));
    assert!(report.to_text(false).contains("V702 list_shelves 204 until 2026-12-31: new"));
    let missing: Vec<bool> = report.coverage[1].missing.iter().map(|item| item.waived).collect();
    assert_eq!(missing, [true, true]);

    let report = check(spec(), &suite(), &waivers(all), &Options::default());
    let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["V722", "V722", "V722"], "the operation is gone, so nothing has these names");

    let unused = "- {item: V702 list_books 401, reason: r, until: 2026-12-31}";
    let report = check(spec(), &suite(), &waivers(unused), &Options::default());
    assert_eq!(report.findings.iter().map(|finding| finding.id).collect::<Vec<_>>(), ["V721"]);
    assert_eq!(report.findings[0].at.as_ref().map(|at| at.line), Some(1));
    let report = lint_only(spec(), &suite(), &waivers(unused), &Options::default());
    assert!(report.is_pass(), "a lint cannot know which coverage waivers are needed");
    let partial = Options { filter: Some("get_book".into()), ..Options::default() };
    assert!(check(spec(), &suite(), &waivers(unused), &partial).is_pass());
}

#[test]
fn a_file_that_is_no_fixture_fails_the_run_and_is_counted() {
    let mut suite = suite();
    suite.add("fixtures/books/get_book/broken.yaml", "books/get_book/broken", "fixture: 1\n");
    let report = check(spec(), &suite, &Waivers::none(), &Options::default());
    assert_eq!((report.totals.fixtures, report.totals.failed, report.totals.passed), (20, 1, 19));
    assert!(report.findings.iter().all(|finding| finding.id == "F201"), "{}", report.to_text(false));
}

#[test]
fn what_is_held_against_a_fixture_takes_its_coverage_away() {
    let mut suite = suite();
    for case in suite.cases.iter_mut().filter(|case| case.fixture.operation == "put_cover") {
        case.fixture.summary.clear();
    }
    let report = check(spec(), &suite, &Waivers::none(), &Options::default());
    let ids: Vec<String> = report.findings.iter().map(|finding| finding.item()).collect();
    assert!(ids.contains(&"V701 put_cover".to_owned()) && ids.contains(&"V702 put_cover 204".to_owned()), "{ids:?}");
}

#[test]
fn the_report_keeps_to_its_schema() {
    let report = check(&wider(), &suite(), &Waivers::none(), &Options::default());
    let schema = opusclip_conformance::report::report_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(value["totals"]["fixtures"], 19);
}

#[test]
fn colours_come_only_when_asked_for() {
    let report = check(spec(), &suite(), &Waivers::none(), &Options::default());
    assert!(!report.to_text(false).contains('\x1b'));
    assert!(report.to_text(true).contains("\x1b[1;32mPASS\x1b[0m"));
}

#[test]
fn a_part_of_a_suite_is_not_judged_for_coverage() {
    let mut suite = suite();
    suite.retain(|_, id| id.starts_with("covers/"));
    let unused = waivers("- {item: V702 list_books 429, reason: r, until: 2026-12-31}");
    let report = check(spec(), &suite, &unused, &Options::default());
    assert!(report.is_pass() && report.coverage.is_empty(), "{}", report.to_text(false));
    assert_eq!(report.totals.selected, 2);
}

#[test]
fn one_cause_is_told_once_above_the_tables_and_the_verdict_stands_at_both_ends() {
    let mut suite = suite();
    for case in &mut suite.cases {
        case.fixture.summary.clear();
    }
    let report = check(spec(), &suite, &Waivers::none(), &Options::default());
    let text = report.to_text(false);
    assert_eq!(text.matches("  F2").count(), 1, "{text}");
    assert!(text.contains("also  18 times: ") && text.contains(", and 14 more"), "{text}");
    assert!(text.contains("only fixtures with findings cover this operation: it comes back when they pass"), "{text}");
    let (first, last) = (text.lines().next().unwrap(), text.lines().last().unwrap());
    assert!(first == last && first.starts_with("FAIL  19 fixtures: 0 passed, 19 failed, 0 errors"), "{text}");
    assert!(text.find("FIXTURE: ").unwrap() < text.find("Tag ").unwrap(), "{text}");
}

#[test]
fn one_finding_is_not_called_findings() {
    let unused = waivers("- {item: V702 list_books 401, reason: r, until: 2026-12-31}");
    let text = check(spec(), &suite(), &unused, &Options::default()).to_text(false);
    assert!(text.contains("; 1 finding, 0 waived\n"), "{text}");
}

#[test]
fn different_faults_of_one_file_are_all_told() {
    let mut suite = suite();
    suite.add("fixtures/books/get_book/broken.yaml", "books/get_book/broken", "fixture: 1\n");
    let text = check(spec(), &suite, &Waivers::none(), &Options::default()).to_text(false);
    assert_eq!(text.matches(" is missing").count(), 5, "{text}");
}
