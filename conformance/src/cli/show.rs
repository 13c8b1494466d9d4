//! One fixture, as a person reads HTTP.

use std::fmt::{self, Write as _};

use opusclip_conformance::exchange::Body;
use opusclip_conformance::lint::lint_case;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Case;

pub(crate) fn text(spec: &Spec, case: &Case) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write(spec, case, &mut text);
    text
}

fn write(spec: &Spec, case: &Case, out: &mut String) -> fmt::Result {
    let fixture = &case.fixture;
    writeln!(out, "{}\n{}", fixture.id, fixture.summary)?;
    writeln!(out, "  file       {}", case.file)?;
    let place = spec.operation(&fixture.operation).and_then(|operation| spec.locate(&operation.pointer));
    let place = place.map_or_else(|| "not in the spec".to_owned(), |at| at.to_string());
    writeln!(out, "  operation  {} ({place})", fixture.operation)?;
    let provenance = &fixture.provenance;
    let kind = serde_json::to_value(provenance.kind).unwrap_or_default();
    writeln!(out, "  origin     {}: {}", kind.as_str().unwrap_or_default(), provenance.source)?;
    for (label, text) in [("fact", &provenance.fact), ("at", &provenance.at), ("note", &provenance.note)] {
        if let Some(text) = text {
            writeln!(out, "  {label:9}  {text}")?;
        }
    }

    writeln!(out, "\ncall")?;
    for (name, value) in &fixture.call {
        writeln!(out, "  {name}: {value}")?;
    }
    if let Some(request) = &fixture.request {
        let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        writeln!(out, "\nrequest\n  {} {}{query}", request.method, request.path)?;
        for (name, value) in &request.headers {
            writeln!(out, "  {name}: {value}")?;
        }
        for name in &request.require_headers {
            writeln!(out, "  {name}: (any value)")?;
        }
        for name in &request.forbid_headers {
            writeln!(out, "  {name}: (must not be there)")?;
        }
        body(&request.body(), out)?;
    }
    if let Some(response) = &fixture.response {
        writeln!(out, "\nresponse")?;
        match response.status {
            Some(status) => writeln!(out, "  {status}")?,
            None => writeln!(out, "  none: the connection is reset")?,
        }
        for (name, value) in &response.headers {
            writeln!(out, "  {name}: {value}")?;
        }
        body(&response.body(), out)?;
    }

    let expect = &fixture.expect;
    let client = serde_json::to_value(expect.client).unwrap_or_default();
    let kind = expect.type_name.as_ref().map(|name| format!(", as {name}")).unwrap_or_default();
    writeln!(out, "\nexpect\n  {}{kind}", client.as_str().unwrap_or_default())?;
    if let Some(part) = &expect.part {
        writeln!(out, "  the value stands for {part} of the body")?;
    }
    for entry in &expect.lossy {
        writeln!(out, "  may lose {}: {}", entry.at, entry.why)?;
    }
    for entry in &expect.violates {
        writeln!(out, "  departs from the spec ({} at {}): {}", entry.check, entry.at, entry.why)?;
    }

    let findings = lint_case(spec, case);
    if !findings.is_empty() {
        writeln!(out, "\nfindings")?;
        for finding in findings {
            writeln!(out, "  {finding}")?;
        }
    }
    Ok(())
}

fn body(body: &Body, out: &mut String) -> fmt::Result {
    if body.is_empty() {
        return Ok(());
    }
    let text = match (body.to_json(), std::str::from_utf8(&body.0)) {
        (Ok(value), _) => format!("{value:#}"),
        (Err(_), Ok(text)) => text.to_owned(),
        (Err(_), Err(_)) => format!("({} bytes)", body.0.len()),
    };
    writeln!(out)?;
    text.lines().try_for_each(|line| writeln!(out, "  {line}"))
}
