//! The scenario format: what a client does over several attempts, in one readable YAML file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fixture::{ClientExpectation, Provenance, RequestSpec, ResponseSpec, present, require_what_is_written};

/// What a client is asked to do, what it meets on the way, and what must come of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Version of this format; 1.
    #[schemars(extend("const" = 1))]
    pub scenario: u32,
    /// Equals the file's path below the folder of scenarios, without `.yaml`.
    pub id: String,
    /// One line: what this scenario shows.
    pub summary: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What the client is asked to do.
    #[serde(rename = "do")]
    pub task: TaskSpec,
    /// The attempts that the client must make, in order, and no others.
    pub steps: Vec<StepSpec>,
    /// What must come of it.
    pub expect: Expectation,
}

/// What the client is asked to do: exactly one of `operation`, `workflow` and `fixture`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// One operation, by its operationId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Something larger that the client can do, by the name that its subject knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The call of this fixture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixture: Option<String>,
    /// Parameters by their name in the spec and the request body under `body`, or what the workflow takes.
    #[serde(default)]
    pub input: BTreeMap<String, Value>,
    /// The time limit that the client is to give each attempt, in real seconds. For scenarios with the fault `silence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_timeout: Option<f64>,
}

/// One attempt: the request that must come, and what it gets.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// The request and the response of this fixture, as far as nothing here takes their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixture: Option<String>,
    /// The request that must come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestSpec>,
    /// The response that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseSpec>,
    /// A response of this status with nothing in it; short for `response: {status: …}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A header `retry-after` on the response: seconds, or a date as HTTP writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// What goes wrong, in place of the response or on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// How long the client must have paused before this attempt, in virtual seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Bounds>,
    /// How often this step comes in a row. Absent: once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<usize>,
}

/// What goes wrong with one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nobody listens: the connection cannot be made. Only before any other step, and not seen by the mock server.
    Refuse,
    /// The connection closes once the head of the request has arrived; its body is not read.
    Reset,
    /// The whole request arrives, and the connection closes without an answer.
    LoseReply,
    /// The head and half of the body of the answer arrive, and the connection closes.
    CutReply,
    /// The whole request arrives, and there is no answer for ever; the client has to give up by `attempt_timeout`.
    Silence,
}

/// At least and at most, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Not less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Not more than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

/// What must come of the whole.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// `ok`, or the class of failure.
    pub client: ClientExpectation,
    /// The type that the client decodes into.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// The value that it gives, encoded; compared whole.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The status that its error tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The code that its error tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it tells beyond that; keys that are not named here may be anything.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// The virtual time that all of it takes, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed: Option<Bounds>,
}

/// The JSON Schema of a scenario file, as it is published in `scenario.schema.json`.
#[must_use]
pub fn scenario_schema() -> Value {
    let mut schema = schemars::schema_for!(Scenario).to_value();
    require_what_is_written(&mut schema);
    schema
}

impl Bounds {
    /// What is wrong with a number of seconds, or nothing.
    pub(super) fn objection(self, seconds: f64) -> Option<String> {
        // A nanosecond is lost where decimal fractions become binary ones.
        let slack = 1e-6;
        let early = self.at_least.filter(|least| seconds < least - slack).map(|least| format!("at least {least} s"));
        let late = self.at_most.filter(|most| seconds > most + slack).map(|most| format!("at most {most} s"));
        early.or(late)
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    #[test]
    fn seconds_are_within_their_bounds_or_not() {
        for (at_least, at_most, seconds, objection) in [
            (None, None, 1.0, None),
            (Some(2.0), None, 2.0, None),
            (Some(2.0), None, 1.999_999_9, None),
            (Some(2.0), None, 1.9, Some("at least 2 s")),
            (None, Some(2.0), 2.0, None),
            (None, Some(2.0), 2.000_000_1, None),
            (None, Some(2.0), 2.1, Some("at most 2 s")),
            (Some(1.0), Some(2.0), 1.5, None),
            (Some(2.0), None, 2.0 - 1e-6, None),
            (None, Some(2.0), 2.0 + 1e-6, None),
        ] {
            let bounds = Bounds { at_least, at_most };
            assert_eq!(bounds.objection(seconds).as_deref(), objection, "{at_least:?} {at_most:?} {seconds}");
        }
    }
}
