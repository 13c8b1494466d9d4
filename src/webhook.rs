//! Webhooks: whether a message comes from the service, and what it says. No client, no network.
//!
//! ```
//! use std::time::SystemTime;
//! use opusclip::webhook::{self, MemoryGuard};
//!
//! // Kept for as long as the receiver runs.
//! let guard = MemoryGuard::new();
//!
//! # let secret = "sk-test_0123456789abcdef";
//! # let body = br#"{"projectId": "P0000000demo", "stage": "COMPLETE"}"#;
//! # let salt = "0f1e2d3c4b5a6978";
//! # let signature = webhook::sign(secret, salt, body);
//! # let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs().to_string();
//! # let headers = [("X-Opus-Signature", signature.as_str()), ("X-Opus-Salt", salt), ("X-Opus-Timestamp", seconds.as_str())];
//! // `headers` is an `http::HeaderMap`, as axum, hyper and most others have it, or a slice of pairs; `body` the raw bytes.
//! match webhook::verify(&headers[..], body, secret, SystemTime::now(), &guard) {
//!     Ok(event) => println!("{:?} is {:?}", event.project_id(), event.stage()), // answer 2xx now, read the project later
//!     Err(rejection) => println!("refused: {rejection}"),                       // answer 401
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Documented: three headers, and HMAC-SHA256 over the raw body followed by the salt, keyed with the whole API key; of several
//! keys the first one made signs. Not documented: the payload, so [`Event`] only looks for what may be there; how often and
//! until when a message is repeated; and which answers count. Answer 2xx at once, treat a message as a hint, and read the
//! project from the API.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;

use crate::Error;
use crate::types::{ProjectId, ProjectStage};

/// How far the timestamp of a message may be from now, either way: 300 s. It is not signed, so this is best effort; what
/// protects from repeats is a [`ReplayGuard`].
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Timestamps beyond this are milliseconds, which some receivers have met.
const MILLISECONDS: u64 = 1_000_000_000_000;

/// The signature of a message, for tests of a receiver: 64 hex digits in lower case.
///
/// ```
/// let signature = opusclip::webhook::sign("sk-test_0123456789abcdef", "0f1e2d3c4b5a6978", b"");
/// assert_eq!(signature, "cdfb803e89b22d5e254561b5531dcc43561ddf8ca022b1ee1c671be36447f847");
/// ```
///
/// The salt is appended as the text of its header. Documented, except for the encodings, which are those of all known receivers.
#[must_use]
pub fn sign(secret: &str, salt: &str, body: &[u8]) -> String {
    let digest = mac(secret, salt, body).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(secret: &str, salt: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length.
    Some(Hmac::new_from_slice(secret.as_bytes()).ok()?.chain_update(body).chain_update(salt))
}

/// Checks a message and reads it.
///
/// `secret` is the API key, whole; `body` the raw bytes, since JSON that was parsed and written again does not verify; `now`
/// the time of day. The signature is compared in constant time, and taken in either case. Nothing is remembered of a message
/// that is refused.
///
/// # Errors
///
/// [`Rejection`]; answer it with 401.
pub fn verify(
    headers: &(impl Headers + ?Sized),
    body: &[u8],
    secret: &str,
    now: SystemTime,
    guard: &(impl ReplayGuard + ?Sized),
) -> Result<Event, Rejection> {
    let secret = secret.trim();
    if secret.is_empty() {
        return Err(Rejection::new(Reason::NoSecret, "the secret is empty; give the API key, whole"));
    }
    let need = |name: &'static str| {
        let value = headers.value(name).map(str::trim).filter(|value| !value.is_empty());
        value.ok_or_else(|| Rejection::new(Reason::Header, format!("the header `{name}` is missing, or there is more than one")))
    };
    let (signature, salt, timestamp) = (need("x-opus-signature")?, need("x-opus-salt")?, need("x-opus-timestamp")?);
    if salt.len() != 16 || !salt.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Rejection::new(Reason::Header, "the header `x-opus-salt` is not 16 hex digits"));
    }
    let signature = unhex(signature).ok_or_else(|| Rejection::new(Reason::Header, "the header `x-opus-signature` is not 64 hex digits"))?;
    let sent_at =
        moment(timestamp).ok_or_else(|| Rejection::new(Reason::Header, "the header `x-opus-timestamp` is no number of seconds"))?;
    let (apart, when) = match now.duration_since(sent_at) {
        Ok(age) => (age, "ago"),
        Err(early) => (early.duration(), "in the future"),
    };
    if apart > TOLERANCE {
        let (apart, most) = (apart.as_secs(), TOLERANCE.as_secs());
        let message = format!("it was sent {apart} s {when}; expected at most {most} s: compare the clocks");
        return Err(Rejection::new(Reason::Stale, message));
    }
    let is_genuine = mac(secret, salt, body).is_some_and(|mac| mac.verify_slice(&signature).is_ok());
    if !is_genuine {
        let message = "the signature does not match; check that the body is raw, and that the key is the first that was made";
        return Err(Rejection::new(Reason::Signature, message));
    }
    if !guard.is_new(salt) {
        return Err(Rejection::new(Reason::Replay, "it has been received before"));
    }
    Ok(Event { body: body.to_vec(), json: serde_json::from_slice(body).unwrap_or_default(), salt: salt.to_owned(), sent_at })
}

/// 32 bytes of hex digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let text = text.as_bytes();
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |index: usize| pair.get(index).and_then(|digit| char::from(*digit).to_digit(16));
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

fn moment(text: &str) -> Option<SystemTime> {
    let number: u64 = text.parse().ok()?;
    let since = if number > MILLISECONDS { Duration::from_millis(number) } else { Duration::from_secs(number) };
    UNIX_EPOCH.checked_add(since)
}

/// Headers of a request, whatever the framework.
pub trait Headers {
    /// The only value of a header; `None` where there is none, or several. `name` is in lower case.
    fn value(&self, name: &str) -> Option<&str>;
}

impl Headers for HeaderMap {
    fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() { None } else { first.to_str().ok() }
    }
}

/// Pairs of name and value; the case of a name does not matter.
impl<N: AsRef<str>, V: AsRef<str>> Headers for [(N, V)] {
    fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.iter().filter(|(known, _)| known.as_ref().eq_ignore_ascii_case(name));
        let (_, first) = values.next()?;
        if values.next().is_some() { None } else { Some(first.as_ref()) }
    }
}

/// Remembers which messages have come, so that whoever overheard one cannot send it again.
///
/// As the timestamp is not signed, an old message can be sent with a new one: a salt is worth remembering for longer than
/// [`TOLERANCE`]. Where several processes receive, let them share one guard, as a table with the salt as its key. A store
/// that has to be awaited does not fit in here: give `&()`, which lets everything pass, and ask it for [`Event::salt`].
pub trait ReplayGuard {
    /// Remembers a salt; `false` if it was known.
    fn is_new(&self, salt: &str) -> bool;
}

/// No guard.
impl ReplayGuard for () {
    fn is_new(&self, _: &str) -> bool {
        true
    }
}

/// Remembers the latest messages in memory, 100,000 unless told otherwise.
///
/// ```
/// use opusclip::webhook::{MemoryGuard, ReplayGuard};
///
/// let guard = MemoryGuard::with_capacity(1000);
/// assert!(guard.is_new("0f1e2d3c4b5a6978"));
/// assert!(!guard.is_new("0f1e2d3c4b5a6978"));
/// ```
#[derive(Debug)]
pub struct MemoryGuard {
    capacity: usize,
    known: Mutex<(HashSet<String>, VecDeque<String>)>,
}

impl MemoryGuard {
    /// Remembers the latest 100,000.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(100_000)
    }

    /// Remembers the latest `capacity`; 0 counts as 1.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), known: Mutex::default() }
    }
}

impl Default for MemoryGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplayGuard for MemoryGuard {
    fn is_new(&self, salt: &str) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (salts, order) = &mut *known;
        if !salts.insert(salt.to_owned()) {
            return false;
        }
        order.push_back(salt.to_owned());
        if order.len() > self.capacity
            && let Some(oldest) = order.pop_front()
        {
            salts.remove(&oldest);
        }
        true
    }
}

/// A message that comes from the service.
///
/// Its payload is not documented. The accessors look where known receivers have looked, and find nothing rather than guess;
/// the bytes are at hand for the rest.
#[derive(Clone, PartialEq)]
pub struct Event {
    body: Vec<u8>,
    /// Null where the body is no JSON.
    json: Value,
    salt: String,
    sent_at: SystemTime,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("project_id", &self.project_id()).field("stage", &self.stage()).finish_non_exhaustive()
    }
}

impl Event {
    /// The project that it is about: `projectId`, `id`, or either of them under `project` or `data`.
    #[must_use]
    pub fn project_id(&self) -> Option<ProjectId> {
        self.find(&["projectId", "id"]).filter(|id| !id.is_empty()).map(ProjectId::from)
    }

    /// How far the project is: `stage` or `status`, also under `project` or `data`. Take it as a hint and read the project.
    #[must_use]
    pub fn stage(&self) -> Option<ProjectStage> {
        self.find(&["stage", "status"]).map(ProjectStage::from)
    }

    /// What went wrong: `error`, also under `project` or `data`, where that is a text.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.find(&["error"])
    }

    fn find(&self, names: &[&str]) -> Option<&str> {
        let places = [Some(&self.json), self.json.get("project"), self.json.get("data")];
        places.into_iter().flatten().find_map(|place| names.iter().find_map(|name| place.get(name)?.as_str()))
    }

    /// The body, as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as a type of the caller's.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] where the body is not that.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::input(None, format!("the webhook's body does not fit: {error}")))
    }

    /// What makes this message one of a kind, for a [`ReplayGuard`] of one's own.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// When it was sent, as it says itself; not signed.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        self.sent_at
    }
}

/// Why a message was refused. Prints as one line, without the secret, the body or the expected signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    reason: Reason,
    message: String,
}

/// The kinds of [`Rejection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The receiver has no secret: a mistake of its own, as anybody could sign with an empty one.
    NoSecret,
    /// A header is missing, there twice, or not what it should be.
    Header,
    /// Sent too long ago, or in the future.
    Stale,
    /// Not signed with this secret, or changed on the way.
    Signature,
    /// Received before.
    Replay,
}

impl Rejection {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Which kind it is.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook refused: {}", self.message)
    }
}

impl std::error::Error for Rejection {}
