//! What the body of a refusal says, in the forms that have been seen (facts 5.2).

use serde_json::Value;

use crate::types::Timestamp;

/// What an error body says, whichever of its families it is of (facts 5.2): JSON is never taken for granted.
#[derive(Default)]
pub(super) struct Described {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) reset_at: Option<Timestamp>,
}

impl Described {
    pub(super) fn read(body: &str) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(body) else {
            let text = body.trim();
            if text.starts_with('<') {
                // The storage's errors are XML; a page of HTML has neither element.
                let element =
                    |name: &str| Some(text.split_once(&format!("<{name}>"))?.1.split_once(&format!("</{name}>"))?.0.trim().to_owned());
                return Self { code: element("Code"), message: element("Message"), ..Self::default() };
            }
            return Self { message: (!text.is_empty()).then(|| text.to_owned()), ..Self::default() };
        };
        let text = |key: &str| match fields.get(key)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Array(items) if !items.is_empty() => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")),
            Value::Object(inner) => inner.get("message").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        let first = |keys: &[&str]| keys.iter().find_map(|key| text(key));
        Self {
            code: first(&["code", "errorName", "errorCode"]),
            message: first(&["errorMessage", "message", "error", "detail"]),
            reset_at: text("reset_at").map(Timestamp::from),
        }
    }
}
