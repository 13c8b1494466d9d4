//! A request as a command for a shell.

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::failure::Failure;

/// The command, word by word.
#[derive(Debug)]
pub(crate) struct Curl(Vec<String>);

impl Curl {
    pub(crate) fn new(method: &Method, url: &str) -> Result<Self, Failure> {
        // Brackets in it are no pattern.
        let globs = if url.contains(['[', ']', '{', '}']) { " --globoff" } else { "" };
        Ok(Self(vec![format!("curl --silent --show-error{globs} --request {method} {}", quoted(url)?)]))
    }

    /// The key stands in it as the name of its variable: in double quotes, for the shell puts the key in.
    pub(crate) fn with_key(mut self) -> Self {
        self.0.push("--header \"Authorization: Bearer $OPUSCLIP_API_KEY\"".to_owned());
        self
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Result<Self, Failure> {
        self.0.push(format!("--header {}", quoted(&format!("{name}: {value}"))?));
        Ok(self)
    }

    pub(crate) fn with_headers(self, headers: &HeaderMap) -> Result<Self, Failure> {
        headers.iter().try_fold(self, |curl, (name, value)| curl.with_header(name.as_str(), value.to_str().unwrap_or_default()))
    }

    /// A body, which is sent as it stands here.
    pub(crate) fn with_body(mut self, body: &str) -> Result<Self, Failure> {
        self.0.push(format!("--data-raw {}", quoted(body)?));
        Ok(self)
    }

    pub(crate) fn into_text(self) -> String {
        self.0.join(" \\\n  ")
    }
}

/// A text as a word of a shell.
fn quoted(text: &str) -> Result<String, Failure> {
    shlex::try_quote(text)
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| Failure::usage(format!("{text:?} cannot be given to a shell: {error}"), "leave the null byte out"))
}
