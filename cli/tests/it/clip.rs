//! `opusclip clip`.

use crate::support::World;

#[test]
fn a_video_becomes_clips_on_disk_once() {
    let world = World::new();
    world.file("talk.mp4", opusclip_sandbox::sample_video(1 << 20));
    let first = world.opusclip(&["clip", "talk.mp4"]).succeeds().says("talk.mp4: done").json();
    let files: Vec<_> = first[0]["clips"].as_array().unwrap().iter().map(|clip| clip["file"].as_str().unwrap().to_owned()).collect();
    assert_eq!(files.len(), 3);
    for file in &files {
        assert!(world.masked(file).starts_with("/work/clips/talk-P"), "{file}");
        assert!(std::fs::read(file).unwrap()[4..].starts_with(b"ftyp"), "{file} can be played");
    }
    assert_eq!(world.sandbox.count("create_project"), 1);
}
