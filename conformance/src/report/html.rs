//! The report as one page of HTML that needs nothing but itself: no script, no font, no picture.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::group::{count, groups, percent, place, sides, tags, who};
use super::{DimensionCoverage, Mode, Report, Status};
use crate::explain::explain;
use crate::finding::{Attribution, Finding};

const STYLE: &str = include_str!("html.css");

/// So many causes are open when the page is.
const OPEN: usize = 3;

pub(super) fn write(report: &Report) -> String {
    let title = format!("{} · conformance", verdict(report));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Whatever a fixture says, nothing is loaded and nothing runs.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(filter_rules())) }
            }
            body {
                header { (head(report)) }
                main {
                    (findings(report))
                    (coverage(&report.coverage))
                    (fixtures(report))
                    (scenarios(report))
                    (waivers(report))
                }
                footer {
                    h2 { "Verdict" }
                    p { (badge(report)) " " (sentence(report)) }
                    p.faint { "Written by conformance " (env!("CARGO_PKG_VERSION")) ". The same input gives the same page." }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// What hides the causes that a chosen filter leaves out; the names are those of the radio buttons.
fn filter_rules() -> String {
    let rule = |attribution: Attribution| {
        let name = who(attribution);
        format!("main:has(#who-{name}:checked) .cause:not(.{name}) {{ display: none; }}\n")
    };
    Attribution::ALL.into_iter().map(rule).collect()
}

fn verdict(report: &Report) -> &'static str {
    match report.exit_code() {
        0 => "PASS",
        3 => "ERROR",
        _ => "FAIL",
    }
}

fn badge(report: &Report) -> Markup {
    let class = if report.is_pass() { "verdict pass" } else { "verdict fail" };
    html! { span class=(class) { (verdict(report)) } }
}

fn sentence(report: &Report) -> String {
    let totals = &report.totals;
    if report.fixtures.is_empty() && !report.scenarios.is_empty() {
        let passed = report.scenarios.iter().filter(|scenario| scenario.status == Status::Passed).count();
        return format!("{}, {passed} in order; {}.", count(report.scenarios.len(), "scenario"), count(totals.findings, "finding"));
    }
    let waived = if totals.waived > 0 { format!(", {} waived", totals.waived) } else { String::new() };
    let errors = if totals.errors > 0 { format!(", {}", count(totals.errors, "error")) } else { String::new() };
    format!(
        "{}: {} passed, {} failed{errors}{waived}; {}.",
        count(totals.selected, "fixture"),
        totals.passed,
        totals.failed,
        count(totals.findings, "finding")
    )
}

fn head(report: &Report) -> Markup {
    let totals = &report.totals;
    let is_scenarios = report.fixtures.is_empty() && !report.scenarios.is_empty();
    let what = match report.mode {
        Mode::Run if is_scenarios => "Every scenario was played to the client, on a virtual clock.",
        Mode::Lint if is_scenarios => "No client ran: this checks the files of the scenarios.",
        Mode::Run => "Every fixture was replayed through the client.",
        Mode::Check => "No client ran: this checks the spec, the fixtures and what the fixtures cover.",
        Mode::Lint => "No client ran: this checks the spec and the fixtures.",
    };
    let gates = report.coverage.iter().filter(|dimension| dimension.gates);
    let (covered, total) = gates.fold((0, 0), |(covered, total), one| (covered + one.covered, total + one.total));
    let tiles = [
        ("fixtures", (!is_scenarios).then(|| totals.selected.to_string()), ""),
        ("executed", (report.mode == Mode::Run && !is_scenarios).then(|| totals.executed.to_string()), ""),
        ("passed", (!is_scenarios).then(|| totals.passed.to_string()), if totals.passed > 0 { "good" } else { "" }),
        ("failed", (!is_scenarios).then(|| totals.failed.to_string()), if totals.failed > 0 { "bad" } else { "" }),
        ("errors of the harness", (totals.errors > 0).then(|| totals.errors.to_string()), "note"),
        ("not implemented", (totals.unsupported > 0).then(|| totals.unsupported.to_string()), "note"),
        ("waived fixtures", (totals.waived > 0).then(|| totals.waived.to_string()), "note"),
        ("scenarios", (!report.scenarios.is_empty()).then(|| report.scenarios.len().to_string()), ""),
        ("findings", Some(totals.findings.to_string()), if totals.findings > 0 { "bad" } else { "good" }),
        ("waived findings", (totals.waived_findings > 0).then(|| totals.waived_findings.to_string()), "note"),
        ("gated coverage", (!report.coverage.is_empty()).then(|| format!("{} %", percent(covered, total))), ""),
    ];
    html! {
        h1 { (badge(report)) "Conformance report" }
        p { (sentence(report)) " " span.faint { (what) } }
        @if totals.selected != totals.fixtures {
            p.note { "Only " (totals.selected) " of " (count(totals.fixtures, "fixture")) " were selected, so coverage was not judged." }
        }
        dl.tiles {
            @for (name, value, class) in tiles {
                @if let Some(value) = value { div { dt { (name) } dd class=[Some(class).filter(|class| !class.is_empty())] { (value) } } }
            }
        }
    }
}

fn findings(report: &Report) -> Markup {
    let groups_of = |attribution: Attribution| groups(report.findings.iter().filter(|finding| finding.attribution == attribution));
    let all: Vec<(Attribution, Vec<Vec<&Finding>>)> = Attribution::ALL.into_iter().map(|one| (one, groups_of(one))).collect();
    let present: Vec<_> = all.into_iter().filter(|(_, groups)| !groups.is_empty()).collect();
    let causes: usize = present.iter().map(|(_, groups)| groups.len()).sum();
    html! {
        h2 id="findings" { "Findings" }
        @if present.is_empty() {
            p.good { "There are none." }
        } @else {
            p { (count(report.findings.len(), "finding")) " of " (count(causes, "cause")) ". What comes from one cause stands together." }
            fieldset.filter {
                legend { "Show the findings of" }
                (choice("all", "All", report.findings.len(), true))
                @for (attribution, groups) in present.iter().filter(|_| present.len() > 1) {
                    (choice(who(*attribution), &capital(who(*attribution)), groups.iter().map(Vec::len).sum(), false))
                }
            }
            @for (index, (attribution, group)) in present.iter().flat_map(|(who, groups)| groups.iter().map(move |group| (who, group))).enumerate() {
                (cause(*attribution, group, index < OPEN))
            }
        }
    }
}

fn choice(name: &str, label: &str, number: usize, is_chosen: bool) -> Markup {
    let id = format!("who-{name}");
    html! {
        input type="radio" name="who" id=(id) checked[is_chosen];
        label for=(id) { (label) " " span { (grouped(number)) } }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn cause(attribution: Attribution, group: &[&Finding], is_open: bool) -> Markup {
    let Some((first, others)) = group.split_first() else { return html! {} };
    let check = explain(first.id);
    let acts = attribution.title().split_once(": ").map_or("", |(_, words)| words);
    html! {
        details class=(format!("cause {}", who(attribution))) open[is_open] {
            summary {
                span.mark aria-hidden="true" { "▸" }
                span.id { (first.id) }
                span.title { (check.map_or("", |check| check.title)) }
                span.faint { @if !others.is_empty() { "× " (grouped(group.len())) } }
                span.what { (prose(&first.message)) }
                @let place = place(first);
                @if !place.is_empty() { span class="what faint where" { (place) } }
            }
            div.body {
                dl.facts {
                    (facts(first))
                    @if let Some(check) = check {
                        dt { "What it means" } dd { (prose(check.meaning)) }
                        dt { "What to do" } dd { (prose(check.fix)) }
                    }
                    dt { "Who acts" } dd { (capital(who(attribution))) ": " (acts) }
                    @if let Some(command) = &first.reproduce { dt { "See it again" } dd { code { (command) } } }
                }
                @if !others.is_empty() {
                    details.more {
                        summary { "and " (grouped(others.len())) " more like it" }
                        ul { @for finding in others { li { (other(first, finding)) } } }
                    }
                }
            }
        }
    }
}

fn facts(finding: &Finding) -> Markup {
    html! {
        @if let Some((expected, found)) = sides(&finding.message) {
            dt { "Expected" } dd { (quoted(expected)) }
            dt { "Got" } dd { (quoted(found)) }
        }
        @if let Some(fixture) = &finding.fixture { dt { "Fixture" } dd { (fixture) } }
        @if !finding.pointer.is_empty() {
            dt { @if finding.attribution == Attribution::Coverage { "Item" } @else { "Place" } }
            dd { code { (finding.pointer) } }
        }
        @if let Some(at) = &finding.at { dt { "In the file" } dd { code { (at) } } }
        @if let Some(at) = &finding.spec_at { dt { "In the spec" } dd { code { (at) } } }
    }
}

/// Prose in which backticks stand around code.
fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick without a partner is only a backtick.
    let is_paired = parts.len() % 2 == 1;
    html! {
        @if !is_paired { (text) } @else {
            @for (index, part) in parts.into_iter().enumerate() {
                @if index % 2 == 1 { code { (part) } } @else { (part) }
            }
        }
    }
}

fn quoted(text: &str) -> Markup {
    let text = text.strip_prefix('`').and_then(|text| text.strip_suffix('`')).unwrap_or(text);
    html! { code { (text) } }
}

fn other(first: &Finding, finding: &Finding) -> Markup {
    html! {
        (place(finding))
        @if let Some(at) = finding.at.as_ref().or(finding.spec_at.as_ref()) { " " code { (at) } }
        @if finding.message != first.message { ": " (prose(&finding.message)) }
    }
}

/// `3,067`
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn coverage(dimensions: &[DimensionCoverage]) -> Markup {
    if dimensions.is_empty() {
        return html! {};
    }
    html! {
        h2 id="coverage" { "Coverage" }
        p.faint { "What passing fixtures show of what the spec documents." }
        div.wide {
            table {
                thead { tr { th { "Check" } th { "What is counted" } th.num { "Covered" } th.num { "Share" } th {} th { "Missing" } } }
                tbody { @for dimension in dimensions { (row(dimension)) } }
            }
        }
        @for dimension in dimensions.iter().filter(|dimension| !dimension.missing.is_empty()) {
            details.list {
                summary { (dimension.id) ": " (grouped(dimension.missing.len())) " missing of " (dimension.title) }
                ul {
                    @for item in &dimension.missing {
                        li {
                            (item.key)
                            @if let Some(at) = &item.spec_at { " " code { (at) } }
                            @if item.waived { " " span.note { "waived" } }
                            @if item.lost { " " span.bad { "only fixtures with findings show it" } }
                        }
                    }
                }
            }
        }
    }
}

fn row(dimension: &DimensionCoverage) -> Markup {
    let DimensionCoverage { id, title, covered, total, missing, .. } = dimension;
    let waived = missing.iter().filter(|item| item.waived).count();
    let lost = missing.iter().filter(|item| item.lost).count();
    let mut notes = Vec::new();
    notes.extend((waived > 0).then(|| format!("{waived} waived")));
    notes.extend((lost > 0).then(|| format!("{lost} lost to findings")));
    notes.extend((!dimension.gates).then(|| "no gate".to_owned()));
    let is_bad = dimension.gates && missing.len() > waived;
    html! {
        tr {
            td { (id) }
            td { (title) }
            td.num { (covered) " / " (total) }
            td.num class=[is_bad.then_some("bad")] { (percent(*covered, *total)) " %" }
            td { meter min="0" max=(total.max(&1)) value=(if *total == 0 { 1 } else { *covered }) { (percent(*covered, *total)) " %" } }
            td { @if !missing.is_empty() { (grouped(missing.len())) " " } span.faint { (notes.join(", ")) } }
        }
    }
}

fn fixtures(report: &Report) -> Markup {
    if report.fixtures.is_empty() {
        return html! {};
    }
    let failed: Vec<_> = report.fixtures.iter().filter(|fixture| !matches!(fixture.status, Status::Passed | Status::Waived)).collect();
    html! {
        h2 id="fixtures" { "Fixtures" }
        div.wide {
            table {
                thead { tr { th { "Tag" } @for name in ["Fixtures", "Passed", "Failed", "Errors", "Waived"] { th.num { (name) } } } }
                tbody {
                    @for (tag, [all, passed, failed, errors, waived]) in tags(report) {
                        tr {
                            td { (tag) }
                            td.num { (all) }
                            td.num { (passed) }
                            td.num class=[(failed > 0).then_some("bad")] { (failed) }
                            td.num class=[(errors > 0).then_some("note")] { (errors) }
                            td.num { (waived) }
                        }
                    }
                }
            }
        }
        @if !failed.is_empty() {
            details.list {
                summary { (count(failed.len(), "fixture")) " with findings" }
                ul {
                    @for fixture in failed {
                        li { (fixture.id) ": " (count(fixture.findings, "finding")) " " code { (fixture.file) } }
                    }
                }
            }
        }
    }
}

fn scenarios(report: &Report) -> Markup {
    if report.scenarios.is_empty() {
        return html! {};
    }
    html! {
        h2 id="scenarios" { "Scenarios" }
        div.wide {
            table {
                thead { tr { th { "Scenario" } th { "What it shows" } th.num { "Attempts" } th.num { "Virtual time" } th { "Result" } } }
                tbody {
                    @for scenario in &report.scenarios {
                        @let (word, class) = match scenario.status {
                            Status::Passed if scenario.attempts.is_none() => ("in order", "good"),
                            Status::Passed => ("passed", "good"),
                            Status::Waived => ("waived", "note"),
                            Status::Failed => ("failed", "bad"),
                            Status::Error => ("error", "note"),
                        };
                        tr {
                            td { (scenario.id) }
                            td { (scenario.summary) }
                            td.num { (scenario.attempts.map_or("–".to_owned(), |number| number.to_string())) }
                            td.num { (scenario.seconds.map_or("–".to_owned(), |seconds| format!("{seconds:.3} s"))) }
                            td class=(class) { (word) }
                        }
                    }
                }
            }
        }
    }
}

fn waivers(report: &Report) -> Markup {
    if report.waivers.is_empty() {
        return html! {};
    }
    let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for waiver in &report.waivers {
        reasons.entry((&waiver.until, &waiver.reason)).or_default().push(&waiver.item);
    }
    html! {
        h2 id="waivers" { "Waivers in use" }
        div.wide {
            table {
                thead { tr { th { "Until" } th { "Reason" } th { "What is exempt" } } }
                tbody {
                    @for ((until, reason), items) in reasons {
                        tr {
                            td.num { (until) }
                            td { (reason) }
                            td {
                                @if let [item] = items.as_slice() { (item) } @else {
                                    details.list { summary { (count(items.len(), "item")) } ul { @for item in items { li { (item) } } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
