//! A small HTTP server that can also fail in every way that a network can.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::{self, Either};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::exchange::{Body, Request, Response};
use crate::replay::OWN_HEADERS;

/// What a request gets.
pub(crate) enum Reply {
    Response(Response),
    /// The connection is closed before any byte of an answer.
    Nothing,
    /// The head and half of the body, and then the connection is closed.
    Half(Response),
    /// Nothing, for ever, on an open connection.
    Silence,
}

/// What stands behind the server.
pub(crate) trait Handler: Send + Sync + 'static {
    /// A head has arrived. The number of the request, and whether its body is to be read.
    fn begin(&self, head: Request) -> (usize, bool);

    /// The body of that request has arrived, if it was read.
    fn end(&self, number: usize, body: Body) -> Reply;
}

/// How long the last answers may take to go out.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves until it is closed or dropped. Every connection carries one request.
pub(crate) struct Server {
    task: JoinHandle<()>,
    stop: Arc<Notify>,
}

impl Server {
    /// Must be called on a runtime.
    pub(crate) fn start<H: Handler>(listener: TcpListener, handler: Arc<H>) -> Self {
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let accepted = std::pin::pin!(listener.accept());
                let stopped = std::pin::pin!(stopped.notified());
                let stream = match future::select(accepted, stopped).await {
                    Either::Left((Ok((stream, _)), _)) => stream,
                    Either::Left((Err(_), _)) | Either::Right(_) => break,
                };
                let handler = Arc::clone(&handler);
                let service = service_fn(move |request| serve(Arc::clone(&handler), request));
                let mut http = hyper::server::conn::http1::Builder::new();
                let connection = http.keep_alive(false).serve_connection(TokioIo::new(stream), service);
                // That a connection ends with an error is what faults are for.
                connections.spawn(async move { drop(connection.await) });
                while connections.try_join_next().is_some() {}
            }
            while connections.join_next().await.is_some() {}
        });
        Self { task, stop }
    }

    /// Takes no more connections, and lets the answers that are under way go out.
    pub(crate) async fn close(mut self) {
        self.stop.notify_one();
        // Whoever takes longer is cut off.
        let _ = tokio::time::timeout(PATIENCE, &mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Pieces = StreamBody<Pin<Box<dyn Stream<Item = io::Result<Frame<Bytes>>> + Send>>>;

async fn serve<H: Handler>(handler: Arc<H>, request: hyper::Request<Incoming>) -> io::Result<hyper::Response<Pieces>> {
    let (number, is_read) = handler.begin(head(&request));
    let mut body = Body::default();
    if is_read {
        // What a client breaks off is what arrived of it.
        if let Ok(collected) = request.into_body().collect().await {
            body = Body(collected.to_bytes().to_vec());
        }
    }
    match handler.end(number, body) {
        Reply::Response(response) => answer(response, false),
        Reply::Half(response) => answer(response, true),
        Reply::Nothing => Err(lost()),
        Reply::Silence => match std::future::pending::<Infallible>().await {},
    }
}

fn head(request: &hyper::Request<Incoming>) -> Request {
    let named = request.headers().iter().filter(|(name, _)| name.as_str() != "host");
    let headers = named.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let query = request.uri().query().unwrap_or_default();
    Request {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: pairs(query),
        headers: headers.collect(),
        body: Body::default(),
    }
}

/// The pairs of a query, decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    wiremock::http::Url::parse(&format!("http://x/?{query}"))
        .map(|url| url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
        .unwrap_or_default()
}

fn answer(response: Response, is_cut: bool) -> io::Result<hyper::Response<Pieces>> {
    let whole = Bytes::from(response.body.0);
    let length = whole.len();
    let mut builder = hyper::Response::builder().status(response.status);
    if !matches!(response.status, 204 | 304) {
        builder = builder.header("content-length", length);
    }
    for (name, value) in response.headers.iter().filter(|(name, _)| !OWN_HEADERS.contains(&name.as_str())) {
        builder = builder.header(name, value);
    }
    let pieces: Pin<Box<dyn Stream<Item = _> + Send>> = match is_cut {
        true => Box::pin(cut(whole.slice(..length / 2))),
        false if length == 0 => Box::pin(stream::empty()),
        false => Box::pin(stream::iter([Ok(Frame::data(whole))])),
    };
    builder.body(StreamBody::new(pieces)).map_err(io::Error::other)
}

/// A body that breaks off after this. What is not yet written goes out only while the body has nothing to give.
fn cut(half: Bytes) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    let mut half = Some(half);
    let mut is_written = false;
    stream::poll_fn(move |cx| {
        if let Some(half) = half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !is_written {
            is_written = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(lost())))
    })
}

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection is closed on purpose")
}
