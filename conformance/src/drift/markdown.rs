//! A comparison for a pull request: at most sixty lines, the rest folded into counts.

use std::fmt::Write as _;

use super::report::{compiles, fixtures};
use super::{Change, Class, Drift, Threshold};

const LINES: usize = 60;
/// Head, counts, advice and what is left out.
const FRAME: usize = 14;

impl Drift {
    /// The comparison as GitHub-flavoured Markdown of at most 60 lines.
    #[must_use]
    pub fn to_markdown(&self, threshold: Threshold) -> String {
        let findings = self.findings(threshold);
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = match findings {
            0 => writeln!(text, "## API drift: nothing to stop for\n"),
            1 => writeln!(text, "## API drift: 1 change to look at\n"),
            many => writeln!(text, "## API drift: {many} changes to look at\n"),
        };
        let counts = Class::ALL.map(|class| format!("**{}** {}", self.of(class), class.name())).join(" · ");
        let _ = writeln!(text, "`{}` → `{}`: {counts}\n", self.old, self.new);
        let shown: Vec<&Change> = self.changes.iter().take(LINES - FRAME).collect();
        if !shown.is_empty() {
            let _ =
                writeln!(text, "| | what | generated client | still compiles | until regenerated | fixtures |\n|---|---|---|---|---|---|");
        }
        for change in &shown {
            let cells = [
                format!("**{}** {}", change.id, change.class.name()),
                change.summary.clone(),
                change.binding.effect.clone(),
                compiles(change),
                change.binding.until.clone(),
                fixtures(change).unwrap_or_default(),
            ];
            let _ = writeln!(text, "| {} |", cells.map(|text| cell(&text)).join(" | "));
        }
        let rest = self.changes.get(shown.len()..).unwrap_or_default();
        if !rest.is_empty() {
            let counts = Class::ALL.map(|class| (rest.iter().filter(|change| change.class == class).count(), class));
            let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, class)| format!("{count} {}", class.name()));
            let _ =
                writeln!(text, "\n… and {} more: {}. `conformance drift` lists all.", rest.len(), counts.collect::<Vec<_>>().join(", "));
        }
        let verdict = self.verdict(threshold);
        let advice = verdict.lines().nth(1).unwrap_or_default();
        let _ = writeln!(text, "\n{advice}");
        text
    }
}

/// Text that stays in its cell of a table. Inside of backticks, entities would be shown as they are.
pub(crate) fn cell(text: &str) -> String {
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(index, part)| if index % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_holds_no_markup_of_its_own() {
        assert_eq!(cell("a|b\n<i> `Option<T>` <b>"), "a\\|b &lt;i> `Option<T>` &lt;b>");
    }
}
