//! Sockets: accepting, serving, breaking on demand.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::core::Core;
use crate::gate;

/// Who needs longer for the head of a request is cut off.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// One connection, as far as a fault can reach it.
#[derive(Clone)]
pub(crate) struct Connection {
    /// A second handle of the socket; `None` where the system gave none.
    socket: Option<Arc<socket2::Socket>>,
}

impl Connection {
    /// The other side shall see a reset once the connection is dropped.
    pub(crate) fn reset(&self) -> io::Error {
        if let Some(socket) = &self.socket {
            // Where this fails the other side sees an end instead, which is a broken connection too.
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
        io::Error::from(io::ErrorKind::ConnectionReset)
    }
}

/// Serves until it is dropped, and all connections with it.
pub(crate) async fn serve(listener: TcpListener, core: Arc<Core>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&core)));
            }
            // Too many open files, mostly; they get fewer when connections end.
            Err(_) => Clock::pause(Duration::from_millis(20)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, core: Arc<Core>) {
    // Small answers shall not wait for more.
    let _ = stream.set_nodelay(true);
    let connection = Connection { socket: socket2::SockRef::from(&stream).try_clone().ok().map(Arc::new) };
    let service = service_fn(|request| gate::respond(Arc::clone(&core), connection.clone(), request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).half_close(false).auto_date_header(false);
    // The other side left, or a fault struck: nobody is there to be told.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    /// Nothing more comes, and the connection stays open.
    Stall,
    /// The connection breaks.
    Break,
}

/// A body that goes out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    bytes: Bytes,
    end: End,
    /// Whether the length that is told is the true one.
    is_exact: bool,
    /// Whether what was sent before a break had its time to leave.
    is_flushed: bool,
}

impl Outgoing {
    pub(crate) fn new(bytes: Bytes, end: End, is_exact: bool) -> Self {
        Self { bytes, end, is_exact, is_flushed: false }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.bytes.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))));
        }
        match self.end {
            End::Done => Poll::Ready(None),
            End::Stall => Poll::Pending,
            // An error at once would take along what is still in hyper's buffer.
            End::Break if !self.is_flushed => {
                self.is_flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::Break => Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionReset)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && self.end == End::Done
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Done if self.is_exact => SizeHint::with_exact(self.bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
