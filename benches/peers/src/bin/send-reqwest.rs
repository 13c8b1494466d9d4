//! How most programs upload: reqwest and a `ReaderStream`, whose buffer has 8 KiB unless `--buffer` says otherwise. No checksum.

use anyhow::{Result, ensure};
use opusclip_bench_peers::Arguments;
use reqwest::header::CONTENT_LENGTH;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let buffer = arguments.number("--buffer", 8 << 10)?;
    let mut file = File::open(&arguments.path).await?;
    // A file of tokio reads 2 MiB at the most, but never more than it is asked for.
    file.set_max_buf_size(buffer);
    let length = file.metadata().await?.len();
    let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, buffer));
    let request = arguments.http()?.put(format!("{}/object", arguments.url)).header(CONTENT_LENGTH, length).body(body);
    let answer = request.send().await?;
    ensure!(answer.status().is_success(), "the sink answered {}", answer.status());
    Ok(())
}
