//! One POST to a receiver. Neither key nor secret is in it, nor in the client that sends it.

use std::time::Duration;

use reqwest::{StatusCode, Url};

use super::message::Message;
use crate::failure::{Code, Failure};

/// A receiver that needs longer is taken for one that failed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is shown.
const SHOWN: usize = 400;

/// Where to, and with what.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    pub(super) url: Url,
    http: reqwest::Client,
}

/// What a receiver said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

impl Receiver {
    pub(super) fn new(url: &Url) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
        let http = http.user_agent(concat!("opusclip-cli/", env!("CARGO_PKG_VERSION")));
        // What stays on this machine goes through no proxy.
        let http = if crate::settings::is_here(url) { http.no_proxy() } else { http };
        let http = http.build().map_err(|error| Failure::new(Code::General, format!("no HTTP client: {error}")))?;
        Ok(Self { url: url.clone(), http })
    }

    /// Sends it once; an error is a connection that failed.
    pub(super) async fn post(&self, message: &Message) -> Result<Answer, String> {
        let request = self.http.post(self.url.clone()).headers(message.headers.clone()).body(message.body.clone());
        let mut response = request.send().await.map_err(|error| why(&error))?;
        let status = response.status();
        let mut bytes = Vec::new();
        // What it says beside the status matters to people only.
        while let Ok(Some(chunk)) = response.chunk().await {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > SHOWN {
                break;
            }
        }
        bytes.truncate(SHOWN);
        Ok(Answer { status, text: String::from_utf8_lossy(&bytes).trim().to_owned() })
    }

    /// Its address without what may be secret in it.
    pub(super) fn name(&self) -> String {
        shown(&self.url)
    }
}

impl Answer {
    /// `answered 503 Service Unavailable: try later`.
    pub(super) fn told(&self) -> String {
        let line = self.text.lines().next().unwrap_or_default();
        let colon = if line.is_empty() { "" } else { ": " };
        format!("answered {}{colon}{line}", self.status)
    }
}

fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("did not answer in {} s", TIMEOUT.as_secs());
    }
    let mut source = std::error::Error::source(error);
    let mut last = None;
    while let Some(inner) = source {
        last = Some(inner.to_string());
        source = inner.source();
    }
    let what = if error.is_connect() { "cannot be reached" } else { "broke the connection" };
    last.map_or_else(|| what.to_owned(), |why| format!("{what} ({why})"))
}

/// An address for people: no password, no query.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Reads an address of a receiver.
pub(super) fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; expected an address like http://127.0.0.1:3000/hooks"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("`{other}:` is not http or https")),
    }
}
