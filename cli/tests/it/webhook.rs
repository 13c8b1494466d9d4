//! `opusclip webhook`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::running::Running;
use crate::support::{Run, World};

const KEY: &str = "sk-test_0123456789abcdef";
const SALT: &str = "0f1e2d3c4b5a6978";
const BODY: &str = r#"{"projectId":"P0000000demo","stage":"COMPLETE"}"#;
const SIGNATURE: &str = "6074f658049387e58138b07d6a976008764927d9560330ce01acc4b61594ec35";
const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

/// What worlds sign with, as long as nothing else is said.
const WORLDS_KEY: &str = "sk-of-the-tests";

/// A listener on a free port, and its address.
fn listen(world: &World, args: &[&str]) -> (Running, String) {
    let mut listener = Running::new(world.command(&[&["webhook", "listen", "--port", "0"], args].concat()));
    let line = listener.says("listening on ");
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    (listener, url)
}

/// An address that nobody listens to.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The headers of a message that is sent now, with this salt.
#[allow(clippy::disallowed_methods, reason = "the program goes by the real time")]
fn headers(salt: &str, body: &str) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let signature = opusclip::webhook::sign(WORLDS_KEY, salt, body.as_bytes());
    format!("X-Opus-Signature: {signature}\r\nX-Opus-Salt: {salt}\r\nX-Opus-Timestamp: {seconds}\r\nX-Else: kept\r\n")
}

/// The status that a request is answered with.
fn request(url: &str, method: &str, headers: &str, body: &str) -> u16 {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    // Who is refused early may be cut off while it still writes.
    let _ =
        write!(stream, "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
}

fn event(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// A world whose time stands still until it is told to go on.
fn still() -> World {
    World::with(|sandbox| sandbox.with_speed(0.0))
}

fn project(world: &World, args: &[&str]) -> String {
    let created = world.opusclip(&[&["project", "create", VIDEO], args].concat()).succeeds().json();
    created["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_saved_message_is_checked() {
    let world = World::new();
    let verify = |body: &str, args: &[&str]| -> Run {
        world.file("body", body);
        let mut command = world.command(&[&["webhook", "verify", "body"], args].concat());
        command.env("OPUSCLIP_WEBHOOK_SECRET", KEY).output().unwrap().into()
    };
    let genuine = [
        (BODY, SIGNATURE),
        (r#"{"title":"Café ☕"}"#, "8d16470dba29bcfbed5a4e72e4353ac0423dc7b86dbfc95f4f11e8e445ea4b24"),
        ("", "cdfb803e89b22d5e254561b5531dcc43561ddf8ca022b1ee1c671be36447f847"),
    ];
    for (body, signature) in genuine {
        let event = verify(body, &["--signature", signature, "--salt", SALT, "--any-time"]).succeeds().json();
        assert_eq!(event["salt"], SALT, "{event}");
        assert_eq!(event["projectId"].as_str(), body.contains("projectId").then_some("P0000000demo"), "{event}");
    }
    let at = |signature: &str, more: &[&str]| verify(BODY, &[&["--signature", signature, "--salt", SALT], more].concat()).ends(7);
    for (mistake, signature) in [
        ("salt first", "0bedf60f213a11c82230e3acb9c91e5241b66e68119d93ec91a381071db8cfff"),
        ("key without sk-", "182780e9523288d4e134d58457fae6b32c4ead04269caf8bc6e6397c480db0c1"),
        ("another body", "349db9c4ef413e85f4554296c861811597f3e95d04ac9f59cff4b0bc753cd3e0"),
    ] {
        let run = at(signature, &["--any-time"]).says("the signature does not match");
        assert_eq!(run.stdout, "", "{mistake}");
    }
    at("YHT2WASTh+WBOLB9apdgCHZJJ9lWAzDOAazEthWU7DU=", &["--any-time"]).says("is not 64 hex digits");
    at(SIGNATURE, &[]).says("`x-opus-timestamp` is missing").says("next: give the headers as they came");
    at(SIGNATURE, &["--timestamp", "1780000000"]).says(" s ago; expected at most 300 s").says("`--any-time`");
    at(SIGNATURE, &["--timestamp", "32503680000"]).says(" s in the future");
    let told = verify(BODY, &["--signature", SIGNATURE, "--salt", SALT, "--timestamp", "1780000000", "--any-time"]).succeeds().json();
    // Nobody has signed the time.
    let late = verify(BODY, &["--signature", SIGNATURE, "--salt", SALT, "--timestamp", "999999999999", "--any-time"]).succeeds().json();
    assert_eq!((&late["sentAt"], &late["salt"]), (&serde_json::Value::Null, &told["salt"]));
    assert_eq!(told["sentAt"], "2026-05-28T20:26:40Z");
    verify(BODY, &["--salt", SALT]).ends(2).says("--headers");
}

#[test]
fn headers_and_secret_come_from_files() {
    let world = World::new();
    let run = |args: &[&str], stdin: &str| -> Run {
        let stdin = std::fs::File::open(world.file("stdin", stdin)).unwrap();
        world.command(&[&["webhook", "verify"], args].concat()).env_remove("OPUSCLIP_API_KEY").stdin(stdin).output().unwrap().into()
    };
    world.file("secret", format!("{KEY}\n"));
    world.file(
        "headers",
        format!("POST /hooks HTTP/1.1\r\nHost: x\r\nx-opus-signature: {SIGNATURE}\r\nX-Opus-Salt: {SALT}\r\n\r\nno header"),
    );
    let told = run(&["--headers", "headers", "--any-time", "--secret-file", "secret"], BODY).succeeds();
    assert_eq!(told.json()["stage"], "COMPLETE");
    world.file("body", BODY);
    run(&["body", "--headers", "headers", "--any-time", "--secret-file", "-"], KEY).succeeds();
    run(&["-", "--headers", "headers", "--secret-file", "-"], KEY).ends(2).says("both to come from stdin");
    run(&["none", "--headers", "headers", "--secret-file", "secret"], "").ends(2).says("the body none");
    run(&["body", "--headers", "body", "--secret-file", "secret"], "").ends(2).says("\"projectId\\");
    run(&["body", "--headers", "headers"], "").ends(3).says("there is no secret").says("next: set OPUSCLIP_WEBHOOK_SECRET");
    world.file("secret", " \n");
    run(&["body", "--headers", "headers", "--secret-file", "secret"], "").ends(2).says("--secret-file secret is empty");
}

#[test]
fn what_is_sent_is_received_and_printed_once() {
    let world = World::new();
    let (mut listener, url) = listen(&world, &["--path", "/hooks", "--events", "3"]);
    assert!(url.ends_with("/hooks"), "{url}");
    let sent = world.opusclip(&["webhook", "send", &url, "--project", "P1"]).succeeds().json();
    assert_eq!((sent["status"].as_u64(), sent["answer"].as_str()), (Some(200), Some("handed on")), "{sent}");
    let got = event(&listener.prints());
    assert_eq!(
        (&got["projectId"], &got["stage"], &got["via"], &got["salt"]),
        (&"P1".into(), &"COMPLETE".into(), &"webhook".into(), &sent["salt"])
    );
    world.opusclip(&["webhook", "send", &url, "--stage", "STALLED", "--error", "no speech"]).succeeds();
    assert_eq!(event(&listener.prints())["body"]["error"], "no speech");

    assert_eq!(request(&url, "POST", &headers(SALT, BODY), BODY), 200, "the last one is answered too");
    let run = listener.ended().ends(0);
    assert_eq!(run.stdout.lines().count(), 3, "{}", run.stdout);
}

#[test]
fn a_repeat_is_not_handed_on_again() {
    let world = World::new();
    let (mut listener, url) = listen(&world, &["--events", "2"]);
    for _ in 0..3 {
        assert_eq!(request(&url, "POST", &headers(SALT, BODY), BODY), 200);
    }
    listener.says("P0000000demo: handed on before, not again");
    assert_eq!(request(&url, "POST", &headers("ffffffffffffffff", BODY), BODY), 200);
    assert_eq!(listener.ended().ends(0).stdout.lines().count(), 2);
}

#[test]
fn what_is_no_message_is_refused_with_the_right_status() {
    let world = World::new();
    let (mut listener, url) = listen(&world, &["--path", "/hooks"]);
    let genuine = headers(SALT, BODY);
    assert_eq!(request(&url, "GET", &genuine, ""), 405);
    assert_eq!(request(&format!("{url}/more"), "POST", &genuine, BODY), 404);
    listener.says("POST /hooks/more from 127.0.0.1:").contains("refused with 404: messages are taken at /hooks");
    assert_eq!(request(&url, "POST", "", BODY), 400);
    assert_eq!(request(&url, "POST", &genuine, "{}"), 401);
    listener.says("the signature does not match");
    let old = genuine.lines().map(|line| if line.contains("Timestamp") { "X-Opus-Timestamp: 1780000000" } else { line });
    assert_eq!(request(&url, "POST", &old.map(|line| format!("{line}\r\n")).collect::<String>(), BODY), 401);
    assert!(listener.says(" s ago").contains("`--any-time` takes it"));
    assert_eq!(request(&url, "POST", &genuine, &"x".repeat((1 << 20) + 1)), 413);
    assert_eq!(request(&url, "POST", &genuine, BODY), 200, "none of it was remembered");
    assert_eq!(event(&listener.prints())["salt"], SALT);
    let wrong = world.command(&["webhook", "send", &url]).env("OPUSCLIP_WEBHOOK_SECRET", "sk-other").output().unwrap().into();
    Run::ends(wrong, 3).says("answered 401 Unauthorized: webhook refused: the signature").says("next: compare its secret");
    world.opusclip(&["webhook", "send", url.trim_end_matches("/hooks")]).ends(5).says("answered 404");
}

#[cfg(unix)]
#[test]
fn a_signal_is_its_good_end() {
    let world = World::new();
    for signal in ["-INT", "-TERM"] {
        let (listener, url) = listen(&world, &[]);
        world.opusclip(&["webhook", "send", &url]).succeeds();
        listener.signal(signal);
        let run = listener.ended().ends(0);
        assert!(!run.stderr.contains("error"), "{}", run.stderr);
    }
    let (listener, _) = listen(&world, &["--events", "1"]);
    listener.signal("-INT");
    listener.ended().ends(130);
}

#[test]
fn a_message_is_forwarded_as_it_came() {
    let world = World::new();
    let (mut target, target_url) = listen(&world, &["--path", "/in"]);
    let (mut relay, url) = listen(&world, &["--forward", &format!("{target_url}?token=hidden")]);
    assert_eq!(request(&url, "POST", &headers(SALT, BODY), BODY), 200);
    let (one, other) = (event(&relay.prints()), event(&target.prints()));
    assert_eq!(one, other, "signature, salt and time are those of the sender");
    let (mut refusing, refusing_url) = listen(&world, &["--forward", &target_url.replace("/in", "/elsewhere?token=hidden")]);
    world.opusclip(&["webhook", "send", &refusing_url]).ends(8).says("answered 502 Bad Gateway: not handed on");
    let told = refusing.says("P0000000demo: not handed on: http://127.0.0.1:");
    assert!(told.contains("/elsewhere answered 404 Not Found") && !told.contains("hidden"), "{told}");
}

#[test]
fn what_could_not_be_forwarded_comes_again() {
    let world = World::new();
    let port = nobody().to_string();
    let target_url = format!("http://127.0.0.1:{port}/");
    let (mut relay, url) = listen(&world, &["--forward", &target_url, "--events", "1"]);
    let message = headers(SALT, BODY);
    assert_eq!(request(&url, "POST", &message, BODY), 502);
    assert!(relay.says("not handed on").contains("3 times, at last: cannot be reached"));
    let mut target = Running::new(world.command(&["webhook", "listen", "--port", &port]));
    target.says("listening on");
    assert_eq!(request(&url, "POST", &message, BODY), 200, "the same message again");
    assert_eq!(event(&target.prints())["salt"], SALT);
    assert_eq!(relay.ended().ends(0).stdout.lines().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_command_gets_the_event_and_its_exit_code_decides() {
    let world = World::new();
    let line = r#"cat > event.json; env > env.txt; echo to stderr; echo "$OPUSCLIP_EVENT_PROJECT_ID $OPUSCLIP_EVENT_STAGE" >> runs; test -e ready"#;
    world.file("key", "sk-of-the-account");
    let args = ["webhook", "listen", "--port", "0", "--exec", line, "--events", "1", "--poll", "P1", "--api-key-file", "key"];
    world.sandbox.fault("get_project=stall").unwrap();
    let mut command = world.command(&args);
    command.env("CLIP_KEY", "sk-of-the-account");
    command.env("OPUSCLIP_WEBHOOK_SECRET", KEY).env("ELSEWHERE", format!("Bearer {KEY}")).env("OPUSCLIP_EVENT_ERROR", "of another");
    let mut listener = Running::new(command);
    let url = listener.says("listening on ").replace("listening on ", "");
    let send = || -> Run {
        world.command(&["webhook", "send", &url, "--project", "P$(x)"]).env("OPUSCLIP_WEBHOOK_SECRET", KEY).output().unwrap().into()
    };
    send().ends(8).says("answered 500");
    listener.says("to stderr");
    listener.says("P$(x): not handed on: the command ended with exit status: 1");
    world.file("ready", "");
    send().succeeds();
    let run = listener.ended().ends(0);
    assert_eq!(run.stdout, std::fs::read_to_string(world.path("event.json")).unwrap(), "it reads what is printed");
    assert_eq!(std::fs::read_to_string(world.path("runs")).unwrap(), "P$(x) COMPLETE\nP$(x) COMPLETE\n");
    let env = std::fs::read_to_string(world.path("env.txt")).unwrap();
    for secret in [KEY, WORLDS_KEY, "sk-of-the-account", "of another"] {
        assert!(!env.contains(secret), "{env}");
    }
    assert!(env.contains("OPUSCLIP_EVENT_VIA=webhook") && env.contains("OPUSCLIP_BASE_URL="), "{env}");
}

#[test]
fn a_time_that_nobody_signed_does_not_end_the_listener() {
    let world = World::new();
    world.opusclip(&["webhook", "listen", "--port", "0", "--columns", "projectid"]).ends(2).says("there is no column `projectid`");
    let (mut listener, url) = listen(&world, &["--any-time"]);
    let signature = opusclip::webhook::sign(WORLDS_KEY, SALT, BODY.as_bytes());
    let signed = format!("X-Opus-Signature: {signature}\r\nX-Opus-Salt: {SALT}\r\nX-Opus-Timestamp: 999999999999\r\n");
    assert_eq!(request(&url, "POST", &signed, BODY), 200);
    assert_eq!(event(&listener.prints())["sentAt"], Value::Null);
    assert_eq!(request(&url, "POST", &headers("00112233aabbccdd", BODY), BODY), 200, "it goes on");
}

#[test]
fn the_sandbox_tells_the_end_of_a_project() {
    let world = World::new();
    let (listener, url) = listen(&world, &["--any-time", "--events", "1", "--columns", "projectId,stage"]);
    let project = project(&world, &["--webhook", &url]);
    assert_eq!(listener.ended().ends(0).stdout, format!("{project}  COMPLETE\n"));
    while world.sandbox.count("webhook") == 0 {
        // It is noted a moment after the answer.
        std::thread::sleep(Duration::from_millis(2));
    }
    let sent: Vec<_> = world.sandbox.journal().into_iter().filter(|entry| entry.operation == "webhook").collect();
    assert_eq!((sent.len(), sent[0].status, sent[0].note.as_deref()), (1, Some(200), None));
}

#[test]
fn a_poll_tells_what_a_webhook_would() {
    let world = World::new();
    let project = project(&world, &[]);
    let (target, url) = listen(&world, &["--events", "1"]);
    let run =
        world.opusclip(&["webhook", "listen", "--poll", &project, "--forward", &url]).succeeds().says(&format!("{project}: complete"));
    let (told, got) = (event(run.stdout.trim()), event(target.ended().ends(0).stdout.trim()));
    assert_eq!((&told["via"], &got["via"]), (&"poll".into(), &"webhook".into()));
    assert_eq!((&told["body"], &told["salt"]), (&got["body"], &got["salt"]));
    assert_eq!(told["body"], serde_json::json!({"projectId": project, "stage": "COMPLETE"}));
}

#[test]
fn a_poll_ends_as_a_wait_does() {
    let world = World::new();
    let stalled =
        world.opusclip(&["project", "create", "https://vimeo.com/sandbox-stall"]).succeeds().json()["id"].as_str().unwrap().to_owned();
    let run = world.opusclip(&["webhook", "listen", "--poll", &stalled]).ends(8).says(&format!("project {stalled} stalled"));
    let told = event(run.stdout.trim());
    assert!(told["stage"] == "STALLED" && told["error"].is_string(), "{told}");
    let gone = world.opusclip(&["webhook", "listen", "--poll", "P0000000gone"]).ends(5);
    assert_eq!(gone.stdout, "", "what is gone tells nothing");
    let done = project(&world, &[]);
    let both =
        world.opusclip(&["webhook", "listen", "--poll", &done, "P0000000gone"]).ends(11).says("P0000000gone: project P0000000gone is gone");
    assert_eq!(event(both.stdout.trim())["projectId"], done.as_str());
    let target = format!("http://127.0.0.1:{}/", nobody());
    let down = world.opusclip(&["webhook", "listen", "--poll", &done, "--forward", &target]).ends(8).says("the event was not handed on");
    assert_eq!(down.stdout, "");
    let world = still();
    let going_on = project(&world, &[]);
    let run = world.opusclip(&["webhook", "listen", "--poll", &going_on, "--timeout", "0s"]).ends(124).says("is not done yet");
    assert_eq!((run.stdout.as_str(), run.stderr.matches("is not done yet").count()), ("", 1), "{}", run.stderr);
}

#[test]
fn an_end_that_comes_both_ways_is_handed_on_once() {
    let world = still();
    let (first, second) = (project(&world, &[]), project(&world, &[]));
    let (mut listener, url) = listen(&world, &["--poll", &first, "--poll", &second]);
    let send = |project: &str| world.opusclip(&["webhook", "send", &url, "--project", project]).succeeds().json()["answer"].clone();
    assert_eq!(send(&first), "handed on");
    assert_eq!(event(&listener.prints())["via"], "webhook");
    world.sandbox.advance(Duration::from_secs(3600));
    listener.says(&format!("{first}: handed on before, not again"));
    let polled = event(&listener.prints());
    assert_eq!((&polled["projectId"], &polled["via"]), (&second.as_str().into(), &"poll".into()));
    assert_eq!(send(&second), "handed on before");
    assert_eq!(send("P1"), "handed on", "the listener goes on after the polls");
    assert_eq!(event(&listener.prints())["projectId"], "P1");
}

#[test]
fn a_message_ends_the_pause_of_a_poll() {
    let world = still();
    let project = project(&world, &[]);
    let mut command = world.command(&["webhook", "listen", "--port", "0", "--poll", &project]);
    // Most of an hour from look to look.
    command.env("OPUSCLIP_SPEED", "0.01");
    let mut listener = Running::new(command);
    let url = listener.says("listening on ").replace("listening on ", "");
    listener.says(&format!("{project}: "));
    world.sandbox.advance(Duration::from_secs(3600));
    world.opusclip(&["webhook", "send", &url, "--project", &project]).succeeds();
    listener.says(&format!("{project}: complete"));
    listener.says(&format!("{project}: handed on before, not again"));
}

#[test]
fn a_message_is_sent_as_it_is_given_and_its_answer_decides() {
    let world = World::new();
    let (mut listener, url) = listen(&world, &[]);
    world.file("message.json", "{\"data\": {\"id\": \"P7\"} }");
    world.opusclip(&["webhook", "send", &url, "--body", "message.json"]).succeeds();
    assert_eq!(event(&listener.prints())["projectId"], "P7");
    let down = format!("http://127.0.0.1:{}/?token=hidden", nobody());
    let run = world.opusclip(&["webhook", "send", &down]).ends(8).says("cannot be reached");
    assert!(!run.stderr.contains("hidden"), "{}", run.stderr);
    world.opusclip(&["webhook", "send", "ftp://x"]).ends(2).says("is not http or https");
    world.opusclip(&["webhook", "send", &url, "--body", "none.json"]).ends(2).says("none.json");
    world.opusclip(&["webhook", "send", &url, "--body", "x", "--stage", "COMPLETE"]).ends(2);
}

#[test]
fn curl_has_the_signature_and_not_the_secret() {
    let world = World::new();
    let printed = world.opusclip(&["--curl", "webhook", "send", "http://127.0.0.1:1/x", "--error", "it's"]).succeeds().stdout;
    assert!(!printed.contains(WORLDS_KEY), "{printed}");
    let words = shlex::split(&printed.replace("\\\n", "")).unwrap();
    let after =
        |option: &'static str| words.iter().zip(&words[1..]).filter(move |(name, _)| *name == option).map(|(_, value)| value.clone());
    let body = after("--data-raw").next().unwrap();
    let headers: Vec<_> = after("--header")
        .filter_map(|line| Some(line.split_once(": ")?).map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    let salt = headers.iter().find(|(name, _)| name == "x-opus-salt").unwrap().1.clone();
    assert!(headers.contains(&("x-opus-signature".to_owned(), opusclip::webhook::sign(WORLDS_KEY, &salt, body.as_bytes()))));
    world.opusclip(&["--curl", "webhook", "listen", "--port", "0"]).ends(2).says("more than one call");
}

#[test]
fn what_is_wrong_with_a_listener_is_told() {
    let world = World::new();
    let without: Run = world.command(&["webhook", "listen", "--port", "0"]).env_remove("OPUSCLIP_API_KEY").output().unwrap().into();
    without.ends(3).says("there is no secret").says("OPUSCLIP_WEBHOOK_SECRET").says("--secret-file");
    let empty: Run = world.command(&["webhook", "listen", "--port", "0"]).env("OPUSCLIP_WEBHOOK_SECRET", " ").output().unwrap().into();
    empty.ends(2).says("OPUSCLIP_WEBHOOK_SECRET is empty");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    world.opusclip(&["webhook", "listen", "--port", &port]).ends(1).says("next: another program has the port");
    drop(taken);
    let itself = format!("http://localhost:{port}/x");
    world.opusclip(&["webhook", "listen", "--port", &port, "--forward", &itself]).ends(2).says("is this listener itself");
    world.opusclip(&["webhook", "listen"]).ends(2).says("--port <N>|--poll");
    world.opusclip(&["webhook", "listen", "--port", "0", "--path", "hooks"]).ends(2).says("expected a path like /hooks");
    let poll: Run = world
        .command(&["webhook", "listen", "--poll", "P1"])
        .env_remove("OPUSCLIP_API_KEY")
        .env("OPUSCLIP_WEBHOOK_SECRET", KEY)
        .output()
        .unwrap()
        .into();
    poll.ends(3).says("there is no API key");
}

#[test]
fn a_message_that_comes_back_by_way_of_another_receiver_does_not_go_round() {
    let world = World::new();
    // What is sent here is passed on to the listener, once that is known.
    let passing = TcpListener::bind("127.0.0.1:0").unwrap();
    let forward = format!("http://{}/", passing.local_addr().unwrap());
    let (mut listener, url) = listen(&world, &["--forward", &forward]);
    let host = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    std::thread::spawn(move || {
        for stream in passing.incoming().map_while(Result::ok) {
            let target = TcpStream::connect(&host).unwrap();
            let (mut from, mut to) = (stream.try_clone().unwrap(), target.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            std::thread::spawn(move || std::io::copy(&mut { target }, &mut { stream }));
        }
    });
    assert_eq!(request(&url, "POST", &headers(SALT, BODY), BODY), 502);
    listener.says("at last: answered 503");
}
