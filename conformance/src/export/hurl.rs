//! A Hurl file: the calls as another HTTP client makes them, and the answers that it has to see.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Exchange;
use crate::exchange::{Body, header};

pub(super) fn file(exchanges: &[Exchange<'_>]) -> String {
    let mut out = String::from("# hurl --test --variable server=<address of `conformance serve`> --variable token=<any>\n");
    for exchange in exchanges {
        // Writing into a String cannot fail.
        let _ = entry(exchange, &mut out);
    }
    out
}

fn entry(exchange: &Exchange<'_>, out: &mut String) -> std::fmt::Result {
    let Exchange { case, request, response, .. } = exchange;
    let id = &case.fixture.id;
    writeln!(out, "\n# {id}: {}", case.fixture.summary.replace(['\n', '\r'], " "))?;
    writeln!(out, "{} {{{{server}}}}/f/{id}{}", request.method, request.path)?;
    for (name, value) in &request.headers {
        let shown = match value.split_once(' ') {
            Some((scheme, _)) if name == "authorization" => format!("{} {{{{token}}}}", escaped(scheme)),
            _ => escaped(value),
        };
        writeln!(out, "{}: {shown}", named(name))?;
    }
    if !request.query.is_empty() {
        writeln!(out, "[Query]")?;
        for (name, value) in &request.query {
            writeln!(out, "{}: {}", named(name), escaped(value))?;
        }
    }
    if !request.body.is_empty() {
        writeln!(out, "{}", body(&request.body))?;
    }
    writeln!(out, "HTTP {}", response.status)?;
    // Hurl compares a stated header with all of that name, so that repeated ones are repeated here.
    for (name, value) in &response.headers {
        writeln!(out, "{}: {}", named(name), escaped(value))?;
    }
    let is_bodiless = request.method == "HEAD" || matches!(response.status, 204 | 304);
    if response.body.is_empty() && !is_bodiless {
        writeln!(out, "[Asserts]\nbytes count == 0")?;
    } else if !response.body.is_empty() {
        let is_json = header(&response.headers, "content-type").is_some_and(|kind| kind.contains("json"));
        let shown = if is_json { verbatim(&response.body) } else { plain(&response.body) };
        writeln!(out, "{shown}")?;
    }
    Ok(())
}

/// JSON as such, so that it can be read; anything else, and what Hurl would take for a template, by its bytes.
fn body(body: &Body) -> String {
    match body.to_json() {
        Ok(value) if !body.to_text().contains("{{") => format!("{value:#}"),
        _ => encoded(body),
    }
}

/// Hurl compares JSON by its text, so that it stands as it is served; but it writes some numbers anew.
fn verbatim(body: &Body) -> String {
    let text = body.to_text();
    let is_plain = body.to_json().is_ok_and(|value| value.to_string() == text);
    if is_plain && !text.contains("{{") { text.into_owned() } else { encoded(body) }
}

/// A text of one line as such, unless something in it means more to Hurl.
fn plain(body: &Body) -> String {
    match std::str::from_utf8(&body.0) {
        Ok(text) if !text.contains(|c: char| c == '`' || c == '\\' || c.is_control()) && !text.contains("{{") => format!("`{text}`"),
        _ => encoded(body),
    }
}

fn encoded(body: &Body) -> String {
    format!("base64,{};", STANDARD.encode(&body.0))
}

/// What Hurl reads as this text in a name, which ends at a colon.
fn named(text: &str) -> String {
    escaped(text).replace(':', "\\:")
}

/// What Hurl reads as this text in a value.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' | '#' => out.extend(['\\', c]),
            '{' if chars.peek() == Some(&'{') => out.push_str("\\u{7b}"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    // Spaces at the ends would be taken for layout.
    let trimmed = out.trim_matches(' ');
    if trimmed.len() == out.len() || trimmed.is_empty() {
        return out.replace(' ', if trimmed.is_empty() { "\\u{20}" } else { " " });
    }
    let start = out.len() - out.trim_start_matches(' ').len();
    let end = out.len() - out.trim_end_matches(' ').len();
    format!("{}{trimmed}{}", "\\u{20}".repeat(start), "\\u{20}".repeat(end))
}
