//! `clip` over ten videos, killed again and again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use opusclip_sandbox::Entry;
use serde_json::Value;

use crate::support::{Run, World};

const FILES: usize = 10;
const KILLS: usize = 20;
/// What the storage keeps of bytes that come is a multiple of this.
const QUANTUM: u64 = 256 << 10;
/// How many uploads go on at once.
const UPLOADS: u64 = 2;
const ARGS: [&str; 6] = ["clip", "videos/*.mp4", "--out", "clips", "--uploads", "2"];

/// The run that is killed, at a moment between two requests or in the middle of one; `None` where it was killed.
fn killed(world: &World, random: &mut fastrand::Rng) -> Option<Run> {
    let mut child = world.command(&ARGS).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (enough, step) = (world.sandbox.journal().len() + random.usize(..20), Duration::from_micros(500));
    let mut lingers = random.u32(..12);
    while lingers > 0 {
        if child.try_wait().unwrap().is_some() {
            return Some(child.wait_with_output().unwrap().into());
        }
        std::thread::sleep(step);
        lingers -= u32::from(world.sandbox.journal().len() >= enough);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// What a person does whose run was killed between the note that a project is asked for and the call: looks, and says that there is none.
fn answer(world: &World, run: &Run) {
    for item in run.json().as_array().unwrap().iter().filter(|item| item["error"]["exitCode"] == 10) {
        let source = item["source"].as_str().unwrap();
        assert!(!projects(world).iter().any(|project| title(project) == source), "{source} has a project: that is to be found");
        world.opusclip(&["clip", source, "--out", "clips", "--create-again"]).succeeds();
    }
}

fn projects(world: &World) -> Vec<Entry> {
    world.sandbox.journal().into_iter().filter(|entry| entry.operation == "create_project" && entry.effect).collect()
}

/// The name of its video, as it was given; behind it stands the reference by which a project is found.
fn title(project: &Entry) -> String {
    let title = project.body.as_ref().unwrap()["uploadedVideoAttr"]["title"].as_str().unwrap();
    let (name, _) = title.split_once(" [oc-").unwrap();
    format!("videos/{name}.mp4")
}

#[test]
fn killed_at_any_moment_ten_videos_become_ten_projects_and_all_their_clips() {
    let seed = fastrand::u64(..);
    println!("the moments come of {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new();
    // About as long for a video as the program takes to start.
    world.sandbox.fault("send_upload_bytes=slow:20000000").unwrap();
    let names: Vec<String> = (0..FILES).map(|number| format!("videos/{number}.mp4")).collect();
    let sizes: Vec<usize> = (0..FILES).map(|number| (1 << 20) + 100_000 * number).collect();
    for (name, size) in names.iter().zip(&sizes) {
        world.file(name, opusclip_sandbox::sample_video(*size));
    }
    let (mut kills, mut answers) = (0, 0);
    let end = loop {
        let run = if kills < KILLS { killed(&world, &mut random) } else { Some(world.opusclip(&ARGS)) };
        match run {
            None => kills += 1,
            Some(run) if run.code == 0 => break run,
            Some(run) => {
                answers += 1;
                assert!(answers <= KILLS, "it does not come to an end: {}", run.stderr);
                answer(&world, &run);
            }
        }
    };
    assert_eq!(kills, KILLS, "all was done before it was killed often enough");
    println!("{answers} times somebody had to look; {} requests", world.sandbox.journal().len());

    let projects = projects(&world);
    let titles: BTreeSet<String> = projects.iter().map(title).collect();
    assert_eq!((projects.len(), titles), (FILES, names.iter().cloned().collect()), "one project for each video");
    let (mut received, mut whole) = (0, 0);
    for project in &projects {
        let id = project.body.as_ref().unwrap()["videoUrl"].as_str().unwrap().to_owned();
        let object = world.sandbox.upload(&id.into()).unwrap();
        let bytes = std::fs::read(world.path(title(project))).unwrap();
        assert_eq!((object.size, object.crc32c), (bytes.len() as u64, crc32c::crc32c(&bytes)), "{}", title(project));
        received += object.received;
        whole += object.size;
    }
    let lost = KILLS as u64 * UPLOADS * QUANTUM;
    assert!(received <= whole + lost, "{received} bytes came for {whole}: what is kept was sent again");

    let data = end.json();
    let files: Vec<PathBuf> = data.as_array().unwrap().iter().flat_map(files).collect();
    assert_eq!(files.len(), 3 * FILES);
    let there: BTreeSet<PathBuf> =
        walk(&world.path("clips")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "mp4")).collect();
    assert_eq!(there, files.iter().map(|file| file.canonicalize().unwrap()).collect(), "these files, and no others");
}

/// The files of a video, each of which is what the service has of that clip: no two are the same.
fn files(item: &Value) -> Vec<PathBuf> {
    let clips = item["clips"].as_array().unwrap().iter();
    let file = |clip: &Value| {
        let file = PathBuf::from(clip["file"].as_str().unwrap());
        let bytes = std::fs::read(&file).unwrap();
        let mark = format!("free{}/ehd.mp4", clip["clip"].as_str().unwrap());
        assert!(bytes.ends_with(mark.as_bytes()) && sample(&bytes, mark.len() + 4), "{}", file.display());
        file
    };
    clips.map(file).collect()
}

/// Whether it is the sample but for so many bytes at its end.
fn sample(bytes: &[u8], end: usize) -> bool {
    let sample = opusclip_sandbox::sample_video(0);
    let (sample, _) = sample.split_at(sample.len() - 8);
    bytes.len() == sample.len() + end && bytes.starts_with(sample)
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().canonicalize().unwrap());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
