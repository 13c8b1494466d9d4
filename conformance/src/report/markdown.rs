//! A summary in Markdown, short enough for a pull request.

use std::fmt::{self, Write as _};

use super::group::{count, groups, percent, place, who};
use super::{Mode, Report};
use crate::finding::{Attribution, Finding};
use crate::json::shorten;

/// So many causes are listed.
const CAUSES: usize = 20;

pub(super) fn write(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = page(report, &mut text);
    text
}

fn page(report: &Report, out: &mut String) -> fmt::Result {
    let totals = &report.totals;
    let verdict = match report.exit_code() {
        0 => "✅ Conformance: pass",
        3 => "💥 Conformance: the harness failed",
        _ => "❌ Conformance: fail",
    };
    writeln!(out, "## {verdict}\n")?;
    if report.fixtures.is_empty() && !report.scenarios.is_empty() {
        let failed = report.scenarios.iter().filter(|scenario| scenario.findings > 0).count();
        writeln!(out, "**{}**, {failed} with findings; {}.", count(report.scenarios.len(), "scenario"), count(totals.findings, "finding"))?;
    } else {
        let selected = if totals.selected == totals.fixtures { String::new() } else { format!(" ({} selected)", totals.selected) };
        let executed = if report.mode == Mode::Run { format!(", {} executed", totals.executed) } else { String::new() };
        writeln!(
            out,
            "**{}**{selected}{executed}: {} passed, {} failed, {}, {} waived; **{}**, {} waived.",
            count(totals.fixtures, "fixture"),
            totals.passed,
            totals.failed,
            count(totals.errors, "error"),
            totals.waived,
            count(totals.findings, "finding"),
            totals.waived_findings,
        )?;
    }
    if report.mode != Mode::Run {
        writeln!(out, "\nNo client ran.")?;
    }
    findings(report, out)?;
    coverage(report, out)
}

fn findings(report: &Report, out: &mut String) -> fmt::Result {
    if report.findings.is_empty() {
        return Ok(());
    }
    let by_attribution = Attribution::ALL
        .into_iter()
        .flat_map(|attribution| groups(report.findings.iter().filter(|finding| finding.attribution == attribution)));
    let groups: Vec<Vec<&Finding>> = by_attribution.collect();
    writeln!(out, "\n### {}\n", findings_heading(report.findings.len(), groups.len()))?;
    writeln!(out, "| | who acts | where | what is wrong |\n|---|---|---|---|")?;
    for group in groups.iter().take(CAUSES) {
        let Some(first) = group.first() else { continue };
        let more = if group.len() > 1 { format!(" *and {} more*", group.len() - 1) } else { String::new() };
        let at = first.at.as_ref().or(first.spec_at.as_ref()).map(|at| format!("{}:{}", at.file, at.line));
        let at = at.unwrap_or_else(|| place(first));
        writeln!(
            out,
            "| {} | {} | {} | {}{more} |",
            first.id,
            who(first.attribution),
            cell(&shorten(&at)),
            cell(&shorten(&match first.attribution {
                Attribution::Coverage => format!("{}: {}", place(first), first.message),
                _ => first.message.clone(),
            }))
        )?;
    }
    if let Some(more) = groups.len().checked_sub(CAUSES).filter(|more| *more > 0) {
        writeln!(out, "\n{} not shown; the whole report has all.", count(more, "more cause"))?;
    }
    let mut ids: Vec<&str> = groups.iter().take(CAUSES).filter_map(|group| group.first()).map(|finding| finding.id).collect();
    ids.sort_unstable();
    ids.dedup();
    writeln!(out, "\nWhat they mean: `conformance explain {}`", ids.join(" "))
}

fn findings_heading(findings: usize, causes: usize) -> String {
    match findings == causes {
        true => count(findings, "finding"),
        false => format!("{} of {}", count(findings, "finding"), count(causes, "cause")),
    }
}

fn coverage(report: &Report, out: &mut String) -> fmt::Result {
    if report.coverage.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Coverage\n\n| | covered | | missing |\n|---|---:|---:|---|")?;
    for dimension in &report.coverage {
        let number = |is: &dyn Fn(&super::MissingItem) -> bool| dimension.missing.iter().filter(|item| is(item)).count();
        let (waived, lost) = (number(&|item| item.waived), number(&|item| item.lost));
        let mut notes = Vec::new();
        notes.extend((waived > 0).then(|| format!("{waived} waived")));
        notes.extend((lost > 0).then(|| format!("{lost} lost to findings")));
        notes.extend((!dimension.gates).then(|| "no gate".to_owned()));
        let missing = match (dimension.missing.len(), notes.is_empty()) {
            (0, _) => String::new(),
            (number, true) => number.to_string(),
            (number, false) => format!("{number} ({})", notes.join(", ")),
        };
        let (title, covered, total) = (dimension.title, dimension.covered, dimension.total);
        writeln!(out, "| {title} | {covered}/{total} | {} % | {missing} |", percent(covered, total))?;
    }
    Ok(())
}

/// Text that is no markup, in one cell of a table.
pub(super) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            // A mention would tell somebody who has nothing to do with it.
            '@' => out.push_str("@\u{2060}"),
            c => out.push(c),
        }
    }
    out
}
