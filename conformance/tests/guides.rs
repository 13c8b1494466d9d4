//! The guides' commands, run, and their output compared with what the guides show.
//!
//! `TRYCMD=overwrite cargo test -p opusclip-conformance --test guides` writes it anew.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_guides_show_what_the_commands_print() {
    // The guides belong to the workspace, not to the package.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if !root.join("docs").is_dir() {
        return;
    }
    std::env::set_current_dir(root).unwrap();
    let cases = trycmd::TestCases::new();
    cases.register_bin("conformance", Path::new(env!("CARGO_BIN_EXE_conformance"))).case("docs/api-change.md");
    // The worked example of a client is in Python; CI has to have it.
    let is_there = Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    assert!(is_there || std::env::var_os("CI").is_none(), "CI must have python3");
    if is_there {
        cases.case("docs/ci.md");
    }
    cases.run();
}
