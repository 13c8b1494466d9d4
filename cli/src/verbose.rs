//! What the library tells of its work, in lines for people.

use std::sync::OnceLock;
use std::{fmt, io};

use indicatif::MultiProgress;
use tracing_subscriber::field::Visit;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::output::clean_line;

/// From now on stderr has what is doubtful, and each request where all is asked for.
pub(crate) fn listen(is_verbose: bool) {
    let level = if is_verbose { LevelFilter::DEBUG } else { LevelFilter::WARN };
    // Where nobody reads stderr any more, there is nobody to complain to, and no reason to stop.
    let lines = tracing_subscriber::fmt::layer().with_writer(|| Stderr).event_format(Lines).log_internal_errors(false);
    tracing_subscriber::registry().with(lines).with(Targets::new().with_target("opusclip", level)).init();
}

/// What is drawn on the terminal, which makes way for a line.
static DRAWN: OnceLock<MultiProgress> = OnceLock::new();

/// From now on lines go above what is drawn here.
pub(crate) fn go_above(drawn: &MultiProgress) {
    DRAWN.get_or_init(|| drawn.clone());
}

struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match DRAWN.get() {
            Some(drawn) => drawn.suspend(|| io::stderr().write(bytes)),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

struct Lines;

/// The fields of an event, in order; those that are absent do not come.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(index).1)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &tracing_core::Field, value: &str) {
        self.0.push((field.name(), clean_line(value)));
    }

    fn record_debug(&mut self, field: &tracing_core::Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), clean_line(&format!("{value:?}"))));
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: tracing_core::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &tracing_core::Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let is_warning = *event.metadata().level() <= tracing_core::Level::WARN;
        writeln!(out, "{}{}", if is_warning { "warning: " } else { "" }, line(fields))
    }
}

fn line(mut fields: Fields) -> String {
    let message = fields.take("message").unwrap_or_default();
    let operation = fields.take("operation").map(|operation| format!("{operation}: ")).unwrap_or_default();
    let what = match (message.as_str(), fields.take("elapsed")) {
        ("attempt", Some(elapsed)) => {
            let answer = fields.take("status").unwrap_or_else(|| "no answer".to_owned());
            let attempt = fields.take("attempt").filter(|attempt| attempt != "1").map(|attempt| format!(", attempt {attempt}"));
            let again = fields.take("retry_in").map(|pause| format!(", again in {pause}"));
            format!("{answer} in {elapsed}{}{}", attempt.unwrap_or_default(), again.unwrap_or_default())
        }
        _ => message,
    };
    let rest: String = fields.0.iter().map(|(name, value)| format!(" {}={value}", name.replace('_', "-"))).collect();
    format!("{operation}{what}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_one_line() {
        let line =
            |fields: &[(&'static str, &str)]| line(Fields(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()));
        let asked = [("message", "attempt"), ("operation", "get_project"), ("attempt", "1"), ("status", "200"), ("elapsed", "8ms")];
        assert_eq!(line(&asked), "get_project: 200 in 8ms");
        let lost = [("message", "attempt"), ("operation", "get_project"), ("attempt", "2"), ("elapsed", "30s"), ("retry_in", "1s")];
        assert_eq!(line(&lost), "get_project: no answer in 30s, attempt 2, again in 1s");
        let known = [&asked[..], &[("request_id", "r-1")]].concat();
        assert_eq!(line(&known), "get_project: 200 in 8ms request-id=r-1");
        assert_eq!(
            line(&[("message", "the genre is not listed"), ("operation", "create_project")]),
            "create_project: the genre is not listed"
        );
    }
}
