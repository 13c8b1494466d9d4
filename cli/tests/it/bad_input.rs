//! What cannot be done: told before anything is sent, and nothing is lost.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::support::{Run, World};

/// Runs `clip` on it and asserts that it is refused, in words that name it and say what to do, and that nothing was sent.
#[track_caller]
fn refused(world: &World, args: &[impl AsRef<OsStr>], says: &str) {
    let args: Vec<&OsStr> = std::iter::once(OsStr::new("clip")).chain(args.iter().map(AsRef::as_ref)).collect();
    let run = world.opusclip(&args).ends(2).says(says).says("next: ");
    assert_eq!(run.stderr.matches("error:").count(), 1, "{}", run.stderr);
    assert!(!run.stderr.contains("\u{1b}"), "{}", run.stderr);
    assert!(world.sandbox.journal().is_empty(), "{:?}", world.sandbox.journal());
}

#[test]
fn what_is_no_video_is_not_sent() {
    let world = World::new();
    world.file("empty.mp4", "");
    world.file("page.mp4", "<!doctype html><title>404</title>");
    world.file("notes.txt", "milk");
    std::fs::create_dir(world.path("folder")).unwrap();
    refused(&world, &["missing.mp4"], "missing.mp4 is not there");
    refused(&world, &["folder"], "give the videos in it, as 'folder/*.mp4'");
    refused(&world, &["/"], "as '/*.mp4'");
    refused(&world, &[".."], ".. is a folder");
    refused(&world, &[""], "\"\" is not there");
    refused(&world, &["empty.mp4"], "empty.mp4 is empty");
    refused(&world, &["page.mp4"], "page.mp4 does not look like a video (text/html)");
    refused(&world, &["notes.txt"], "notes.txt does not look like a video (it begins like a text)");
    refused(&world, &["*.mov"], "the pattern \"*.mov\" meets no file");
    refused(&world, &["[.mp4"], "[.mp4");
    refused(&world, &["http://example.com/v.mp4"], "begins with https://");
    refused(&world, &["--from", "missing.txt"], "--from missing.txt");
    refused(&world, &["--from", "empty.mp4"], "--from empty.mp4 has no line");
    refused(&world, &["--watch", "missing"], "--watch missing");
    refused(&world, &["--watch", "notes.txt"], "--watch notes.txt");
    refused(&world, &["\u{1b}31m\n.mp4"], r#""\u{1b}31m\n.mp4" is not there"#);
    assert!(!world.path("clips").join("x").exists());
    world.opusclip(&["clip", "notes.txt", "--any-file", "--no-download"]).succeeds();
}

#[test]
fn what_cannot_be_written_is_told_before_anything_is_sent() {
    let world = World::new();
    world.file("v.mp4", opusclip_sandbox::sample_video(0));
    world.file("there", "x");
    std::fs::create_dir(world.path("folder")).unwrap();
    refused(&world, &["v.mp4", "--out", "there"], "the folder there: ");
    refused(&world, &["v.mp4", "--out", "there/deep"], "a file is where a folder is needed");
    refused(&world, &["v.mp4", "--ledger", "there"], "there is no ledger of this program");
    refused(&world, &["v.mp4", "--ledger", "folder"], "the ledger folder is not a regular file");
    refused(&world, &["v.mp4", "--state", "there"], "the state folder has to be one that can be written into");
    refused(&world, &["v.mp4", "--names", "{nummer}"], "there are {number}, {number:02}, {title} and {id}");
    if cfg!(target_os = "linux") {
        // Even root makes no folder there.
        refused(&world, &["v.mp4", "--out", "/sys/clips"], "look at the permissions");
        refused(&world, &["v.mp4", "--ledger", "/dev/zero"], "/dev/zero is not a regular file");
    }
    assert_eq!(std::fs::read_to_string(world.path("there")).unwrap(), "x");
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_told() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new();
    let video = world.file("v.mp4", opusclip_sandbox::sample_video(0));
    std::fs::set_permissions(&video, PermissionsExt::from_mode(0o000)).unwrap();
    if std::fs::File::open(&video).is_ok() {
        return; // Root reads everything.
    }
    refused(&world, &["v.mp4"], "look at the permissions");
}

/// The journal says of each project what its title is.
fn titles(world: &World) -> Vec<String> {
    let created = world.sandbox.journal().into_iter().filter(|entry| entry.operation == "create_project");
    created.map(|entry| entry.body.unwrap()["uploadedVideoAttr"]["title"].as_str().unwrap().to_owned()).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn any_name_of_a_file_gives_a_folder_of_its_own() {
    use std::os::unix::ffi::OsStringExt as _;

    let world = World::new();
    let strange = OsString::from_vec(b"\xff\xfe.mp4".to_vec());
    // Not every file system takes it.
    let has_strange = std::fs::write(world.path(&strange), opusclip_sandbox::sample_video(64)).is_ok();
    let names = ["a/talk.mp4", "b/talk.mp4", "x\n\u{1b}[2J.mp4", "-x.mp4", "CON.mp4", "..mp4", "a:b?.mp4", "c[1].mp4"];
    for (number, name) in names.iter().enumerate() {
        world.file(name, opusclip_sandbox::sample_video(1000 * number));
    }
    let mut args: Vec<OsString> = ["clip", "--names", "../same", "--"].map(OsString::from).into();
    args.extend(names.map(OsString::from));
    args.extend(has_strange.then_some(strange));
    let run = world.opusclip(&args).succeeds();
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
    assert_eq!(titles(&world).len(), args.len() - 4);
    let folders = files(&world.path("clips"));
    assert_eq!(folders.len(), args.len() - 4, "{folders:?}");
    for folder in folders {
        assert!(!folder.starts_with(['-', '.']) && !folder.contains(['\n', ':', '?', '/', '\u{1b}']), "{folder:?}");
        let clips = files(&world.path("clips").join(&folder)).into_iter().filter(|name| name.starts_with('_'));
        assert_eq!(clips.collect::<Vec<_>>(), ["_same-2.mp4", "_same-3.mp4", "_same.mp4"], "names that collide");
    }
    assert_eq!(files(&world.path("")).iter().filter(|name| name.contains("same")).count(), 0, "nothing is written outside");
}

#[test]
fn an_id_is_no_path() {
    let world = World::new();
    for id in ["../../etc", "/", "..", "."] {
        world.opusclip(&["clip", "download", id]).says("next: ");
    }
    world.opusclip(&["project", "get", ""]).ends(2).says("`projectId` is empty");
    world.opusclip(&["project", "get", "P\n1"]).ends(2).says("control character");
    world.opusclip(&["clip", "download", "P0000000demo"]).ends(5).says("has no clips");
    assert!(!world.path("clips").exists(), "no folder is made for what is not there");
}

/// A disk that is full while files are written: here, that none may be larger than 8 KiB.
#[cfg(target_os = "linux")]
#[test]
fn without_room_what_is_there_stays_and_the_same_command_goes_on() {
    let world = World::new();
    world.file("v.mp4", opusclip_sandbox::sample_video(100_000));
    let command = world.command(&["clip", "v.mp4"]);
    let program = command.get_program().to_owned();
    let mut cramped = std::process::Command::new("sh");
    cramped.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" clip v.mp4 --state state"]).arg(program).current_dir(world.path(""));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => cramped.env(name, value),
            None => cramped.env_remove(name),
        };
    }
    // The ledger has no room for a line.
    let ledger = world.file("state/ledger.jsonl", "\n".repeat(8191));
    Run::from(cramped.output().unwrap()).ends(1).says("state/ledger.jsonl: ").says("make room, and run it again");
    assert_eq!(world.sandbox.count("create_project"), 0, "what cannot be written down is not billed");
    std::fs::remove_file(ledger).unwrap();
    Run::from(cramped.output().unwrap()).ends(1).says("clips are in").says("make room, and run it again");
    let folder = files(&world.path("clips")).remove(0);
    let there = files(&world.path("clips").join(&folder));
    assert!(there.iter().all(|name| !name.ends_with(".mp4")), "no file has its name before it is whole: {there:?}");
    world.opusclip(&["clip", "v.mp4", "--state", "state"]).succeeds();
    assert_eq!((world.sandbox.count("create_upload_link"), world.sandbox.count("create_project")), (1, 1));
}

#[test]
fn odd_numbers_lists_and_variables_are_told() {
    let world = World::new();
    world.file("v.mp4", opusclip_sandbox::sample_video(0));
    let many = "18446744073709551615";
    world.opusclip(&["clip", "v.mp4", "--uploads", many, "--parallel", many]).ends(2).says("expected a number from 1 to 1000");
    world.file("list.txt", "\u{feff}v.mp4\r\n\r\n");
    assert_eq!(world.opusclip(&["clip", "--from", "list.txt", "--dry-run"]).succeeds().json()[0]["source"], "v.mp4");
    #[cfg(target_os = "linux")]
    for name in ["OPUSCLIP_BASE_URL", "OPUSCLIP_API_URL", "OPUSCLIP_PROFILE", "OPUSCLIP_API_KEY", "OPUSCLIP_ORG_ID"] {
        let odd = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff");
        let mut command = world.command(&["template", "list"]);
        if name == "OPUSCLIP_API_URL" {
            command.env_remove("OPUSCLIP_BASE_URL");
        }
        Run::from(command.env(name, odd).output().unwrap()).ends(2).says(&format!("{name} is not UTF-8"));
    }
    assert!(world.sandbox.journal().is_empty(), "{:?}", world.sandbox.journal());
}
