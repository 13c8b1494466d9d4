//! The peer: what one would write by hand with reqwest and serde for one operation, and a server that costs next to nothing.

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The documented fields of a clip, by hand.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
pub(crate) struct Clip {
    id: String,
    project_id: Option<String>,
    run_id: Option<String>,
    curation_id: Option<String>,
    org_id: Option<String>,
    user_id: Option<String>,
    uri_for_preview: Option<String>,
    uri_for_export: Option<String>,
    storage_used: Option<i64>,
    duration_ms: Option<i64>,
    time_ranges: Option<Vec<(f64, f64)>>,
    keywords: Option<Vec<String>>,
    prompt_name: Option<String>,
    title: Option<String>,
    description: Option<String>,
    hashtags: Option<String>,
    text: Option<String>,
    genre: Option<String>,
    subgenre: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    clip_copilot_task_id: Option<String>,
    product_tier: Option<String>,
    render_pref: Option<RenderPreferences>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct RenderPreferences {
    enable_auto_layout: Option<bool>,
    enable_screen_layout: Option<bool>,
    enable_crop: Option<bool>,
    enable_caption: Option<bool>,
    enable_uppercase: Option<bool>,
    enable_highlight: Option<bool>,
    enable_emoji: Option<bool>,
    enable_fill_layout: Option<bool>,
    enable_split_layout: Option<bool>,
    enable_three_layout: Option<bool>,
    enable_four_layout: Option<bool>,
    enable_fit_layout: Option<bool>,
    fit_layout_crop_ratio: Option<String>,
    enable_visual_hook: Option<bool>,
    enable_watermark: Option<bool>,
    font: Option<Font>,
    highlight_color: Option<HighlightColor>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
struct Font {
    color: Option<String>,
    style: Option<Vec<String>>,
    family: Option<String>,
    stroke: Option<Stroke>,
    shadow: Option<Shadow>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
struct Stroke {
    enabled: Option<bool>,
    color: Option<String>,
    width: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
struct Shadow {
    enabled: Option<bool>,
    color: Option<String>,
    x: Option<f64>,
    y: Option<f64>,
    blur: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
struct HighlightColor {
    primary: Option<String>,
    secondary: Option<String>,
}

pub(crate) async fn list_clips(http: &reqwest::Client, address: &str, project: &str) -> Vec<Clip> {
    let request = http
        .get(format!("{address}/api/exportable-clips"))
        .query(&[("q", "findByProjectId"), ("projectId", project)])
        .bearer_auth("sk-test_0123456789abcdef")
        .header("accept", "application/json");
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
