//! What all parts of a running sandbox share.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use opusclip_conformance::spec::{LoadError, Spec};
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::distort;
use crate::fault::Faults;
use crate::journal::{Entry, Journal};
use crate::limits::Rates;
use crate::settings::Settings;
use crate::storage::Storage;
use crate::world::World;

/// The spec with its validators, read once for all sandboxes of a process.
pub(crate) struct Rules {
    pub(crate) spec: Spec,
    pub(crate) enums: BTreeSet<String>,
}

pub(crate) fn rules() -> Result<&'static Rules, &'static LoadError> {
    static RULES: OnceLock<Result<Rules, LoadError>> = OnceLock::new();
    let read = || {
        let spec = Spec::parse("openapi.yaml", opusclip::OPENAPI)?;
        let enums = distort::enum_properties(spec.document());
        Ok(Rules { spec, enums })
    };
    RULES.get_or_init(read).as_ref()
}

pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) rules: &'static Rules,
    /// Without a slash at the end.
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) storage: Storage,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) rates: Rates,
    /// That a project was made, moved or removed, for the messages about its end.
    pub(crate) agenda: Notify,
    /// Whether it is over, for what goes on without a connection.
    pub(crate) closing: watch::Sender<bool>,
    /// The key that called first; it signs the webhooks where no keys were given.
    pub(crate) first_key: OnceLock<String>,
    world: Mutex<World>,
}

impl Core {
    pub(crate) fn new(settings: Settings, rules: &'static Rules, base: String) -> Self {
        Self {
            clock: Clock::new(settings.speed),
            storage: Storage::new(settings.kept_uploads.clone()),
            world: Mutex::new(World::new(settings.seed)),
            faults: Faults::default(),
            journal: Journal::default(),
            rates: Rates::default(),
            agenda: Notify::new(),
            closing: watch::Sender::new(false),
            first_key: OnceLock::new(),
            settings,
            rules,
            base,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything but the settings, the clock and the faults.
    pub(crate) fn reset(&self) {
        *self.world() = World::new(self.settings.seed);
        self.storage.clear();
        self.rates.clear();
        self.journal.clear();
        self.agenda.notify_one();
    }

    /// Writes an exchange into the journal and the log.
    pub(crate) fn note(&self, entry: Entry, elapsed: Option<Duration>) {
        if self.settings.log {
            self.log(&line(&entry, elapsed));
        }
        self.journal.push(entry);
    }

    /// Prints lines on stderr, where that is wanted.
    pub(crate) fn log(&self, lines: &str) {
        if self.settings.log {
            // Control characters of a request shall not reach a terminal.
            let lines: String = lines.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
            // Nobody reads it any more: no reason to stop.
            let _ = writeln!(std::io::stderr(), "{lines}");
        }
    }

    pub(crate) fn stamp(&self) -> String {
        humantime::format_rfc3339_millis(self.clock.now()).to_string()
    }

    /// The organisation's first key signs.
    pub(crate) fn signing_key(&self) -> &str {
        let given = self.settings.keys.first().map(String::as_str);
        given.or_else(|| self.first_key.get().map(String::as_str)).unwrap_or(crate::KEY)
    }

    /// Ends the work on a project without success, now.
    pub(crate) fn stall(&self, id: &str) -> bool {
        let now = self.clock.now();
        let stalled = self.world().project_mut(id, now).is_some_and(|project| project.stall(now));
        self.agenda.notify_one();
        stalled
    }
}

/// An exchange as the log tells it.
fn line(entry: &Entry, elapsed: Option<Duration>) -> String {
    let Entry { at, operation, method, target, status, violations, fault, note, .. } = entry;
    let status = status.map_or_else(|| "---".to_owned(), |status| status.to_string());
    let operation = if operation.is_empty() { "(no operation)" } else { operation };
    let mut line = format!("{at} {method} {target} {status} {operation}");
    if let Some(elapsed) = elapsed {
        line.push_str(&format!(" {:.1} ms", elapsed.as_secs_f64() * 1000.0));
    }
    for (label, text) in [("fault", fault), ("note", note)] {
        if let Some(text) = text {
            line.push_str(&format!(" [{label}: {text}]"));
        }
    }
    for violation in violations {
        line.push_str(&format!("\n    {violation}"));
    }
    line
}
