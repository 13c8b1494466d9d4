//! The reverse proxy: what comes in, whether it goes on, and what goes back.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::policy::Effect;
use super::store::Store;
use super::wire::{decoded, pairs};
use super::{Event, Policy, RecordError, RecordOptions};
use crate::exchange::{Body, Headers, Request, Response, header};
use crate::spec::{Operation, Spec, percent_decode};

/// The largest body that is passed on, and the largest that one may become once decoded.
const LARGEST: usize = 32 << 20;
/// How long the service may take for one answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Headers that speak of one connection, not of the message.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A recording that is under way; it ends when this is dropped.
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
    is_ending: watch::Sender<bool>,
}

struct Shared {
    spec: Arc<Spec>,
    upstream: Url,
    http: reqwest::Client,
    policy: Policy,
    spent: Mutex<u32>,
    store: Store,
    events: Mutex<Vec<Event>>,
    listener: Option<super::Listener>,
    /// The operations that were passed on and are not yet answered and recorded, by number.
    under_way: Mutex<BTreeMap<u64, String>>,
}

impl Recorder {
    /// Starts the proxy; see the [module](super) for an example.
    ///
    /// # Errors
    ///
    /// One line for an upstream that is no URL of a service, an address that is not on loopback or taken, a client that cannot be
    /// set up, a reviewed place of an unknown operation, and a folder that cannot be written into.
    pub async fn start(spec: Arc<Spec>, options: RecordOptions) -> Result<Self, RecordError> {
        let upstream = service_url(&options.upstream)?;
        if !options.listen.ip().is_loopback() {
            let message = format!("{}: a recording listens on loopback only, as 127.0.0.1:8080, since it passes keys on", options.listen);
            return Err(RecordError(message));
        }
        if let Some(entry) = options.keep.entries.iter().find(|entry| spec.operation(&entry.operation).is_none()) {
            return Err(RecordError(format!("a reviewed place is of `{}`, and the document has no such operation", entry.operation)));
        }
        let http = http_client(&upstream)?;
        try_out(&options.out)?;
        let fail = |error| RecordError(format!("{}: {error}", options.listen));
        let listener = TcpListener::bind(options.listen).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let shared = Arc::new(Shared {
            upstream,
            http,
            policy: options.policy,
            spent: Mutex::new(0),
            events: Mutex::default(),
            listener: options.listener.clone(),
            under_way: Mutex::default(),
            store: Store::new(&spec, options),
            spec,
        });
        let (is_ending, ending) = watch::channel(false);
        let server = tokio::spawn(serve(listener, Arc::clone(&shared), ending));
        Ok(Self { address, shared, server, is_ending })
    }

    /// Where a client finds the service now: the base URL to give it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has happened so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.shared.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The operations that were passed on and are not yet answered and recorded.
    #[must_use]
    pub fn under_way(&self) -> Vec<String> {
        self.shared.open().values().cloned().collect()
    }

    /// Takes no more calls, and waits for those that are under way. Dropping the future leaves them under way.
    pub async fn settle(&mut self) {
        self.is_ending.send_replace(true);
        // It ends by itself, or was ended by a panic of its own.
        let _ = (&mut self.server).await;
    }

    /// Ends the recording and tells what happened. Calls that are under way are broken off; [`settle`](Self::settle) waits for
    /// them.
    #[must_use]
    pub fn stop(self) -> Vec<Event> {
        let broken_off = std::mem::take(&mut *self.shared.open());
        self.server.abort();
        broken_off.into_values().for_each(|operation| self.shared.tell(broken_off_event(operation)));
        self.events()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The base URL of a service, without anything that belongs to a single request.
pub(crate) fn service_url(text: &str) -> Result<Url, RecordError> {
    let refuse =
        |what: &str| RecordError(format!("the URL of the service {what}; give it as https://api.example or https://api.example/v1"));
    let url = Url::parse(text).map_err(|_| refuse("cannot be read"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refuse("is none of http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("holds credentials, a query or a fragment, which do not belong there"));
    }
    if url.scheme() == "http" && !url.host_str().is_some_and(is_this_machine) {
        return Err(refuse("would send the key over a connection that anybody can read (http)"));
    }
    Ok(url)
}

/// Whether a host of a URL is this machine; names that only begin like it are somebody else's.
fn is_this_machine(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the document says that another server than this one answers the operation. The service stands for the servers of the
/// document, wherever it is; an address that cannot be read is nobody's to send a key to.
pub(crate) fn is_elsewhere(spec: &Spec, operation: &Operation, upstream: &Url) -> bool {
    let Some(own) = operation.server.as_ref().filter(|own| !spec.main_servers().contains(own)) else { return false };
    let base = |url: &Url| url.path().trim_end_matches('/').to_owned();
    !upstream.join(own).is_ok_and(|own| own.origin() == upstream.origin() && base(&own) == base(upstream))
}

/// Makes the folder and a file in it, which is gone at once: after a call that costs it would be too late.
fn try_out(folder: &Path) -> Result<(), RecordError> {
    let written = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    written.map(drop).map_err(|error| RecordError(format!("{}: fixtures cannot be written there: {error}", folder.display())))
}

/// A client that follows no redirect and adds nothing.
pub(crate) fn http_client(upstream: &Url) -> Result<reqwest::Client, RecordError> {
    let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    if upstream.scheme() == "http" {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| RecordError(format!("no HTTP client could be set up: {}", error.without_url())))
}

/// The URL of a path and a query below the service, or `None` where the path would lead out of it.
pub(crate) fn below(upstream: &Url, path: &str, query: Option<&str>) -> Option<Url> {
    let wanted = format!("{}{path}", upstream.path().trim_end_matches('/'));
    let mut url = upstream.clone();
    url.set_path(&wanted);
    url.set_query(query);
    let has_dots = path.split('/').any(|segment| matches!(&*percent_decode(segment), "." | ".."));
    (url.path() == wanted && !has_dots && !path.contains('\\')).then_some(url)
}

/// What went wrong with a request, without its URL.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "it took too long"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    what.to_owned()
}

/// Reads an answer, but not without end.
pub(crate) async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| reason(&error))? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err(format!("the answer is larger than {} MiB", LARGEST >> 20));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Headers as neutral data.
pub(crate) fn neutral(headers: &HeaderMap) -> Headers {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// An answer as it is judged: its content encodings taken off.
pub(crate) fn judged(status: u16, headers: &HeaderMap, bytes: &[u8]) -> Result<Response, &'static str> {
    let mut headers = neutral(headers);
    let body = decoded(bytes, header(&headers, "content-encoding").unwrap_or_default(), LARGEST)?;
    headers.retain(|(name, _)| name != "content-encoding" && name != "content-length");
    Ok(Response { status, headers, body: Body(body) })
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut ending: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ending.wait_for(|is_ending| *is_ending) => break,
        };
        match accepted {
            Ok((stream, _)) => drop(connections.spawn(connection(stream, Arc::clone(&shared), ending.clone()))),
            // Too many open files, mostly; they get fewer when connections end.
            Err(_) => tokio::task::yield_now().await,
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, mut ending: watch::Receiver<bool>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, std::convert::Infallible>(Box::pin(shared.respond(request)).await) }
    });
    let mut connection = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A client that left needs no telling.
        _ = connection.as_mut() => return,
        _ = ending.wait_for(|is_ending| *is_ending) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// One call that was passed on. Dropped before its end it was broken off, mostly since its client left.
struct UnderWay<'a> {
    shared: &'a Shared,
    number: u64,
}

impl UnderWay<'_> {
    fn end(self) {
        self.shared.open().remove(&self.number);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let broken_off = self.shared.open().remove(&self.number);
        broken_off.into_iter().for_each(|operation| self.shared.tell(broken_off_event(operation)));
    }
}

fn broken_off_event(operation: String) -> Event {
    let why = "the call was broken off, and the service may have taken it".to_owned();
    Event::NotRecorded { operation, why }
}

type Reply = hyper::Response<Full<Bytes>>;

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, operation: &Operation) -> UnderWay<'_> {
        let mut open = self.open();
        let number = open.last_key_value().map_or(0, |(number, _)| number + 1);
        open.insert(number, operation.id.clone());
        UnderWay { shared: self, number }
    }

    fn tell(&self, event: Event) {
        if let Some(listener) = &self.listener {
            listener(&event);
        }
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    fn refuse(&self, why: String) -> Reply {
        let reply = problem(403, "not passed on by the recording", &why);
        self.tell(Event::Refused(why));
        reply
    }

    async fn respond(&self, request: hyper::Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let (method, path) = (head.method.as_str(), head.uri.path());
        let Some(operation) = self.spec.operation_for(method, path) else {
            return self.refuse("a request that no operation of the document describes; correct the base URL of the client".into());
        };
        let Some(url) = below(&self.upstream, path, head.uri.query()) else {
            return self.refuse(format!("{}: a path with `.`, `..` or `\\` may lead elsewhere", operation.id));
        };
        if is_elsewhere(&self.spec, operation, &self.upstream) {
            return self.refuse(format!("{}: the document says that another server answers this", operation.id));
        }
        let Ok(body) = Limited::new(body, LARGEST).collect().await.map(http_body_util::Collected::to_bytes) else {
            return self.refuse(format!("{}: the body of the request broke off or is larger than {} MiB", operation.id, LARGEST >> 20));
        };
        if let Some(why) = self.spend(operation) {
            return self.refuse(why);
        }
        let under_way = self.begin(operation);
        let reply = self.pass_on(operation, &head, url, body).await;
        under_way.end();
        reply
    }

    async fn pass_on(&self, operation: &Operation, head: &hyper::http::request::Parts, url: Url, body: Bytes) -> Reply {
        let mut headers = passed_on(&head.headers);
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.remove(header::HOST);
        let sent = self.http.request(head.method.clone(), url).headers(headers).body(body.clone()).send().await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => return self.unanswered(operation, reason(&error)),
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = match read(answer).await {
            Ok(bytes) => bytes,
            Err(why) => return self.unanswered(operation, why),
        };
        let event = self.record(operation, head, &body, judged(status.as_u16(), &headers, &bytes));
        self.tell(event);
        let mut reply = hyper::Response::new(Full::new(Bytes::from(bytes)));
        *reply.status_mut() = status;
        *reply.headers_mut() = passed_on(&headers);
        reply
    }

    /// Takes one call from the budget, or says why the call is not made.
    fn spend(&self, operation: &Operation) -> Option<String> {
        let effect = Effect::of(&self.spec, operation);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = self.policy.refuse(effect, &operation.id, *spent);
        if refused.is_none() && !effect.is_none() {
            *spent += 1;
        }
        refused
    }

    fn unanswered(&self, operation: &Operation, why: String) -> Reply {
        let reply = problem(502, "the service did not answer", &why);
        self.tell(Event::Unanswered { operation: operation.id.clone(), why });
        reply
    }

    fn record(
        &self,
        operation: &Operation,
        head: &hyper::http::request::Parts,
        body: &[u8],
        response: Result<Response, &'static str>,
    ) -> Event {
        let refuse = |why: &str| Event::NotRecorded { operation: operation.id.clone(), why: why.to_owned() };
        let response = match response {
            Ok(response) => response,
            Err(why) => return refuse(&format!("/response: {why}")),
        };
        let mut headers = neutral(&head.headers);
        let body = match decoded(body, header(&headers, "content-encoding").unwrap_or_default(), LARGEST) {
            Ok(body) => body,
            Err(why) => return refuse(&format!("/request: {why}")),
        };
        headers.retain(|(name, _)| name != "content-encoding");
        let request = Request {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: pairs(head.uri.query().unwrap_or_default()),
            headers,
            body: Body(body),
        };
        self.store.keep(&self.spec, operation, &request, &response)
    }
}

/// The headers of a message without those of the connection.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut passed = headers.clone();
    let listed: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    for name in HOP_BY_HOP.into_iter().map(str::to_owned).chain(listed) {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            passed.remove(name);
        }
    }
    // Whoever sends counts anew.
    passed.remove(header::CONTENT_LENGTH);
    passed
}

fn problem(status: u16, title: &str, detail: &str) -> Reply {
    let body = json!({"title": title, "status": status, "detail": detail}).to_string();
    let mut reply = hyper::Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::BAD_GATEWAY);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    reply
}
