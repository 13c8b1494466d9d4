//! A terminal, and the binary in front of it.

use std::io::Read as _;
use std::process::Child;

use pty_process::blocking::{Command, Pty};

/// Runs it at a terminal of a hundred columns, which it has for whatever is not given to it.
pub(crate) fn attached(command: Command) -> (Child, Pty) {
    let (controller, user) = pty_process::blocking::open().unwrap();
    controller.resize(pty_process::Size::new(40, 100)).unwrap();
    // The other end is to close with the child.
    (command.spawn(user).unwrap(), controller)
}

/// Reads what is shown into `seen`, as long as this says so and anything comes.
pub(crate) fn read_while(terminal: &mut Pty, seen: &mut Vec<u8>, goes_on: impl Fn(&[u8]) -> bool) {
    let mut part = [0; 4096];
    while goes_on(seen) {
        // A terminal that is closed is an error on some systems.
        let Ok(count @ 1..) = terminal.read(&mut part) else { return };
        seen.extend_from_slice(&part[..count]);
    }
}
