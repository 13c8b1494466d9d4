//! An upload whose process is killed, and another process that goes on with it.
//!
//! `cargo run --example resume`. It talks to a sandbox of its own and needs no key. It starts itself a few times as the process that
//! is killed.

#![allow(clippy::print_stdout, reason = "a program prints")]

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use opusclip::{Client, ResumeStore};
use opusclip_sandbox::Sandbox;

const SIZE: u64 = 24 << 20;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    match std::env::args_os().nth(1) {
        Some(folder) => upload(folder.as_ref()).await,
        None => kill_and_resume().await,
    }
}

/// The process that may be killed at any moment. The call is the same the first time and every other time.
async fn upload(folder: &Path) -> Outcome<()> {
    let store = ResumeStore::open(folder.join("unfinished"))?;
    let uploaded = Client::from_env()?.upload(folder.join("talk.mp4")).with_store(&store).await?;
    println!("  done: {} bytes sent by this process; verified by {}", uploaded.sent, uploaded.verification);
    std::fs::write(folder.join("upload-id"), uploaded.upload_id.as_str())?;
    Ok(())
}

async fn kill_and_resume() -> Outcome<()> {
    let sandbox = Sandbox::builder().start().await?;
    sandbox.fault("send_upload_bytes=slow:12000000")?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("talk.mp4"), vec![7; usize::try_from(SIZE)?])?;
    for process in 1.. {
        println!("process {process}");
        let child = Command::new(std::env::current_exe()?)
            .arg(folder.path())
            .env("OPUSCLIP_BASE_URL", sandbox.url())
            .env("OPUSCLIP_API_KEY", opusclip_sandbox::KEY)
            .spawn()?;
        // The third one is left in peace.
        let patience = if process < 3 { Duration::from_millis(900) } else { Duration::from_secs(60) };
        if tokio::task::spawn_blocking(move || ends_within(child, patience)).await?? {
            break;
        }
        println!("  killed; the storage has {} bytes so far", received(&sandbox));
    }
    let id = std::fs::read_to_string(folder.path().join("upload-id"))?;
    let object = sandbox.upload(&id.into()).ok_or("there is no object at the storage")?;
    println!("{} bytes arrived for a file of {SIZE}: {} were sent twice", object.received, object.received - SIZE);
    Ok(())
}

/// Whether a process ends by itself; it is killed if not.
fn ends_within(mut child: Child, patience: Duration) -> std::io::Result<bool> {
    let step = Duration::from_millis(10);
    for _ in 0..patience.as_millis() / step.as_millis() {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(true) } else { Err(std::io::Error::other("the upload failed")) };
        }
        std::thread::sleep(step);
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

fn received(sandbox: &Sandbox) -> u64 {
    sandbox.journal().iter().map(|entry| entry.received).sum()
}
