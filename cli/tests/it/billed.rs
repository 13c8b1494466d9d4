//! Single calls that bill: whatever happens to them, nobody is told to repeat what may have been done.

use std::process::{Command, Stdio};

use crate::running::Running;
use crate::support::{Run, World};

const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";
const CREATE: [&str; 3] = ["project", "create", VIDEO];

#[test]
fn a_reply_that_asks_to_come_back_does_not_say_that_nothing_was_done() {
    let world = World::new();
    world.sandbox.fault("create_project=status:503").unwrap();
    world.sandbox.fault("create_project=header:retry-after:5").unwrap();
    let run = world.opusclip(&CREATE).ends(10).says("next: look in the dashboard");
    assert!(!run.stderr.contains("run it again"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn an_interrupted_call_is_not_said_to_go_on_where_it_was() {
    let world = World::new();
    world.sandbox.fault("create_project=stall").unwrap();
    world.sandbox.fault("get_project=stall").unwrap();
    for (args, operation, code, next) in [
        (&CREATE[..], "create_project", 10, "it may have been billed"),
        (&["api", "create_project", "--input", r#"{"body": {"videoUrl": "https://example.com/v.mp4"}}"#], "create_project", 10, "billed"),
        (&["project", "get", "P1"], "get_project", 130, "run the same command again"),
    ] {
        let before = world.sandbox.count(operation);
        let run = Running::new(world.command(args));
        while world.sandbox.count(operation) == before {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        run.signal("-INT");
        let run = run.ended().ends(code).says(next);
        assert_eq!(run.stderr.contains("run the same command again"), code == 130, "{}", run.stderr);
    }
}

/// Runs it with a stdout that is always full.
#[cfg(target_os = "linux")]
fn into_full(mut command: Command) -> Run {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap().into()
}

#[test]
fn what_is_done_and_cannot_be_shown_is_said_to_be_done() {
    let world = World::new();
    let unknown = world.opusclip(&[&CREATE[..], &["--columns", "idd"]].concat()).ends(1);
    let mut runs = vec![unknown];
    #[cfg(target_os = "linux")]
    runs.push(into_full(world.command(&CREATE)).ends(1));
    #[cfg(target_os = "linux")]
    runs.push(
        into_full(world.command(&[
            "api",
            "create_project",
            "--input",
            r#"{"body": {"videoUrl": "https://www.youtube.com/watch?v=LXvv6CbGg8A"}}"#,
        ]))
        .ends(1),
    );
    assert_eq!(world.sandbox.count("create_project"), runs.len() as u64);
    for run in runs {
        let run = run.says("create_project is done, and only its reply cannot be shown").says("next: do not repeat it");
        assert!(run.stderr.contains("\"stage\":\"QUEUED\""), "its id is not lost: {}", run.stderr);
    }
    world.opusclip(&["template", "list", "--columns", "idd"]).ends(2).says("there is no column `idd`");
}

/// A pipe whose reader is gone before anything is written.
#[cfg(unix)]
fn nobody_reads() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[cfg(unix)]
#[test]
fn a_call_is_not_broken_off_because_nobody_reads_what_is_told_of_it() {
    let world = World::new();
    let mut command = world.command(&[&["-v"], &CREATE[..]].concat());
    let run: Run = command.stderr(nobody_reads()).stdout(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap().into();
    assert_eq!(run.succeeds().json()["stage"], "QUEUED");
    // A failure stays one.
    let mut command = world.command(&["clip", "missing.mp4", "gone.mp4"]);
    let run: Run = command.stdout(nobody_reads()).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap().into();
    run.ends(2).says("2 of 2 videos are not done");
}

#[test]
fn a_project_that_only_the_ledger_knows_is_not_billed_again() {
    let world = World::new();
    world.file("v.mp4", opusclip_sandbox::sample_video(100_000));
    for video in ["v.mp4", VIDEO] {
        let clip = |more: &[&str]| world.opusclip(&[&["clip", video, "--ledger", "ledger.jsonl", "--state", "state"], more].concat());
        let project = clip(&[]).succeeds().json()[0]["project"].as_str().unwrap().to_owned();
        let before = world.sandbox.count("create_project");
        std::fs::remove_dir_all(world.path("state")).unwrap();
        clip(&[]).ends(2).says(&project).says("`--create-again` for another project, which is billed");
        assert_eq!(world.sandbox.count("create_project"), before);
        clip(&["--create-again"]).succeeds().says("go on without `--create-again`");
        clip(&[]).succeeds();
        assert_eq!(world.sandbox.count("create_project"), before + 1);
    }
}

#[test]
fn a_project_that_is_gone_is_made_anew_by_the_next_run() {
    let world = World::new();
    let clip = || world.opusclip(&["clip", VIDEO]);
    clip().succeeds();
    world.sandbox.fault("get_project=status:404").unwrap();
    clip().ends(5).says("run `opusclip clip` on the video again to have it made anew, which is billed");
    world.sandbox.clear_faults();
    clip().succeeds();
    assert_eq!(world.sandbox.count("create_project"), 2);
}

#[test]
fn a_video_is_not_uploaded_to_find_out_that_no_reply_was_lost() {
    let world = World::new();
    world.file("v.mp4", opusclip_sandbox::sample_video(8 << 20));
    // It would never come to its end.
    world.sandbox.fault("send_upload_bytes=status:503").unwrap();
    world.opusclip(&["clip", "v.mp4", "--project-id", "P0000000demo"]).ends(2).says("no reply was lost for v.mp4");
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_watched_keeps_to_the_credits_of_earlier_runs() {
    let world = World::new();
    world.file("inbox/a.mp4", opusclip_sandbox::sample_video(1000));
    let watch = ["clip", "--watch", "inbox", "missing.mp4", "--max-credits", "10", "--quiet"];
    let mut run = Running::new(world.command(&watch));
    run.says("missing.mp4: failed: missing.mp4 is not there");
    assert!(run.prints().contains(r#""state":"done""#));
    run.signal("-INT");
    run.ended().ends(130);
    world.file("inbox/b.mp4", opusclip_sandbox::sample_video(2000));
    let mut run = Running::new(world.command(&watch));
    run.says("b.mp4: failed: ");
    assert_eq!(world.sandbox.count("create_project"), 1, "{:?}", run.prints());
}

#[test]
fn each_request_is_told_with_its_id_to_who_asks() {
    let world = World::new();
    world.sandbox.fault("list_brand_templates=header:x-request-id:req-1").unwrap();
    world.opusclip(&["-v", "template", "list"]).succeeds().says(" request-id=req-1\n");
}
