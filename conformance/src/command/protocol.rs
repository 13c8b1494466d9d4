//! The lines that the harness and a client's program write to each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fixture::present;
use crate::subject::{Call, Failure, FailureClass, Outcome};

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;

/// One line, whoever writes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Line {
    /// The first line of the client's program.
    Greeting(Greeting),
    /// From the harness: one call.
    Request(Request),
    /// From the client's program, in a scenario: it pauses before it goes on with that call.
    Pause(Pause),
    /// From the harness: that pause is over.
    Resume(Resume),
    /// From the client's program: how that call ended.
    Answer(Answer),
}

/// The first line of the client's program.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Greeting {
    /// Who speaks.
    pub hello: Hello,
}

/// Who speaks, and how.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Version of the protocol; 1.
    #[schemars(extend("const" = 1))]
    pub protocol: u32,
    /// The client's name and version, for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How many processes of the program may run at once, each with one call at a time. Absent: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<usize>,
}

/// One call that the client's program is asked to make.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Number of the call; the answer has the same.
    pub id: u64,
    /// The operationId; in a scenario that asks for a workflow, its name.
    pub operation: String,
    /// Where the API lives for this call: scheme, host, port and a path prefix, no trailing slash.
    pub base_url: String,
    /// Parameters by their name in the spec.
    pub parameters: Map<String, Value>,
    /// The request body; absent where the fixture gives none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The API key to call with. It may stand in no answer.
    pub key: String,
    /// Only in a scenario: retries and pauses are wanted, and every pause is asked for with a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Setting>,
}

/// What a scenario adds to a call.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The time of day by the scenario's clock, in seconds since 1970-01-01T00:00:00Z.
    pub now: f64,
    /// The time limit to give each attempt, in real seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_timeout: Option<f64>,
    /// Whether `operation` is the name of a workflow.
    #[serde(default)]
    pub workflow: bool,
}

/// A pause between two attempts, by the scenario's clock.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The number of the call.
    pub id: u64,
    /// How long, in seconds.
    pub pause: f64,
}

/// A pause is over. No real time has passed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The number of the call.
    pub id: u64,
    /// The time of day by the scenario's clock, in seconds since 1970-01-01T00:00:00Z.
    pub now: f64,
}

/// How a call ended: exactly one of `decoded`, `failed` and `unsupported`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["decoded"]}, {"required": ["failed"]}, {"required": ["unsupported"]}]))]
pub struct Answer {
    /// The number of the call.
    pub id: u64,
    /// The response was decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded: Option<Decoded>,
    /// The call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// `true`: the client does not implement this operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = true))]
    pub unsupported: Option<bool>,
}

/// A response that was decoded.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decoded {
    /// The client's name for the type, as `BookPage`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What was decoded, encoded again; null where there is no body.
    pub value: Value,
    /// What the client read from elsewhere, as from headers.
    #[serde(default)]
    pub details: Map<String, Value>,
}

/// A call that failed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// What kind of failure it was.
    pub class: FailureClass,
    /// The HTTP status, where the client knows it.
    #[serde(default)]
    pub status: Option<u16>,
    /// The service's own error code or name.
    #[serde(default)]
    pub code: Option<String>,
    /// The service's own message, or the client's.
    #[serde(default)]
    pub message: Option<String>,
    /// Everything else that the client tells of the error.
    #[serde(default)]
    pub details: Map<String, Value>,
}

/// The JSON Schema of a line of the protocol.
#[must_use]
pub fn protocol_schema() -> Value {
    schemars::schema_for!(Line).to_value()
}

impl Request {
    pub(super) fn new(id: u64, call: &Call<'_>, key: &str) -> Self {
        let mut parameters = call.input.as_object().cloned().unwrap_or_default();
        let body = parameters.remove("body");
        let (operation, base_url, key) = (call.operation.into(), call.base_url.into(), key.into());
        Self { id, operation, base_url, parameters, body, key, scenario: None }
    }
}

impl Answer {
    /// The outcome that it tells, or what is wrong with it.
    pub(super) fn outcome(self) -> Result<Outcome, &'static str> {
        match (self.decoded, self.failed, self.unsupported) {
            (Some(Decoded { type_name, value, details }), None, None) => Ok(Outcome::Decoded { type_name, value, details }),
            (None, Some(Failed { class, status, code, message, details }), None) => {
                let display = message.clone().or_else(|| code.clone()).unwrap_or_default();
                Ok(Outcome::Failed(Failure { class, status, code, message, details, debug: display.clone(), display }))
            }
            (None, None, Some(true)) => Ok(Outcome::Unsupported),
            (None, None, _) => Err("an answer that is none of `decoded`, `failed` and `\"unsupported\": true`"),
            _ => Err("an answer that is more than one of `decoded`, `failed` and `unsupported`"),
        }
    }
}
