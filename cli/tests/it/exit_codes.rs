//! Each exit code that a run of several steps ends with; those of single calls are with them.

use crate::running::Running;
use crate::support::{Run, World};

const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

fn video(world: &World, name: &str) {
    world.file(name, opusclip_sandbox::sample_video(100_000 + name.len()));
}

#[test]
fn what_the_account_may_not_do_is_4() {
    let world = World::with(opusclip_sandbox::SandboxBuilder::without_proxy_access);
    video(&world, "a.mp4");
    video(&world, "bb.mp4");
    let run = world.opusclip(&["clip", "a.mp4", "bb.mp4", "--uploads", "1"]).ends(4).says("next: look at plan, organisation");
    assert_eq!(world.sandbox.count("create_project"), 1, "what is refused for the account is not tried again: {}", run.stderr);
    world.opusclip(&["project", "create", VIDEO]).ends(4);
}

#[test]
fn too_many_at_once_are_6() {
    let world = World::with(|sandbox| sandbox.with_concurrent_projects(1));
    world.opusclip(&["project", "create", VIDEO]).succeeds();
    world.opusclip(&["project", "create", VIDEO]).ends(6).says("next: wait until a project is finished");
    world.sandbox.fault("get_project=status:429").unwrap();
    world.opusclip(&["project", "get", "P1"]).ends(6).says("next: run it again");
}

#[test]
fn what_costs_too_much_is_9() {
    let world = World::with(|sandbox| sandbox.with_monthly_credits(15));
    video(&world, "a.mp4");
    video(&world, "bb.mp4");
    world.opusclip(&["clip", "a.mp4", "--max-credits", "9"]).ends(9).says("next: allow more with `--max-credits`");
    assert_eq!(world.sandbox.count("create_project"), 0);
    world.opusclip(&["clip", "a.mp4"]).succeeds();
    world.opusclip(&["clip", "bb.mp4"]).ends(9).says("next: ");
    let uploads = world.sandbox.count("create_upload_link");
    world.opusclip(&["clip", "bb.mp4"]).ends(9);
    assert_eq!(world.sandbox.count("create_upload_link"), uploads, "what is uploaded is kept");
}

#[test]
fn some_of_several_are_11() {
    let world = World::new();
    video(&world, "a.mp4");
    video(&world, "bb.mp4");
    world.sandbox.fault("create_project#1=status:422").unwrap();
    let run = world.opusclip(&["clip", "a.mp4", "bb.mp4", "missing.mp4"]).ends(11).says("2 of 3 videos are not done");
    let states: Vec<_> = run.json().as_array().unwrap().iter().map(|item| item["state"].as_str().unwrap().to_owned()).collect();
    assert_eq!(states.iter().filter(|state| *state == "done").count(), 1, "{states:?}");
    world.opusclip(&["clip", "a.mp4", "bb.mp4", "missing.mp4"]).ends(11).says("1 of 3 videos are not done");
    assert_eq!(world.sandbox.count("create_upload_link"), 2, "what is uploaded is kept");
}

#[cfg(unix)]
#[test]
fn interrupted_is_130_and_the_same_command_goes_on() {
    let world = World::new();
    world.file("long.mp4", opusclip_sandbox::sample_video(3 << 20));
    world.sandbox.fault("send_upload_bytes=slow:10000000").unwrap();
    for signal in ["-INT", "-TERM"] {
        let mut run = Running::new(world.command(&["clip", "long.mp4", "--state", "state"]));
        run.says("long.mp4: uploads");
        // It is on its way once this is written down.
        while !std::fs::read_to_string(world.path("state/ledger.jsonl")).unwrap().contains("uploading") {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        run.signal(signal);
        run.ended().ends(130).says("next: run the same command again");
    }
    world.opusclip(&["clip", "long.mp4", "--state", "state"]).succeeds();
    assert_eq!((world.sandbox.count("create_upload_link"), world.sandbox.count("create_project")), (1, 1));
}

/// A read of stdin that hangs cannot be ended, but the program can.
#[cfg(unix)]
#[test]
fn interrupted_while_it_reads_stdin_is_130() {
    use std::io::Write as _;

    let world = World::new();
    let verify = ["webhook", "verify", "-", "--signature", "a", "--salt", "b"];
    for args in [&["clip", "--from", "-"][..], &["--api-key-file", "-", "project", "get", "P1"], &verify] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut command = world.command(args);
        command.stdin(reader);
        let run = Running::new(command);
        // More than a pipe holds: it has begun to read once this is written.
        writer.write_all(&[b'\n'; 1 << 20]).unwrap();
        run.signal("-INT");
        run.ended().ends(130);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let world = World::new();
    let mut child =
        world.command(&["api", "list"]).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run: Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.succeeds().stderr, "");
}
