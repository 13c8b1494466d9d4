//! Every form of a report, made of one that has a finding of every kind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use opusclip_conformance::explain::explain;
use opusclip_conformance::finding::{Attribution, Finding};
use opusclip_conformance::options::Options;
use opusclip_conformance::report::{FILES, Report, coverage_schema, diff, diff_schema};
use opusclip_conformance::run::{check, run};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;
use opusclip_conformance::waivers::Waivers;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::toy::{Defect, KEY, Toy};

const SCRIPT: &str = "<script>alert(1)</script>";
const FIXTURES: &str = "tests/toy/fixtures";

/// As a user gives them: relative, so that no machine's own path is in a report.
fn spec() -> Spec {
    Spec::load(Path::new("tests/toy/openapi.yaml")).unwrap()
}

fn suite() -> Suite {
    Suite::load(Path::new(FIXTURES)).unwrap()
}

/// The toy's fixtures, and some that are wrong in ways that a form could trip over.
fn bad_suite() -> Suite {
    let mut suite = suite();
    let minimal = fs::read_to_string(format!("{FIXTURES}/books/get_book/minimal.yaml")).unwrap();
    let mut add = |name: &str, text: String| {
        let id = format!("books/get_book/{name}");
        suite.add(&format!("bad fixtures/{id}.yaml"), &id, &text.replace("books/get_book/minimal", &id));
    };
    add("script", minimal.replace("genre: prose}", &format!("'{SCRIPT}': 1, genre: \"a|b `c` \\u0007 é\"}}")));
    add("secret", minimal.replace("title: Malte", &format!("title: sk-9fK2mQ7xLpZ4{}", "aB3dE5gH7jK9")));
    add("broken", "fixture: 1\n".to_owned());
    suite
}

async fn bad(jobs: usize) -> Report {
    let text = fs::read_to_string("tests/toy/openapi.yaml").unwrap();
    let more = "  /shelves:\n    get:\n      operationId: list_shelves\n      tags: [books]\n      responses:\n        '204': {description: None.}\n";
    let lost = "    Lost: {type: object, required: [gone]}\n";
    let text = text.replace("components:\n", &format!("{more}components:\n")) + lost;
    let spec = Spec::parse("tests/toy/openapi.yaml", &text).unwrap();
    let waivers =
        "- {item: V701 list_shelves, reason: new, until: 2026-12-31}\n- {item: V702 list_books 599, reason: r, until: 2026-12-31}\n";
    let waivers = Waivers::parse("waivers.yaml", waivers, "2026-11-20".parse().unwrap()).unwrap();
    let options = Options { jobs, secrets: vec![KEY.into()], reproduce: Some("cargo test -- {fixture}".into()), ..Options::default() };
    let mut report = run(&spec, &bad_suite(), &waivers, &Toy(Defect::DropsField), &options).await;
    report.findings.push(Finding::new("M801", "nobody noticed"));
    let mut engine = Finding::new("E910", "the call did not end");
    engine.fixture = Some("books/get_book/minimal".into());
    report.findings.push(engine);
    report.findings.push(Finding::new("E911", "the mock server could not start"));
    report.findings.sort();
    report.totals.findings = report.findings.len();
    report
}

#[tokio::test]
async fn the_report_to_try_has_findings_of_every_kind() {
    let report = bad(4).await;
    let kinds: BTreeSet<Attribution> = report.findings.iter().map(|finding| finding.attribution).collect();
    let missing: Vec<Attribution> = Attribution::ALL.into_iter().filter(|kind| !kinds.contains(kind)).collect();
    assert_eq!(missing, [Attribution::Drift], "a drift is no part of a run");
    assert!(report.findings.iter().any(|finding| finding.message.contains(SCRIPT)));
}

/// What JUnit says, read back: suites with their stated and their counted numbers, and the failures.
struct Read {
    suites: Vec<(String, [usize; 4], [usize; 4])>,
    cases: Vec<(String, String)>,
    told: String,
}

fn read(xml: &str) -> Read {
    let mut reader = Reader::from_str(xml);
    let mut read = Read { suites: Vec::new(), cases: Vec::new(), told: String::new() };
    loop {
        let event = reader.read_event().unwrap();
        let element = match &event {
            Event::Eof => return read,
            Event::Start(element) | Event::Empty(element) => element,
            Event::Text(text) => {
                read.told.push_str(text.as_ref());
                continue;
            }
            Event::GeneralRef(name) => {
                read.told.push_str(quick_xml::escape::resolve_predefined_entity(name.as_ref()).unwrap());
                continue;
            }
            _ => continue,
        };
        let of = |name: &str| {
            let found = element.attributes().map(Result::unwrap).find(|one| one.key.as_ref() == name);
            let value = found.map(|one| one.value.into_owned()).unwrap_or_default();
            quick_xml::escape::unescape(&value).unwrap().into_owned()
        };
        let count = |index: usize, read: &mut Read| {
            if let Some((.., counted)) = read.suites.last_mut() {
                counted[index] += 1;
            }
        };
        match element.name().as_ref() {
            "testsuite" => {
                let stated = ["tests", "failures", "errors", "skipped"].map(|name| of(name).parse().unwrap());
                read.suites.push((of("name"), stated, [0; 4]));
            }
            "testcase" => {
                count(0, &mut read);
                read.cases.push((of("classname"), of("name")));
            }
            "failure" => count(1, &mut read),
            "error" => count(2, &mut read),
            "skipped" => count(3, &mut read),
            _ => {}
        }
    }
}

#[tokio::test]
async fn junit_has_a_case_for_each_fixture_and_every_finding_in_full() {
    let report = bad(4).await;
    let xml = report.to_junit();
    let read = read(&xml);
    for (name, stated, counted) in &read.suites {
        assert_eq!(stated, counted, "{name}");
    }
    let names: Vec<&str> = read.suites.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(
        names,
        ["books/add_book", "books/get_book", "books/list_books", "covers/put_cover", "coverage", "engine", "spec", "mutation", "waivers"]
    );
    let of_fixtures = read.cases.iter().filter(|(class, _)| class.starts_with("books.") || class.starts_with("covers.")).count();
    assert_eq!(of_fixtures, 2 * report.fixtures.len(), "one for the file, one for the client");
    let unique: BTreeSet<&(String, String)> = read.cases.iter().collect();
    assert_eq!(unique.len(), read.cases.len(), "a reader tells cases apart by class and name");
    for finding in &report.findings {
        // What XML cannot hold is the only thing that changes.
        let message = finding.message.replace('\u{7}', "\u{fffd}");
        assert!(read.told.contains(&message) && read.told.contains(finding.id), "{finding}");
    }
    let clean = check(&spec(), &suite(), &Waivers::none(), &Options::default());
    assert!(!clean.to_junit().contains("<failure"), "nothing is wrong with the toy");
}

#[tokio::test]
async fn sarif_keeps_to_its_schema_and_points_at_the_real_lines() {
    let report = bad(4).await;
    let sarif: Value = serde_json::from_str(&report.to_sarif()).unwrap();
    // As published, one pattern is no regular expression that this engine takes; no language is given here.
    let schema = fs::read_to_string("tests/sarif-2.1.0.schema.json").unwrap().replace("{2}]?$", "{2}$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&sarif).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");

    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.findings.len());
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let mut compared = 0;
    for (result, finding) in results.iter().zip(&report.findings) {
        let rule = &run["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!((&result["ruleId"], &rule["id"]), (&finding.id.into(), &finding.id.into()));
        assert!(rule["help"]["text"].as_str().unwrap().contains(explain(finding.id).unwrap().fix));
        let place = &result["locations"][0]["physicalLocation"];
        let Some(uri) = place["artifactLocation"]["uri"].as_str() else {
            assert!(finding.at.is_none() && finding.spec_at.is_none() && finding.fixture.is_none(), "{finding}");
            continue;
        };
        assert!(!uri.contains([' ', '<']) && !uri.starts_with('/'), "{uri}");
        let Some(key) = finding.pointer.rsplit('/').next().filter(|_| finding.at.is_some() && finding.pointer.contains("/json/")) else {
            continue;
        };
        let file = finding.at.as_ref().unwrap().file.as_str();
        let Some(text) = text_of(file, finding.fixture.as_deref()) else { continue };
        let number = |name: &str| usize::try_from(place["region"][name].as_u64().unwrap()).unwrap();
        let line = text.lines().nth(number("startLine") - 1).unwrap();
        let rest: String = line.chars().skip(number("startColumn") - 1).collect();
        let key = key.replace("~1", "/");
        assert!(rest.trim_start_matches('\'').starts_with(&key), "{finding}: `{rest}` is not `{key}`");
        compared += 1;
    }
    assert!(compared >= 2, "{compared}");
}

/// The file as it was read: those that are made up here are made of one that is there.
fn text_of(file: &str, fixture: Option<&str>) -> Option<String> {
    if let Ok(text) = fs::read_to_string(file) {
        return Some(text);
    }
    let suite = bad_suite();
    let case = suite.case(fixture?)?;
    // The same line, with the key that was put in.
    let minimal = fs::read_to_string(format!("{FIXTURES}/books/get_book/minimal.yaml")).unwrap();
    case.fixture.id.ends_with("/script").then(|| minimal.replace("genre: prose}", &format!("'{SCRIPT}': 1, genre: x}}")))
}

#[tokio::test]
async fn html_is_whole_by_itself_and_nothing_in_it_comes_alive() {
    let html = bad(4).await.to_html();
    assert!(!html.contains("<script"), "a text of a fixture became an element");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    for reach in [" src=", " href=\"http", "url(", "@import", "<link", "<img", "<iframe", " onclick", "javascript:"] {
        assert!(!html.contains(reach), "{reach}");
    }
    for part in ["prefers-color-scheme: dark", "id=\"who-client\"", "Content-Security-Policy", "more like it", "What to do", "See it again"]
    {
        assert!(html.contains(part), "{part}");
    }
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("id=\"findings\"") < place("id=\"coverage\"") && place("id=\"coverage\"") < place("<h2>Verdict</h2>"));
    for attribution in ["engine", "redaction", "spec", "fixture", "client", "mutation", "coverage"] {
        assert!(html.contains(&format!("class=\"cause {attribution}\"")), "{attribution}");
        assert!(html.contains(&format!("main:has(#who-{attribution}:checked) .cause:not(.{attribution})")), "{attribution}");
    }
    // Every element that is opened is closed; the page is read as XML but for what HTML leaves open.
    let page = html.replace("<!DOCTYPE html>", "").replace(" checked>", ">").replace(" open>", ">");
    let mut open = Vec::new();
    for tag in page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
            None if ["meta", "input"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn markdown_stays_short_and_is_no_markup_of_somebody_else() {
    let report = bad(4).await;
    let text = report.to_markdown();
    assert!(text.lines().count() <= 60, "{text}");
    assert!(!text.contains("<script") && text.contains("&lt;script&gt;"), "{text}");
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.contains("---")) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 5, "every row has four cells: {line}");
    }
    let mut many = report.clone();
    for number in 0..300 {
        many.findings.push(Finding::new("F302", "x".repeat(300)).with_pointer(format!("/response/json/p{number}")));
    }
    assert!(many.to_markdown().lines().count() <= 60);
    assert!(many.to_markdown().contains("more causes not shown"));
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn coverage_lists_every_gap_and_why_it_is_one() {
    let report = bad(4).await;
    let coverage = report.to_coverage();
    assert!(!coverage.is_complete);
    let gap = |item: &str| coverage.missing.iter().find(|gap| gap.item == item).unwrap_or_else(|| panic!("no {item}"));
    let shelves = gap("list_shelves");
    assert!(shelves.waived && !shelves.lost && shelves.gates && shelves.spec_at.is_some());
    let status = gap("list_shelves 204");
    assert_eq!(
        (status.id, status.kind, status.operation.as_deref(), status.name.as_str()),
        ("V702", "statuses", Some("list_shelves"), "204")
    );
    let lost = gap("get_book 200 /author/name");
    assert!(lost.lost && !lost.waived, "the client drops the author, so no fixture that passes shows it");
    let gaps: usize = report.coverage.iter().map(|dimension| dimension.total - dimension.covered).sum();
    assert_eq!((coverage.missing.len(), coverage.dimensions.len()), (gaps, 11));
    keeps_to(&coverage_schema(), &coverage.to_json());
    let clean = check(&spec(), &suite(), &Waivers::none(), &Options::default()).to_coverage();
    assert!(clean.is_complete && !clean.missing.iter().any(|gap| gap.gates));
    assert!(report.to_text(false).contains("lost to findings"));
}

fn keeps_to(schema: &Value, text: &str) {
    let value: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[tokio::test]
async fn a_diff_tells_what_came_and_what_went_both_ways() {
    let good = run(&spec(), &suite(), &Waivers::none(), &Toy(Defect::None), &Options::default()).await;
    let bad = run(&spec(), &suite(), &Waivers::none(), &Toy(Defect::DropsField), &Options::default()).await;
    assert!(good.is_pass() && !bad.is_pass());
    let (good, bad) = (good.to_json(), bad.to_json());
    let between = |old: &str, new: &str| diff(("old.json", old), ("new.json", new)).unwrap();

    let worse = between(&good, &bad);
    let items: Vec<&str> = worse.new.iter().map(|change| change.item.as_str()).collect();
    assert!(items.contains(&"C405 books/get_book/maximal /response/json/author/name"), "{items:?}");
    assert!(worse.lost.iter().any(|change| change.item == "V705 get_book 200 /author/name"), "{}", worse.to_text());
    assert_eq!((worse.exit_code(), worse.gone.len(), worse.gained.len(), worse.same), (1, 0, 0, 0));
    keeps_to(&diff_schema(), &worse.to_json());
    assert!(worse.to_text().starts_with("FAIL  ") && worse.to_markdown().starts_with("## ❌"));

    let better = between(&bad, &good);
    assert_eq!((better.exit_code(), better.new.len(), better.lost.len()), (0, 0, 0));
    assert_eq!((better.gone.len(), better.gained.len()), (worse.new.len(), worse.lost.len()));

    let same = between(&bad, &bad);
    assert_eq!((same.exit_code(), same.same, same.gone.len()), (0, worse.new.len(), 0));

    // A fixture that grew by a line moves a finding, which is still the same; other words are no new finding either.
    let mut moved: Value = serde_json::from_str(&bad).unwrap();
    moved["findings"][0]["at"]["line"] = 999.into();
    assert_eq!(between(&bad, &moved.to_string()).same, worse.new.len());
    moved["findings"][0]["message"] = "in other words".into();
    let changed = between(&bad, &moved.to_string());
    assert_eq!((changed.changed.len(), changed.new.len(), changed.gone.len(), changed.exit_code()), (1, 0, 0, 0));

    // An item that the old report does not know is new in the spec, not lost.
    let mut wider: Value = serde_json::from_str(&good).unwrap();
    wider["coverage"][0]["missing"] = serde_json::json!([{ "key": "list_shelves", "waived": false }]);
    let wider = between(&good, &wider.to_string());
    assert_eq!((wider.lost.len(), wider.uncovered.len(), wider.exit_code()), (0, 1, 0));
}

#[test]
fn what_is_no_report_is_refused_by_name() {
    let good = check(&spec(), &suite(), &Waivers::none(), &Options::default()).to_json();
    for (text, part) in
        [("{", "this is not JSON"), ("{}", "no key `report`"), ("{\"report\": 9}", "version 9"), ("{\"report\": 1}", "missing field")]
    {
        let error = diff(("old.json", text), ("new.json", &good)).unwrap_err().to_string();
        assert!(error.starts_with("old.json: ") && error.contains(part), "{error}");
    }
    let mut checked: Value = serde_json::from_str(&good).unwrap();
    checked["mode"] = "run".into();
    checked["coverage"] = Value::Array(Vec::new());
    assert_eq!(diff(("a", &good), ("b", &checked.to_string())).unwrap().notes.len(), 2);
}

#[tokio::test]
async fn two_runs_write_the_same_bytes_whatever_the_number_of_calls_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (one, many) = (folder.path().join("one"), folder.path().join("a/b/many"));
    bad(1).await.write_dir(&one).unwrap();
    bad(16).await.write_dir(&many).unwrap();
    for name in FILES {
        let (a, b) = (fs::read_to_string(one.join(name)).unwrap(), fs::read_to_string(many.join(name)).unwrap());
        assert!(a == b, "{name} differs");
        assert!(!a.is_empty() && a.ends_with('\n'), "{name}");
        for own in [env!("CARGO_MANIFEST_DIR"), "127.0.0.1", KEY] {
            assert!(!a.contains(own), "{name} has {own}");
        }
    }
    let names: BTreeSet<_> = fs::read_dir(&one).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, FILES.into_iter().map(str::to_owned).collect(), "nothing else is left behind");
}

#[test]
fn a_report_that_cannot_be_written_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let clean = check(&spec(), &suite(), &Waivers::none(), &Options::default());
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(clean.write_dir(&file).is_err());
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn in_full_every_finding_is_printed() {
    let report = bad(4).await;
    let shown = |text: &str| report.findings.iter().filter(|finding| text.contains(&format!("  {} ", finding.id))).count();
    let full = report.to_text_in_full(false);
    assert_eq!(shown(&full), report.findings.len());
    assert!(full.matches("\n    spec ").count() > report.to_text(false).matches("\n    spec ").count());
    assert!(!full.contains("also "), "{full}");
}

/// What every form says, word for word; a style sheet says nothing.
#[tokio::test]
async fn every_form_word_for_word() {
    let report = bad(4).await;
    insta::assert_snapshot!("text", report.to_text(false));
    insta::assert_snapshot!("text_in_colour", report.to_text(true).replace('\u{1b}', "ESC"));
    let html = report.to_html();
    let (head, rest) = html.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    insta::assert_snapshot!("html", format!("{head}<style/>{body}").replace("><", ">\n<"));
    insta::assert_snapshot!("junit", report.to_junit());
}

#[tokio::test]
async fn a_report_that_passes_word_for_word() {
    let report = run(&spec(), &suite(), &Waivers::none(), &Toy(Defect::None), &Options::default()).await;
    let (html, checked) = (report.to_html(), check(&spec(), &suite(), &Waivers::none(), &Options::default()));
    let (_, body) = html.split_once("</style>").unwrap();
    let all = [report.to_text(false), report.to_markdown(), checked.to_text(false), checked.to_markdown(), body.replace("><", ">\n<")];
    insta::assert_snapshot!("passes", all.join("\n=====\n"));
}

#[tokio::test]
async fn a_diff_word_for_word() {
    let good = run(&spec(), &suite(), &Waivers::none(), &Toy(Defect::None), &Options::default()).await.to_json();
    let bad = bad(4).await.to_json();
    let [there, back, same] =
        [(&good, &bad), (&bad, &good), (&bad, &bad)].map(|(old, new)| diff(("old.json", old), ("new.json", new)).unwrap());
    let all = [there.to_text(), there.to_markdown(), back.to_text(), back.to_markdown(), same.to_text(), same.to_markdown()];
    insta::assert_snapshot!("diff", all.join("\n=====\n"));
}

/// Each number and each state of a fixture in each form: not implemented, in error, waived, filtered, with and without coverage.
#[tokio::test]
async fn every_state_word_for_word() {
    let waived = "- {item: C405 books/get_book/maximal, reason: known, until: 2026-12-31}\n- {item: V705 get_book 200 /author, reason: r, \
                  until: 2026-12-31}\n- {item: V708 get_book 200 /genre, reason: s, until: 2027-01-31}\n";
    let waivers = |text: &str| Waivers::parse("waivers.yaml", text, "2026-11-20".parse().unwrap()).unwrap();
    let mut all = String::new();
    for (defect, waivers, filter) in [
        (Defect::LacksOperation, Waivers::none(), None),
        (Defect::Panics, Waivers::none(), Some("get_book")),
        (Defect::DropsField, waivers(waived), None),
        (Defect::None, Waivers::none(), Some("nothing")),
        (Defect::None, Waivers::none(), Some("covers")),
    ] {
        let options = Options { secrets: vec![KEY.into()], filter: filter.map(str::to_owned), ..Options::default() };
        let report = run(&spec(), &suite(), &waivers, &Toy(defect), &options).await;
        let html = report.to_html().split_once("</style>").unwrap().1.replace("><", ">\n<");
        let forms = [report.to_text(true), report.to_text_in_full(false), report.to_markdown(), report.to_junit(), report.to_sarif(), html];
        all += &format!("##### {defect:?} {filter:?} {}\n{}\n", report.exit_code(), forms.join("\n=====\n").replace('\u{1b}', "ESC"));
    }
    insta::assert_snapshot!(all);
}
