//! One HTTP exchange, as neutral data: what a fixture states and what the mock server saw.

use std::borrow::Cow;

use serde_json::Value;

/// A body, kept as bytes so that nothing is assumed about its media type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(pub Vec<u8>);

impl Body {
    /// A body that holds `value` as compact JSON.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        Self(value.to_string().into_bytes())
    }

    /// Whether there is no body at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body as JSON, or why it is none.
    ///
    /// # Errors
    ///
    /// The parse error of `serde_json`, for a body that is not JSON.
    pub fn to_json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// Header names in lower case with their values, in the order in which they were given.
pub type Headers = Vec<(String, String)>;

/// The first value of a header; `name` in lower case.
#[must_use]
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A request as it goes over the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Upper case, as `GET`.
    pub method: String,
    /// Percent-encoded path without the query and without the mock server's prefix.
    pub path: String,
    /// Query pairs, percent-decoded, in order.
    pub query: Vec<(String, String)>,
    /// Headers, names in lower case.
    pub headers: Headers,
    /// The bytes of the body.
    pub body: Body,
}

/// A response as it comes over the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Headers,
    /// The bytes of the body.
    pub body: Body,
}
