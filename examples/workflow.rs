//! From a video file to its clips on disk, with what happens on the way.
//!
//! `cargo run --example workflow [VIDEO]`. It talks to a sandbox of its own, needs no key and costs nothing: the clips are the
//! sandbox's. With `Client::from_env()` in place of `sandbox.client()` it is the real service, which bills the project.

#![allow(clippy::print_stdout, reason = "a program prints")]

use std::time::Duration;

use opusclip::types::ProjectStage;
use opusclip::{ClipEvent, DownloadOutcome, ResumeStore};
use opusclip_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().with_stages([(ProjectStage::Render, Duration::from_millis(400))]).start().await?;
    let client = sandbox.client();
    let folder = tempfile::tempdir()?;
    let video = std::env::args_os().nth(1).map_or_else(|| folder.path().join("talk.mp4"), Into::into);
    if !video.exists() {
        std::fs::write(&video, vec![7; 6 << 20])?;
    }

    // Killed and run again with the same store, it goes on where it was, and the project is billed once.
    let store = ResumeStore::open(folder.path().join("unfinished"))?;
    let mut clipping = client.clip(video).with_store(&store).with_wait(|wait| wait.with_interval(Duration::from_secs(1)));
    let progress = clipping.progress();
    let project = loop {
        match clipping.next().await? {
            Some(ClipEvent::Uploaded(uploaded)) => {
                println!("uploaded {} of {} bytes; verified by {}", progress.borrow().persisted, uploaded.size, uploaded.verification);
            }
            Some(ClipEvent::Created(project)) => println!("project {project}"),
            Some(ClipEvent::Waiting(event)) => println!("  {event:?}"),
            Some(ClipEvent::Ended(done)) => break done.project,
            Some(_) => {}
            None => return Err("it ended without an end".into()),
        }
    };

    let report = client.download(project, folder.path().join("clips")).await?;
    for clip in report.clips() {
        match &clip.outcome {
            DownloadOutcome::Saved(file) | DownloadOutcome::AlreadyThere(file) => println!("{} ({} bytes)", file.path.display(), file.size),
            other => println!("{}: {other:?}", clip.id),
        }
    }
    println!("complete: {}; credits are charged {} time(s)", report.is_complete(), sandbox.count("create_project"));
    Ok(())
}
