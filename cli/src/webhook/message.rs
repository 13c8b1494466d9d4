//! A message: its headers and its body, as they go over the wire.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use opusclip::types::ProjectStage;
use opusclip::webhook::{self, Event, Rejection};
use serde_json::{Value, json};

use crate::auth::Secret;

pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("x-opus-signature");
pub(super) const SALT: HeaderName = HeaderName::from_static("x-opus-salt");
pub(super) const TIMESTAMP: HeaderName = HeaderName::from_static("x-opus-timestamp");

/// More than any message has.
pub(super) const LARGEST: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Message {
    /// As the service sends it.
    pub(super) fn signed(body: Bytes, secret: &Secret, now: SystemTime) -> Self {
        // A receiver refuses a salt that it has seen: 8 random bytes, as documented.
        let salt = format!("{:016x}", fastrand::u64(..));
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let signature = webhook::sign(secret.expose(), &salt, &body);
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        headers.insert(TIMESTAMP, seconds.into());
        // Both are hex digits, which every header takes.
        headers.extend([(SIGNATURE, signature), (SALT, salt)].into_iter().filter_map(|(name, text)| Some((name, text.try_into().ok()?))));
        Self { headers, body }
    }

    /// The body that is known to be sent: the payload is not documented, and this is the least that a receiver needs.
    pub(super) fn payload(project: &str, stage: &str, error: Option<&str>) -> Bytes {
        let mut body = json!({"projectId": project, "stage": stage});
        if let Some(error) = error {
            body["error"] = error.into();
        }
        body.to_string().into()
    }

    /// Checks and reads it. At any time: its age does not matter, nor whether it tells one.
    pub(super) fn check(&self, secret: &Secret, now: SystemTime, is_any_time: bool) -> Result<Event, Rejection> {
        if !is_any_time {
            return webhook::verify(&self.headers, &self.body, secret.expose(), now, &());
        }
        match self.sent_at() {
            Some(sent_at) => webhook::verify(&self.headers, &self.body, secret.expose(), sent_at, &()),
            None => {
                // The time is not signed.
                let mut headers = self.headers.clone();
                headers.insert(TIMESTAMP, now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().into());
                webhook::verify(&headers, &self.body, secret.expose(), now, &())
            }
        }
    }

    /// In seconds; in milliseconds where that would be thousands of years away, as the library takes it.
    fn sent_at(&self) -> Option<SystemTime> {
        let number: u64 = self.headers.get(TIMESTAMP)?.to_str().ok()?.trim().parse().ok()?;
        let since = if number > 1_000_000_000_000 { Duration::from_millis(number) } else { Duration::from_secs(number) };
        UNIX_EPOCH.checked_add(since)
    }
}

/// All that an event has as data; `via` where it was listened for.
pub(super) const OF_AN_EVENT: [&str; 7] = ["projectId", "stage", "error", "sentAt", "salt", "body", "via"];

/// An event as data: what the program prints, and what commands get.
pub(super) fn data(event: &Event) -> Value {
    let body = serde_json::from_slice(event.bytes()).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(event.bytes()).into_owned()));
    let mut sent_at = String::new();
    // The time is not signed, and may be one that has no such form.
    let is_time = write!(sent_at, "{}", humantime::format_rfc3339_seconds(event.sent_at())).is_ok();
    json!({
        "projectId": event.project_id().map(|id| id.to_string()),
        "stage": event.stage().map(|stage| stage.as_str().to_owned()),
        "error": event.error(),
        "sentAt": is_time.then_some(sent_at),
        "salt": event.salt(),
        "body": body,
    })
}

/// How a project has ended, where an event tells of an end: a webhook and a look at the project may tell the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    Success,
    Failure,
}

impl End {
    pub(super) fn of(event: &Event) -> Option<Self> {
        match event.stage() {
            Some(ProjectStage::Stalled) => Some(Self::Failure),
            _ if event.error().is_some() => Some(Self::Failure),
            Some(ProjectStage::Complete) => Some(Self::Success),
            // It may mean the same by another name; but twice is better than never.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_an_end_stands_for_another() {
        let end = |body: &'static str| {
            let secret = Secret::new("sk-test");
            let message = Message::signed(Bytes::from_static(body.as_bytes()), &secret, UNIX_EPOCH);
            End::of(&message.check(&secret, UNIX_EPOCH, false).unwrap())
        };
        assert_eq!(end(r#"{"stage":"COMPLETE"}"#), Some(End::Success));
        for failure in [r#"{"stage":"STALLED"}"#, r#"{"stage":"COMPLETE","error":"no speech"}"#, r#"{"data":{"error":"e"}}"#] {
            assert_eq!(end(failure), Some(End::Failure), "{failure}");
        }
        for unsure in [r#"{"stage":"RENDER"}"#, r#"{"status":"DONE"}"#, "{}", "no JSON"] {
            assert_eq!(end(unsure), None, "{unsure}");
        }
    }
}
