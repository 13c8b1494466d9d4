//! How a run is done.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

/// How a run is done; start from [`Options::default`].
///
/// ```
/// use opusclip_conformance::options::Options;
///
/// let options = Options {
///     secrets: vec!["sk-test-key".into()],
///     reproduce: Some("cargo test --test conformance -- {fixture}".into()),
///     ..Options::default()
/// };
/// assert_eq!(options.jobs, 16);
/// ```
#[derive(Clone)]
pub struct Options {
    /// How many calls are under way at once.
    pub jobs: usize,
    /// How long one call may take before the harness gives it up.
    pub watchdog: Duration,
    /// Texts that nothing which the client says may contain, such as its API key.
    pub secrets: Vec<String>,
    /// Runs only fixtures whose id contains this text. Coverage and unused waivers are then not judged.
    pub filter: Option<String>,
    /// What the commands of this crate's binary need to find the same files, as `--spec api.yaml`.
    pub flags: String,
    /// The command that shows a finding of the client again; `{fixture}` stands for the fixture's id.
    pub reproduce: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { jobs: 16, watchdog: Duration::from_secs(10), secrets: Vec::new(), filter: None, flags: String::new(), reproduce: None }
    }
}

/// Of the secrets it tells only how many there are.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { jobs, watchdog, secrets, filter, flags, reproduce } = self;
        f.debug_struct("Options")
            .field("jobs", jobs)
            .field("watchdog", watchdog)
            .field("secrets", &secrets.len())
            .field("filter", filter)
            .field("flags", flags)
            .field("reproduce", reproduce)
            .finish()
    }
}

impl Options {
    /// The text without the secrets of these options.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut secrets: Vec<&String> = self.secrets.iter().filter(|secret| !secret.is_empty()).collect();
        // Of one that holds another nothing is to be left.
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "<secret>"))
    }

    /// Whether the filter lets a fixture through.
    #[must_use]
    pub fn selects(&self, fixture: &str) -> bool {
        self.filter.as_deref().is_none_or(|filter| fixture.contains(filter))
    }
}
