//! The raw call: any operation of the table, its reply as it came.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::operation::{OPERATIONS, Operation, Place};
use crate::transport::Answer;
use crate::types::check_segment;
use crate::{Client, Error};

impl Client {
    /// Starts a raw call of any API operation, for what the types do not show.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// let reply = client.raw("get_project").with("projectId", "P0000000demo").await?;
    /// println!("{} {}", reply.status(), reply.text());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It keeps the client's policies: authentication, retries and pacing. A reply with an error status is a reply, too.
    pub fn raw(&self, operation: &str) -> RawCall<'_> {
        RawCall { client: self, operation: operation.to_owned(), parameters: Vec::new(), body: None }
    }
}

/// A call of [`Client::raw`], sent by `.await`.
#[derive(Clone, Debug)]
#[must_use = "a call is sent when it is awaited"]
pub struct RawCall<'c> {
    client: &'c Client,
    operation: String,
    parameters: Vec<(String, String)>,
    body: Option<Result<Vec<u8>, String>>,
}

impl RawCall<'_> {
    /// Sets a parameter by its name in the spec, wherever it stands: path, query or header.
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.parameters.push((name.into(), value.to_string()));
        self
    }

    /// Sets the JSON body.
    pub fn with_json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).map_err(|error| error.to_string()));
        self
    }

    /// The request that would be sent, without what the client adds to it: key, organisation and user agent.
    ///
    /// ```
    /// # fn main() -> Result<(), opusclip::Error> {
    /// let client = opusclip::Client::new("sk-example")?;
    /// let request = client.raw("get_project").with("projectId", "P0000000demo").into_request()?;
    /// assert_eq!(request.url().as_str(), "https://api.opus.pro/api/clip-projects/P0000000demo");
    /// assert!(request.headers().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for an unknown operation or parameter, or a missing one.
    pub fn into_request(self) -> Result<Request, Error> {
        let operation = self.api_operation()?;
        self.request(operation)
    }

    fn api_operation(&self) -> Result<&'static Operation, Error> {
        Operation::find(&self.operation).filter(|operation| !operation.storage).ok_or_else(|| unknown(&self.operation))
    }

    /// Sends the call; the same as `.await` on it.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for an unknown operation or parameter, or a missing one; otherwise only when no reply came.
    pub async fn send(self) -> Result<RawReply, Error> {
        let client = self.client;
        let operation = self.api_operation()?;
        let asked = self.body.as_ref().and_then(|body| serde_json::from_slice(body.as_ref().ok()?).ok()).unwrap_or_default();
        let mut request = self.request(operation)?;
        let shared = client.shared();
        shared.prepare(&mut request, client.org());
        let exchange = shared.execute(&shared.http, request, operation).await;
        match exchange.ending {
            Ok(answer) => Ok(RawReply(answer)),
            Err(_) => Err(Error::from_exchange(operation, shared, exchange).with_asked(&asked, shared)),
        }
    }

    fn request(self, operation: &'static Operation) -> Result<Request, Error> {
        let invalid = |message: String| Error::input(operation, message);
        let known: Vec<&str> = operation.parameters.iter().map(|parameter| parameter.name).collect();
        if let Some((name, _)) = self.parameters.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(invalid(format!("unknown parameter `{name}`; expected one of {}", known.join(", "))));
        }
        let value_of = |name: &str| self.parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let mut path = operation.path.to_owned();
        let mut query = Vec::new();
        let mut headers = HeaderMap::new();
        for parameter in operation.parameters {
            let Some(value) = value_of(parameter.name) else {
                if parameter.required {
                    return Err(invalid(format!("the parameter `{}` is missing", parameter.name)));
                }
                continue;
            };
            match parameter.place {
                Place::Path => {
                    check_segment(operation, parameter.name, value)?;
                    path = path.replace(&format!("{{{}}}", parameter.name), &progenitor_client::encode_path(value));
                }
                Place::Query => query.push((parameter.name, value)),
                Place::Header => {
                    let name = HeaderName::try_from(parameter.name).map_err(|error| invalid(error.to_string()))?;
                    let value = HeaderValue::from_str(value)
                        .map_err(|_| invalid(format!("`{}` contains characters that a header cannot have", parameter.name)))?;
                    headers.insert(name, value);
                }
            }
        }
        let address = format!("{}{path}", self.client.shared().base_url.as_str().trim_end_matches('/'));
        let mut url = Url::parse(&address).map_err(|error| invalid(error.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let method = Method::try_from(operation.method).map_err(|error| invalid(error.to_string()))?;
        let mut request = Request::new(method, url);
        *request.headers_mut() = headers;
        match self.body {
            Some(Ok(body)) if operation.json_body => {
                request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                *request.body_mut() = Some(body.into());
            }
            Some(Ok(_)) => return Err(invalid("this operation takes no body".to_owned())),
            Some(Err(error)) => return Err(invalid(format!("the body cannot be encoded: {error}"))),
            None if operation.json_body => return Err(invalid("the JSON body is missing".to_owned())),
            None => {}
        }
        Ok(request)
    }
}

impl<'c> IntoFuture for RawCall<'c> {
    type Output = Result<RawReply, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'c>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// The error for an operation that the API does not have.
pub(crate) fn unknown(id: &str) -> Error {
    let known: Vec<&str> = OPERATIONS.iter().filter(|operation| !operation.storage).map(|operation| operation.id).collect();
    Error::input(None, format!("unknown operation `{id}`; expected one of {}", known.join(", ")))
}

/// A reply as it came: status, headers and bytes.
#[derive(Clone, Debug)]
pub struct RawReply(Answer);

impl RawReply {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    /// The first value of a header, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// All headers that are text, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.body
    }

    /// The body, owned and without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0.body
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0.body)
    }

    /// The body of a success; anything else is the error that a typed call would be.
    #[cfg(feature = "unstable")]
    pub(crate) fn decoded<T: DeserializeOwned>(&self, client: &Client, operation: &'static Operation) -> Result<T, Error> {
        let shared = client.shared();
        if !self.0.status.is_success() {
            return Err(Error::from_answer(operation, shared, &self.0));
        }
        let mut json = serde_json::Deserializer::from_slice(&self.0.body);
        serde_path_to_error::deserialize(&mut json)
            .map_err(|error| Error::decode(operation, shared, &self.0, &error.path().to_string(), &error.inner().to_string()))
    }

    /// The error for a success that does not say what it has to say.
    #[cfg(feature = "unstable")]
    pub(crate) fn unusable(&self, client: &Client, operation: &'static Operation, message: String) -> Error {
        Error::unusable(operation, client.shared(), &self.0, message)
    }

    /// The body, decoded into a type of yours.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] if the body is not JSON of this type; the message names the place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let mut json = serde_json::Deserializer::from_slice(&self.0.body);
        serde_path_to_error::deserialize(&mut json)
            .map_err(|error| Error::input(None, format!("the body does not fit the type: at `{}`: {}", error.path(), error.inner())))
    }
}
