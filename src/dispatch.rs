//! Any operation from its id and JSON: for programs that pick the operation at run time, and for the conformance harness.

use std::sync::{Arc, PoisonError};

use reqwest::Request;
use reqwest::header::AUTHORIZATION;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::operation::Operation;
use crate::types::OrgId;
use crate::{Client, Error};

/// What [`Client::dispatch`] returns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Dispatched {
    /// The type that the reply was decoded into, without module paths, as `List<Clip>`.
    pub type_name: String,
    /// That value, encoded again.
    pub value: Value,
}

impl Dispatched {
    pub(crate) fn of<T: Serialize>(reply: &T) -> Result<Self, Error> {
        let value =
            serde_json::to_value(reply).map_err(|error| Error::input(None, format!("the reply cannot be encoded again: {error}")))?;
        Ok(Self { type_name: short(std::any::type_name::<T>()), value })
    }
}

/// `opusclip::types::list::List<opusclip::api::types::Clip>` as `List<Clip>`.
fn short(type_name: &str) -> String {
    let mut out = String::new();
    let mut segment = String::new();
    for c in type_name.chars() {
        match c {
            ':' => segment.clear(),
            '<' | '>' | ',' | ' ' | '(' | ')' | '&' => {
                out.push_str(&std::mem::take(&mut segment));
                out.push(c);
            }
            _ => segment.push(c),
        }
    }
    out + &segment
}

impl Client {
    /// Runs any operation from its id and JSON input, through the same typed code as its method.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// let input = serde_json::json!({"q": "findByProjectId", "projectId": "P0000000demo"});
    /// let clips = client.dispatch("list_clips", &input).await?;
    /// assert_eq!(clips.type_name, "List<Clip>");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The input is an object: parameters by their name in the spec, the request body under `body`. Storage operations
    /// take the address under `url`, bytes under `body`.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for an unknown operation and for input that is missing, unknown or of the wrong type,
    /// before anything is sent; otherwise the errors of the operation.
    pub async fn dispatch(&self, operation: &str, input: &Value) -> Result<Dispatched, Error> {
        let operation = Operation::find(operation).ok_or_else(|| crate::raw::unknown(operation))?;
        let Value::Object(given) = input else {
            return Err(Error::input(operation, "the input must be a JSON object: parameters by name, the request body under `body`"));
        };
        let input = Input { operation, given, taken: Vec::new(), org: None };
        if operation.storage { crate::storage::dispatch(self, operation, input).await } else { api(self, operation, input).await }
    }

    /// The request that [`dispatch`](Self::dispatch) would send, for programs that show it. Nothing is sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), opusclip::Error> {
    /// let client = opusclip::Client::new("sk-example")?;
    /// let input = serde_json::json!({"projectId": "P0000000demo"});
    /// let request = client.dispatch_request("get_project", &input).await?;
    /// assert_eq!(request.url().as_str(), "https://api.opus.pro/api/clip-projects/P0000000demo");
    /// assert!(!request.headers().contains_key("authorization"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The API key is not in it.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] as for `dispatch`, and for a storage operation: its requests depend on what the storage says.
    pub async fn dispatch_request(&self, operation: &str, input: &Value) -> Result<Request, Error> {
        let known = Operation::find(operation).ok_or_else(|| crate::raw::unknown(operation))?;
        if known.storage {
            return Err(Error::input(known, "what a storage operation sends depends on what the storage says; it cannot be shown before"));
        }
        let held = Arc::default();
        let outcome = self.holding(&held).dispatch(operation, input).await;
        let request = held.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (request, outcome) {
            (Some(mut request), _) => {
                request.headers_mut().remove(AUTHORIZATION);
                Ok(request)
            }
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(Error::input(known, "it sends nothing")),
        }
    }
}

/// The input of one call, taken apart piece by piece.
pub(crate) struct Input<'a> {
    operation: &'static Operation,
    given: &'a Map<String, Value>,
    taken: Vec<&'static str>,
    org: Option<OrgId>,
}

impl Input<'_> {
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<Option<T>, Error> {
        self.taken.push(name);
        let Some(value) = self.given.get(name) else { return Ok(None) };
        serde_path_to_error::deserialize(value).map(Some).map_err(|error| {
            let place = if error.path().to_string() == "." { String::new() } else { format!(" at `{}`", error.path()) };
            self.fault(format!("`{name}` is wrong{place}: {}", error.inner()))
        })
    }

    pub(crate) fn required<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Error> {
        self.optional(name)?.ok_or_else(|| self.fault(format!("`{name}` is missing")))
    }

    /// A parameter that can only have one value; it may be left out.
    fn fixed(&mut self, name: &'static str, only: &'static str) -> Result<(), Error> {
        match self.optional::<String>(name)? {
            Some(other) if other != only => Err(self.not_one_of(name, &other, &[only])),
            _ => Ok(()),
        }
    }

    /// The request body. A field that the type does not have is an error here, where it would otherwise be lost.
    fn body<T: DeserializeOwned + Serialize>(&mut self) -> Result<T, Error> {
        let body: T = self.required("body")?;
        let sent = serde_json::to_value(&body).map_err(|error| self.fault(format!("`body` cannot be encoded: {error}")))?;
        let given = self.given.get("body").unwrap_or(&Value::Null);
        match lost(given, &sent, String::new()) {
            None => Ok(body),
            Some(place) => Err(self.fault(format!("`body` has `{place}`, which this operation does not know"))),
        }
    }

    /// The client to call with, once everything that was given has been taken.
    fn finish(mut self, client: &Client) -> Result<Client, Error> {
        self.org = self.optional("x-opus-org-id")?;
        self.close()?;
        self.org.map_or_else(|| Ok(client.clone()), |org| client.for_org(org))
    }

    /// Everything that was given has to be taken.
    pub(crate) fn close(&self) -> Result<(), Error> {
        match self.given.keys().find(|name| !self.taken.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(self.fault(format!("unknown input `{name}`; expected {}", self.taken.join(", ")))),
        }
    }

    fn not_one_of(&self, name: &str, found: &str, known: &[&str]) -> Error {
        self.fault(format!("`{name}` is `{found}`; expected {}", known.join(" or ")))
    }

    fn unknown_operation(&self) -> Error {
        crate::raw::unknown(self.operation.id)
    }

    fn fault(&self, message: String) -> Error {
        Error::input(self.operation, message)
    }
}

/// The first field of `given` that `sent` does not have. A field given as null may be left out.
fn lost(given: &Value, sent: &Value, place: String) -> Option<String> {
    match (given, sent) {
        (Value::Object(given), Value::Object(sent)) => given.iter().filter(|(_, value)| !value.is_null()).find_map(|(key, value)| {
            let place = format!("{place}/{key}");
            match sent.get(key) {
                Some(sent) => lost(value, sent, place),
                None => Some(place),
            }
        }),
        (Value::Array(given), Value::Array(sent)) => {
            given.iter().zip(sent).enumerate().find_map(|(index, (given, sent))| lost(given, sent, format!("{place}/{index}")))
        }
        _ => None,
    }
}

include!(concat!(env!("OUT_DIR"), "/dispatch.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_type_names() {
        assert_eq!(short("opusclip::types::list::List<opusclip::generated::types::Clip>"), "List<Clip>");
        assert_eq!(short("alloc::vec::Vec<(a::B, c::D)>"), "Vec<(B, D)>");
        assert_eq!(short("u64"), "u64");
    }

    #[test]
    fn finds_the_field_that_would_be_lost() {
        let given = serde_json::json!({"a": 1, "b": [{"c": 1, "d": 2}], "n": null});
        assert_eq!(lost(&given, &given, String::new()), None);
        assert_eq!(lost(&given, &serde_json::json!({"a": 1, "b": [{"c": 1}]}), String::new()), Some("/b/0/d".to_owned()));
    }
}
