//! Names and options of older programs: they do what ours do.

use crate::support::{Run, World};

const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

/// Each pair is one call, which `--curl` prints.
const CALLS: &[(&str, &str)] = &[
    // The program in Go
    ("clip create --url VIDEO --keywords a,b --brand-template T1", "project create VIDEO --topics a,b --template T1"),
    ("clip get P1", "project get P1"),
    ("clips list --project P1", "clip list P1"),
    // The vendor's script
    ("submit --url VIDEO --model ClipAnything --prompt fun", "project create VIDEO --model anything --prompt fun"),
    ("create-project --url VIDEO --model ClipBasic", "project create VIDEO --model basic"),
    ("list --project P1", "clip list P1"),
    ("get-clips --collection COL", "clip list --collection COL"),
    ("share --project P1", "project share P1"),
    ("share-project --project=P1", "project share P1"),
    ("templates", "template list"),
    ("collections", "collection list"),
    ("collections list --content-id P1.C1", "collection list --containing P1.C1"),
    ("collections create --name best", "collection create best"),
    ("collections delete --id COL", "collection delete COL"),
    ("collections export --id COL", "collection export COL"),
    ("collections add-clip --id COL --content-id P1.C1", "collection add COL P1.C1"),
    ("collections remove-clip --id COL --content-id P1.C1", "collection remove COL P1.C1"),
    ("censor create --project P1 --clip C1 --beep", "censor create P1.C1 --beep"),
    ("censor status --job J1", "censor get J1"),
    ("post accounts", "post account list"),
    ("post generate-copy --project P1 --clip C1 --account A --force", "post copy create P1.C1 --account A --again"),
    ("post copy-status --job J1", "post copy get J1"),
    ("post publish --project P1 --clip C1 --account A --title T", "post create P1.C1 --account A --title T"),
    (
        "post schedule --project P1 --clip C1 --account A --title T --at 2031-01-01T00:00:00Z",
        "post schedule P1.C1 --account A --title T --at 2031-01-01T00:00:00Z",
    ),
    ("post cancel --schedule S1", "post cancel S1"),
    // Paths of the API
    ("projects get P1", "project get P1"),
    ("brand-templates list", "template list"),
    ("censor-jobs get J1", "censor get J1"),
    ("generative-job status J1", "thumbnail get J1"),
];

/// These are more than one call.
const COMMANDS: &[(&str, &str)] = &[
    ("clip watch", "project wait"),
    ("clips download", "clip download"),
    ("completion", "completions"),
    ("uploads start", "upload start"),
    ("webhooks send", "webhook send"),
];

fn run(world: &World, line: &str, more: &str) -> Run {
    let words: Vec<String> = line.split(' ').chain([more]).map(|word| word.replace("VIDEO", VIDEO)).collect();
    world.opusclip(&words)
}

#[test]
fn each_older_name_makes_the_call_of_ours() {
    let world = World::new();
    for (theirs, ours) in CALLS {
        let (theirs, ours) = (run(&world, theirs, "--curl").succeeds().stdout, run(&world, ours, "--curl").succeeds().stdout);
        assert!(ours.starts_with("curl "), "{ours}");
        assert_eq!(theirs, ours);
    }
    for (theirs, ours) in COMMANDS {
        assert_eq!(run(&world, theirs, "--help").succeeds().stdout, run(&world, ours, "--help").succeeds().stdout, "{theirs}");
    }
    assert_eq!(run(&world, "version", "-q").succeeds().stdout, run(&world, "--version", "-q").succeeds().stdout);
    assert!(world.sandbox.journal().is_empty(), "nothing of it is sent");
}

#[test]
fn older_names_are_not_shown_and_what_is_not_known_bills_nothing() {
    let world = World::new();
    let help = world.opusclip(&["--help"]).succeeds().stdout;
    for name in ["submit", "get-clips", "clips ", "version "] {
        assert!(!help.contains(&format!("  {name}")), "{name}: {help}");
    }
    run(&world, "submit --url VIDEO --aspect portrait", "--json").ends(2).says("unexpected argument '--aspect'");
    run(&world, "clip create --url VIDEO", "--wait").ends(2).says("Usage: opusclip project create");
    assert!(world.sandbox.journal().is_empty());
    let id = run(&world, "submit --url VIDEO", "--json").succeeds().json()["id"].as_str().unwrap().to_owned();
    run(&world, "clip watch", &id).succeeds();
    assert_eq!(world.sandbox.count("create_project"), 1);
    assert_eq!(run(&world, "list --project", &id).succeeds().json().as_array().unwrap().len(), 3);
}
