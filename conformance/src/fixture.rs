//! The fixture format: one interaction in one readable YAML file.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::{Body, Headers, Response};
use crate::subject::FailureClass;

/// One interaction with an API: the call, the request, the response and what must come of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// Version of this format; 1.
    #[schemars(extend("const" = 1))]
    pub fixture: u32,
    /// `<tag>/<operationId>/<case>`; equals the file's path below the fixtures folder, without `.yaml`.
    pub id: String,
    /// The operationId in the OpenAPI document.
    pub operation: String,
    /// One line: what this interaction shows.
    pub summary: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What a caller of the client gives: parameters by their name in the spec, the request body under `body`.
    #[serde(default)]
    pub call: BTreeMap<String, Value>,
    /// What goes over the wire. Absent when the client must refuse the call before sending anything.
    #[serde(default)]
    pub request: Option<RequestSpec>,
    /// What comes back. Absent when nothing is sent.
    #[serde(default)]
    pub response: Option<ResponseSpec>,
    /// What must come of it.
    pub expect: Expect,
}

/// Where an interaction comes from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// How much weight it carries.
    pub kind: ProvenanceKind,
    /// Document, page, issue or capture that it was taken from; for a synthetic one, the source of the fact.
    pub source: String,
    /// The fact that a synthetic interaction enacts. Required when `kind` is `synthetic`.
    #[serde(default)]
    pub fact: Option<String>,
    /// When it was recorded, ISO 8601 in UTC. Required when `kind` is `recorded`.
    #[serde(default)]
    pub at: Option<String>,
    /// Anything a reader must know.
    #[serde(default)]
    pub note: Option<String>,
    /// For a recorded one: the places whose values a person has looked at, so that they stand as they were. Everything else
    /// that the document does not show to be public is a placeholder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Exception>,
}

/// How much weight an interaction carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProvenanceKind {
    /// Values that the vendor's documentation prints.
    Documented,
    /// A capture of the live service.
    Recorded,
    /// Made up to enact a stated fact.
    Synthetic,
}

/// The request that the client must send.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestSpec {
    /// HTTP method, upper case.
    pub method: String,
    /// Percent-encoded path, without query.
    pub path: String,
    /// Query pairs, percent-decoded; compared without regard to order.
    #[serde(default)]
    pub query: Vec<(String, String)>,
    /// Headers that must be there with exactly this value; names in any case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers that must be there, with any value.
    #[serde(default)]
    pub require_headers: Vec<String>,
    /// Headers that must not be there.
    #[serde(default)]
    pub forbid_headers: Vec<String>,
    /// A JSON body, compared by value.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// A text body, compared byte by byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A body of bytes, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl RequestSpec {
    /// The body: what the one of `json`, `text` and `base64` that is given stands for.
    #[must_use]
    pub fn body(&self) -> Body {
        body(self.json.as_ref(), self.text.as_deref(), self.base64.as_deref())
    }

    /// The names of the headers that this request speaks of, in lower case, sorted and without repeats.
    #[must_use]
    pub fn named_headers(&self) -> BTreeSet<String> {
        self.headers.keys().chain(&self.require_headers).map(|name| name.to_ascii_lowercase()).collect()
    }
}

/// The response that the mock server gives.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseSpec {
    /// HTTP status code. Left out only where `fault` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers; names in any case. `content-type` has to be given for a response with a body.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A JSON body.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// A text body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A body of bytes, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// A transport fault in place of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

impl ResponseSpec {
    /// The body: what the one of `json`, `text` and `base64` that is given stands for.
    #[must_use]
    pub fn body(&self) -> Body {
        body(self.json.as_ref(), self.text.as_deref(), self.base64.as_deref())
    }

    /// The response as it goes over the wire, or `None` where a fault takes its place.
    #[must_use]
    pub fn to_response(&self) -> Option<Response> {
        let status = self.status.filter(|_| self.fault.is_none())?;
        Some(Response { status, headers: lower(&self.headers), body: self.body() })
    }
}

/// Header names in lower case, in order.
pub(crate) fn lower(headers: &BTreeMap<String, String>) -> Headers {
    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

/// The bytes of a body; broken Base64 gives none, which the lint F210 reports.
fn body(json: Option<&Value>, text: Option<&str>, base64: Option<&str>) -> Body {
    match (json, text, base64) {
        (Some(json), _, _) => Body::json(json),
        (_, Some(text), _) => Body(text.as_bytes().to_vec()),
        (_, _, Some(base64)) => Body(STANDARD.decode(base64).unwrap_or_default()),
        (None, None, None) => Body::default(),
    }
}

/// The JSON Schema of a fixture file, as it is published in `fixture.schema.json`.
#[must_use]
pub fn fixture_schema() -> Value {
    let mut schema = schemars::schema_for!(Fixture).to_value();
    require_what_is_written(&mut schema);
    schema
}

/// Turns "this or null" into "this": a key that is written has a value, and its errors name the place below it.
pub(crate) fn require_what_is_written(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let only = map.get("anyOf").and_then(Value::as_array).and_then(|branches| match branches.as_slice() {
                [branch, null] if null.get("type").is_some_and(|name| name == "null") => Some(branch.clone()),
                _ => None,
            });
            if let Some(Value::Object(branch)) = only {
                map.remove("anyOf");
                map.extend(branch);
            }
            map.values_mut().for_each(require_what_is_written);
        }
        Value::Array(list) => list.iter_mut().for_each(require_what_is_written),
        _ => {}
    }
}

/// `json: null` is a body (the JSON text `null`), an absent `json` is none.
pub(crate) fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A transport fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The connection closes before any byte of the response.
    Reset,
}

/// What must come of the call.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `ok`, or the class of failure.
    pub client: ClientExpectation,
    /// The type that the client decodes into, as `List<Clip>`. Required when `client` is `ok`.
    #[serde(default, rename = "type")]
    pub type_name: Option<String>,
    /// JSON pointer to the part of the response body that the decoded value stands for, as `/data/list` for a client
    /// that takes a list out of its envelope. Absent: the whole body. What lies outside of the part counts as lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Places where decoding and encoding again changes the body, each with its reason. Empty: nothing is lost or invented.
    #[serde(default)]
    pub lossy: Vec<Exception>,
    /// Places where the interaction departs from the spec, each with its reason. Empty: it is valid in a closed world.
    #[serde(default)]
    pub violates: Vec<Violates>,
}

/// `ok`, or the class of failure that the client must report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientExpectation {
    /// The response is decoded.
    Ok,
    /// As [`FailureClass::ApiError`].
    ApiError,
    /// As [`FailureClass::DecodeError`].
    DecodeError,
    /// As [`FailureClass::TransportError`].
    TransportError,
    /// As [`FailureClass::Rejected`].
    Rejected,
}

impl ClientExpectation {
    /// The failure class, or `None` for success.
    #[must_use]
    pub fn failure(self) -> Option<FailureClass> {
        match self {
            Self::Ok => None,
            Self::ApiError => Some(FailureClass::ApiError),
            Self::DecodeError => Some(FailureClass::DecodeError),
            Self::TransportError => Some(FailureClass::TransportError),
            Self::Rejected => Some(FailureClass::Rejected),
        }
    }
}

/// A place that is an exception, and the reason.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// JSON pointer: for `lossy` into the response body, for `kept` into the fixture, where `*` stands for any index or name.
    pub at: String,
    /// Why that is right.
    pub why: String,
}

/// A departure from the spec that is meant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Violates {
    /// Id of the check that must object, as `F302`.
    pub check: String,
    /// JSON pointer into the fixture, as `/response/json/0/stage`.
    pub at: String,
    /// Why the fixture departs from the spec on purpose.
    pub why: String,
}
