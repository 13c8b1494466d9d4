//! Completions and manual pages.

use std::process::{Command, Stdio};

use crate::support::World;

#[test]
fn each_shell_has_its_completions() {
    let world = World::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = world.opusclip(&["completions", shell]).succeeds().stdout;
        for name in ["opusclip", "thumbnail", "--max-credits", "--columns"] {
            assert!(script.contains(name.trim_start_matches('-')), "{shell} does not know {name}");
        }
    }
    world.opusclip(&["completions", "cmd"]).ends(2).says("possible values: bash");
    world.opusclip(&["completions", "bash", "--curl"]).ends(2).says("more than one call");
}

#[test]
fn bash_offers_the_commands() {
    let world = World::new();
    let script = world.file("completions", world.opusclip(&["completions", "bash"]).succeeds().stdout);
    let asked = format!(
        "source '{}'; COMP_WORDS=(opusclip project cr); COMP_CWORD=2; _opusclip opusclip cr project; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let Ok(shell) = Command::new("bash").args(["--norc", "-c", &asked]).stdin(Stdio::null()).output() else {
        return; // Not every system has it.
    };
    assert_eq!(String::from_utf8_lossy(&shell.stdout).trim(), "create", "{}", String::from_utf8_lossy(&shell.stderr));
}

#[test]
fn each_command_has_a_page() {
    let world = World::new();
    let page = world.opusclip(&["man"]).succeeds().stdout;
    assert!(page.contains(".TH opusclip 1") && page.contains("OPUSCLIP_API_KEY"), "{page}");
    world.opusclip(&["man", "--out", "man1"]).succeeds();
    for name in ["opusclip.1", "opusclip-clip.1", "opusclip-project-create.1"] {
        assert!(world.path("man1").join(name).is_file(), "{name}");
    }
    let file = world.file("in-the-way", "x");
    world.opusclip(&["man", "--out", file.to_str().unwrap()]).ends(2).says("in-the-way");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "x");
}
