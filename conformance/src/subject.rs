//! What is under test: anything that can make a call from an operation id and JSON.

use std::future::Future;

use serde_json::{Map, Value};

/// One call that a subject is asked to make.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The operationId.
    pub operation: &'a str,
    /// Parameters by their name in the spec, and the request body under `body`.
    pub input: &'a Value,
    /// Where the API lives for this call: scheme, host, port and a path prefix, no trailing slash.
    pub base_url: &'a str,
}

/// How a call ended, in the subject's own words.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The response was decoded into the type named here; `value` is that type encoded again.
    Decoded {
        /// The client's name for the type, without module paths, as `List<Clip>`.
        type_name: String,
        /// The body as it was decoded, encoded again as JSON; null where there was none.
        value: Value,
        /// What the client read from elsewhere, as from headers: snapshot material.
        details: Map<String, Value>,
    },
    /// The call failed.
    Failed(Failure),
    /// The subject does not implement this operation. Never a pass.
    Unsupported,
    /// The subject itself broke down, so that nothing is known of the call.
    Broken {
        /// The check that this is a finding of, as `C421`.
        check: &'static str,
        /// What happened.
        message: String,
    },
}

/// The error that the subject reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failure {
    /// What kind of failure it was.
    pub class: FailureClass,
    /// The HTTP status, where the subject knows it.
    pub status: Option<u16>,
    /// The service's own error code or name.
    pub code: Option<String>,
    /// The service's own message.
    pub message: Option<String>,
    /// Everything else that the subject tells of the error (predicates, retry-after …): snapshot material.
    pub details: Map<String, Value>,
    /// The error as a user would see it printed.
    pub display: String,
    /// The error as a developer would see it printed.
    pub debug: String,
}

/// The kinds of failure that a fixture can expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The service answered with an error status.
    #[default]
    ApiError,
    /// The service answered with success, and the body could not be decoded.
    DecodeError,
    /// No complete answer arrived.
    TransportError,
    /// The client refused the input; nothing was sent.
    Rejected,
}

/// A client under test.
pub trait Subject: Sync {
    /// Makes one call and tells how it ended. Must not panic and must not retry.
    fn call(&self, call: Call<'_>) -> impl Future<Output = Outcome> + Send;
}
