//! The library: lists the one clip of the project whose id is `--bytes`, and downloads it.

use anyhow::{Context, Result, ensure};
use opusclip::Client;
use opusclip::types::ProjectId;
use opusclip_bench_peers::Arguments;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let bytes = arguments.value("--bytes").context("--bytes says how large the clip is")?;
    let client = Client::builder("sk-bench").with_base_url(&arguments.url).build()?;
    let report = client.download(ProjectId::from(bytes), &*arguments.path).await?;
    ensure!(report.is_complete(), "the download is not complete: {report:?}");
    Ok(())
}
