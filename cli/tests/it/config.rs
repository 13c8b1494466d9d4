//! The configuration file and `opusclip config`.

use serde_json::Value;

use crate::support::{Run, World};

const FILE: &str = ".config/opusclip/config.toml";

/// What is in effect for a setting, and where it comes from.
fn effect(listed: &Value, setting: &str) -> (String, String) {
    let row = listed.as_array().unwrap().iter().find(|row| row["setting"] == setting).unwrap_or_else(|| panic!("no {setting}: {listed}"));
    let text = |field: &str| row[field].as_str().unwrap_or("-").to_owned();
    (text("value"), text("from"))
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_profile() {
    let world = World::new();
    let file = |key: &str| world.file(key, format!("sk-of-{key}"));
    let (flag_key, _) = (file("flag"), file(".config/opusclip/profile"));
    world.file(
        FILE,
        "default_profile = 'p'\n[profiles.p]\norg = 'org_p'\nbase_url = 'http://127.0.0.1:3'\nspeed = 3\napi_key_file = 'profile'\n[profiles.env]\n[profiles.flag]\n",
    );
    // The setting; flag, variable, profile and default, each with its value, and what is said of where it comes from.
    type Level<'l> = (&'l str, &'l str, &'l str);
    let table: [(&str, [Level<'_>; 3], Level<'_>); 4] = [
        ("org", [("--org", "org_f", "org_f"), ("OPUSCLIP_ORG_ID", "org_e", "org_e"), ("profile `p`", "", "org_p")], ("-", "", "-")),
        (
            "base_url",
            [
                ("--base-url", "http://127.0.0.1:1", "http://127.0.0.1:1"),
                ("OPUSCLIP_BASE_URL", "http://127.0.0.1:2", "http://127.0.0.1:2"),
                ("profile `p`", "", "http://127.0.0.1:3"),
            ],
            ("default", "", "https://api.opus.pro"),
        ),
        ("speed", [("--speed", "1", "1"), ("OPUSCLIP_SPEED", "2", "2"), ("profile `p`", "", "3")], ("-", "", "-")),
        (
            "profile",
            [("--profile", "flag", "flag"), ("OPUSCLIP_PROFILE", "env", "env"), ("default_profile", "", "p")],
            ("default", "", "default"),
        ),
    ];
    for (setting, [flag, variable, profile], default) in table {
        let run = |with: [bool; 3]| {
            let mut args = vec!["config", "list", "--json"];
            if with[0] {
                args.extend([flag.0, flag.1]);
            }
            let mut command = world.bare(&args);
            if with[1] {
                command.env(variable.0, variable.1);
            }
            if !with[2] {
                command.env("XDG_CONFIG_HOME", world.path("nothing-here"));
                // These two need their profile, this one an address on this machine.
                if setting == "profile" {
                    let other = world.file("other.toml", "[profiles.env]\n[profiles.flag]\n");
                    command.env("OPUSCLIP_CONFIG", other);
                } else if setting == "speed" {
                    command.env("OPUSCLIP_BASE_URL", "http://127.0.0.1:1");
                }
            }
            effect(&Run::from(command.output().unwrap()).succeeds().json(), setting)
        };
        for with in (0..8).map(|bits: u8| [bits & 4 != 0, bits & 2 != 0, bits & 1 != 0]) {
            let wins = match with {
                [true, ..] => flag,
                [_, true, _] => variable,
                [_, _, true] => profile,
                _ => default,
            };
            assert_eq!(run(with), (wins.2.to_owned(), wins.0.to_owned()), "{setting} with {with:?}");
        }
    }
    // The key: its value is not shown, so its fingerprint tells which one it is.
    let print =
        |key: &str| effect(&world.bare_run(&["config", "list"], &[("OPUSCLIP_API_KEY", key), ("OPUSCLIP_PROFILE", "p")]).json(), "key").0;
    let (of_flag, of_variable, of_profile) = (print("sk-of-flag"), print("sk-env"), print("sk-of-.config/opusclip/profile"));
    let key = |args: &[&str], variables: &[(&str, &str)]| {
        let run = world.bare_run(&[&["config", "list", "--profile", "p"], args].concat(), variables).succeeds();
        assert!(!run.stdout.contains("sk-"), "{}", run.stdout);
        effect(&run.json(), "key").0
    };
    let variable = [("OPUSCLIP_API_KEY", "sk-env")];
    let by_flag = ["--api-key-file", flag_key.to_str().unwrap()];
    assert_eq!(key(&by_flag, &variable), of_flag);
    assert_eq!(key(&["--api-key", "sk-of-flag"], &variable), of_flag);
    assert_eq!(key(&[], &variable), of_variable);
    assert_eq!(key(&[], &[]), of_profile);
    assert_eq!(effect(&world.bare_run(&["config", "list"], &[("XDG_CONFIG_HOME", "/nowhere")]).succeeds().json(), "key").0, "-");
}

#[test]
fn the_settings_of_a_profile_are_those_of_the_calls() {
    let world = World::with(|sandbox| sandbox.with_keys(["sk-of-the-profile"]));
    world.file("keys/sandbox", "sk-of-the-profile\n");
    world.file(
        "my.toml",
        format!("[profiles.sandbox]\norg = 'org_p'\nbase_url = '{}'\nspeed = 600\napi_key_file = 'keys/sandbox'\n", world.sandbox.url()),
    );
    let config = [("OPUSCLIP_CONFIG", "my.toml")];
    let run = |args: &[&str]| world.bare_run(args, &config);
    let created = run(&["project", "create", "https://youtu.be/LXvv6CbGg8A", "--profile", "sandbox"]).succeeds().json();
    assert_eq!(created["orgId"], "org_p", "the organisation is sent");
    let project = created["id"].as_str().unwrap();
    // Ten minutes of it pass at once.
    assert_eq!(run(&["project", "wait", project, "--profile", "sandbox"]).succeeds().json().as_array().unwrap().len(), 3);
    let curl = run(&["--profile", "sandbox", "--org", "org_f", "--curl", "project", "get", project]).succeeds().stdout;
    assert!(curl.contains(world.sandbox.url()) && curl.contains("x-opus-org-id: org_f") && !curl.contains("sk-"), "{curl}");
    let sent = world.sandbox.journal().len();
    run(&["project", "get", project]).ends(3).says("there is no API key");
    run(&["project", "get", project, "--profile", "sandbx"]).ends(2).says("did you mean `sandbox`?");
    run(&["project", "get", project, "--profile", "zzz"]).ends(2).says("there are sandbox");
    run(&["project", "get", project, "--profile", "a/b"]).ends(2).says("no name of a profile");
    assert_eq!(world.sandbox.journal().len(), sent, "what is wrong is not sent");
}

#[test]
fn what_is_wrong_with_the_file_is_told_before_anything_is_sent() {
    let world = World::new();
    let get = ["project", "get", "P1"];
    for (text, said, next) in [
        ("[profiles.a\n", "config.toml:1: this is not TOML", "mend that line"),
        ("\n[profiles.default]\norgs = 'sk-secret'\n", "config.toml:3: there is no setting `profiles.default.orgs`", "did you mean `org`?"),
        ("[profiles.default]\nspeed = 'sk-secret'\n", "config.toml:2: `profiles.default.speed` is of the type string", "mend"),
        ("[profiles.default]\napi_key = 'sk-secret'\n", "keys are not kept in this file", "opusclip auth login"),
        ("default_profile = 'b'\n[profiles.a]\n", "there is no profile `b`", "there are a"),
        ("[profiles.default]\nspeed = 60\nbase_url = 'https://api.opus.pro'\n", "a speed is for a sandbox", "profile `default`"),
    ] {
        let file = world.file(FILE, text);
        let mut command = world.command(&get);
        if text.contains("base_url") {
            command.env_remove("OPUSCLIP_BASE_URL").env_remove("OPUSCLIP_SPEED");
        }
        let run = Run::from(command.output().unwrap()).ends(2).says(said).says(next);
        assert!(!run.stderr.contains("sk-"), "{}", run.stderr);
        world.bare_run(&["config", "set", "org", "o", "--profile", "a"], &[]);
        if !text.contains("profiles.default]\nspeed = 60") && !text.starts_with("default_profile") {
            assert_eq!(std::fs::read_to_string(file).unwrap(), text, "a wrong file is left alone");
        }
    }
    world.file(FILE, b"# \xff\n");
    world.opusclip(&get).ends(2).says("config.toml:1: what is there is not UTF-8");
    std::fs::remove_file(world.path(FILE)).unwrap();
    std::fs::create_dir(world.path(FILE)).unwrap();
    world.opusclip(&get).ends(2).says("cannot be read");
    let named = |name: &str| -> Run { world.command(&get).env("OPUSCLIP_CONFIG", name).output().unwrap().into() };
    named("none.toml").ends(2).says("OPUSCLIP_CONFIG names none.toml, which is not there").says("opusclip config set");
    assert!(world.sandbox.journal().is_empty());
    // What needs none of it works all the same.
    world.opusclip(&["config", "path"]).succeeds();
    world.opusclip(&["completions", "bash"]).succeeds();
}

#[test]
fn a_setting_is_set_and_taken_out_and_the_rest_stays() {
    let world = World::new();
    let text = "# mine\n\n[profiles.work] # where I work\norg   = 'old' # theirs\n";
    let file = world.file(FILE, text);
    let run = |args: &[&str]| world.bare_run(args, &[]);
    run(&["config", "set", "org", "org_1", "--profile", "work"]).succeeds().says("org of the profile `work` is org_1");
    run(&["config", "set", "base-url", "http://127.0.0.1:1", "--profile", "sandbox"]).succeeds();
    run(&["config", "set", "speed", "60", "--profile", "sandbox"]).succeeds();
    run(&["config", "set", "default_profile", "work"]).succeeds();
    insta::assert_snapshot!(std::fs::read_to_string(&file).unwrap(), @r#"
    # mine
    default_profile = "work"

    [profiles.work] # where I work
    org   = "org_1" # theirs

    [profiles.sandbox]
    base_url = "http://127.0.0.1:1"
    speed = 60
    "#);
    assert_eq!(run(&["config", "get", "org"]).succeeds().stdout, "org_1\n");
    assert_eq!(run(&["config", "get", "org", "--json"]).succeeds().stdout, "\"org_1\"\n");
    assert_eq!(run(&["config", "get", "speed", "--profile", "sandbox"]).succeeds().stdout, "60\n");
    run(&["config", "get", "speed"]).ends(1).says("speed is not set").says("opusclip config set speed");
    assert_eq!(run(&["config", "path"]).succeeds().stdout.trim(), file.display().to_string());
    run(&["config", "unset", "org"]).succeeds().says("is not set any more");
    run(&["config", "unset", "org"]).succeeds().says("was not set");
    run(&["config", "unset", "default_profile"]).succeeds();
    run(&["config", "get", "org"]).ends(1);
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.starts_with("# mine\n\n[profiles.work] # where I work\n\n[profiles.sandbox]\n"), "{after}");
    world.bare_run(&["config", "set", "org", "o"], &[("OPUSCLIP_ORG_ID", "e")]).succeeds().says("warning: OPUSCLIP_ORG_ID is set");
    // A typing error is told with what was meant.
    run(&["config", "set", "ogr", "x"]).ends(2).says("did you mean `org`?");
    run(&["config", "get", "zzz"]).ends(2).says("there are org, base_url");
}

#[test]
fn a_wrong_value_is_not_written() {
    let world = World::new();
    let run = |args: &[&str]| world.bare_run(args, &[]);
    run(&["config", "set", "org", "org_1"]).succeeds();
    let file = world.path(FILE);
    let before = std::fs::read(&file).unwrap();
    for (name, value, said) in [
        ("base_url", "http://example.com", "unencrypted"),
        ("base_url", "https://api.opus.pro/api", "ends in `/api`"),
        ("base_url", "nonsense", "not a URL"),
        ("org", "a\nb", "cannot stand in a header"),
        ("org", " ", "is empty"),
        ("speed", "fast", "not a number above 0"),
        ("speed", "-1", "not a number above 0"),
        ("api_key_file", "none.txt", "there is no file"),
        ("api_key_file", "sk-secret", "is the name of a file"),
        ("default_profile", "none", "there is no profile `none`"),
        ("api_key", "sk-secret", "opusclip auth login"),
    ] {
        let run = run(&["config", "set", "--", name, value]).ends(2).says(said);
        assert!(!run.stderr.contains("sk-secret"), "{}", run.stderr);
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone_and_whole_or_as_it_was() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::new();
    let run = |args: &[&str]| world.bare_run(args, &[]);
    let mode = |name: &str| std::fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    run(&["config", "set", "org", "org_1"]).succeeds();
    assert_eq!((mode(FILE), mode(".config/opusclip")), (0o600, 0o700));
    // A link to somewhere else stays one.
    let dotfiles = world.file("dotfiles/opusclip.toml", "# mine\n");
    std::fs::remove_file(world.path(FILE)).unwrap();
    std::os::unix::fs::symlink(&dotfiles, world.path(FILE)).unwrap();
    run(&["config", "set", "org", "org_2"]).succeeds();
    assert!(std::fs::symlink_metadata(world.path(FILE)).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&dotfiles).unwrap(), "# mine\n[profiles.default]\norg = \"org_2\"\n");
    // A folder that cannot be written into: root can, so that there is nothing to be seen for it.
    let folder = world.path("dotfiles");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(folder.join("probe"), "").is_err() {
        run(&["config", "set", "org", "org_3"]).ends(1).says("look at the permissions");
        assert!(std::fs::read_to_string(&dotfiles).unwrap().contains("org_2"));
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).filter(|name| name != "probe").collect();
    assert_eq!(left, ["opusclip.toml"], "nothing is left beside it");
}
