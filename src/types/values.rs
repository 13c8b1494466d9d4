use std::time::{Duration, SystemTime};

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error as _, SeqAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// An instant as the service writes it: ISO 8601 in UTC, as `2024-11-19T08:17:42.832Z`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use opusclip::types::Timestamp;
///
/// let instant = Timestamp::from("2024-11-19T08:17:42.832Z");
/// assert_eq!(instant.to_system_time(), Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_732_004_262_832)));
/// ```
///
/// The text is kept as it came, and nothing about it can break the decoding of a reply (C32).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(String);

impl Timestamp {
    /// The text as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The instant, if the text is ISO 8601 in UTC; a missing `Z` is taken as UTC.
    #[must_use]
    pub fn to_system_time(&self) -> Option<SystemTime> {
        humantime::parse_rfc3339_weak(&self.0).ok()
    }
}

impl From<&str> for Timestamp {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Timestamp {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// ISO 8601 in UTC with milliseconds.
impl From<SystemTime> for Timestamp {
    fn from(instant: SystemTime) -> Self {
        Self(humantime::format_rfc3339_millis(instant).to_string())
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Hashtags: one string separated by spaces, as documented, or an array, as observed (C8).
///
/// ```
/// use opusclip::types::Hashtags;
///
/// let documented: Hashtags = serde_json::from_str(r##""#Cello #Concert""##)?;
/// let observed: Hashtags = serde_json::from_str(r##"["#Cello", "#Concert"]"##)?;
/// assert!(documented.iter().eq(observed.iter()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Hashtags {
    /// All of them in one string, separated by spaces.
    Text(String),
    /// One string each.
    Tags(Vec<String>),
}

impl Hashtags {
    /// Each hashtag, as the service wrote it.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (text, tags) = match self {
            Self::Text(text) => (text.as_str(), [].as_slice()),
            Self::Tags(tags) => ("", tags.as_slice()),
        };
        text.split_whitespace().chain(tags.iter().map(String::as_str))
    }
}

impl<'de> Deserialize<'de> for Hashtags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Hashtags;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("hashtags: a string, or an array of strings")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Hashtags, E> {
                Ok(Hashtags::from(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Hashtags, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(access)).map(Hashtags::Tags)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl From<&str> for Hashtags {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl std::fmt::Display for Hashtags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tags: Vec<&str> = self.iter().collect();
        f.pad(&tags.join(" "))
    }
}

/// The length that a clip may have, in seconds (C11).
///
/// ```
/// use opusclip::types::DurationRange;
///
/// let range = DurationRange::new(30, 60);
/// assert_eq!(serde_json::to_string(&range)?, "[30.0,60.0]");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The documentation lists 0–30, 30–60, 60–90, 90–180 and, as the default, 0–90; other pairs have been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DurationRange(f64, f64);

impl DurationRange {
    /// From `min` to `max` seconds.
    #[must_use]
    pub fn new(min: impl Into<f64>, max: impl Into<f64>) -> Self {
        Self(min.into(), max.into())
    }

    /// The shortest length, in seconds.
    #[must_use]
    pub fn min_seconds(&self) -> f64 {
        self.0
    }

    /// The longest length, in seconds.
    #[must_use]
    pub fn max_seconds(&self) -> f64 {
        self.1
    }
}

/// A part of the source video that a clip was cut from.
///
/// ```
/// use std::time::Duration;
/// use opusclip::types::TimeRange;
///
/// let range: TimeRange = serde_json::from_str("[192170, 211630]")?;
/// assert_eq!(range.start(), Duration::from_millis(192_170));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The numbers are milliseconds: the documentation says seconds, but its own example only fits milliseconds (C3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeRange(f64, f64);

impl TimeRange {
    /// From `start` to `end`, in milliseconds of the source.
    #[must_use]
    pub fn new(start_ms: impl Into<f64>, end_ms: impl Into<f64>) -> Self {
        Self(start_ms.into(), end_ms.into())
    }

    /// The start in milliseconds, as it came.
    #[must_use]
    pub fn start_ms(&self) -> f64 {
        self.0
    }

    /// The end in milliseconds, as it came.
    #[must_use]
    pub fn end_ms(&self) -> f64 {
        self.1
    }

    /// The start, from the beginning of the source; zero for a number that is no duration.
    #[must_use]
    pub fn start(&self) -> Duration {
        millis(self.0)
    }

    /// The end, from the beginning of the source; zero for a number that is no duration.
    #[must_use]
    pub fn end(&self) -> Duration {
        millis(self.1)
    }
}

fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

/// How far a generative job is: an object, as documented, or a bare number, as observed (C17).
///
/// ```
/// use opusclip::types::GenerativeProgress;
///
/// let documented: GenerativeProgress = serde_json::from_str(r#"{"status": "PROCESSING", "percentage": 0.4}"#)?;
/// assert_eq!(documented.fraction(), Some(0.4));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GenerativeProgress(Value);

impl GenerativeProgress {
    /// The status of this step, where one is given.
    #[must_use]
    pub fn status(&self) -> Option<super::GenerativeJobStatus> {
        self.0.get("status").and_then(Value::as_str).map(Into::into)
    }

    /// The fraction that is done, from 0 to 1, where the documented form gives one.
    #[must_use]
    pub fn fraction(&self) -> Option<f64> {
        self.0.get("percentage").and_then(Value::as_f64)
    }

    /// The number of the observed forms, a bare one or the one under `progress`; its scale is undocumented.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.0.as_f64().or_else(|| self.0.get("progress").and_then(Value::as_f64))
    }
}

impl Serialize for GenerativeProgress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GenerativeProgress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            progress @ (Value::Object(_) | Value::Number(_)) => Ok(Self(progress)),
            other => Err(D::Error::custom(format_args!("expected progress, an object or a number, found {other}"))),
        }
    }
}

impl From<Map<String, Value>> for GenerativeProgress {
    fn from(members: Map<String, Value>) -> Self {
        Self(Value::Object(members))
    }
}
