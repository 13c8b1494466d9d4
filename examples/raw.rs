//! What the typed client does not show: status, headers, bytes, and fields that no type has.
//!
//! `cargo run --example raw`. It talks to a sandbox of its own and needs no key.

#![allow(clippy::print_stdout, reason = "a program prints")]

use opusclip_sandbox::Sandbox;
use serde::Deserialize;

/// A type of one's own: the fields that one wants, in the form that one wants.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    #[serde(default)]
    duration_ms: f64,
    #[serde(flatten)]
    everything_else: serde_json::Map<String, serde_json::Value>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().start().await?;
    let client = sandbox.client();
    let project = client.create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A").await?;
    sandbox.advance(std::time::Duration::from_secs(3600));

    // Retries, pacing and errors are those of the typed call; the reply is as it came.
    let reply = client.raw("list_clips").with("q", "findByProjectId").with("projectId", &project.id).send().await?;
    println!("{} with {} bytes", reply.status(), reply.bytes().len());
    for (name, value) in reply.headers() {
        println!("  {name}: {value}");
    }

    for row in reply.json::<Vec<Row>>()? {
        println!("{}: {:.1} s, and {} more fields", row.id, row.duration_ms / 1000.0, row.everything_else.len());
    }
    Ok(())
}
