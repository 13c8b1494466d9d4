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
fn a_new_key_does_not_make_everything_anew() {
    let world = World::new();
    let clip = |key: &str, more: &[&str]| {
        world.command(&[&["clip", VIDEO], more].concat()).env("OPUSCLIP_API_KEY", key).output().map(Run::from).unwrap()
    };
    let project = clip("sk-of-may", &[]).succeeds().json()[0]["project"].as_str().unwrap().to_owned();
    clip("sk-of-june", &[]).ends(2).says(&project).says("made with another key");
    let dry = clip("sk-of-june", &["--dry-run"]).succeeds().says("0 projects, 0 credits");
    assert_eq!(dry.json()[0]["what"], "nothing: its project was made with another key");
    assert_eq!(world.sandbox.count("create_project"), 1);
    clip("sk-of-june", &["--create-again"]).succeeds();
    clip("sk-of-june", &[]).succeeds();
    world.file(".config/opusclip/config.toml", "[profiles.work]\n");
    clip("sk-of-july", &["--profile", "work"]).succeeds();
    clip("sk-of-july", &["--org", "org_2"]).succeeds();
    assert_eq!(world.sandbox.count("create_project"), 4);
}

#[test]
fn a_file_that_was_touched_is_not_billed_again() {
    let world = World::new();
    let path = world.file("v.mp4", opusclip_sandbox::sample_video(100_000));
    world.opusclip(&["clip", "v.mp4"]).succeeds();
    let touch = || std::fs::File::options().write(true).open(&path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    touch();
    world.opusclip(&["clip", "v.mp4"]).ends(2).says("when the file had another time of modification").says("`--create-again`");
    world.opusclip(&["clip", "v.mp4", "--dry-run"]).succeeds().says("0 projects");
    assert_eq!(world.sandbox.count("create_project"), 1);
    // Another video of the same name.
    world.file("v.mp4", opusclip_sandbox::sample_video(100_001));
    world.opusclip(&["clip", "v.mp4"]).succeeds();
    assert_eq!(world.sandbox.count("create_project"), 2);
}

#[test]
fn a_project_that_is_gone_is_only_made_anew_for_who_says_so() {
    let world = World::new();
    world.file("v.mp4", opusclip_sandbox::sample_video(100_000));
    let clip = |more: &[&str]| world.opusclip(&[&["clip", VIDEO], more].concat());
    clip(&["v.mp4"]).succeeds();
    // As a gateway says it, or the service of a project that has expired.
    world.sandbox.fault("get_project=status:404:html").unwrap();
    for _ in 0..2 {
        clip(&["v.mp4"]).ends(5).says("2 of 2 videos are not done").says("nothing is billed twice");
        clip(&[])
            .ends(5)
            .says("is gone, or was never there")
            .says("`opusclip clip VIDEO --create-again` makes another one, which is billed");
    }
    world.sandbox.clear_faults();
    clip(&["v.mp4"]).succeeds();
    assert_eq!(world.sandbox.count("create_project"), 2);
    clip(&["--create-again"]).succeeds();
    assert_eq!(world.sandbox.count("create_project"), 3);
}

#[test]
fn what_is_asked_for_is_waited_for_although_the_account_is_refused_meanwhile() {
    let world = World::new();
    world.sandbox.fault("create_project#1=status:402,delay:100ms").unwrap();
    world.sandbox.fault("create_project#2=delay:600ms").unwrap();
    let urls = [VIDEO, "https://www.youtube.com/watch?v=bbbbbbbbbbb", "https://www.youtube.com/watch?v=ccccccccccc"];
    let run = world.opusclip(&[&["clip", "--parallel", "2"], &urls[..]].concat()).ends(11);
    let mut states: Vec<_> = run.json().as_array().unwrap().iter().map(|video| video["state"].as_str().unwrap().to_owned()).collect();
    states.sort();
    assert_eq!(states, ["done", "failed", "not_begun"], "{}", run.stderr);
    assert_eq!(world.sandbox.count("create_project"), 2);
}

#[test]
fn a_link_that_the_storage_refuses_is_not_the_account() {
    let world = World::new();
    for name in ["a.mp4", "b.mp4"] {
        world.file(name, opusclip_sandbox::sample_video(100_000));
    }
    world.sandbox.fault("start_upload_session#1=status:403:xml").unwrap();
    let run = world.opusclip(&["clip", "--uploads", "1", "a.mp4", "b.mp4"]);
    assert!(!run.stdout.contains("not_begun"), "{}", run.stdout);
    assert!(world.sandbox.count("create_project") > 0, "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn after_another_project_nobody_is_told_to_make_one_more() {
    let world = World::new();
    world.opusclip(&["clip", VIDEO]).succeeds();
    let again = ["clip", VIDEO, "--create-again"];
    world.sandbox.fault("get_project=status:503").unwrap();
    let mut run = Running::new(world.command(&again));
    run.says("project ");
    run.signal("-INT");
    run.ended().ends(130).says("next: go on without `--create-again`: with it another project is billed");
    world.sandbox.clear_faults();
    world.opusclip(&["clip", VIDEO]).succeeds();
    assert_eq!(world.sandbox.count("create_project"), 2);
    world.sandbox.fault("get_project=status:404").unwrap();
    world
        .opusclip(&again)
        .ends(5)
        .says("; go on without `--create-again`")
        .says("which is billed; go on without `--create-again`: with it");
    world.opusclip(&["clip", VIDEO, "--create-again", "--dry-run"]).succeeds().says("1 projects, at least 10 credits");
}

#[test]
fn an_id_that_is_mistyped_after_a_lost_reply_costs_nothing() {
    let world = World::new();
    let other = world.opusclip(&["clip", "https://www.youtube.com/watch?v=otherothero"]).succeeds().json()[0]["project"]
        .as_str()
        .unwrap()
        .to_owned();
    world.sandbox.fault("create_project=lost").unwrap();
    world.sandbox.fault("list_projects=status:500").unwrap();
    let clip = |more: &[&str]| world.opusclip(&[&["clip", VIDEO], more].concat());
    clip(&[]).ends(10);
    clip(&["--project-id", "P0000000none"]).ends(2).says("the service has no project P0000000none").says("nothing was changed");
    clip(&["--project-id", &other]).ends(2).says("is that of https://www.youtube.com/watch?v=otherothero");
    clip(&[]).ends(10);
    world.sandbox.clear_faults();
    let all = world.opusclip(&["api", "list_projects", "--input", r#"{"q": "mine"}"#]).succeeds().json();
    let all = all["data"]["list"].as_array().unwrap();
    let made = all.iter().filter_map(|project| project["id"].as_str()).find(|id| *id != other).unwrap();
    world.sandbox.fault("list_projects=status:500").unwrap();
    assert_eq!(clip(&["--project-id", made]).succeeds().json()[0]["project"], made);
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

#[test]
fn what_waits_for_room_is_counted_once() {
    let world = World::with(|sandbox| sandbox.with_concurrent_projects(1));
    let urls = [VIDEO, "https://www.youtube.com/watch?v=bbbbbbbbbbb"];
    let args = [&["clip", "--max-credits", "20"], &urls[..]].concat();
    world.sandbox.fault("get_project=status:503").unwrap();
    let mut run = Running::new(world.command(&args));
    run.says("waits: the account has as many projects in work as it may");
    run.signal("-INT");
    run.ended().ends(130);
    world.sandbox.clear_faults();
    world.opusclip(&args).succeeds();
    world
        .opusclip(&[&args[..], &["https://www.youtube.com/watch?v=ccccccccccc"]].concat())
        .ends(11)
        .says("20 of the 20 that are allowed are used");
    let dry = ["clip", "--dry-run", "--max-credits", "25", "https://www.youtube.com/watch?v=ccccccccccc", VIDEO];
    world.opusclip(&dry).succeeds();
    world.opusclip(&[&dry[..], &["https://www.youtube.com/watch?v=ddddddddddd"]].concat()).succeeds().says("earlier runs have used 10");
}

#[test]
fn a_column_that_is_not_there_is_told_before_anything_is_billed() {
    let world = World::new();
    world.opusclip(&["clip", VIDEO, "--columns", "source,idd"]).ends(2).says("there is no column `idd`");
    assert_eq!(world.sandbox.count("create_project"), 0);
    let run = world.opusclip(&["clip", VIDEO]).succeeds();
    let clips = &run.json()[0]["clips"][0];
    for column in clips.as_object().unwrap().keys() {
        world.opusclip(&["clip", VIDEO, "--columns", column]).succeeds();
    }
    for column in run.json()[0].as_object().unwrap().keys() {
        world.opusclip(&["clip", VIDEO, "--json", "--columns", column]).succeeds();
    }
}

#[cfg(unix)]
#[test]
fn a_long_list_does_not_run_out_of_files() {
    let world = World::with(|sandbox| sandbox.with_monthly_credits(10_000).with_concurrent_projects(100));
    let list: String = (0..200).map(|number| format!("https://www.youtube.com/watch?v={number:011}\n")).collect();
    world.file("list.txt", list);
    let program = world.command(&["clip", "--from", "list.txt", "--no-download", "--quiet", "--parallel", "50"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 160; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    limited.current_dir(program.get_current_dir().unwrap()).stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    Run::from(limited.output().unwrap()).succeeds();
    assert_eq!(world.sandbox.count("create_project"), 200);
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_watched_fetches_what_was_only_waited_for_and_tries_again() {
    let world = World::new();
    world.file("inbox/a.mp4", opusclip_sandbox::sample_video(1000));
    let watch = ["clip", "--watch", "inbox", "--quiet"];
    let mut run = Running::new(world.command(&[&watch[..], &["--no-download"]].concat()));
    assert!(run.prints().contains(r#""state":"ready""#));
    run.signal("-INT");
    run.ended().ends(130);
    world.sandbox.fault("cdn#1-20=status:500").unwrap();
    let mut run = Running::new(world.command(&watch));
    assert!(run.prints().contains(r#""state":"incomplete""#));
    world.sandbox.clear_faults();
    assert!(run.prints().contains(r#""state":"done""#));
    run.signal("-INT");
    run.ended().ends(130);
    assert_eq!(world.sandbox.count("create_project"), 1);
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
