//! The binary while it runs.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::Run;

/// Longer than anything takes that is going to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A run that goes on; killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

/// What comes out of it, as it comes.
struct Stream {
    lines: Receiver<String>,
    seen: String,
}

impl Stream {
    fn new(from: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { lines, seen: String::new() }
    }

    #[track_caller]
    fn next(&mut self) -> String {
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{error}; so far: {}", self.seen));
        self.seen.push_str(&line);
        self.seen.push('\n');
        line
    }

    fn rest(mut self) -> String {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push_str(&line);
            self.seen.push('\n');
        }
        self.seen
    }
}

impl Running {
    pub(crate) fn new(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (Stream::new(child.stdout.take().unwrap()), Stream::new(child.stderr.take().unwrap()));
        Self { child, stdout, stderr }
    }

    /// The next line on stdout.
    #[track_caller]
    pub(crate) fn prints(&mut self) -> String {
        self.stdout.next()
    }

    /// The next line on stderr that has this in it.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) -> String {
        loop {
            let line = self.stderr.next();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Asks it to end, as the system does.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// All of it, once it has ended by itself.
    pub(crate) fn ended(mut self) -> Run {
        let (stdout, stderr) = (
            std::mem::replace(&mut self.stdout, Stream::new(std::io::empty())),
            std::mem::replace(&mut self.stderr, Stream::new(std::io::empty())),
        );
        let (stdout, stderr) = (stdout.rest(), stderr.rest());
        Run { code: self.child.wait().unwrap().code().unwrap_or(-1), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
