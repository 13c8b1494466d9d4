//! The report for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::group::{count, groups, percent, place, tags};
use super::{DimensionCoverage, Mode, Report, Status};
use crate::finding::{Attribution, Finding};

/// So many findings of one cause are printed in full; of more, the first one is, and the others are named.
const FULL: usize = 3;

/// So many waivers of one reason are printed one by one.
const WAIVED: usize = 12;

/// How many of the others are named.
const NAMED: usize = 4;

pub(super) fn write(report: &Report, colour: bool, in_full: bool) -> String {
    let mut page = Page { text: String::new(), colour, in_full };
    // Writing into a String cannot fail.
    let _ = page.write(report);
    page.text
}

struct Page {
    text: String,
    colour: bool,
    in_full: bool,
}

#[derive(Clone, Copy)]
enum Style {
    Bold,
    Good,
    Bad,
    Faint,
}

impl Page {
    fn styled(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Good => "1;32",
            Style::Bad => "1;31",
            Style::Faint => "2",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn heading(&mut self, text: &str) -> fmt::Result {
        let text = self.styled(Style::Bold, text);
        writeln!(self.text, "\n{text}")
    }

    fn write(&mut self, report: &Report) -> fmt::Result {
        self.summary(report)?;
        for attribution in Attribution::ALL {
            let findings: Vec<&Finding> = report.findings.iter().filter(|f| f.attribution == attribution).collect();
            if !findings.is_empty() {
                self.findings(attribution, &findings)?;
            }
        }
        if !report.fixtures.is_empty() || report.scenarios.is_empty() {
            self.tags(report)?;
        }
        self.scenarios(report)?;
        if !report.coverage.is_empty() {
            self.coverage(&report.coverage)?;
        }
        if !report.waivers.is_empty() {
            self.waivers(report)?;
        }
        if !report.findings.is_empty() {
            // What came first has scrolled away.
            writeln!(self.text)?;
            self.verdict(report)?;
        }
        Ok(())
    }

    fn verdict(&mut self, report: &Report) -> fmt::Result {
        let totals = &report.totals;
        let verdict = match report.exit_code() {
            0 => self.styled(Style::Good, "PASS"),
            3 => self.styled(Style::Bad, "ERROR"),
            _ => self.styled(Style::Bad, "FAIL"),
        };
        if report.fixtures.is_empty() && !report.scenarios.is_empty() {
            let with = |status: Status| report.scenarios.iter().filter(|scenario| scenario.status == status).count();
            let number = count(report.scenarios.len(), "scenario");
            let executed = match report.mode {
                Mode::Run => format!(", {} executed", report.scenarios.iter().filter(|scenario| scenario.attempts.is_some()).count()),
                Mode::Lint | Mode::Check => String::new(),
            };
            let (passed, failed, errors) = (with(Status::Passed), with(Status::Failed), count(with(Status::Error), "error"));
            let findings = count(totals.findings, "finding");
            return writeln!(self.text, "{verdict}  {number}{executed}: {passed} passed, {failed} failed, {errors}; {findings}");
        }
        let selected = if totals.selected == totals.fixtures {
            count(totals.fixtures, "fixture")
        } else {
            format!("{} of {} selected", totals.selected, count(totals.fixtures, "fixture"))
        };
        let executed = match report.mode {
            Mode::Run => format!(", {} executed", totals.executed),
            Mode::Lint | Mode::Check => String::new(),
        };
        writeln!(
            self.text,
            "{verdict}  {selected}{executed}: {} passed, {} failed, {}, {} waived; {}, {} waived",
            totals.passed,
            totals.failed,
            count(totals.errors, "error"),
            totals.waived,
            count(totals.findings, "finding"),
            totals.waived_findings,
        )?;
        if totals.unsupported > 0 {
            writeln!(self.text, "      {} of operations that the client does not implement", count(totals.unsupported, "fixture"))?;
        }
        Ok(())
    }

    fn summary(&mut self, report: &Report) -> fmt::Result {
        self.verdict(report)?;
        let is_scenarios = report.fixtures.is_empty() && !report.scenarios.is_empty();
        let what = match report.mode {
            Mode::Run if is_scenarios => "Every scenario was played to the client over a socket, on a virtual clock.",
            Mode::Lint if is_scenarios => "No client ran: this checks the files of the scenarios.",
            Mode::Run => "Every fixture was replayed through the client over a socket.",
            Mode::Check => "No client ran: this checks the spec, the fixtures and what the fixtures cover.",
            Mode::Lint => "No client ran: this checks the spec and the fixtures.",
        };
        let what = self.styled(Style::Faint, what);
        writeln!(self.text, "{what}")
    }

    fn tags(&mut self, report: &Report) -> fmt::Result {
        let tags = tags(report);
        let width = tags.keys().map(|tag| tag.len()).max().unwrap_or_default().max(8);
        self.heading(&format!("{:width$}  fixtures  passed  failed  errors  waived", "Tag"))?;
        for (tag, [all, passed, failed, errors, waived]) in tags {
            writeln!(self.text, "{tag:width$}  {all:>8}  {passed:>6}  {failed:>6}  {errors:>6}  {waived:>6}")?;
        }
        Ok(())
    }

    fn scenarios(&mut self, report: &Report) -> fmt::Result {
        if report.scenarios.is_empty() {
            return Ok(());
        }
        let width = report.scenarios.iter().map(|scenario| scenario.id.len()).max().unwrap_or_default().max(8);
        self.heading(&format!("{:width$}  attempts  virtual time  result", "Scenario"))?;
        for scenario in &report.scenarios {
            let result = match scenario.status {
                Status::Passed if scenario.attempts.is_none() => "in order",
                Status::Passed => "passed",
                Status::Waived => "waived",
                Status::Failed => "failed",
                Status::Error => "error",
            };
            let attempts = scenario.attempts.map_or("-".to_owned(), |attempts| attempts.to_string());
            let time = scenario.seconds.map_or("-".to_owned(), |seconds| format!("{seconds:.3} s"));
            writeln!(self.text, "{:width$}  {attempts:>8}  {time:>12}  {result}", scenario.id)?;
        }
        Ok(())
    }

    fn coverage(&mut self, coverage: &[DimensionCoverage]) -> fmt::Result {
        self.heading("Coverage: what passing fixtures show of what the spec documents")?;
        let width = coverage.iter().map(|dimension| dimension.title.len()).max().unwrap_or_default();
        for dimension in coverage {
            let DimensionCoverage { id, title, covered, total, .. } = dimension;
            let share = format!("{covered}/{total}");
            let percent = percent(*covered, *total);
            let waived = dimension.missing.iter().filter(|item| item.waived).count();
            let lost = dimension.missing.iter().filter(|item| item.lost).count();
            let notes = [(!dimension.gates, "no gate".to_owned()), (dimension.gates && waived > 0, format!("{waived} waived"))];
            let notes = notes.into_iter().chain([(lost > 0, format!("{lost} lost to findings"))]);
            let notes: Vec<String> = notes.filter_map(|(holds, note)| holds.then_some(note)).collect();
            let note = if notes.is_empty() { String::new() } else { self.styled(Style::Faint, &format!("  ({})", notes.join(", "))) };
            writeln!(self.text, "{id}  {title:width$}  {share:>11}  {percent:>3} %{note}")?;
        }
        Ok(())
    }

    fn waivers(&mut self, report: &Report) -> fmt::Result {
        self.heading("Waivers in use")?;
        let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for waiver in &report.waivers {
            reasons.entry((&waiver.reason, &waiver.until)).or_default().push(&waiver.item);
        }
        // In the order of the file, and what has one reason together.
        for waiver in &report.waivers {
            let Some(items) = reasons.remove(&(waiver.reason.as_str(), waiver.until.as_str())) else { continue };
            let full = if self.in_full || items.len() <= WAIVED { items.len() } else { FULL };
            for item in items.iter().take(full) {
                writeln!(self.text, "{item} until {}: {}", waiver.until, waiver.reason)?;
            }
            if let Some(more) = items.len().checked_sub(full).filter(|more| *more > 0) {
                writeln!(self.text, "and {more} more until {} for the same reason", waiver.until)?;
            }
        }
        Ok(())
    }

    fn findings(&mut self, attribution: Attribution, findings: &[&Finding]) -> fmt::Result {
        self.heading(&format!("{} ({})", attribution.title(), findings.len()))?;
        for group in groups(findings.iter().copied()) {
            let full = if self.in_full || group.len() <= FULL { group.len() } else { 1 };
            for finding in group.iter().take(full) {
                self.finding(finding)?;
            }
            let pointer = group.first().map(|finding| &finding.pointer);
            let name = |finding: &&Finding| match &finding.fixture {
                Some(fixture) if Some(&finding.pointer) == pointer => fixture.clone(),
                _ => place(finding),
            };
            let others: Vec<String> = group.iter().skip(full).map(name).collect();
            if !others.is_empty() {
                let more = others.len().saturating_sub(NAMED);
                let more = if more > 0 { format!(", and {more} more") } else { String::new() };
                let names = others.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let label = self.styled(Style::Faint, "also ");
                writeln!(self.text, "    {label} {}: {names}{more}", count(others.len(), "time"))?;
            }
        }
        let mut ids: Vec<&str> = findings.iter().map(|finding| finding.id).collect();
        ids.dedup();
        let hint = self.styled(Style::Faint, &format!("what they mean: conformance explain {}", ids.join(" ")));
        writeln!(self.text, "  {hint}")
    }

    fn finding(&mut self, finding: &Finding) -> fmt::Result {
        let id = self.styled(Style::Bad, finding.id);
        writeln!(self.text, "  {id} {}", place(finding))?;
        writeln!(self.text, "    {}", finding.message)?;
        let lines = [
            ("at   ", finding.at.as_ref().map(ToString::to_string)),
            ("spec ", finding.spec_at.as_ref().map(ToString::to_string)),
            ("again", finding.reproduce.clone()),
        ];
        for (label, line) in lines {
            if let Some(line) = line {
                let label = self.styled(Style::Faint, label);
                writeln!(self.text, "    {label} {line}")?;
            }
        }
        Ok(())
    }
}
