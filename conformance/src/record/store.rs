//! From an exchange to a file, or to the reason why there is none.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::draft::{Origin, folder};
use super::placeholder::Placeholders;
use super::redact::Redactor;
use super::scrub::{Vocabulary, leak};
use super::{Event, RecordOptions};
use crate::exchange::{Request, Response};
use crate::spec::{Operation, Spec, read_yaml};
use crate::waivers::Date;

/// More fixtures of one status and operation than anybody can read.
const MOST: usize = 10_000;
/// Bodies larger than this, together, would be searched for longer than a client waits, in hundreds of megabytes.
const LARGEST: usize = 512 << 10;
/// Words of the fixture format and of the placeholders.
const OWN_WORDS: [&str; 22] = [
    "fixture",
    "operation",
    "summary",
    "provenance",
    "recorded",
    "source",
    "request",
    "response",
    "require_headers",
    "content-type",
    "accept",
    "status",
    "headers",
    "expect",
    "client",
    "api-error",
    "violates",
    "check",
    "redacted text",
    "redacted.example",
    "user@example.com",
    "undocumented documented missing allowed property",
];

/// Writes the fixtures of one session.
pub(super) struct Store {
    options: RecordOptions,
    vocabulary: Vocabulary,
    placeholders: Mutex<Placeholders>,
}

impl Store {
    pub(super) fn new(spec: &Spec, options: RecordOptions) -> Self {
        let own: Vec<&str> = OWN_WORDS.into_iter().chain([options.source.as_str()]).collect();
        let vocabulary = Vocabulary::of(spec, &own);
        Self { options, vocabulary, placeholders: Mutex::default() }
    }

    /// Writes the exchange down. What goes wrong is told by its place alone.
    pub(super) fn keep(&self, spec: &Spec, operation: &Operation, request: &Request, response: &Response) -> Event {
        match self.write(spec, operation, request, response) {
            Ok(event) => event,
            Err(why) => Event::NotRecorded { operation: operation.id.clone(), why },
        }
    }

    fn write(&self, spec: &Spec, operation: &Operation, request: &Request, response: &Response) -> Result<Event, String> {
        let (sent, came) = (request.body.0.len(), response.body.0.len());
        if sent + came > LARGEST {
            let place = if sent > came { "/request" } else { "/response" };
            return Err(format!("{place}: too large to be checked, with more than {} KiB of bodies", LARGEST >> 10));
        }
        let mut placeholders = self.placeholders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut redactor = Redactor { spec, keep: &self.options.keep, placeholders: &mut placeholders };
        let redacted = redactor.exchange(operation, request, response);
        let at = iso((self.options.clock)());
        let origin = Origin { spec, source: &self.options.source, at: &at, types: &self.options.types };
        let folder = folder(operation);
        for number in 1..=MOST {
            let case = if number == 1 { format!("recorded-{}", response.status) } else { format!("recorded-{}-{number}", response.status) };
            let id = format!("{folder}/{case}");
            let file = self.options.out.join(format!("{id}.yaml"));
            let draft = origin.draft(operation, &redacted, &id).map_err(|place| format!("a fixture cannot tell this: {place}"))?;
            if file.exists() {
                if says_the_same(&file, &draft.source) {
                    return Ok(Event::Known(file));
                }
                continue;
            }
            if let Some(place) = leak(&draft.text, &draft.source, &redacted.notes, &self.vocabulary) {
                return Err(format!(
                    "a value of {place} would still be in the file; if it is public, name that place in the file of --keep"
                ));
            }
            match create(&file, &draft.text) {
                Ok(()) => {
                    let mut drift = redacted.notes.drift.clone();
                    drift.extend(draft.departures.iter().cloned());
                    return Ok(Event::Written { file, drift });
                }
                // Somebody else was faster; the next number is free.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", file.display())),
            }
        }
        Err(format!("{MOST} fixtures of status {} are in {}; move some away", response.status, self.options.out.join(&folder).display()))
    }
}

/// Whether a fixture tells of the same exchange, whenever it was recorded.
fn says_the_same(file: &Path, source: &Value) -> bool {
    let Ok(text) = fs::read_to_string(file) else { return false };
    let Ok((there, _)) = read_yaml(&file.display().to_string(), &text) else { return false };
    ["operation", "call", "request", "response"].into_iter().all(|key| there.get(key) == source.get(key))
}

/// Writes a file that was not there.
fn create(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut open = OpenOptions::new().write(true).create_new(true).open(file)?;
    open.write_all(text.as_bytes()).and_then(|()| open.flush()).inspect_err(|_| {
        // Half a fixture is worse than none; what cannot be removed either will not parse.
        let _ = fs::remove_file(file);
    })
}

/// A time as `2026-11-20T10:02:11Z`.
fn iso(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    let of_day = seconds % 86_400;
    format!("{}T{:02}:{:02}:{:02}Z", Date::from_unix(seconds), of_day / 3_600, of_day / 60 % 60, of_day % 60)
}
