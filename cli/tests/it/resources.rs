//! The commands by resource: every one of them, and what their errors say.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Run, World};

const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

/// A project that is over, and its first clip.
fn project(world: &World) -> (String, String) {
    let project = text(&world.opusclip(&["project", "create", VIDEO, "--genre", "Podcast"]).succeeds().json(), "id");
    let clips = world.opusclip(&["project", "wait", &project]).succeeds().says("complete").json();
    assert_eq!(clips.as_array().unwrap().len(), 3);
    (project, text(&clips[0], "id"))
}

#[test]
fn a_project_is_created_shared_read_and_downloaded() {
    let world = World::new();
    let (project, clip) = project(&world);
    let run = |args: &[&str]| world.opusclip(args).succeeds();
    assert_eq!(text(&run(&["project", "get", &project]).json(), "stage"), "COMPLETE");
    assert_eq!(run(&["project", "get", &project, "--columns", "stage"]).stdout, "STAGE  COMPLETE\n");
    run(&["project", "share", &project]).says("is public");
    assert_eq!(text(&run(&["project", "get", &project]).json(), "visibility"), "PUBLIC");
    run(&["project", "share", &project, "--undo"]);
    assert_eq!(text(&run(&["project", "get", &project]).json(), "visibility"), "DEFAULT");
    assert!(!text(&run(&["project", "transcript", &project]).json()[0], "text").is_empty());
    let clips = run(&["clip", "list", &project]).json();
    assert_eq!((clips.as_array().unwrap().len(), text(&clips[0], "id")), (3, clip));
    let files = run(&["clip", "download", &project, "--names", "{number}"]).json();
    let sizes = files.as_array().unwrap().iter().map(|file| std::fs::metadata(text(file, "file")).unwrap().len());
    assert!(sizes.zip(files.as_array().unwrap()).all(|(size, file)| file["bytes"] == size));
    assert!(world.path(format!("clips/{project}/1.mp4")).exists());
    assert!(run(&["clip", "download", &project, "--names", "{number}"]).stdout.contains("already_there"));
}

#[test]
fn a_collection_is_filled_exported_and_deleted() {
    let world = World::new();
    let (_, clip) = project(&world);
    let run = |args: &[&str]| world.opusclip(args).succeeds();
    let collection = text(&run(&["collection", "create", "best"]).json(), "collectionId");
    assert_eq!(text(&run(&["collection", "add", &collection, &clip]).json(), "contentId"), clip);
    assert_eq!(text(&run(&["collection", "list"]).json()[0], "collectionName"), "best");
    assert_eq!(run(&["collection", "list", "--containing", &clip]).json().as_array().unwrap().len(), 1);
    assert_eq!(text(&run(&["clip", "list", "--collection", &collection]).json()[0], "id"), clip);
    assert_eq!(text(&run(&["collection", "export", &collection]).json()[0], "contentId"), clip);
    run(&["collection", "remove", &collection, &clip]).says("any more");
    assert_eq!(run(&["collection", "list", "--containing", &clip]).json(), Value::Array(Vec::new()));
    run(&["collection", "delete", &collection]).says("is deleted");
    assert_eq!(run(&["collections", "list"]).json(), Value::Array(Vec::new()));
}

#[test]
fn a_clip_is_posted_and_scheduled() {
    let world = World::new();
    let (_, clip) = project(&world);
    let run = |args: &[&str]| world.opusclip(args).succeeds();
    let account = text(&run(&["post", "account", "list"]).json()[0], "postAccountId");
    let to = ["--account", &account];
    let post = |args: &[&str], more: &[&str]| run(&[args, &[&clip], &to, more].concat()).json();
    text(&post(&["post", "create"], &["--title", "T", "--description", "D", "--privacy", "public"]), "postId");
    let schedule = text(&post(&["post", "schedule"], &["--title", "T", "--at", "2031-01-01T00:00:00Z"]), "scheduleId");
    run(&["post", "cancel", &schedule]).says("is cancelled");
    let job = text(&post(&["post", "copy", "create"], &["--prompt", "short", "--again"]), "jobId");
    text(&run(&["post", "copy", "get", &job]).json(), "status");
    assert_eq!(world.sandbox.count("create_post_task"), 1, "what bills is sent once");
    world.opusclip(&["post", "schedule", &clip, "--account", &account, "--title", "T", "--at", "tomorrow"]).ends(2).says("2026-12-01");
    world.opusclip(&["post", "create", "bare", "--account", &account, "--title", "T"]).ends(2).says("expected PROJECT.CLIP");
}

#[test]
fn jobs_are_begun_and_looked_at() {
    let world = World::new();
    let (_, clip) = project(&world);
    let run = |args: &[&str]| world.opusclip(args).succeeds();
    let job = text(&run(&["censor", "create", &clip, "--beep"]).json(), "jobId");
    text(&run(&["censor", "get", &job]).json(), "status");
    let job = text(&run(&["thumbnail", "create", VIDEO, "--prompt", "a cat"]).json(), "jobId");
    text(&run(&["thumbnail", "get", &job]).json(), "status");
    assert!(run(&["template", "list", "--columns", "templateId"]).stdout.starts_with("TEMPLATE ID\n"));
}

#[test]
fn any_operation_can_be_called() {
    let world = World::new();
    let run = |args: &[&str]| world.opusclip(args);
    let operations = run(&["api", "list"]).succeeds().json();
    assert_eq!(operations.as_array().unwrap().len(), opusclip::operation::OPERATIONS.len());
    let input = world.file("input.json", r#"{"body": {"collectionName": "best"}}"#);
    run(&["api", "create_collection", "--input", &format!("@{}", input.display())]).succeeds();
    assert_eq!(run(&["api", "list_collections", "--input", r#"{"q": "mine"}"#]).succeeds().json()["data"]["total"], 1);
    run(&["api", "getProject"]).ends(2).says("did you mean `get_project`?");
    run(&["api", "get_project"]).ends(2).says("next: get_project takes {projectId}");
    run(&["api", "get_project", "--input", "{"]).ends(2).says("--input is no JSON object");
    run(&["api", "get_project", "--input", "@none.json"]).ends(2).says("none.json");
}

#[test]
fn curl_is_printed_and_nothing_is_sent() {
    let world = World::new();
    let printed = world.opusclip(&["--curl", "project", "create", VIDEO, "--title", "it's", "--org", "o1"]).succeeds();
    insta::assert_snapshot!(world.masked(&printed.stdout), @r#"
    curl --silent --show-error --request POST http://sandbox/api/clip-projects \
      --header "Authorization: Bearer $OPUSCLIP_API_KEY" \
      --header 'content-type: application/json' \
      --header 'x-opus-org-id: o1' \
      --data-raw "{\"uploadedVideoAttr\":{\"title\":\"it's\"},\"videoUrl\":\"https://www.youtube.com/watch?v=LXvv6CbGg8A\"}"
    "#);
    let without_key: Run = world.command(&["clip", "list", "P1", "--curl"]).env_remove("OPUSCLIP_API_KEY").output().unwrap().into();
    insta::assert_snapshot!(world.masked(&without_key.succeeds().stdout), @r#"
    curl --silent --show-error --request GET 'http://sandbox/api/exportable-clips?projectId=P1&q=findByProjectId' \
      --header "Authorization: Bearer $OPUSCLIP_API_KEY"
    "#);
    world.opusclip(&["--curl", "clip", "a.mp4"]).ends(2).says("more than one call");
    // It is the call that would be made, or none.
    world.opusclip(&["--curl", "api", "list_brand_templates"]).succeeds();
    let curl = |input: &str, operation: &str| world.opusclip(&["--curl", "api", operation, "--input", input]);
    curl(r#"{"q": "findByProjectId", "projectId": null}"#, "list_clips").ends(2).says("`projectId`");
    curl(r#"{"body": {"videoUrl": "https://youtu.be/x", "typo": 1}}"#, "create_project").ends(2).says("`/typo`");
    curl(r#"{"body": {"videoUrl": "talk.mp4"}}"#, "create_project").ends(2).says("videoUrl");
    curl(r#"{"url": "https://example.com/x"}"#, "start_upload_session").ends(2).says("`--curl` is for the API");
    assert!(world.sandbox.journal().is_empty());
}

#[test]
fn each_refusal_has_its_exit_code_and_its_advice() {
    let world = World::with(|sandbox| sandbox.with_keys(["sk-of-the-tests"]));
    let get = ["project", "get", "P0000000demo"];
    world.opusclip(&get).ends(5).says("next: look at the id");
    let key = |key: &str| -> Run { world.command(&get).env("OPUSCLIP_API_KEY", key).output().unwrap().into() };
    key("sk-another").ends(3).says("next: run `opusclip auth login`");
    key("").ends(3).says("there is no API key");
    let at =
        |url: &str| -> Run { world.command(&get).env("OPUSCLIP_BASE_URL", url).env("OPUSCLIP_SPEED", "100000").output().unwrap().into() };
    at("http://127.0.0.1:1").ends(8).says("next: run it again");
    at("").ends(2).says("OPUSCLIP_BASE_URL is empty");
    at("http://127.evil.example").ends(2).says("a speed is for a sandbox");
    world.opusclip(&["project", "create", "https://example.com/v"]).ends(7).says("nothing was billed").says("warning: create_project: ");
    world.opusclip(&["project", "get"]).ends(2);
    // A field that may be missing is no mistake.
    let made = world.opusclip(&["project", "create", VIDEO, "--json", "--columns", "id,error"]).succeeds().json();
    assert_eq!((&made["error"], made["id"].is_string()), (&Value::Null, true));
    world.opusclip(&["project", "wait", "P0000000demo"]).ends(5).says("is gone, or was never there");
    world.sandbox.fault("create_project#1=lost").unwrap();
    world.opusclip(&["project", "create", VIDEO]).ends(10).says("look in the dashboard");
    assert_eq!(world.sandbox.count("create_project"), 3, "a lost reply is not asked for again");
    let file = world.file("there", "x");
    world.opusclip(&["clip", "download", "P1", "--out", file.to_str().unwrap()]).ends(2);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "x");
    let project = text(&world.opusclip(&["project", "create", VIDEO]).succeeds().json(), "id");
    world.opusclip(&["project", "wait", &project, "--timeout", "1s"]).ends(124).says("is not done yet");
}

#[test]
fn the_exit_codes_are_listed() {
    let world = World::new();
    let listed = world.opusclip(&["help", "exit-codes"]).succeeds().stdout;
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 124, 130] {
        assert!(listed.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))), "{code} is not in {listed}");
    }
    world.opusclip(&["help", "project", "wait"]).succeeds();
    world.opusclip(&["help", "nothing"]).ends(2).says("there are clip, project");
}

#[test]
fn an_upload_goes_on_where_it_was_killed() {
    let world = World::new();
    world.file("long.mp4", vec![9; 3 << 20]);
    world.sandbox.fault("send_upload_bytes=slow:10000000").unwrap();
    let uploads = world.path("state/uploads");
    let begin_and_kill = || {
        let mut killed = world
            .command(&["upload", "start", "long.mp4", "--state", "state"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while std::fs::read_dir(&uploads)
            .map_or(true, |entries| !entries.flatten().any(|entry| entry.path().extension().is_some_and(|ending| ending == "json")))
        {
            assert!(killed.try_wait().unwrap().is_none(), "it ended before it was killed");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
    };
    begin_and_kill();
    let listed = world.opusclip(&["upload", "list", "--state", "state"]).succeeds().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let resumed = world.opusclip(&["upload", "resume", "--state", "state"]).succeeds().json();
    assert_eq!(text(&resumed, "verification"), "CRC-32C", "{resumed}");
    assert_eq!(world.sandbox.count("create_upload_link"), 1, "it is the upload that was begun");
    begin_and_kill();
    let id = text(&world.opusclip(&["upload", "list", "--state", "state"]).succeeds().json()[0], "uploadId");
    world.opusclip(&["upload", "cancel", &id, "--state", "state"]).succeeds();
    assert_eq!(
        world.opusclip(&["upload", "list", "--state", "state"]).succeeds().json(),
        Value::Array(Vec::new()),
        "what was cancelled is forgotten"
    );
    world.file("v.mp4", vec![7; 3 << 20]);
    let uploaded = world.opusclip(&["upload", "start", "v.mp4"]).succeeds().json();
    assert_eq!((uploaded["size"].as_u64(), text(&uploaded, "verification")), (Some(3 << 20), "CRC-32C".to_owned()));
    assert_eq!(world.opusclip(&["upload", "list"]).succeeds().json(), Value::Array(Vec::new()), "what is complete is forgotten");
    world.opusclip(&["upload", "cancel", "UPL_none"]).ends(5).says("opusclip upload list");
    world.opusclip(&["upload", "start", "none.mp4"]).ends(2).says("is not there");
    world.opusclip(&["upload", "resume"]).succeeds().says("no upload was interrupted");
}

#[test]
fn each_request_is_told_where_that_is_asked_for() {
    let world = World::new();
    world.sandbox.fault("get_project=header:x-request-id:r-7").unwrap();
    world.opusclip(&["project", "get", "P0000000demo", "-v"]).ends(5).says("get_project: 404 in ").says(" request-id=r-7\n");
    let silent = world.opusclip(&["project", "get", "P0000000demo"]).ends(5);
    assert!(!silent.stderr.contains(" in "), "{}", silent.stderr);
    world.sandbox.fault("list_collections#1=status:503").unwrap();
    world.opusclip(&["collection", "list", "-v"]).succeeds().says("list_collections: 503 in ").says(", again in ").says(", attempt 2\n");
}
