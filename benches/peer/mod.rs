//! The peer: what one would write by hand with reqwest and serde for one operation, and a server that costs next to nothing.

mod clip;

pub(crate) use clip::Clip;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) async fn list_clips(http: &reqwest::Client, address: &str, project: &str) -> Vec<Clip> {
    let request = http
        .get(format!("{address}/api/exportable-clips"))
        .query(&[("q", "findByProjectId"), ("projectId", project)])
        .bearer_auth("sk-test_0123456789abcdef")
        .header("accept", "application/json")
        .timeout(std::time::Duration::from_secs(60));
    let response = request.send().await.expect("a reply").error_for_status().expect("success");
    response.json().await.expect("clips")
}

/// The documented clip, `count` times with its own id each.
pub(crate) fn page(count: usize) -> Vec<u8> {
    let text = include_str!("clip.json");
    let clips: Vec<String> = (0..count).map(|n| text.replace("CU67da38", &format!("CU{n:06x}"))).collect();
    format!("[{}]", clips.join(",")).into_bytes()
}

/// Answers every request with the same body, over connections that stay open.
pub(crate) async fn serve(body: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let reply: std::sync::Arc<[u8]> = [head.as_bytes(), body].concat().into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let reply = std::sync::Arc::clone(&reply);
            tokio::spawn(async move {
                let (mut buffer, mut length) = ([0; 8192], 0);
                while let Ok(read @ 1..) = stream.read(&mut buffer[length..]).await {
                    length += read;
                    if buffer[..length].ends_with(b"\r\n\r\n") {
                        length = 0;
                        if stream.write_all(&reply).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    format!("http://{address}")
}
