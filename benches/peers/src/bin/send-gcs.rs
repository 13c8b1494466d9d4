//! Google's own client: in one request as it reads, or with `--buffered` in requests of 8 MiB, its default. It checksums.

use anyhow::{Result, ensure};
use google_cloud_auth::credentials::anonymous;
use google_cloud_storage::client::Storage;
use opusclip_bench_peers::Arguments;
use tokio::fs::File;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let file = File::open(&arguments.path).await?;
    let length = file.metadata().await?.len();
    let client = Storage::builder().with_endpoint(&arguments.url).with_credentials(anonymous::Builder::new().build()).build().await?;
    let write = client.write_object("projects/_/buckets/bench", "object", file);
    let object = if arguments.has("--buffered") { write.send_buffered().await? } else { write.send_unbuffered().await? };
    ensure!(u64::try_from(object.size) == Ok(length), "the sink has {} bytes of {length}", object.size);
    Ok(())
}
