//! The server: what is no genuine message is refused, and the rest is answered once it is handed on.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use opusclip::types::ProjectId;
use opusclip::webhook::{Event, Reason};
use opusclip::{Clock, Nudger};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use super::message::{LARGEST, Message};
use super::relay::{Handed, Inbox, Via};
use crate::auth::Secret;
use crate::output::Output;

/// Who needs longer for a request is cut off.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections at once: whoever finds the address can open some.
const CONNECTIONS: usize = 256;

/// What the server goes by.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) path: String,
    pub(super) secret: Secret,
    pub(super) is_any_time: bool,
    pub(super) inbox: Inbox,
    /// The waits that a message ends the pause of.
    pub(super) nudgers: HashMap<ProjectId, Nudger>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) output: Output,
}

/// Serves until it is told to end; what has been begun is answered first.
pub(super) async fn serve(listener: TcpListener, door: Arc<Door>, mut end: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, from) = tokio::select! {
            _ = &mut end => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Too many open files, mostly; they get fewer when connections end.
                Err(_) => {
                    door.clock.sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let door = Arc::clone(&door);
        let service = service_fn(move |request| {
            let door = Arc::clone(&door);
            async move { Ok::<_, Infallible>(door.answer(request, from).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A connection that breaks is the sender's to repeat.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = door.clock.sleep(PATIENCE) => {}
    }
}

/// Why a request is no message.
struct Refusal {
    status: StatusCode,
    why: String,
    /// What the user can do, which is nobody else's business.
    hint: &'static str,
}

impl Door {
    async fn answer(&self, request: Request<Incoming>, from: SocketAddr) -> Response<Full<Bytes>> {
        let what = format!("{} {} from {from}", request.method(), request.uri().path());
        let (status, text) = match self.receive(request).await {
            Ok(handed) => match handed {
                Handed::On => (StatusCode::OK, "handed on".to_owned()),
                // A sender that has missed the answer shall not go on.
                Handed::Before => (StatusCode::OK, "handed on before".to_owned()),
                // Why is nobody's business but the user's.
                Handed::Not(undelivered) => (undelivered.status, "not handed on; send it again later".to_owned()),
            },
            Err(Refusal { status, why, hint }) => {
                self.output.say(&format!("{what}: refused with {}: {why}{hint}", status.as_u16()));
                (status, why)
            }
        };
        let mut response = Response::new(Full::from(format!("{text}\n")));
        *response.status_mut() = status;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }

    async fn receive(&self, request: Request<Incoming>) -> Result<Handed, Refusal> {
        let refuse = |status, why: &str| Err(Refusal { status, why: why.to_owned(), hint: "" });
        if request.uri().path() != self.path {
            return refuse(StatusCode::NOT_FOUND, &format!("messages are taken at {}", self.path));
        }
        if request.method() != Method::POST {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "messages come by POST");
        }
        let (head, body) = request.into_parts();
        let collected = tokio::select! {
            collected = Limited::new(body, LARGEST).collect() => collected,
            () = self.clock.sleep(PATIENCE) => return refuse(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
        };
        let body = match collected {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("a message has {LARGEST} bytes at most"));
            }
            Err(_) => return refuse(StatusCode::BAD_REQUEST, "the body broke off"),
        };
        let message = Message { headers: head.headers, body };
        let event = message.check(&self.secret, self.clock.system_time(), self.is_any_time).map_err(|rejection| {
            let (status, hint) = match rejection.reason() {
                Reason::Header => (StatusCode::BAD_REQUEST, ""),
                Reason::Stale => (StatusCode::UNAUTHORIZED, "; `--any-time` takes it, as from a sandbox whose time goes fast"),
                _ => (StatusCode::UNAUTHORIZED, ""),
            };
            Refusal { status, why: rejection.to_string(), hint }
        })?;
        let handed = self.inbox.hand_on(message, event.clone(), Via::Webhook).await;
        self.nudge(&event);
        Ok(handed)
    }

    /// A wait for the same project has something to see.
    fn nudge(&self, event: &Event) {
        event.project_id().and_then(|project| self.nudgers.get(&project)).into_iter().for_each(Nudger::nudge);
    }
}
