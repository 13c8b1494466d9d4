//! What the program needs for a file of any size.

use std::process::Stdio;
use std::time::Duration;

use crate::support::World;

const GIB: u64 = 1 << 30;
const MOST: u64 = 64 << 20;

/// The most memory that a process had at once, in bytes.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().unwrap() << 10)
}

/// Sends two gigabytes: `bash .ci/run memory` runs it, with the program as it is released.
#[test]
#[ignore = "sends two gigabytes"]
fn two_gigabytes_need_little_memory() {
    let world = World::new();
    let file = std::fs::File::options().append(true).open(world.file("long.mp4", opusclip_sandbox::sample_video(0))).unwrap();
    file.set_len(2 * GIB).unwrap();
    let mut child = world.command(&["clip", "long.mp4", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut most = 0;
    let status = loop {
        most = peak(child.id()).unwrap_or_default().max(most);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success());
    println!("{:.1} MiB at the most", most as f64 / f64::from(1 << 20));
    assert!((1 << 20..MOST).contains(&most), "{most} bytes of memory for a file of 2 GiB");
    assert_eq!(world.sandbox.count("create_project"), 1);
}
