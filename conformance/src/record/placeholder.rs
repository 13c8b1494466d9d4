//! What stands in place of a value: the same for the same value, and of the same form.

use std::collections::{BTreeMap, BTreeSet};

/// The values of a recording session with what stands for them. Held in memory only.
#[derive(Default)]
pub(super) struct Placeholders {
    of: BTreeMap<String, String>,
    used: BTreeSet<String>,
}

impl Placeholders {
    /// What stands for `raw`; `fits` says whether the document takes a text in this place.
    pub(super) fn of(&mut self, raw: &str, fits: impl Fn(&str) -> bool) -> String {
        if let Some(known) = self.of.get(raw) {
            return known.clone();
        }
        let number = self.of.len() + 1;
        let candidates = candidates(raw, number);
        let is_free = |text: &&String| text.as_str() != raw && !self.used.contains(*text);
        let fitting = candidates.iter().filter(is_free).find(|text| fits(text));
        let chosen = fitting.or_else(|| candidates.iter().find(is_free)).cloned();
        let chosen = chosen.unwrap_or_else(|| format!("redacted-{number}-again"));
        self.used.insert(chosen.clone());
        self.of.insert(raw.to_owned(), chosen.clone());
        chosen
    }
}

/// Whether a text is a number as JSON writes one.
pub(super) fn is_numeric(text: &str) -> bool {
    text.trim_start_matches('-').starts_with(|first: char| first.is_ascii_digit()) && text.parse::<f64>().is_ok()
}

/// Whether a text has the form `2026-11-20`.
pub(super) fn is_date(text: &str) -> bool {
    has_form(text, "0000-00-00")
}

/// Whether a text has the form of RFC 3339, with no more than nanoseconds.
pub(super) fn is_date_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    let Some((time, zone)) = rest.split_at_checked(9) else { return false };
    let (fraction, zone) = match zone.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("0", zone),
    };
    let is_zone = zone == "Z" || has_form(zone, "+00:00") || has_form(zone, "-00:00");
    is_date(date) && has_form(time, "T00:00:00") && (1..=9).contains(&fraction.len()) && is_zone
}

fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(|(b, f)| if f == b'0' { b.is_ascii_digit() } else { b == f })
}

fn is_uuid(text: &str) -> bool {
    let is = |b: u8, f: u8| if f == b'0' { b.is_ascii_hexdigit() } else { b == f };
    text.len() == 36 && text.bytes().zip(*b"00000000-0000-0000-0000-000000000000").all(|(b, f)| is(b, f))
}

/// Texts that can stand for `raw`, the most readable of its form first.
fn candidates(raw: &str, n: usize) -> Vec<String> {
    let mut all = Vec::new();
    if is_numeric(raw) {
        let is_whole = raw.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        all.extend(if is_whole {
            vec![(9_000_000 + n).to_string(), (1_000 + n).to_string(), n.to_string(), format!("-{n}")]
        } else {
            vec![format!("{n}.5"), format!("0.{n}5"), format!("-{n}.5")]
        });
        return all;
    }
    if is_uuid(raw) {
        all.push(format!("00000000-0000-4000-8000-{n:012}"));
    } else if raw.contains("://") {
        all.push(format!("https://redacted.example/{n}"));
    } else if raw.contains('@') && !raw.contains(char::is_whitespace) {
        all.push(format!("user-{n}@example.com"));
    } else if is_date_time(raw) {
        all.push(format!("2000-01-{:02}T{:02}:{:02}:{:02}Z", n / 86_400 % 28 + 1, n / 3_600 % 24, n / 60 % 60, n % 60));
    } else if is_date(raw) {
        all.push(format!("{:04}-{:02}-{:02}", 2000 + n / 336, n / 28 % 12 + 1, n % 28 + 1));
    } else if raw.contains(char::is_whitespace) {
        all.push(format!("redacted text {n}"));
    }
    all.push(format!("redacted-{n}"));
    all.push(format!("redacted{n}"));
    all.push(reshaped(raw, n));
    all.push(format!("{:x<width$}", format!("redacted{n}"), width = raw.chars().count().min(4_096)));
    all.push(format!("r{n}"));
    all
}

/// Each letter and digit replaced by one of its kind, so that a pattern may still fit; the number stands in the last ones.
fn reshaped(raw: &str, mut n: usize) -> String {
    let mut take = |base: usize| {
        let digit = n % base;
        n /= base;
        u8::try_from(digit).unwrap_or_default()
    };
    let replace = |c: char| match c {
        '0'..='9' => char::from(b'0' + take(10)),
        'a'..='z' => char::from(b'a' + take(26)),
        'A'..='Z' => char::from(b'A' + take(26)),
        other if other.is_ascii() => other,
        _ => 'x',
    };
    let backwards: Vec<char> = raw.chars().rev().map(replace).collect();
    backwards.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_form_and_is_stable() {
        let mut placeholders = Placeholders::default();
        let mut of = |raw: &str| placeholders.of(raw, |_| true);
        assert_eq!(of("jo@corp.io"), "user-1@example.com");
        assert_eq!(of("3f2504e0-4f89-41d3-9a0c-0305e82c3301"), "00000000-0000-4000-8000-000000000002");
        assert_eq!(of("https://x.io/a?sig=1"), "https://redacted.example/3");
        assert_eq!(of("2026-11-20T10:02:11.123Z"), "2000-01-01T00:00:04Z");
        assert_eq!(of("73628172"), "9000005");
        assert_eq!(of("jo@corp.io"), "user-1@example.com");
    }

    #[test]
    fn fits_what_the_document_asks_for() {
        let mut placeholders = Placeholders::default();
        let fits = |text: &str| text.starts_with('P') || text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
        assert_eq!(placeholders.of("DE", fits), "AB");
        assert!(placeholders.of("FR", fits) != "AB");
    }

    #[test]
    fn dates_are_dates_to_the_letter() {
        assert!(is_date_time("2026-11-20T10:02:11Z") && is_date_time("2026-11-20T10:02:11.5+01:00"));
        for text in ["2026-11-20", "2026-11-20T10:02:11", "2026-11-20T10:02:11.0123456789Z", "2026-11-20T10:02:11Zé", "äöüäöüäöü"]
        {
            assert!(!is_date_time(text), "{text}");
        }
    }
}
