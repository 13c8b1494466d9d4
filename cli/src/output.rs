//! Data on stdout, talk on stderr.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use serde_json::Value;

use crate::failure::Failure;

/// What a column has at the least, if it needs it.
const NARROWEST: u16 = 16;

/// How data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Json,
}

/// Where everything that is printed goes through.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    format: Format,
    is_json_asked: bool,
    is_quiet: bool,
    is_verbose: bool,
    columns: Option<Vec<String>>,
    colors: bool,
}

impl Output {
    /// A table on a terminal, JSON where it is piped or asked for.
    pub(crate) fn new(json: bool, is_quiet: bool, is_verbose: bool, columns: Option<Vec<String>>) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let format = if json || (!is_terminal && columns.is_none()) { Format::Json } else { Format::Table };
        let colors = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { format, is_json_asked: json, is_quiet, is_verbose, columns, colors }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether somebody chose the fields.
    pub(crate) fn has_columns(&self) -> bool {
        self.columns.is_some()
    }

    /// Whether it was not the pipe alone that made it JSON.
    pub(crate) fn is_json_asked(&self) -> bool {
        self.is_json_asked
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Whether progress may be drawn: where somebody watches, and nothing else is told between.
    pub(crate) fn draws(&self) -> bool {
        !self.is_quiet && !self.is_verbose && io::stderr().is_terminal()
    }

    /// Whether stderr takes colours.
    pub(crate) fn colors(&self) -> bool {
        self.colors
    }

    /// An error for a column that was asked for and is none of these: before anything is done.
    pub(crate) fn check_columns(&self, known: &[&str]) -> Result<(), Failure> {
        let row: serde_json::Map<String, Value> = known.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        self.columns.as_ref().map_or(Ok(()), |wanted| check(&[&row.into()], &[], wanted))
    }

    /// Writes one value, or a list of them: as JSON all of it, as a table these columns of it, unless others are asked for.
    ///
    /// A column is the path of a field, as `renderPref.layoutType`.
    pub(crate) fn data(&self, value: &Value, columns: &[&str]) -> Result<(), Failure> {
        if let Some(wanted) = &self.columns {
            let rows = value.as_array().map_or_else(|| vec![value], |rows| rows.iter().collect());
            check(&rows, columns, wanted)?;
        }
        let wanted: Vec<&str> =
            self.columns.as_ref().map_or_else(|| columns.to_vec(), |wanted| wanted.iter().map(String::as_str).collect());
        match (self.format, value) {
            (Format::Json, _) => {
                let picked = self.columns.as_ref().map(|_| picked(value, &wanted));
                self.text(&json_text(&format!("{:#}", picked.as_ref().unwrap_or(value))))
            }
            (Format::Table, Value::Array(rows)) => self.rows(rows, &wanted),
            (Format::Table, Value::Object(_)) => self.fields(value, &wanted),
            (Format::Table, other) => self.text(&shown(other)),
        }
    }

    /// Writes one value of a stream as one line: as JSON, or these columns of it.
    pub(crate) fn line(&self, value: &Value, columns: &[&str]) -> Result<(), Failure> {
        let wanted: Option<Vec<&str>> = self.columns.as_ref().map(|wanted| wanted.iter().map(String::as_str).collect());
        match self.format {
            Format::Json => self.stream(&json_text(&wanted.map_or_else(|| value.to_string(), |wanted| picked(value, &wanted).to_string()))),
            Format::Table => {
                let cells = wanted.as_deref().unwrap_or(columns).iter().map(|column| shown(at(value, column)));
                self.stream(&cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  "))
            }
        }
    }

    /// Writes a value of which nobody knows what matters: all of it, unless columns are asked for.
    pub(crate) fn whole(&self, value: &Value) -> Result<(), Failure> {
        match self.columns {
            Some(_) => self.data(value, &[]),
            None => self.text(&json_text(&format!("{value:#}"))),
        }
    }

    fn rows(&self, rows: &[Value], columns: &[&str]) -> Result<(), Failure> {
        if rows.is_empty() {
            self.say("nothing there");
            return Ok(());
        }
        let mut table = plain();
        table.set_header(columns.iter().map(|column| heading(column)));
        for row in rows {
            table.add_row(columns.iter().map(|column| shown(at(row, column))));
        }
        let widths = table.column_max_content_widths();
        for ((index, column), width) in columns.iter().enumerate().zip(widths) {
            let Some(cells) = table.column_mut(index) else { continue };
            // Where there is too little room, lines of the terminal are broken rather than words.
            let least = Width::Fixed(width.min(NARROWEST) + cells.padding_width());
            cells.set_constraint(if is_whole(column) { ColumnConstraint::ContentWidth } else { ColumnConstraint::LowerBoundary(least) });
        }
        self.text(&trimmed(&table.to_string()))
    }

    fn fields(&self, value: &Value, columns: &[&str]) -> Result<(), Failure> {
        let mut table = plain();
        for column in columns {
            let found = at(value, column);
            if !found.is_null() || self.columns.is_some() {
                let lines = found.as_array().filter(|items| items.iter().all(Value::is_string));
                let value = lines.map_or_else(|| shown(found), |items| items.iter().map(shown).collect::<Vec<_>>().join("\n"));
                table.add_row([heading(column), value]);
            }
        }
        for column in table.column_iter_mut() {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        self.text(&trimmed(&table.to_string()))
    }

    /// Writes a line of data, or several. A reader that has seen enough is no error, and does not change what the exit code says.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        self.written(text).map(drop)
    }

    /// Writes a line of what has no end. A reader that has seen enough ends the program, and all is well.
    pub(crate) fn stream(&self, text: &str) -> Result<(), Failure> {
        if self.written(text)? { Ok(()) } else { std::process::exit(0) }
    }

    /// `false` where nobody reads it.
    #[allow(clippy::unused_self, reason = "everything that is printed goes through here")]
    fn written(&self, text: &str) -> Result<bool, Failure> {
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            written => written.map(|()| true).map_err(|error| Failure::io("stdout", &error)),
        }
    }

    /// Says something beside the data.
    pub(crate) fn say(&self, text: &str) {
        if !self.is_quiet {
            self.tell(text);
        }
    }

    /// Says what has to be said also where it shall be quiet.
    pub(crate) fn tell(&self, text: &str) {
        // Nobody reads it any more: no reason to stop.
        let _ = writeln!(io::stderr(), "{}", clean(text));
    }

    pub(crate) fn fail(&self, failure: &Failure) {
        let style = if self.colors { anstyle::AnsiColor::Red.on_default().bold() } else { anstyle::Style::new() };
        let _ = writeln!(io::stderr(), "{style}error:{style:#} {}", clean(failure.message()));
        if let Some(next) = failure.next() {
            let _ = writeln!(io::stderr(), "  next: {}", clean(next));
        }
    }
}

/// Without lines, as wide as the terminal at most.
fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some((terminal_size::Width(width), _)) = terminal_size::terminal_size_of(io::stdout()) {
        table.set_width(width);
    }
    table
}

/// `renderPref.layoutType` as `LAYOUT TYPE`.
fn heading(column: &str) -> String {
    let name = column.rsplit('.').next().unwrap_or(column);
    let mut heading = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            heading.push(' ');
        }
        heading.extend(c.to_uppercase());
    }
    heading
}

/// Whether it is of use only in one piece, as somebody copies it, however narrow the terminal is.
fn is_whole(column: &str) -> bool {
    let name = column.rsplit('.').next().unwrap_or(column);
    name.ends_with("id")
        || name.ends_with("Id")
        || name.starts_with("uri")
        || ["clip", "file", "folder", "project", "size", "url"].contains(&name)
}

/// The first column begins where the line does, and no line ends in blanks.
fn trimmed(table: &str) -> String {
    table.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n")
}

/// What stands at a path of fields.
fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, name| match value {
        Value::Array(items) => name.parse::<usize>().ok().and_then(|index| items.get(index)).unwrap_or(&Value::Null),
        _ => value.get(name).unwrap_or(&Value::Null),
    })
}

/// JSON that a terminal can be shown: what steers one is escaped, where JSON does not ask for it either.
pub(crate) fn json_text(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

/// An error for a column that was asked for, that nothing has, and that is none of the usual ones, which may be left out.
fn check(rows: &[&Value], usual: &[&str], columns: &[String]) -> Result<(), Failure> {
    let first = |column: &str| column.split('.').next().unwrap_or_default().to_owned();
    let mut known: BTreeSet<String> = rows.iter().filter_map(|row| row.as_object()).flat_map(|row| row.keys().cloned()).collect();
    known.extend(usual.iter().map(|column| first(column)));
    let Some(missing) = columns.iter().find(|column| !known.contains(&first(column))).filter(|_| !rows.is_empty()) else { return Ok(()) };
    let known = known.into_iter().collect::<Vec<_>>().join(", ");
    Err(Failure::usage(format!("there is no column `{missing}`"), format!("there are {known}")))
}

fn picked(value: &Value, columns: &[&str]) -> Value {
    match value {
        Value::Array(rows) => rows.iter().map(|row| picked(row, columns)).collect(),
        row => columns.iter().map(|column| ((*column).to_owned(), at(row, column).clone())).collect::<serde_json::Map<_, _>>().into(),
    }
}

/// A value as a cell shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => clean_line(text),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        other => clean(&other.to_string()),
    }
}

/// The same in one line, as names stand in.
pub(crate) fn clean_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// What others wrote must not steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_steers_no_terminal_and_stays_the_same() {
        let value = json!({"title": "a\u{9b}2J\u{7f} caf\u{e9} \u{1b}[0m"});
        let text = json_text(&value.to_string());
        assert!(!text.contains(char::is_control) && text.contains("caf\u{e9}"), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
