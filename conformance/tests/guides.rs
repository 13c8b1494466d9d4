//! The guides' commands, run, and their output compared with what the guides show.
//!
//! `TRYCMD=overwrite cargo test -p opusclip-conformance --test guides` writes it anew.

#![allow(clippy::unwrap_used)]

use std::path::Path;

#[test]
fn the_guides_show_what_the_commands_print() {
    // The guides belong to the workspace, not to the package.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if !root.join("docs").is_dir() {
        return;
    }
    std::env::set_current_dir(root).unwrap();
    trycmd::TestCases::new().register_bin("conformance", Path::new(env!("CARGO_BIN_EXE_conformance"))).case("docs/*.md").run();
}
