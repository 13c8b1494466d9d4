//! `opusclip auth`: which key goes where, and that none is seen.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Run, World};
#[cfg(unix)]
use crate::terminal::{attached, read_while};

const STORE: &str = ".config/opusclip/credentials.json";
const KEY: &str = "sk-of-somebody-0123456789";

/// Runs it with this on stdin, and asserts that no key comes out.
fn fed(world: &World, args: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
    let mut command = world.bare(args);
    let mut child =
        command.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended before it read anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    hidden(child.wait_with_output().unwrap().into())
}

#[track_caller]
fn hidden(run: Run) -> Run {
    // How keys begin may be told.
    let said = format!("{} {}", run.stdout, run.stderr).replace("`sk-`", "");
    assert!(!said.contains("sk-"), "a key is shown: {} {}", run.stdout, run.stderr);
    run
}

/// A world whose sandbox takes one key only, and how it is told of.
fn closed() -> (World, String) {
    let world = World::with(|sandbox| sandbox.with_keys([KEY]));
    let url = world.sandbox.url().to_owned();
    (world, url)
}

#[test]
fn a_key_that_is_taken_is_kept_and_used() {
    let (world, url) = closed();
    let at = [("OPUSCLIP_BASE_URL", url.as_str())];
    let run = fed(&world, &["auth", "login"], &at, &format!("Bearer {KEY}\n")).succeeds().says("is kept in").says(&url);
    assert_eq!((&run.json()["accepted"], &run.json()["profile"]), (&true.into(), &"default".into()));
    let status = |args: &[&str]| hidden(world.bare_run(&[&["auth", "status"], args].concat(), &at));
    let shown = status(&["--check"]).succeeds().json();
    assert_eq!(
        (&shown["accepted"], &shown["baseUrl"], &shown["baseUrlFrom"]),
        (&true.into(), &url.as_str().into(), &"OPUSCLIP_BASE_URL".into())
    );
    assert_eq!(shown["key"], run.json()["key"]);
    assert!(shown["keyFrom"].as_str().unwrap().ends_with(STORE), "{shown}");
    world.bare_run(&["template", "list"], &at).succeeds();
    // Only what is free was asked.
    let asked: Vec<_> = world.sandbox.journal().into_iter().map(|entry| entry.operation).collect();
    assert_eq!(asked, ["list_brand_templates"; 3]);
    fed(&world, &["auth", "logout"], &at, "").succeeds().says("is removed from").says("is revoked at");
    assert!(!world.path(STORE).exists());
    status(&[]).ends(3).says("there is no API key");
    fed(&world, &["auth", "logout"], &at, "").succeeds().says("none was kept");
}

#[test]
fn a_key_that_is_refused_is_not_kept() {
    let (world, url) = closed();
    let at = [("OPUSCLIP_BASE_URL", url.as_str())];
    let login = |input: &str, args: &[&str]| fed(&world, &[&["auth", "login"], args].concat(), &at, input);
    login("sk-another", &[]).ends(3).says("it is not kept").says("dashboard");
    login("", &[]).ends(2).says("no key was given");
    login("two words", &["--no-check"]).ends(2);
    login("sk-of\nseveral lines", &["--no-check"]).ends(2).says("a key is one word");
    login("sk-x", &["--api-key", "sk-y"]).ends(2).says("`auth login` does not take it");
    login("sk-x", &["--curl"]).ends(2);
    for (fault, code, said) in [
        ("list_brand_templates#1=status:503", 8, "could not be checked"),
        ("list_brand_templates#1=reset", 8, "could not be checked"),
        ("list_brand_templates#1=status:429", 6, "could not be checked"),
        ("list_brand_templates#1=status:200:html", 8, "is not the API"),
        ("list_brand_templates#1=status:302", 8, "is not the API"),
        ("list_brand_templates#1=status:403", 4, "it is not kept"),
    ] {
        world.sandbox.clear_faults();
        world.sandbox.fault(fault).unwrap();
        login(KEY, &[]).ends(code).says(said).says("not kept");
    }
    world.sandbox.clear_faults();
    let nowhere = [("OPUSCLIP_BASE_URL", "http://127.0.0.1:1")];
    fed(&world, &["auth", "login"], &nowhere, KEY).ends(8).says("--no-check");
    assert!(!world.path(STORE).exists());
    // A wrong key in the place of a right one leaves that alone.
    login(KEY, &[]).succeeds();
    let before = std::fs::read(world.path(STORE)).unwrap();
    login("sk-another", &[]).ends(3);
    assert_eq!(std::fs::read(world.path(STORE)).unwrap(), before);
    // Unchecked, whatever it is.
    let sent = world.sandbox.journal().len();
    login("odd-key", &["--no-check"]).succeeds().says("begin with `sk-`");
    assert_eq!(world.sandbox.journal().len(), sent);
}

#[test]
fn a_profile_has_its_own_key_and_what_was_said_with_it() {
    let (world, url) = closed();
    let file = world.file("key.txt", KEY);
    let key = file.to_str().unwrap();
    let login = ["auth", "login", "--profile", "box", "--base-url", &url, "--org", "org_1", "--speed", "600", "--api-key-file", key];
    fed(&world, &login, &[], "").succeeds().says("of the profile `box`");
    let profile = std::fs::read_to_string(world.path(".config/opusclip/config.toml")).unwrap();
    assert_eq!(profile, format!("[profiles.box]\norg = \"org_1\"\nbase_url = \"{url}\"\nspeed = 600.0\n"));
    hidden(world.bare_run(&["template", "list", "--profile", "box"], &[])).succeeds();
    hidden(world.bare_run(&["template", "list"], &[])).ends(3).says("there is no API key");
    // Another profile of the same file is another account.
    fed(&world, &["auth", "login", "--profile", "two", "--base-url", &url, "--no-check"], &[], "sk-two").succeeds();
    hidden(world.bare_run(&["template", "list", "--profile", "two"], &[])).ends(3).says("auth login");
    fed(&world, &["auth", "logout", "--profile", "two"], &[], "").succeeds();
    hidden(world.bare_run(&["template", "list", "--profile", "box"], &[])).succeeds();
    // What it cannot take away is said.
    let run = fed(&world, &["auth", "logout", "--profile", "box"], &[("OPUSCLIP_API_KEY", KEY)], "");
    run.succeeds().says("OPUSCLIP_API_KEY is still set");
    world.bare_run(&["config", "set", "api_key_file", key, "--profile", "box"], &[]).succeeds();
    fed(&world, &["auth", "login", "--profile", "box"], &[], KEY).succeeds().says("key.txt, which goes before it");
    fed(&world, &["auth", "logout", "--profile", "box", "-q"], &[], "").succeeds().says("key.txt");
}

#[test]
fn a_key_goes_only_where_it_was_given_for() {
    let world = World::new();
    let url = world.sandbox.url().to_owned();
    fed(&world, &["auth", "login", "--profile", "box", "--base-url", &url], &[], KEY).succeeds();
    fed(&world, &["auth", "login", "--no-check"], &[], "sk-of-the-service").succeeds();
    let sent = world.sandbox.journal().len();
    let list = |args: &[&str], variables: &[(&str, &str)]| hidden(world.bare_run(&[&["template", "list"], args].concat(), variables));
    // The key of the service, which an address of the environment would redirect.
    list(&[], &[("OPUSCLIP_BASE_URL", &url)]).ends(2).says("is for https://api.opus.pro, and the address is").says("OPUSCLIP_API_KEY");
    list(&["--base-url", &url], &[]).ends(2).says("from --base-url");
    list(&["--profile", "box", "--base-url", "http://127.0.0.1:1"], &[]).ends(2).says(&format!("is for {url}"));
    // The key of the environment, which a file would redirect that is read at each run.
    world.bare_run(&["config", "set", "default_profile", "box"], &[]).succeeds();
    let environment = [("OPUSCLIP_API_KEY", "sk-of-the-environment")];
    list(&[], &environment).ends(2).says("OPUSCLIP_API_KEY is not known to be for").says("--profile box");
    list(&["--api-key-file", world.file("k", "sk-k").to_str().unwrap()], &[]).ends(2).says("is not known to be for");
    // A shell would redirect it as well, and so would a login that nobody watches.
    list(&["--curl"], &environment).ends(2).says("is not known to be for");
    fed(&world, &["auth", "login"], &[], "sk-k").ends(2).says("the key is not known to be for").says("--profile box");
    fed(&world, &["auth", "login", "--api-key-file", "k"], &[], "").ends(2).says("is not known to be for");
    assert_eq!(world.sandbox.journal().len(), sent, "nothing was sent");
    // Said for this run, it goes.
    list(&["--profile", "box"], &environment).succeeds();
    list(&[], &[environment[0], ("OPUSCLIP_PROFILE", "box")]).succeeds();
    list(&[], &[environment[0], ("OPUSCLIP_BASE_URL", &url)]).succeeds();
    list(&[], &[]).succeeds();
    assert_eq!(world.sandbox.journal().len(), sent + 4);
}

#[test]
fn status_tells_where_each_key_comes_from() {
    let world = World::new();
    let file = world.file("key.txt", KEY);
    let from = |args: &[&str], variables: &[(&str, &str)]| {
        let run = hidden(world.bare_run(&[&["auth", "status"], args].concat(), variables)).succeeds();
        run.json()["keyFrom"].as_str().unwrap().to_owned()
    };
    let variable = [("OPUSCLIP_API_KEY", KEY)];
    let by_file = ["--api-key-file", file.to_str().unwrap()];
    assert_eq!(from(&["--api-key", KEY], &variable), "--api-key");
    assert_eq!(from(&by_file, &variable), format!("--api-key-file {}", file.display()));
    assert_eq!(from(&[], &variable), "OPUSCLIP_API_KEY");
    world.bare_run(&["config", "set", "api_key_file", file.to_str().unwrap()], &[]).succeeds();
    assert_eq!(from(&[], &[]), format!("api_key_file {}", file.display()));
    world.bare_run(&["config", "unset", "api_key_file"], &[]).succeeds();
    fed(&world, &["auth", "login", "--no-check"], &[], KEY).succeeds();
    assert_eq!(from(&[], &[]), world.path(STORE).display().to_string());
    let nowhere = [("OPUSCLIP_BASE_URL", "http://127.0.0.1:1"), variable[0]];
    let unchecked = hidden(world.bare_run(&["auth", "status"], &nowhere)).succeeds().json();
    assert_eq!(unchecked["accepted"], serde_json::Value::Null, "nothing is asked unless it is wanted");
    let checked = hidden(world.bare_run(&["auth", "status", "--check"], &nowhere)).ends(8).says("not made (TCP)");
    assert_eq!(checked.json()["accepted"], false);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::new();
    let at = [("OPUSCLIP_BASE_URL", world.sandbox.url())];
    let mode = |name: &str| std::fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    fed(&world, &["auth", "login"], &at, KEY).succeeds();
    assert_eq!((mode(STORE), mode(".config/opusclip")), (0o600, 0o700));
    let sent = world.sandbox.journal().len();
    std::fs::set_permissions(world.path(STORE), std::fs::Permissions::from_mode(0o640)).unwrap();
    for args in [&["template", "list"][..], &["auth", "status"], &["auth", "logout"], &["auth", "login", "--no-check"]] {
        fed(&world, args, &at, KEY).ends(2).says("(mode 0640)").says(&format!("chmod 600 {}", world.path(STORE).display()));
    }
    std::fs::set_permissions(world.path(STORE), std::fs::Permissions::from_mode(0o600)).unwrap();
    fed(&world, &["auth", "status"], &at, "").succeeds();
    world.file(STORE, "{\"default\":\n{\"key\": \"sk-secret\", \"base_url\": 1}}");
    fed(&world, &["template", "list"], &at, "").ends(2).says("credentials.json:2: the stored keys cannot be read");
    assert_eq!(world.sandbox.journal().len(), sent);
}

#[test]
fn no_command_shows_the_key() {
    let world = World::new();
    let url = world.sandbox.url().to_owned();
    fed(&world, &["auth", "login", "--profile", "box", "--base-url", &url], &[], KEY).succeeds();
    let commands: [&[&str]; 11] = [
        &["auth", "status", "--check"],
        &["auth", "login", "--no-check"],
        &["config", "list"],
        &["config", "get", "base_url"],
        &["config", "path"],
        &["doctor"],
        &["template", "list", "--verbose"],
        &["--curl", "template", "list"],
        &["project", "get", "P0000000demo", "-v"],
        &["clip", "--dry-run", "https://youtu.be/LXvv6CbGg8A"],
        &["auth", "logout"],
    ];
    for args in commands {
        for given in [vec![], vec![("OPUSCLIP_API_KEY", KEY)]] {
            let args: Vec<&str> = args.iter().copied().chain(["--profile", "box"]).collect();
            fed(&world, &args, &given, KEY);
        }
        let args: Vec<&str> = args.iter().copied().chain(["--profile", "box", "--api-key", KEY]).collect();
        fed(&world, &args, &[], "");
    }
}

#[test]
fn a_key_is_refused_as_an_argument_and_cleaned_of_what_editors_add() {
    let world = World::new();
    let run = world.bare_run(&["auth", "login", "sk-TYPED"], &[]).ends(2).says("on the command line");
    assert!(!run.stderr.contains("TYPED"), "{}", run.stderr);
    let login = |name: &str, key: &[u8]| {
        let mut command = world.bare(&["auth", "login", "--no-check", "--profile", name]);
        command.stdin(std::fs::File::open(world.file("key.txt", key)).unwrap());
        Run::from(command.output().unwrap())
    };
    login("huge", &[b"sk-".as_slice(), &[b'a'; 20_000]].concat()).ends(2).says("a key is not longer than");
    let marked = login("marked", b"\xef\xbb\xbfsk-0123456789\r\n").succeeds();
    // printf %s sk-0123456789 | sha256sum
    assert_eq!(marked.json()["key"], "sha256:5c85b6dd8ccb");
}

#[test]
fn keys_that_are_kept_at_the_same_time_are_all_kept() {
    let world = World::new();
    std::fs::create_dir_all(world.path(".config/opusclip")).unwrap();
    let profiles: String = (0..8).map(|number| format!("[profiles.p{number}]\n")).collect();
    world.file(".config/opusclip/config.toml", profiles);
    let logins: Vec<_> = (0..8)
        .map(|number| {
            let key = world.file(&format!("{number}.txt"), format!("sk-{number}"));
            let mut command = world.bare(&["auth", "login", "--no-check", "--profile", &format!("p{number}")]);
            command.stdin(std::fs::File::open(key).unwrap()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for login in logins {
        Run::from(login.wait_with_output().unwrap()).succeeds();
    }
    for number in 0..8 {
        world.bare_run(&["auth", "status", "--profile", &format!("p{number}")], &[]).succeeds();
    }
}

/// A proxy that the environment names is for what leaves this machine; it would see the key.
#[test]
fn a_proxy_sees_no_key() {
    let world = World::new();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = world.command(&["template", "list"]);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, format!("http://{}", proxy.local_addr().unwrap()));
    }
    command.env_remove("no_proxy").env_remove("NO_PROXY");
    proxy.set_nonblocking(true).unwrap();
    let run = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    assert_eq!(Run::from(run.wait_with_output().unwrap()).succeeds().stderr, "");
    assert!(proxy.accept().is_err(), "nothing came");
}

/// A login at a terminal that asks for the key.
#[cfg(unix)]
struct Typing {
    child: std::process::Child,
    terminal: pty_process::blocking::Pty,
    seen: Vec<u8>,
}

#[cfg(unix)]
impl Typing {
    fn new(world: &World, url: &str) -> Self {
        let mut command = world.bare(&["auth", "login"]);
        command.env("OPUSCLIP_BASE_URL", url).env("NO_COLOR", "1");
        let (child, terminal) = attached(command.into());
        let mut typing = Self { child, terminal, seen: Vec::new() };
        read_while(&mut typing.terminal, &mut typing.seen, |seen| !seen.ends_with(b"(not shown): "));
        assert!(!typing.shows_what_is_typed());
        typing
    }

    fn types(&mut self, keys: &str) -> &mut Self {
        self.terminal.write_all(keys.as_bytes()).unwrap();
        self
    }

    fn shows_what_is_typed(&self) -> bool {
        rustix::termios::tcgetattr(&self.terminal).unwrap().local_modes.contains(rustix::termios::LocalModes::ECHO)
    }

    /// Its code, and what was seen.
    fn ends(&mut self) -> (i32, String) {
        read_while(&mut self.terminal, &mut self.seen, |_| true);
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, String::from_utf8_lossy(&self.seen).into_owned())
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_is_typed_is_not_shown() {
    let (world, url) = closed();
    let (code, seen) = Typing::new(&world, &url).types(&format!("{KEY}\n")).ends();
    assert!(code == 0 && seen.contains("is kept in") && !seen.contains(KEY), "{code}: {seen}");
    assert!(std::fs::read_to_string(world.path(STORE)).unwrap().contains(KEY));

    for (keys, code, says) in [("\u{4}", 2, "no key was given"), ("\n", 2, "no key was given"), ("sk-mistyped\n", 3, "it is not kept")] {
        let (world, url) = closed();
        let (ended, seen) = Typing::new(&world, &url).types(keys).ends();
        assert!(ended == code && seen.contains(says) && !seen.contains("mistyped"), "{ended}: {seen}");
        assert!(!world.path(STORE).exists());
    }
}

#[cfg(unix)]
#[test]
fn a_terminal_is_left_as_it_was() {
    let (world, url) = closed();
    let interrupted = |stop: &dyn Fn(&mut Typing)| {
        let mut typing = Typing::new(&world, &url);
        stop(&mut typing);
        let (code, seen) = typing.ends();
        // The prompt has its line, the message another one.
        assert!(code == 130 && seen.contains("(not shown): \r\nerror: interrupted") && !seen.contains("half"), "{code}: {seen}");
        assert!(typing.shows_what_is_typed());
    };
    interrupted(&|typing| {
        typing.types("sk-half\u{3}");
    });
    for signal in ["-INT", "-TERM"] {
        interrupted(&|typing| {
            let pid = typing.child.id().to_string();
            assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        });
    }
    assert!(!world.path(STORE).exists());
    let mut typing = Typing::new(&world, &url);
    typing.types(&format!("{KEY}\n")).ends();
    assert!(typing.shows_what_is_typed());
}
