//! What several tests need.

use std::time::Duration;

use opusclip::types::{Clip, Project, UploadId};
use opusclip::{Client, ClipSource, RetryPolicy};
use opusclip_sandbox::{Sandbox, SandboxBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

/// As long as a project takes by default.
pub(crate) const WORK: Duration = Duration::from_secs(600);

/// Time stands still, and answers are checked against the spec.
pub(crate) fn still() -> SandboxBuilder {
    Sandbox::builder().with_speed(0.0).with_checked_replies()
}

/// A client that does not try again, so that each answer is seen.
pub(crate) fn once(sandbox: &Sandbox) -> Client {
    sandbox.client_builder().with_retry(RetryPolicy::never()).build().unwrap()
}

/// A complete project and its clips.
pub(crate) async fn complete(sandbox: &Sandbox) -> (Project, Vec<Clip>) {
    let client = once(sandbox);
    let project = client.create_project(VIDEO).await.unwrap();
    sandbox.advance(WORK);
    let clips = client.list_clips(ClipSource::Project(project.id.clone())).await.unwrap();
    (project, clips.into_items())
}

/// Uploads `bytes` in one piece.
pub(crate) async fn upload(client: &Client, bytes: Vec<u8>) -> UploadId {
    let link = client.create_upload_link().with_video(opusclip::types::UploadVideo::new("LocalUpload")).await.unwrap();
    let session = client.start_upload_session(&link.url).await.unwrap();
    client.send_upload_bytes(&session, bytes, None).await.unwrap();
    link.upload_id
}

/// Sends these bytes, and gives what comes back until the other side closes.
pub(crate) async fn raw(sandbox: &Sandbox, request: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(sandbox.address()).await?;
    // The other side may close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A request of a program that knows nothing of the typed client.
pub(crate) async fn http(sandbox: &Sandbox, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> reqwest::Response {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let url = if target.starts_with("http") { target.to_owned() } else { format!("{}{target}", sandbox.url()) };
    let mut request = reqwest::Client::new().request(method, url).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// The same with a key and JSON.
pub(crate) async fn json(sandbox: &Sandbox, method: &str, target: &str, body: &str) -> reqwest::Response {
    http(sandbox, method, target, &[("authorization", "Bearer sk-sandbox"), ("content-type", "application/json")], body).await
}

/// Waits for what another task does, some seconds at most; what it did not do the test finds missing.
pub(crate) async fn eventually(is_so: impl Fn() -> bool) {
    for _ in 0..5000 {
        if is_so() {
            return;
        }
        tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await.unwrap_err();
    }
}
