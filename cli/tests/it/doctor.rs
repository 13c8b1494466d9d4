//! `opusclip doctor`: what it finds, what it says to it, and that it costs nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Run, World};

/// A world in which time goes as it does here, and whose sandbox takes the key of the tests alone.
fn world() -> World {
    World::with(|sandbox| sandbox.with_speed(1.0).with_keys(["sk-of-the-tests"]))
}

/// Runs it with another environment.
fn doctor(world: &World, variables: &[(&str, &str)]) -> Run {
    let mut command = world.command(&["doctor"]);
    command.env_remove("OPUSCLIP_SPEED").env("PATH", "").envs(variables.iter().copied());
    command.output().unwrap().into()
}

/// State, finding and advice of a check.
#[track_caller]
fn found(run: &Run, check: &str) -> (String, String, String) {
    let findings = run.json();
    let row = findings.as_array().unwrap().iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("no {check}: {findings}"));
    let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
    (text("state"), text("finding"), text("next"))
}

#[track_caller]
fn finds(run: &Run, check: &str, state: &str, finding: &str, next: &str) {
    let (is, says, advises) = found(run, check);
    assert!(is == state && says.contains(finding) && advises.contains(next), "{check}: {is}: {says}; {advises}");
}

fn files(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn where_all_is_well_it_asks_once_and_leaves_nothing() {
    let world = world();
    let run = doctor(&world, &[("OPUSCLIP_ORG_ID", "org_1")]).succeeds();
    for row in run.json().as_array().unwrap() {
        // Room is that of the machine of the tests.
        assert!(row["state"] == "ok" || row["check"] == "free space", "{row}");
    }
    finds(&run, "organisation", "ok", "org_1 is accepted (from OPUSCLIP_ORG_ID)", "");
    finds(&run, "configuration", "ok", "and there need not be", "");
    let journal = world.sandbox.journal();
    assert_eq!(journal.iter().map(|entry| entry.operation.as_str()).collect::<Vec<_>>(), ["list_brand_templates"]);
    let operation = opusclip::operation::Operation::find(&journal[0].operation).unwrap();
    assert!(!operation.billed && operation.method == "GET", "it costs nothing and changes nothing");
    assert!(files(&world.path("")).is_empty(), "nothing is left behind");
    let columns: Run = world.command(&["doctor", "--columns", "check,state"]).output().unwrap().into();
    assert!(columns.stdout.starts_with("CHECK          STATE\n"), "{}", columns.stdout);
    world.opusclip(&["doctor", "--curl"]).ends(2).says("more than one call");
}

#[test]
fn it_works_where_nothing_is_configured_and_nothing_is_reached() {
    let world = world();
    // To the service itself, by a way that does not leave this machine.
    let nowhere = [("HTTPS_PROXY", "http://127.0.0.1:1"), ("https_proxy", "http://127.0.0.1:1"), ("NO_PROXY", ""), ("no_proxy", "")];
    for without_home in [false, true] {
        let mut command = world.bare(&["doctor"]);
        command.env("PATH", "").envs(nowhere);
        if without_home {
            command.env_remove("HOME");
        }
        let run = Run::from(command.output().unwrap()).ends(3).says("2 faults; the first: key: there is no API key").says("auth login");
        finds(&run, "key", "fault", "there is no API key", "opusclip auth login");
        finds(&run, "address", "fault", "https://api.opus.pro does not answer", "proxy");
        finds(&run, "key accepted", "skipped", "the address comes first", "");
    }
    assert!(world.sandbox.journal().is_empty());
}

#[test]
fn each_fault_is_told_from_the_others() {
    let world = world();
    let refused = doctor(&world, &[("OPUSCLIP_API_KEY", "sk-another")]).ends(3);
    finds(&refused, "key accepted", "fault", "refuses the API key", "auth login");
    finds(&refused, "address", "ok", "answers", "");
    let none = doctor(&world, &[("OPUSCLIP_API_KEY", "")]).ends(3);
    finds(&none, "address", "ok", "answers (from OPUSCLIP_BASE_URL)", "");
    finds(&none, "key accepted", "skipped", "no key to ask with", "");
    let malformed = doctor(&world, &[("OPUSCLIP_API_KEY", "key\u{7}")]).ends(2);
    finds(&malformed, "key", "fault", "characters that no key has", "");
    let gone = doctor(&world, &[("OPUSCLIP_BASE_URL", "http://127.0.0.1:1")]).ends(8);
    finds(&gone, "address", "fault", "the connection is not made (TCP)", "OPUSCLIP_BASE_URL");
    let unencrypted = doctor(&world, &[("OPUSCLIP_BASE_URL", "http://example.com")]).ends(2);
    finds(&unencrypted, "address", "fault", "unencrypted", "");
    finds(&unencrypted, "key", "ok", "OPUSCLIP_API_KEY", "");
    let unnamed = doctor(&world, &[("OPUSCLIP_BASE_URL", "https://nowhere.invalid"), ("NO_PROXY", "*")]).ends(8);
    finds(&unnamed, "address", "fault", "https://nowhere.invalid does not answer", "look at the network");
    let plain = world.sandbox.url().replace("http:", "https:");
    let no_tls = doctor(&world, &[("OPUSCLIP_BASE_URL", &plain)]).ends(8);
    finds(&no_tls, "address", "fault", "(TLS)", "look at the network");
    let wrong = doctor(&world, &[("OPUSCLIP_BASE_URL", "http://example.com")]).ends(2);
    finds(&wrong, "address", "fault", "unencrypted", "");
    let struck = |fault: &str, code: i32| {
        world.sandbox.clear_faults();
        world.sandbox.fault(fault).unwrap();
        doctor(&world, &[("OPUSCLIP_ORG_ID", "org_1")]).ends(code)
    };
    finds(&struck("list_brand_templates=status:403", 4), "key accepted", "fault", "answers 403", "network");
    finds(&struck("list_brand_templates=status:503", 8), "address", "fault", "answers 503", "status.opus.pro");
    finds(&struck("list_brand_templates=status:200:html", 8), "address", "fault", "is not the API", "sign-in");
    finds(&struck("list_brand_templates=status:429", 0), "key accepted", "warning", "answers 429", "another program");
    assert!(world.sandbox.journal().iter().all(|entry| entry.operation == "list_brand_templates"));
}

/// A service that takes a key, but in no organisation that is named.
fn particular() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // To its end: a connection that is closed with something unread is a reset.
            let head: Vec<_> = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let is_named = head.iter().any(|line| line.to_lowercase().starts_with("x-opus-org-id:"));
            let status = if is_named { "403 Forbidden" } else { "200 OK" };
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]").as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn an_organisation_that_is_refused_is_told_from_a_key_that_is() {
    let (world, url) = (world(), particular());
    let at = |org| doctor(&world, &[("OPUSCLIP_BASE_URL", &url), ("OPUSCLIP_ORG_ID", org)]);
    let refused = at("org_1").ends(4);
    finds(&refused, "organisation", "fault", "org_1 is refused, without it the key is taken", "OPUSCLIP_ORG_ID");
    finds(&refused, "key accepted", "ok", "takes it", "");
    finds(&at("").succeeds(), "organisation", "ok", "none is chosen", "");
}

#[test]
fn a_wrong_configuration_is_a_finding_like_others() {
    let world = world();
    world.file(".config/opusclip/config.toml", "[profiles.default]\nogr = 'x'\n");
    let run = doctor(&world, &[]).ends(2).says("one fault: configuration");
    finds(&run, "configuration", "fault", "config.toml:2: there is no setting `profiles.default.ogr`", "did you mean `org`?");
    finds(&run, "address", "skipped", "the configuration comes first", "");
    finds(&run, "state folder", "ok", "", "");
    assert!(world.sandbox.journal().is_empty());
}

#[test]
fn keys_that_lie_about_are_warned_of() {
    let world = world();
    let run = doctor(&world, &[("OPUS_API_KEY", "sk-of-others")]).succeeds();
    finds(&run, "stray keys", "warning", "OPUS_API_KEY is set: other programs read it", "OPUSCLIP_API_KEY");
    let file = world.file("key.txt", "sk-old");
    world.bare_run(&["config", "set", "api_key_file", file.to_str().unwrap()], &[]).succeeds();
    world.bare_run(&["config", "set", "base_url", world.sandbox.url()], &[]).succeeds();
    let run = doctor(&world, &[]).succeeds();
    finds(&run, "stray keys", "warning", "OPUSCLIP_API_KEY is used, and api_key_file", "unset OPUSCLIP_API_KEY");
    assert!(!run.stdout.contains("sk-o"), "{}", run.stdout);
    std::fs::write(&file, "sk-of-the-tests").unwrap();
    finds(&doctor(&world, &[]).succeeds(), "stray keys", "ok", "", "");
    finds(&doctor(&world, &[("OPUSCLIP_API_KEY", "other")]).ends(3), "key", "warning", "keys begin with `sk-`", "copy it again");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let run = doctor(&world, &[("OPUSCLIP_API_KEY", "")]).succeeds();
        finds(&run, "key", "warning", "(mode 0644)", "chmod 600");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        finds(&doctor(&world, &[("OPUSCLIP_API_KEY", "")]).succeeds(), "key", "ok", "api_key_file", "");
    }
}

#[test]
fn a_clock_that_is_off_is_told_before_webhooks_fail_of_it() {
    let world = world();
    let clock = |run: Run, state: &str, says: &str| finds(&run, "clock", state, says, if state == "ok" { "" } else { "NTP" });
    clock(doctor(&world, &[]).succeeds(), "ok", "");
    world.sandbox.advance(Duration::from_secs(100));
    clock(doctor(&world, &[]).succeeds(), "warning", "behind of the service's; from 5m on");
    world.sandbox.advance(Duration::from_secs(300));
    clock(doctor(&world, &[]).ends(1), "fault", "webhooks would be refused");
    world.sandbox.fault("list_brand_templates=header:date:Sun Nov  6 08:49:37 1994").unwrap();
    clock(doctor(&world, &[]).ends(1), "fault", "ahead of the service's");
    finds(&doctor(&world, &[("OPUSCLIP_SPEED", "60")]).succeeds(), "clock", "skipped", "60 times as fast (from OPUSCLIP_SPEED)", "");
}

#[cfg(unix)]
#[test]
fn another_program_of_the_name_and_a_folder_that_is_none_are_found() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = world();
    let other = world.file("other/opusclip", "#!/bin/sh\n");
    let path = |folders: &[&str]| std::env::join_paths(folders.iter().map(|folder| world.path(folder))).unwrap().into_string().unwrap();
    finds(&doctor(&world, &[("PATH", &path(&["other"]))]).succeeds(), "PATH", "ok", "no `opusclip`", "");
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(world.path("own")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_opusclip"), world.path("own/opusclip")).unwrap();
    let run = doctor(&world, &[("PATH", &path(&["other", "own"]))]).succeeds();
    finds(&run, "PATH", "warning", &format!("`opusclip` is {}, and this one is", other.display()), "other programs have this name");
    let run = doctor(&world, &[("PATH", &path(&["own", "own", "other", "other"]))]).succeeds();
    let (state, finding, _) = found(&run, "PATH");
    let expected = format!("`opusclip` is this one; others: {}", other.display());
    assert_eq!((state.as_str(), finding), ("warning", expected), "each of them once");
    finds(&doctor(&world, &[("PATH", &path(&["own"]))]).succeeds(), "PATH", "ok", "is this one", "");
    let file = world.file("in-the-way", "x");
    let run = doctor(&world, &[("OPUSCLIP_STATE", file.to_str().unwrap())]).ends(1);
    finds(&run, "state folder", "fault", "in-the-way cannot be written into", "OPUSCLIP_STATE");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "x");
    let text: Value = run.json();
    assert!(text.as_array().unwrap().iter().any(|row| row["check"] == "free space" && row["state"] != "fault"));
}
