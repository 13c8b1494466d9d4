//! A receiver of webhooks with nothing but hyper.
//!
//! `cargo run --example webhook_hyper`. It starts a sandbox that sends to it, and needs no key.

#![allow(clippy::print_stdout, reason = "a program prints")]
#![allow(clippy::disallowed_methods, reason = "a program has the time of day from its system")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opusclip::types::{ConclusionAction, ProjectStage};
use opusclip::webhook::{self, MemoryGuard};
use opusclip_sandbox::{KEY, Sandbox};
use tokio::sync::mpsc;

/// Whoever finds the address can send; nobody needs more than this.
const LARGEST_BODY: usize = 1 << 20;

async fn receive(request: Request<Incoming>, guard: &MemoryGuard, events: &mpsc::UnboundedSender<webhook::Event>) -> StatusCode {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else { return StatusCode::PAYLOAD_TOO_LARGE };
    match webhook::verify(&head.headers, &body.to_bytes(), KEY, SystemTime::now(), guard) {
        // The work is done elsewhere: a sender that has to wait sends again.
        Ok(event) => match events.send(event) {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        },
        Err(rejection) => {
            println!("refused: {rejection}");
            StatusCode::UNAUTHORIZED
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, events: mpsc::UnboundedSender<webhook::Event>) {
    let guard = Arc::new(MemoryGuard::new());
    while let Ok((stream, _)) = listener.accept().await {
        let (guard, events) = (Arc::clone(&guard), events.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| async {
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = receive(request, &guard, &events).await;
                Ok::<_, Infallible>(response)
            });
            // A connection that breaks is the sender's to repeat.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (sender, mut events) = mpsc::unbounded_channel();
    tokio::spawn(serve(listener, sender));

    let sandbox = Sandbox::builder().with_stages([(ProjectStage::Render, Duration::from_secs(1))]).start().await?;
    let client = sandbox.client();
    let action = ConclusionAction::new("WEBHOOK").with_url(format!("http://{address}/"));
    client.create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A").with_conclusion_actions([action]).await?;
    let event = events.recv().await.ok_or("the receiver has ended")?;
    println!("project {:?} is {:?}; as it came:", event.project_id(), event.stage());
    println!("{}", String::from_utf8_lossy(event.bytes()));
    Ok(())
}
