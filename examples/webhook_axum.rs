//! A receiver of webhooks with axum: verifies a message, answers at once, and ends the pause of a wait.
//!
//! `cargo run --example webhook_axum`. It starts a sandbox that sends to it, and needs no key.

#![allow(clippy::print_stdout, reason = "a program prints")]
#![allow(clippy::disallowed_methods, reason = "a program has the time of day from its system")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opusclip::types::{ConclusionAction, ProjectStage};
use opusclip::webhook::{self, MemoryGuard};
use opusclip::{Nudger, WaitOutcome};
use opusclip_sandbox::{KEY, Sandbox};

struct Receiver {
    /// Messages are signed with the API key.
    key: String,
    guard: MemoryGuard,
    nudger: std::sync::OnceLock<Nudger>,
}

/// The body has to be the bytes that came: JSON that was read and written again has another signature.
async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match webhook::verify(&headers, &body, &receiver.key, SystemTime::now(), &receiver.guard) {
        Ok(event) => {
            println!("webhook: project {:?} is {:?}", event.project_id(), event.stage());
            // What a message says is a hint: the wait reads the project itself.
            receiver.nudger.get().into_iter().for_each(Nudger::nudge);
            StatusCode::NO_CONTENT
        }
        Err(rejection) => {
            println!("refused: {rejection}");
            StatusCode::UNAUTHORIZED
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = Arc::new(Receiver { key: KEY.to_owned(), guard: MemoryGuard::new(), nudger: std::sync::OnceLock::new() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/hooks", post(receive)).with_state(Arc::clone(&receiver));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let sandbox = Sandbox::builder().with_stages([(ProjectStage::Render, Duration::from_secs(1))]).start().await?;
    let client = sandbox.client();
    let action = ConclusionAction::new("WEBHOOK").with_url(format!("http://{address}/hooks"));
    let project = client.create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A").with_conclusion_actions([action]).await?;
    let wait = client.wait(&project.id);
    receiver.nudger.get_or_init(|| wait.nudger());
    match wait.await? {
        WaitOutcome::Ready { clips, .. } => println!("{} clips, long before the next look was due", clips.len()),
        other => println!("{other:?}"),
    }
    Ok(())
}
