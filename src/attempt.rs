//! What is known of a call whose outcome is not: enough to look for the result.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Client;
use crate::operation::Operation;
use crate::transport::Clock;
use crate::types::Timestamp;
use crate::validate::shown;

/// A call that may have been done: what was asked, and since when.
///
/// ```no_run
/// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
/// match client.create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A").await {
///     Err(error) if error.is_outcome_unknown() => {
///         if let Some(attempted) = error.attempted() {
///             println!("look for it: {attempted}, of {:?}", attempted.asked("videoUrl"));
///         }
///     }
///     other => println!("{:?}", other?.id),
/// }
/// # Ok(())
/// # }
/// ```
///
/// It comes with an [`Error`](crate::Error) whose `is_outcome_unknown()` is true ([`Error::attempted`](crate::Error::attempted)),
/// and can be kept: it is a value of serde's. A future that is dropped gives no error: for a timeout that is put around a billed
/// call, take `attempt` of it before it is sent, as [`CreateProject::attempt`](crate::calls::CreateProject::attempt).
///
/// It holds no key, no e-mail address and no webhook address. What a link carries in its query is in [`asked`](Self::asked), but
/// is not printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempted {
    operation: String,
    since: Timestamp,
    asked: BTreeMap<String, String>,
}

impl Attempted {
    /// A call with this body that began `elapsed` ago.
    pub(crate) fn new(operation: &Operation, body: &Value, clock: &dyn Clock, elapsed: Duration) -> Self {
        let now = clock.system_time();
        let since = Timestamp::from(now.checked_sub(elapsed).unwrap_or(now));
        Self { operation: operation.id.to_owned(), since, asked: summary(body) }
    }

    /// The operationId of the call.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// When the call began, by the clock of this machine: what came of it is not older.
    #[must_use]
    pub fn since(&self) -> &Timestamp {
        &self.since
    }

    /// What was asked, by the path of the field: `videoUrl`, `uploadedVideoAttr.title`, `clipId`, `postDetail.title` and the like.
    #[must_use]
    pub fn asked(&self, path: &str) -> Option<&str> {
        self.asked.get(path).map(String::as_str)
    }

    /// The reference that was planted in the title: the last, where an older title was used again.
    #[must_use]
    pub fn reference(&self) -> Option<Reference> {
        self.asked.iter().filter(|(path, _)| path.ends_with(".title")).find_map(|(_, title)| Reference::find_in(title))
    }
}

/// The texts of a body by which its result can be told: those at the top, and titles.
fn summary(body: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => drop(found.insert(name.clone(), text.clone())),
            Value::Object(inner) => {
                let title = inner.get("title").and_then(Value::as_str);
                found.extend(title.map(|title| (format!("{name}.title"), title.to_owned())));
            }
            _ => {}
        }
    }
    found
}

/// One line, without the queries of links.
impl fmt::Display for Attempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} since {}", self.operation, self.since)?;
        self.asked.iter().try_for_each(|(path, text)| write!(f, ", {path} {}", shown(text)))
    }
}

impl fmt::Debug for Attempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attempted({self})")
    }
}

/// A short random text that is planted in the title of a project, so that the project can be told from all others.
///
/// ```no_run
/// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
/// let reference = client.new_reference();
/// // Write it down, and then:
/// let project = client.create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A").with_reference(&reference).await?;
/// # Ok(())
/// # }
/// ```
///
/// It stands at the end of the title, in brackets, as `Interview of 12 May [oc-7k3m9x2qfa]`: whoever sees the title sees it. Take a
/// new one for each project that you want, and the same one again only when you call again for the same project. Where the service
/// shows the title of a video that was not uploaded is not documented.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

/// Digits and letters that nobody mistakes for each other.
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const PREFIX: &str = "oc-";
const SYMBOLS_IN_REFERENCE: usize = 10;

impl Reference {
    pub(crate) fn random(clock: &dyn Clock) -> Self {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 0, below 2^50")]
        let mut bits = (clock.random() * (1_u64 << 50) as f64) as u64;
        let mut text = PREFIX.to_owned();
        for _ in 0..SYMBOLS_IN_REFERENCE {
            text.push(char::from(SYMBOLS[(bits % 32) as usize]));
            bits /= 32;
        }
        Self(text)
    }

    /// The text, as `oc-7k3m9x2qfa`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A title with the reference at its end.
    pub(crate) fn in_title(&self, title: &str) -> String {
        format!("{title} [{self}]").trim_start().to_owned()
    }

    /// The last reference that stands in a text, in its brackets: the one that was planted last.
    pub(crate) fn find_in(text: &str) -> Option<Self> {
        let (_, after_first) = text.split_once('[')?;
        after_first.rsplit('[').find_map(|rest| {
            let (inside, _) = rest.split_once(']')?;
            let symbols = inside.strip_prefix(PREFIX)?;
            let is_reference = symbols.len() == SYMBOLS_IN_REFERENCE && symbols.bytes().all(|symbol| SYMBOLS.contains(&symbol));
            is_reference.then(|| Self(inside.to_owned()))
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Client {
    /// A new [`Reference`], to be planted in the title of a project.
    #[must_use]
    pub fn new_reference(&self) -> Reference {
        Reference::random(self.shared().clock.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_what_tells_the_result_and_nothing_private() {
        let body = json!({
            "videoUrl": "https://example.com/a.mp4?token=hunter2",
            "conclusionActions": [{"type": "EMAIL", "email": "hunter2@example.com"}, {"type": "WEBHOOK", "url": "https://hunter2.example.com"}],
            "uploadedVideoAttr": {"title": "Interview of 12 May [oc-7k3m9x2qfa]"},
        });
        let attempted =
            Attempted { operation: "create_project".to_owned(), since: "2026-06-01T00:00:00.000Z".into(), asked: summary(&body) };
        assert_eq!(attempted.asked("videoUrl"), Some("https://example.com/a.mp4?token=hunter2"));
        assert_eq!(attempted.reference().unwrap().as_str(), "oc-7k3m9x2qfa");
        let printed = format!("{attempted} {attempted:?}");
        assert!(printed.contains("Interview of 12 May") && !printed.contains("hunter2"), "{printed}");
        let kept = serde_json::to_string(&attempted).unwrap();
        assert!(!kept.contains("hunter2@example.com") && !kept.contains("hunter2.example.com"), "{kept}");
        assert_eq!(serde_json::from_str::<Attempted>(&kept).unwrap(), attempted);
    }

    #[test]
    fn a_reference_is_found_in_its_title_and_nowhere_else() {
        let reference = Reference("oc-7k3m9x2qfa".to_owned());
        assert_eq!(reference.in_title(""), "[oc-7k3m9x2qfa]");
        for title in ["", "Interview of 12 May", "[draft] [oc-short] ä"] {
            assert_eq!(Reference::find_in(&reference.in_title(title)), Some(reference.clone()));
        }
        let again = Reference("oc-7k3m9x2qfb".to_owned());
        assert_eq!(Reference::find_in(&again.in_title(&reference.in_title("Interview"))), Some(again), "the one that was planted last");
        for none in ["oc-7k3m9x2qfa", "[oc-7k3m9x2qf]", "[oc-7k3m9x2qfI]", "[oc-7k3m9x2qfa", ""] {
            assert_eq!(Reference::find_in(none), None, "{none}");
        }
    }
}
