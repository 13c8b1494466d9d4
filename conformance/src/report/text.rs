//! The report for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::finding::{Attribution, Finding};
use crate::report::{DimensionCoverage, Mode, Report, Status};

/// How many findings of one check in one fixture are printed in full.
const SHOWN: usize = 12;

pub(super) fn write(report: &Report, colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    // Writing into a String cannot fail.
    let _ = page.write(report);
    page.text
}

struct Page {
    text: String,
    colour: bool,
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
        self.tags(report)?;
        if !report.coverage.is_empty() {
            self.coverage(&report.coverage)?;
        }
        if !report.waivers.is_empty() {
            self.waivers(report)?;
        }
        for attribution in Attribution::ALL {
            let findings: Vec<&Finding> = report.findings.iter().filter(|f| f.attribution == attribution).collect();
            if !findings.is_empty() {
                self.findings(attribution, &findings)?;
            }
        }
        Ok(())
    }

    fn summary(&mut self, report: &Report) -> fmt::Result {
        let totals = &report.totals;
        let verdict = match report.exit_code() {
            0 => self.styled(Style::Good, "PASS"),
            3 => self.styled(Style::Bad, "ERROR"),
            _ => self.styled(Style::Bad, "FAIL"),
        };
        let selected = if totals.selected == totals.fixtures {
            format!("{} fixtures", totals.fixtures)
        } else {
            format!("{} of {} fixtures selected", totals.selected, totals.fixtures)
        };
        let executed = match report.mode {
            Mode::Run => format!(", {} executed", totals.executed),
            Mode::Lint | Mode::Check => String::new(),
        };
        writeln!(
            self.text,
            "{verdict}  {selected}{executed}: {} passed, {} failed, {} errors, {} waived; {} findings, {} waived",
            totals.passed, totals.failed, totals.errors, totals.waived, totals.findings, totals.waived_findings,
        )?;
        let what = match report.mode {
            Mode::Run => "Every fixture was replayed through the client over a socket.",
            Mode::Check => "No client ran: this checks the spec, the fixtures and what the fixtures cover.",
            Mode::Lint => "No client ran: this checks the spec and the fixtures.",
        };
        let what = self.styled(Style::Faint, what);
        writeln!(self.text, "{what}")
    }

    fn tags(&mut self, report: &Report) -> fmt::Result {
        let mut tags: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
        for fixture in &report.fixtures {
            let counts = tags.entry(fixture.id.split('/').next().unwrap_or_default()).or_default();
            let column = match fixture.status {
                Status::Passed => 1,
                Status::Failed => 2,
                Status::Error => 3,
                Status::Waived => 4,
            };
            counts[0] += 1;
            counts[column] += 1;
        }
        let width = tags.keys().map(|tag| tag.len()).max().unwrap_or_default().max(8);
        self.heading(&format!("{:width$}  fixtures  passed  failed  errors  waived", "Tag"))?;
        for (tag, [all, passed, failed, errors, waived]) in tags {
            writeln!(self.text, "{tag:width$}  {all:>8}  {passed:>6}  {failed:>6}  {errors:>6}  {waived:>6}")?;
        }
        Ok(())
    }

    fn coverage(&mut self, coverage: &[DimensionCoverage]) -> fmt::Result {
        self.heading("Coverage: what passing fixtures show of what the spec documents")?;
        let width = coverage.iter().map(|dimension| dimension.title.len()).max().unwrap_or_default();
        for dimension in coverage {
            let DimensionCoverage { id, title, covered, total, .. } = dimension;
            let share = format!("{covered}/{total}");
            // Rounded down: 100 % is only what is complete.
            let percent = if *total == 0 { 100 } else { covered * 100 / total };
            let waived = dimension.missing.iter().filter(|item| item.waived).count();
            let note = match (dimension.gates, waived) {
                (false, _) => self.styled(Style::Faint, "  (no gate)"),
                (true, 0) => String::new(),
                (true, waived) => format!("  ({waived} waived)"),
            };
            writeln!(self.text, "{id}  {title:width$}  {share:>11}  {percent:>3} %{note}")?;
        }
        Ok(())
    }

    fn waivers(&mut self, report: &Report) -> fmt::Result {
        self.heading("Waivers in use")?;
        for waiver in &report.waivers {
            writeln!(self.text, "{} until {}: {}", waiver.item, waiver.until, waiver.reason)?;
        }
        Ok(())
    }

    fn findings(&mut self, attribution: Attribution, findings: &[&Finding]) -> fmt::Result {
        self.heading(&format!("{} ({})", attribution.title(), findings.len()))?;
        for group in findings.chunk_by(|a, b| a.id == b.id && a.fixture == b.fixture) {
            for finding in group.iter().take(SHOWN) {
                self.finding(finding)?;
            }
            if let (Some(first), true) = (group.first(), group.len() > SHOWN) {
                let place = first.fixture.as_deref().unwrap_or("the spec");
                writeln!(self.text, "    … and {} more of {} in {place}", group.len() - SHOWN, first.id)?;
            }
        }
        let mut ids: Vec<&str> = findings.iter().map(|finding| finding.id).collect();
        ids.dedup();
        let hint = self.styled(Style::Faint, &format!("what they mean: conformance explain {}", ids.join(" ")));
        writeln!(self.text, "  {hint}")
    }

    fn finding(&mut self, finding: &Finding) -> fmt::Result {
        let place = [finding.fixture.as_deref(), Some(finding.pointer.as_str())];
        let place: Vec<&str> = place.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        let id = self.styled(Style::Bad, finding.id);
        writeln!(self.text, "  {id} {}", place.join(" "))?;
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
