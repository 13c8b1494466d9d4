//! Answers, among them every error body that the facts know of.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use opusclip::types::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// An answer before it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Payload,
}

#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Json(Value),
    Raw { content_type: &'static str, bytes: Bytes },
    Empty,
}

impl Payload {
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Json(_) => Some("application/json; charset=utf-8"),
            Self::Raw { content_type, .. } => Some(content_type),
            Self::Empty => None,
        }
    }

    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Json(value) => value.to_string().into(),
            Self::Raw { bytes, .. } => bytes.clone(),
            Self::Empty => Bytes::new(),
        }
    }
}

impl Reply {
    pub(crate) fn new(status: u16, body: Payload) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// A success with a value of the generated types.
    pub(crate) fn of<T: Serialize>(status: u16, value: &T) -> Self {
        Self::new(status, Payload::Json(json!(value)))
    }

    /// The same, under `data`.
    pub(crate) fn data<T: Serialize>(status: u16, value: &T) -> Self {
        Self::new(status, Payload::Json(json!({"data": value})))
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::new(status, Payload::Raw { content_type: "text/plain", bytes: text.to_owned().into() })
    }

    pub(crate) fn html(status: u16) -> Self {
        let page = format!("<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>\n");
        Self::new(status, Payload::Raw { content_type: "text/html", bytes: page.into() })
    }

    /// The error body of the storage.
    pub(crate) fn xml(status: u16, code: &str, message: &str) -> Self {
        let body = format!("<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::new(status, Payload::Raw { content_type: "application/xml", bytes: body.into() })
    }

    /// The error body of the service.
    pub(crate) fn service(status: u16, name: &str, message: impl Into<String>) -> Self {
        Self::new(status, Payload::Json(json!({"errorName": name, "errorMessage": message.into()})))
    }

    /// The error body of its web framework.
    pub(crate) fn framework(status: u16, message: impl Into<Value>) -> Self {
        let error = hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
        Self::new(status, Payload::Json(json!({"statusCode": status, "message": message.into(), "error": error})))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::text(401, "Unauthorized")
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::service(404, "NotFound", format!("{what} {id} not found"))
    }

    pub(crate) fn monthly_cap(reset: SystemTime) -> Self {
        let body = json!({
            "code": "API_MONTHLY_CAP_REACHED",
            "reset_at": Timestamp::from(reset),
            "upgrade_url": "https://www.opus.pro/contact-api",
        });
        Self::new(403, Payload::Json(body))
    }

    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let body = json!({"message": "api rate limit exceeded"});
        // Rounded up: who comes back after that long is let through.
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        Self::new(429, Payload::Json(body)).with_header("retry-after", seconds.to_string())
    }

    pub(crate) fn daily_cap(operation: &str, limit: usize) -> Self {
        Self::new(
            429,
            Payload::Json(json!({"operation": operation, "limit": limit, "window": "DAY", "message": "api rate limit exceeded"})),
        )
    }

    pub(crate) fn concurrent(limit: usize) -> Self {
        let body = json!({"message": format!("{limit} projects are in work at once")});
        Self::new(429, Payload::Json(body)).with_header("x-cap-reason", "concurrent")
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
