//! The client and how it is set up.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use progenitor_client::ResponseValue;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Serialize;
use serde_json::Value;

use crate::operation::Operation;
use crate::transport::{CallState, Clock, Key, Pacer, RetryPolicy, Scope, Shared, SystemClock};
use crate::types::{OrgId, Reply};
use crate::{Error, api};

const BASE_URL: &str = "https://api.opus.pro";

/// A client of the OpusClip API.
///
/// ```no_run
/// # async fn example() -> Result<(), opusclip::Error> {
/// let client = opusclip::Client::from_env()?;
/// for clip in client.list_clips(opusclip::ClipSource::Project("P0000000demo".into())).await? {
///     println!("{} {:?}", clip.id, clip.title);
/// }
/// # Ok(())
/// # }
/// ```
///
/// It has one method for each operation: required arguments are the method's, options are `with_x` on what it returns, and
/// `.await` sends it. Clones are cheap and share connections, pacing and settings.
#[derive(Clone)]
pub struct Client {
    api: api::Client,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("shared", &self.api.inner.shared).field("org", &self.api.inner.org).finish()
    }
}

impl Client {
    /// A client with this API key and the defaults.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for a key that is empty or cannot stand in a header.
    pub fn new(key: impl Into<String>) -> Result<Self, Error> {
        Self::builder(key).build()
    }

    /// A client set up from the environment: `OPUSCLIP_API_KEY`, and if they are set `OPUSCLIP_ORG_ID` and
    /// `OPUSCLIP_BASE_URL`, or where that is not set `OPUSCLIP_API_URL`, which ends in `/api`.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] if the key is missing or a value is wrong; it names the variable.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Starts the set-up of a client.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let client = opusclip::Client::builder("sk-test_0123")
    ///     .with_org("org_Example00000001")
    ///     .with_timeout(Duration::from_secs(20))
    ///     .with_retry(opusclip::RetryPolicy::never())
    ///     .build()?;
    /// # Ok::<(), opusclip::Error>(())
    /// ```
    pub fn builder(key: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(key.into())
    }

    /// The same client for another organisation of the account.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for an id that cannot stand in a header.
    pub fn for_org(&self, org: impl Into<OrgId>) -> Result<Self, Error> {
        let mut client = self.clone();
        client.api.inner.org = Some(org_header(&org.into())?);
        Ok(client)
    }

    /// The generated client under this one, with the same policies; see [`opusclip::api`](crate::api).
    #[must_use]
    pub fn api(&self) -> &api::Client {
        &self.api
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.api.inner.shared
    }

    pub(crate) fn org(&self) -> Option<&HeaderValue> {
        self.api.inner.org.as_ref()
    }

    /// A client that puts its request here and sends none.
    pub(crate) fn holding(&self, held: &Arc<Mutex<Option<reqwest::Request>>>) -> Self {
        let mut client = self.clone();
        client.api.inner.shared = Arc::new(Shared { held: Some(Arc::clone(held)), ..Shared::clone(self.shared()) });
        client
    }

    /// Starts one call of the generated client.
    pub(crate) fn begin<T: Reply>(&self, operation: &'static Operation) -> Pending<T> {
        let state = Arc::new(CallState { operation: Some(operation), accepts_empty: T::ACCEPTS_EMPTY, ..CallState::default() });
        let mut api = self.api.clone();
        api.inner.call = Some(Arc::clone(&state));
        Pending { api, operation, state, asked: Value::Null, reply: PhantomData }
    }
}

/// A call of the generated client that is under way.
pub(crate) struct Pending<T> {
    pub(crate) api: api::Client,
    operation: &'static Operation,
    state: Arc<CallState>,
    asked: Value,
    reply: PhantomData<T>,
}

impl<T: Reply> Pending<T> {
    /// Remembers what is asked, for the case that the reply is lost.
    pub(crate) fn asking(mut self, body: &impl Serialize) -> Self {
        self.asked = serde_json::to_value(body).unwrap_or_default();
        self
    }

    /// Turns what the generated client says into the reply or into the one error of this crate.
    pub(crate) fn finish(self, answer: Result<ResponseValue<T>, progenitor_client::Error>) -> Result<T, Error> {
        let error = match answer {
            Ok(value) => return Ok(value.into_inner()),
            Err(error) => error,
        };
        let shared = &self.api.inner.shared;
        let exchange = self.state.exchange.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(exchange) = exchange else { return Err(Error::input(self.operation, format!("the request could not be built: {error}"))) };
        let may_be_done = exchange.is_repeated && self.operation.method == "DELETE";
        let error = match &exchange.ending {
            Ok(answer) if answer.status.is_success() => {
                let mut json = serde_json::Deserializer::from_slice(&answer.body);
                let (path, problem) = match serde_path_to_error::deserialize::<_, T>(&mut json) {
                    Ok(_) => (".".to_owned(), error.to_string()),
                    Err(error) => (error.path().to_string(), error.into_inner().to_string()),
                };
                Error::decode(self.operation, shared, answer, &path, &problem).with_attempts(exchange.attempts, exchange.elapsed)
            }
            _ => Error::from_exchange(self.operation, shared, exchange),
        };
        // What an attempt before has deleted is not found by the next one.
        if may_be_done
            && error.is_not_found()
            && T::ACCEPTS_EMPTY
            && let Ok(done) = serde_json::from_slice(b"null")
        {
            return Ok(done);
        }
        Err(error.with_asked(&self.asked, shared))
    }
}

/// Sets up a [`Client`].
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    key: String,
    org: Option<OrgId>,
    base_url: String,
    timeout: Duration,
    connect_timeout: Duration,
    retry: RetryPolicy,
    pacing: bool,
    user_agent: Option<String>,
    http: Option<reqwest::Client>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { org, base_url, timeout, retry, pacing, .. } = self;
        f.debug_struct("ClientBuilder")
            .field("key", &"[redacted]")
            .field("org", org)
            .field("base_url", base_url)
            .field("timeout", timeout)
            .field("retry", retry)
            .field("pacing", pacing)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    fn new(key: String) -> Self {
        Self {
            key,
            org: None,
            base_url: BASE_URL.to_owned(),
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            pacing: true,
            user_agent: None,
            http: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Starts from the environment; see [`Client::from_env`].
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] if `OPUSCLIP_API_KEY` is not set.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let key = set("OPUSCLIP_API_KEY").ok_or_else(|| {
            Error::input(None, "OPUSCLIP_API_KEY is not set; make a key at <https://clip.opus.pro/dashboard> and put it there")
        })?;
        let mut builder = Self::new(key);
        if let Some(org) = set("OPUSCLIP_ORG_ID") {
            builder = builder.with_org(org.trim());
        }
        // An empty address must not fall back to production, where calls are billed.
        let address = |name: &str| match variable(name) {
            Some(url) if url.trim().is_empty() => Err(Error::input(None, format!("{name} is empty; unset it for {BASE_URL}"))),
            url => Ok(url.map(|url| url.trim().trim_end_matches('/').to_owned())),
        };
        if let Some(url) = address("OPUSCLIP_BASE_URL")? {
            builder = builder.with_base_url(url);
        } else if let Some(url) = address("OPUSCLIP_API_URL")? {
            let wrong = || {
                Error::input(
                    None,
                    format!("OPUSCLIP_API_URL is {url:?}; expected an address that ends in `/api`, or set OPUSCLIP_BASE_URL"),
                )
            };
            builder = builder.with_base_url(url.strip_suffix("/api").ok_or_else(wrong)?);
        }
        Ok(builder)
    }

    /// Sets the organisation, for an account that belongs to several. Default: none is sent.
    pub fn with_org(mut self, org: impl Into<OrgId>) -> Self {
        self.org = Some(org.into());
        self
    }

    /// Sets where the API lives. Default: `https://api.opus.pro`. Plain `http` is for loopback addresses only.
    pub fn with_base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets how long one attempt may take, from connecting to the last byte of the reply. Default: 60 seconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long connecting may take. Default: 10 seconds. Has no effect on a client of your own.
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how often and how long a request is tried. Default: [`RetryPolicy::default`].
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets whether requests wait so that the documented rate limits are kept, by all clients of this process that use
    /// the same key. Default: on.
    pub fn with_pacing(mut self, pacing: bool) -> Self {
        self.pacing = pacing;
        self
    }

    /// Adds the name of your program to the user agent.
    pub fn with_user_agent(mut self, suffix: impl Into<String>) -> Self {
        self.user_agent = Some(suffix.into());
        self
    }

    /// Uses a client of your own, for proxies, certificates or a shared connection pool. It must not follow redirects
    /// (`redirect::Policy::none()`): a call that was redirected is an error.
    pub fn with_http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Replaces time, sleep and randomness, for tests.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the client. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for a key, organisation, base URL or user agent that cannot be used; it says which.
    pub fn build(self) -> Result<Client, Error> {
        let invalid = |message: String| Error::input(None, message);
        let key = bare_key(&self.key);
        if key.is_empty() {
            return Err(invalid("the API key is empty; make one at <https://clip.opus.pro/dashboard>".to_owned()));
        }
        let key = Key::new(key).ok_or_else(|| {
            invalid("the API key contains characters that no key has; copy it again from <https://clip.opus.pro/dashboard>".to_owned())
        })?;
        let base_url = base_url(&self.base_url).map_err(invalid)?;
        let suffix = self.user_agent.map(|suffix| format!(" {}", suffix.trim())).unwrap_or_default();
        let user_agent = HeaderValue::from_str(&format!("opusclip-rust/{}{suffix}", env!("CARGO_PKG_VERSION")))
            .map_err(|_| invalid(format!("the user agent `{}` contains characters that a header cannot have", suffix.trim())))?;
        let org = self.org.as_ref().map(org_header).transpose()?;
        let http = match self.http {
            Some(http) => http,
            None => direct(patient(crate::tls::client()), &base_url)
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(self.connect_timeout)
                // Calls are small and few, and an upload is one stream, which HTTP/2 flow control would only slow down.
                .http1_only()
                .build()
                .map_err(|error| invalid(format!("the HTTP client could not be built: {error}")))?,
        };
        let address = base_url.as_str().trim_end_matches('/').to_owned();
        let pacer = self.pacing.then(|| Pacer::shared(&address, key.secret().as_bytes()));
        let shared = Shared {
            held: None,
            http: http.clone(),
            base_url,
            key,
            user_agent,
            timeout: self.timeout,
            retry: self.retry,
            pacer,
            clock: self.clock,
        };
        let scope = Scope { shared: Arc::new(shared), org, call: None };
        Ok(Client { api: api::Client::new_with_client(&address, http, scope) })
    }
}

/// What is sent and not acknowledged for half a minute goes to a peer that is not there any more.
fn patient(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let builder = builder.tcp_user_timeout(Duration::from_secs(30));
    builder
}

/// What is not encrypted stays on this machine: a proxy that the environment names would see the key.
fn direct(builder: reqwest::ClientBuilder, base_url: &Url) -> reqwest::ClientBuilder {
    if base_url.scheme() == "http" { builder.no_proxy() } else { builder }
}

/// The key alone, also when it was pasted with the scheme before it (C2).
fn bare_key(key: &str) -> &str {
    let key = key.trim();
    match key.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer ") => rest.trim(),
        None if key.eq_ignore_ascii_case("bearer") => "",
        _ => key,
    }
}

fn org_header(org: &OrgId) -> Result<HeaderValue, Error> {
    let header = HeaderValue::from_str(org.as_str()).ok().filter(|header| !header.is_empty());
    header.ok_or_else(|| {
        Error::input(
            None,
            format!("the organisation id {:?} cannot stand in a header; expected one like `org_Example00000001`", org.as_str()),
        )
    })
}

/// Checks that the key would travel safely.
fn base_url(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text.trim()).map_err(|error| format!("the base URL {text:?} is not a URL ({error}); expected one like {BASE_URL}"))?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "the base URL of {:?} has a query, a fragment or credentials; expected one like {BASE_URL}",
            url.host_str().unwrap_or_default()
        ));
    }
    if url.path().trim_end_matches('/').ends_with("/api") {
        return Err(format!("the base URL {url} ends in `/api`, which every path of the API begins with; leave it out"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(format!("the base URL {url} would send the API key unencrypted; use https, or a loopback address")),
        scheme => Err(format!("the base URL has the scheme `{scheme}`; expected https")),
    }
}

/// Whether a URL points to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_environment() {
        let set = |pairs: &'static [(&str, &str)]| {
            ClientBuilder::from_variables(move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        let missing = set(&[]).unwrap_err();
        assert!(missing.is_invalid_input() && missing.to_string().contains("OPUSCLIP_API_KEY"), "{missing}");
        assert!(set(&[("OPUSCLIP_API_KEY", "  ")]).is_err());
        let builder =
            set(&[("OPUSCLIP_API_KEY", "sk-test"), ("OPUSCLIP_ORG_ID", "org_1"), ("OPUSCLIP_API_URL", "https://x.example/api/")]).unwrap();
        assert_eq!((builder.base_url.as_str(), builder.org), ("https://x.example", Some(OrgId::from("org_1"))));
        let both = set(&[
            ("OPUSCLIP_API_KEY", "sk-test"),
            ("OPUSCLIP_BASE_URL", "http://127.0.0.1:9"),
            ("OPUSCLIP_API_URL", "https://x.example/api"),
        ])
        .unwrap();
        assert_eq!(both.base_url, "http://127.0.0.1:9");
        let named = |pairs, name: &str| set(pairs).unwrap_err().to_string().contains(name);
        assert!(named(&[("OPUSCLIP_API_KEY", "sk-test"), ("OPUSCLIP_BASE_URL", " ")], "OPUSCLIP_BASE_URL is empty"));
        assert!(named(&[("OPUSCLIP_API_KEY", "sk-test"), ("OPUSCLIP_API_URL", "https://x.example")], "ends in `/api`"));
    }

    #[test]
    fn refuses_a_base_url_that_would_leak_the_key() {
        for bad in [
            "http://api.opus.pro",
            "ftp://api.opus.pro",
            "api.opus.pro",
            "https://user:pw@api.opus.pro",
            "https://api.opus.pro/?x=1",
            "http://127.0.0.1.example.com",
            "https://api.opus.pro/api",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
        for good in ["https://api.opus.pro/", "http://127.0.0.1:8080/prefix", "http://localhost:1", "http://[::1]:1"] {
            assert!(base_url(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn takes_the_scheme_off_a_pasted_key() {
        assert_eq!(bare_key(" Bearer sk-test "), "sk-test");
        assert_eq!(bare_key("bearer  sk-test"), "sk-test");
        assert_eq!(bare_key("sk-test"), "sk-test");
        assert_eq!(bare_key("é"), "é");
    }
}
