//! `opusclip doctor`: what stands in the way, and what to do about it. Nothing of it is billed.

mod machine;
mod service;

use opusclip::Client;
use serde_json::{Value, json};

use crate::auth::{Key, KeyOrigin};
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::output::Format;
use crate::private;
use crate::settings::{Origin, Settings};

pub(crate) const HELP: &str = "\
Examples:
  opusclip doctor
  opusclip doctor --profile work --json

It asks the service for a list that is free, and changes nothing on this machine. A fault is what
calls would fail of, a warning may be what you want. Ends with 0 where there is no fault, else with
the exit code of the first one.";

/// What a check found.
#[derive(Debug)]
pub(crate) struct Finding {
    check: &'static str,
    state: State,
    text: String,
    next: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    Warning,
    Fault(Code),
    /// Another finding stands in the way.
    Skipped,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault(_) => "fault",
            Self::Skipped => "skipped",
        }
    }
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, state: State::Ok, text: text.into(), next: None }
    }

    fn skipped(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, state: State::Skipped, text: text.into(), next: None }
    }

    fn warning(check: &'static str, text: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, state: State::Warning, text: text.into(), next: Some(next.into()) }
    }

    fn fault(check: &'static str, failure: &Failure) -> Self {
        let state = State::Fault(failure.code);
        Self { check, state, text: failure.message().to_owned(), next: failure.next().map(str::to_owned) }
    }

    fn data(&self) -> Value {
        json!({"check": self.check, "state": self.state.name(), "finding": self.text, "next": self.next})
    }
}

/// Runs all checks.
pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    context.no_curl("doctor")?;
    let mut findings = Vec::new();
    match Settings::resolve(&context.account) {
        Ok(settings) => {
            findings.push(configuration(&settings));
            let key = settings.key();
            findings.push(key_found(&settings, &key));
            findings.extend(stray(&settings, key.as_ref().ok().and_then(Option::as_ref)));
            findings.extend(service::check(&settings, key.ok().flatten()).await);
        }
        Err(failure) => {
            findings.push(Finding::fault("configuration", &failure));
            findings.extend(
                ["key", "address", "key accepted", "organisation", "clock"]
                    .map(|check| Finding::skipped(check, "not looked at: the configuration comes first")),
            );
        }
    }
    findings.extend(machine::check());
    show(context, &findings)?;
    verdict(&findings)
}

fn configuration(settings: &Settings) -> Finding {
    let chosen = if settings.profile.from == Origin::Default { String::new() } else { format!(" (from {})", settings.profile.from) };
    let profile = format!("profile `{}`{chosen}", settings.profile.value);
    Finding::ok(
        "configuration",
        match settings.file.path() {
            Some(path) if settings.file.is_there() => format!("{}, {profile}", path.display()),
            Some(path) => format!("{profile}; there is no {}, and there need not be", path.display()),
            None => format!("{profile}; there is no home folder, and so no file"),
        },
    )
}

fn key_found(settings: &Settings, key: &Result<Option<Key>, Failure>) -> Finding {
    const CHECK: &str = "key";
    let key = match key {
        Ok(Some(key)) => key,
        Ok(None) => return Finding::fault(CHECK, &settings.no_key()),
        Err(failure) => return Finding::fault(CHECK, failure),
    };
    // What no header can have is no key at all.
    if let Err(error) = Client::new(key.secret.expose()) {
        return Finding::fault(CHECK, &error.into());
    }
    let text = format!("{} from {}", key.secret.fingerprint(), key.from);
    if !key.secret.expose().starts_with("sk-") || key.secret.expose().contains(char::is_whitespace) {
        return Finding::warning(CHECK, format!("{text}; keys begin with `sk-` and are one word, and this is not"), "copy it again");
    }
    let file = match &key.from {
        KeyOrigin::File(path) | KeyOrigin::ProfileFile(path) => path,
        KeyOrigin::Flag => {
            return Finding::warning(
                CHECK,
                format!("{text}, which everybody on this machine can see"),
                "keep it with `opusclip auth login`",
            );
        }
        KeyOrigin::Variable | KeyOrigin::Kept(_) => return Finding::ok(CHECK, text),
    };
    match private::shared_mode(file) {
        Ok(Some(mode)) => Finding::warning(
            CHECK,
            format!("{text}, which others than you may read (mode {mode:04o})"),
            format!("chmod 600 {}", file.display()),
        ),
        _ => Finding::ok(CHECK, text),
    }
}

/// Keys that are lying about.
fn stray(settings: &Settings, used: Option<&Key>) -> Vec<Finding> {
    const CHECK: &str = "stray keys";
    let mut findings = Vec::new();
    if std::env::var_os("OPUS_API_KEY").is_some_and(|key| !key.is_empty()) {
        findings.push(Finding::warning(
            CHECK,
            "OPUS_API_KEY is set: other programs read it, this one does not",
            "set OPUSCLIP_API_KEY, if it is meant for this one",
        ));
    }
    if let Some(used) = used.filter(|key| key.from == KeyOrigin::Variable)
        && let Ok(Some(kept)) = settings.kept_key()
        && kept.secret != used.secret
    {
        findings.push(Finding::warning(
            CHECK,
            format!("OPUSCLIP_API_KEY is used, and {} has another one ({})", kept.from, kept.secret.fingerprint()),
            "unset OPUSCLIP_API_KEY, if the other one is meant",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "no OPUS_API_KEY, and no two keys that differ"));
    }
    findings
}

/// A line for each on a terminal, and what to do under it.
fn show(context: &Context, findings: &[Finding]) -> Result<(), Failure> {
    let output = &context.output;
    if output.format() == Format::Json || output.has_columns() {
        return output.data(&findings.iter().map(Finding::data).collect(), &[]);
    }
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let lines = findings.iter().flat_map(|Finding { check, state, text, next }| {
        let state = state.name();
        let line = format!("{state:<7}  {check:<width$}  {text}");
        let next = next.as_ref().map(|next| format!("{:<7}  {:<width$}  next: {next}", "", ""));
        std::iter::once(line).chain(next)
    });
    output.text(&crate::output::clean(&lines.collect::<Vec<_>>().join("\n")))
}

/// The exit code is that of the first fault.
fn verdict(findings: &[Finding]) -> Result<(), Failure> {
    let faults: Vec<(&Finding, Code)> = findings
        .iter()
        .filter_map(|finding| match finding.state {
            State::Fault(code) => Some((finding, code)),
            _ => None,
        })
        .collect();
    let Some((first, code)) = faults.first() else { return Ok(()) };
    let count = if faults.len() == 1 { "one fault".to_owned() } else { format!("{} faults; the first", faults.len()) };
    let failure = Failure::new(*code, format!("{count}: {}: {}", first.check, first.text));
    Err(match &first.next {
        Some(next) => failure.with_next(next.as_str()),
        None => failure,
    })
}
