//! Exemptions with a reason and an end.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde_json::Value;

use crate::explain::explain;
use crate::finding::{Attribution, Finding};
use crate::spec::{LoadError, Locator, read_yaml};

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text is no date of the form `2027-03-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateError;

impl fmt::Display for DateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date is written as 2027-03-01")
    }
}

impl std::error::Error for DateError {}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let number = |part: &str, length: usize| -> Option<u16> {
            (part.len() == length && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok()).flatten()
        };
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(DateError) };
        let numbers = (number(year, 4), number(month, 2), number(day, 2));
        let (Some(year), Some(month), Some(day)) = numbers else { return Err(DateError) };
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return Err(DateError),
        };
        let (Ok(month), Ok(day)) = (u8::try_from(month), u8::try_from(day)) else { return Err(DateError) };
        if (1..=last).contains(&day) { Ok(Self { year, month, day }) } else { Err(DateError) }
    }
}

impl Date {
    /// The day that comes so many days later.
    #[must_use]
    pub fn plus_days(self, days: u64) -> Self {
        // Counted from 1 March 0000, as in `from_unix`; years before 1970 are not judged by anybody.
        let (month, year) = match self.month {
            1 | 2 => (u64::from(self.month) + 9, u64::from(self.year).saturating_sub(1)),
            month => (u64::from(month) - 3, u64::from(self.year)),
        };
        let of_year = (153 * month + 2) / 5 + u64::from(self.day) - 1;
        let day = year * 365 + year / 4 - year / 100 + year / 400 + of_year;
        Self::from_unix(day.saturating_sub(719_468).saturating_add(days).saturating_mul(86_400))
    }

    /// The day in UTC that lies `seconds` after the beginning of 1970.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Self {
        // Counted from 1 March 0000, so that a leap day ends its year; an era is 400 years.
        let days = seconds / 86_400 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: u8::try_from(month).unwrap_or(12),
            day: u8::try_from(day).unwrap_or(31),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// One exemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// What is exempt: a check id and what it says something of, as `V702 list_books 429`.
    pub item: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Date,
    index: usize,
}

impl Waiver {
    /// Whether the exemption speaks of this finding: of it exactly, of its fixture, or of something that it lies below.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        let item = finding.item();
        item.strip_prefix(&self.item)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || (finding.fixture.is_some() && rest.starts_with(' ')))
    }

    fn id(&self) -> &str {
        self.item.split(' ').next().unwrap_or_default()
    }
}

/// Why a file of waivers could not be read. Displays as one line.
#[derive(Debug)]
pub enum WaiversError {
    /// The file is not there or not readable: its path and the error.
    Io(String, std::io::Error),
    /// The file is not YAML.
    Yaml(LoadError),
}

impl fmt::Display for WaiversError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{path}: {error}"),
            Self::Yaml(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WaiversError {}

/// The exemptions of a project, judged on one day.
#[derive(Clone, Debug, Default)]
pub struct Waivers {
    entries: Vec<Waiver>,
    findings: Vec<Finding>,
    locator: Option<Locator>,
}

/// What a run was able to say, so that a waiver is only called unused or unknown where that is certain.
pub(crate) struct Scope<'a> {
    /// Checks whose id begins with another letter were not made.
    pub(crate) letters: &'a str,
    /// Whether all fixtures were looked at.
    pub(crate) is_complete: bool,
    /// Whether something of this name exists: a coverage item (`V702 list_books 429`) or a fixture (`C405 books/a/b`).
    pub(crate) exists: &'a dyn Fn(&str) -> bool,
}

/// What remains after the exemptions.
pub(crate) struct Applied {
    /// Findings that count, those about the waivers themselves included.
    pub(crate) findings: Vec<Finding>,
    /// Findings that were exempt.
    pub(crate) waived: Vec<Finding>,
    /// How many findings each exemption covered.
    pub(crate) used: Vec<(Waiver, usize)>,
}

impl Waivers {
    /// No exemptions.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `waivers.yaml`; `today` decides which entries have expired.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is not YAML. Entries that are not in order are findings.
    pub fn load(path: &Path, today: Date) -> Result<Self, WaiversError> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text, today).map_err(WaiversError::Yaml),
            Err(error) => Err(WaiversError::Io(name, error)),
        }
    }

    /// Reads exemptions from a text; `name` is what locations call the file.
    ///
    /// ```
    /// use opusclip_conformance::waivers::Waivers;
    ///
    /// let text = "- {item: V702 list_books 429, reason: no limit can be reached here, until: 2027-03-01}";
    /// let waivers = Waivers::parse("waivers.yaml", text, "2026-11-20".parse()?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A text that is not YAML.
    pub fn parse(name: &str, text: &str, today: Date) -> Result<Self, LoadError> {
        let mut waivers = Self::default();
        if text.trim().is_empty() {
            return Ok(waivers);
        }
        let (source, locator) = read_yaml(name, text)?;
        waivers.locator = Some(locator);
        match &source {
            Value::Null => {}
            Value::Array(list) => {
                for (index, entry) in list.iter().enumerate() {
                    waivers.add(index, entry, today);
                }
            }
            _ => waivers.object("V722", "", "this file holds a list of {item, reason, until}".into()),
        }
        Ok(waivers)
    }

    fn add(&mut self, index: usize, entry: &Value, today: Date) {
        let at = format!("/{index}");
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().trim();
        let unknown = entry.as_object().and_then(|map| map.keys().find(|key| !["item", "reason", "until"].contains(&key.as_str())));
        if let Some(key) = unknown {
            self.object("V722", &format!("{at}/{key}"), format!("unknown key `{key}`; a waiver has item, reason and until"));
        }
        let (item, reason) = (text("item").to_owned(), text("reason").to_owned());
        let (id, rest) = item.split_once(' ').unwrap_or((&item, ""));
        let own = id.starts_with("V72") || Attribution::of(id) == Attribution::Engine;
        if explain(id).is_none() || own || rest.trim().is_empty() {
            let message = format!("`{item}` is not the id of a check that can be waived and what it speaks of, as `V702 list_books 429`");
            self.object("V722", &at, message);
            return;
        }
        if reason.is_empty() {
            self.object("V723", &at, format!("`{item}` is waived without a reason"));
        }
        match text("until").parse::<Date>() {
            Ok(until) if until < today => {
                self.object("V720", &at, format!("the waiver of `{item}` ended on {until}"));
            }
            Ok(until) => self.entries.push(Waiver { item, reason, until, index }),
            Err(error) => self.object("V722", &at, format!("`{item}` has no `until`: {error}")),
        }
    }

    fn object(&mut self, id: &'static str, at: &str, message: String) {
        let location = self.locator.as_ref().and_then(|locator| locator.locate(at));
        self.findings.push(Finding::new(id, message).with_pointer(at).with_location(location));
    }

    /// Takes the exempt findings out.
    pub(crate) fn apply(&self, findings: Vec<Finding>, scope: &Scope<'_>) -> Applied {
        let mut used: Vec<(Waiver, usize)> = self.entries.iter().map(|waiver| (waiver.clone(), 0)).collect();
        let mut applied = Applied { findings: Vec::new(), waived: Vec::new(), used: Vec::new() };
        for finding in findings {
            let is_waivable = finding.attribution != Attribution::Engine;
            let covering = used.iter_mut().filter(|(waiver, _)| is_waivable && waiver.covers(&finding));
            let count = covering.map(|(_, count)| *count += 1).count();
            if count == 0 { applied.findings.push(finding) } else { applied.waived.push(finding) }
        }
        let mut about = self.clone();
        for (waiver, _) in used.iter().filter(|(_, count)| *count == 0) {
            let at = format!("/{}", waiver.index);
            if !waiver.id().starts_with(|letter| scope.letters.contains(letter)) || !scope.is_complete {
                continue;
            }
            if (scope.exists)(&waiver.item) {
                about.object("V721", &at, format!("nothing needs the waiver of `{}` any more; take it out", waiver.item));
            } else {
                about.object("V722", &at, format!("there is no `{}`", waiver.item));
            }
        }
        applied.findings.append(&mut about.findings);
        applied.used = used.into_iter().filter(|(_, count)| *count > 0).collect();
        applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect(text)
    }

    fn apply(text: &str, findings: Vec<Finding>) -> Applied {
        let waivers = Waivers::parse("waivers.yaml", text, date("2026-11-20")).expect("yaml");
        let exists = |item: &str| item.contains("list_books");
        waivers.apply(findings, &Scope { letters: "SFRVC", is_complete: true, exists: &exists })
    }

    fn ids(applied: &Applied) -> Vec<&str> {
        applied.findings.iter().map(|finding| finding.id).collect()
    }

    fn uncovered() -> Finding {
        Finding::new("V702", "not covered").with_pointer("list_books 429")
    }

    #[test]
    fn dates_are_days_that_exist() {
        assert!(date("2024-02-29") < date("2024-03-01"));
        for text in ["2023-02-29", "2026-13-01", "2026-1-1", "2026-00-10", "tomorrow", "2026-01-01-01"] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        for (seconds, text) in [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_795_219_200, "2026-11-21")] {
            assert_eq!(Date::from_unix(seconds).to_string(), text);
        }
    }

    /// Day after day, against a calendar that only knows how long months are; two centuries and the year 2400.
    #[test]
    fn every_day_follows_the_one_before() {
        let long = |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let first = date("1970-01-01");
        let mut before: Option<Date> = None;
        for number in 0..157_000_u64 {
            let text = format!("{year:04}-{month:02}-{day:02}");
            let is = Date::from_unix(number * 86_400 + number % 86_400);
            assert_eq!(is.to_string(), text);
            assert_eq!((date(&text), first.plus_days(number)), (is, is));
            if let Some(before) = before {
                assert!(before < is && before.plus_days(1) == is && before.plus_days(0) == before, "{text}");
            }
            before = Some(is);
            let last = match month {
                2 if long(year) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            assert!(format!("{year:04}-{month:02}-{:02}", last + 1).parse::<Date>().is_err());
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
        assert_eq!(DateError.to_string(), "a date is written as 2027-03-01");
    }

    #[test]
    fn days_are_counted_over_months_and_leap_years() {
        for (from, days, to) in [("2026-11-26", 90, "2027-02-24"), ("2024-02-28", 1, "2024-02-29"), ("2023-12-31", 366, "2024-12-31")] {
            assert_eq!(date(from).plus_days(days).to_string(), to);
        }
    }

    #[test]
    fn a_valid_waiver_takes_its_finding_out() {
        let applied = apply("- {item: V702 list_books 429, reason: r, until: 2026-11-20}", vec![uncovered()]);
        assert!(applied.findings.is_empty(), "{:?}", applied.findings);
        assert_eq!((applied.waived.len(), applied.used.len()), (1, 1));
    }

    #[test]
    fn an_expired_waiver_does_not_hold() {
        let applied = apply("- {item: V702 list_books 429, reason: r, until: 2026-11-19}", vec![uncovered()]);
        assert_eq!(ids(&applied), ["V702", "V720"]);
    }

    #[test]
    fn unused_unknown_and_reasonless_waivers_are_findings() {
        let text = "- {item: V702 list_books 500, reason: r, until: 2027-01-01}\n\
                    - {item: V702 nothing 500, reason: r, until: 2027-01-01}\n\
                    - {item: X999 list_books, reason: r, until: 2027-01-01}\n\
                    - {item: E901 list_books, reason: r, until: 2027-01-01}\n\
                    - {item: V702, reason: r, until: 2027-01-01}\n\
                    - {item: V702 list_books 429, until: 2027-01-01}\n\
                    - {item: V702 list_books 404, reason: r, until: soon}\n";
        let applied = apply(text, vec![uncovered()]);
        assert_eq!(ids(&applied), ["V722", "V722", "V722", "V723", "V722", "V721", "V722"]);
    }

    #[test]
    fn a_fixture_is_waived_as_a_whole_but_no_other_that_begins_like_it() {
        let text = "- {item: C405 books/list_books/two, reason: r, until: 2027-01-01}";
        let finding = |fixture: &str| {
            let mut finding = Finding::new("C405", "lost").with_pointer("/response/json/0");
            finding.fixture = Some(fixture.into());
            finding
        };
        let applied = apply(text, vec![finding("books/list_books/two"), finding("books/list_books/twofold")]);
        assert_eq!((applied.waived.len(), ids(&applied)), (1, vec!["C405"]));
    }

    /// Word for word, with the place of each.
    #[test]
    fn what_is_said_of_a_file() {
        let text = "- {item: V702 list_books 429, reason: ' ', until: 2026-11-20, why: x}\n- {item: V702 list_books 500, reason: r, until: \
                    2026-11-19}\n- {item: V720 list_books, reason: r, until: 2027-01-01}\n- {item: 'V702 ', reason: r, until: \
                    2027-01-01}\n- {item: V702 list_books 404, reason: r, until: 2026-13-01}\n- text\n- {item: V702 list_books 418, reason: r, until: 2027-01-01}\n- {item: \
                    V702 nothing, reason: r, until: 2027-01-01}\n";
        let told: Vec<String> = apply(text, Vec::new()).findings.iter().map(|f| format!("{f} [{}]", f.pointer)).collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    /// Of a part, or of another kind of run, it is not known what a waiver is for.
    #[test]
    fn only_a_complete_run_of_its_kind_says_that_a_waiver_is_not_needed() {
        let waivers =
            Waivers::parse("w.yaml", "- {item: V702 list_books 500, reason: r, until: 2027-01-01}", date("2026-11-20")).expect("yaml");
        for (letters, is_complete, count) in [("SFV", true, 1), ("SFV", false, 0), ("SF", true, 0)] {
            let applied = waivers.apply(Vec::new(), &Scope { letters, is_complete, exists: &|_| true });
            assert_eq!(applied.findings.len(), count, "{letters} {is_complete}");
        }
        let engine = Finding::new("E901", "no fixture").with_pointer("list_books 500");
        let everything = Waivers {
            entries: vec![Waiver { item: "E901".into(), reason: "r".into(), until: date("2027-01-01"), index: 0 }],
            ..Waivers::none()
        };
        let applied = everything.apply(vec![engine], &Scope { letters: "V", is_complete: true, exists: &|_| true });
        assert_eq!((ids(&applied), applied.waived.len()), (vec!["E901"], 0), "a failure of the harness cannot be waived");
    }

    #[test]
    fn a_waiver_covers_what_lies_below_its_item() {
        let waiver = |item: &str| Waiver { item: item.into(), reason: "r".into(), until: date("2027-01-01"), index: 0 };
        let mut finding = Finding::new("V705", "m").with_pointer("list_books 200 /data/title");
        for (item, is_covered) in [
            ("V705 list_books 200 /data/title", true),
            ("V705 list_books 200 /data", true),
            ("V705 list_books 200 /dat", false),
            ("V705 list_books 200", false),
            ("V705 list_books", false),
            ("V706 list_books 200 /data/title", false),
        ] {
            assert_eq!(waiver(item).covers(&finding), is_covered, "{item}");
        }
        finding.fixture = Some("books/list_books/minimal".into());
        finding.pointer = "/response/json".into();
        for (item, is_covered) in [("V705 books/list_books/minimal", true), ("V705 books/list_books", true), ("V705 books/list", false)] {
            assert_eq!(waiver(item).covers(&finding), is_covered, "{item}");
        }
    }

    #[test]
    fn a_file_without_entries_is_fine() {
        for text in ["", "# none\n", "[]\n"] {
            assert!(apply(text, Vec::new()).findings.is_empty(), "{text:?}");
        }
        assert_eq!(ids(&apply("item: V702", Vec::new())), ["V722"]);
    }
}
