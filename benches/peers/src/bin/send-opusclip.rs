//! The library: link, session, one request, and the checksum compared with the sink's.

use anyhow::{Result, ensure};
use opusclip::{Client, Verification};
use opusclip_bench_peers::Arguments;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let mut builder = Client::builder("sk-bench").with_base_url(&arguments.url);
    if arguments.value("--cacert").is_some() {
        builder = builder.with_http_client(arguments.http()?);
    }
    let uploaded = builder.build()?.upload(&*arguments.path).await?;
    ensure!(uploaded.verification == Verification::Crc32c, "the upload is {}", uploaded.verification);
    Ok(())
}
