//! One process of a client's program.

use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;

use super::protocol::{Answer, Greeting, Hello, PROTOCOL, Pause, Request, Resume};
use crate::json;
use crate::scenario::VirtualClock;
use crate::subject::Outcome;

/// An answer longer than this is refused: it would have to be held in memory.
const MAX_LINE: u64 = 16 << 20;

/// Of stderr this much is kept.
const TAIL_LINES: usize = 5;
const TAIL_LINE: u64 = 16 << 10;

/// How long a process that is gone may take to have its last words read.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Why nothing is known of a call.
pub(super) struct Breakdown {
    pub(super) check: &'static str,
    pub(super) message: String,
}

pub(super) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    tail: Arc<Mutex<VecDeque<String>>>,
    drain: JoinHandle<()>,
    pub(super) hello: Hello,
    /// The calls that it answered: number and fixture.
    answered: Vec<(u64, String)>,
    /// Whether its stdout has come to its end.
    is_over: bool,
}

impl Process {
    /// Starts the program and reads its greeting; the error says what was wrong.
    pub(super) async fn start(words: &[String], limit: Duration) -> Result<Self, String> {
        let Some((program, arguments)) = words.split_first() else { return Err("the command is empty".into()) };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(format!("`{program}` has no stdin, stdout or stderr"));
        };
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let drain = tokio::spawn(drain(stderr, Arc::clone(&tail)));
        let hello = Hello { protocol: PROTOCOL, client: None, parallel: None };
        let mut process = Self { child, stdin, stdout: BufReader::new(stdout), tail, drain, hello, answered: Vec::new(), is_over: false };
        match process.greeting(limit).await {
            Ok(hello) => {
                process.hello = hello;
                Ok(process)
            }
            Err(message) => Err(process.end(message).await),
        }
    }

    async fn greeting(&mut self, limit: Duration) -> Result<Hello, String> {
        let wanted = r#"expected the line {"hello":{"protocol":1}} first"#;
        let line = match tokio::time::timeout(limit, read_line(&mut self.stdout)).await {
            Err(_) => return Err(format!("the program wrote nothing within {} ms; {wanted}", limit.as_millis())),
            Ok(Err(error)) => return Err(format!("the program's stdout: {error}; {wanted}")),
            Ok(Ok(None)) => {
                self.is_over = true;
                return Err(format!("the program ended before it greeted; {wanted}"));
            }
            Ok(Ok(Some(line))) => line,
        };
        let Ok(Greeting { hello }) = serde_json::from_str::<Greeting>(&line) else {
            return Err(format!("the program wrote `{}`; {wanted}", json::shorten(&line)));
        };
        if hello.protocol != PROTOCOL {
            return Err(format!("the program speaks version {} of the protocol; this harness speaks {PROTOCOL}", hello.protocol));
        }
        Ok(hello)
    }

    /// Makes one call. After an error the process must be given to [`Process::end`].
    pub(super) async fn call(
        &mut self,
        request: &Request,
        fixture: &str,
        clock: Option<&VirtualClock>,
        limit: Duration,
    ) -> Result<Outcome, Breakdown> {
        match tokio::time::timeout(limit, self.exchange(request, fixture, clock)).await {
            Ok(result) => result,
            Err(_) => Err(Breakdown { check: "C422", message: format!("the program did not answer within {} ms", limit.as_millis()) }),
        }
    }

    async fn exchange(&mut self, request: &Request, fixture: &str, clock: Option<&VirtualClock>) -> Result<Outcome, Breakdown> {
        let garbage = |message: String| Breakdown { check: "C420", message };
        self.write(request).await?;
        let mut line = self.read().await?;
        if let Some(clock) = clock {
            while let Ok(Pause { id, pause }) = serde_json::from_str(&line) {
                let pause = Duration::try_from_secs_f64(pause).map_err(|error| garbage(format!("a pause of {pause} s: {error}")))?;
                clock.pause(pause);
                self.write(&Resume { id, now: clock.unix_time().as_secs_f64() }).await?;
                line = self.read().await?;
            }
        }
        let shown = json::shorten(&line);
        let answer: Answer = serde_json::from_str(&line)
            .map_err(|error| garbage(format!("the program wrote `{shown}`, which is no answer of the protocol: {error}")))?;
        if answer.id != request.id {
            let id = answer.id;
            let message = match self.answered.iter().find(|(answered, _)| *answered == id) {
                Some((_, earlier)) => format!("a second answer came to the call of {earlier}; one call has one answer: `{shown}`"),
                None => format!("the answer has the id {id}, the call had {}: `{shown}`", request.id),
            };
            return Err(garbage(message));
        }
        let outcome = answer.outcome().map_err(|what| garbage(format!("the program gave {what}: `{shown}`")))?;
        self.answered.push((request.id, fixture.to_owned()));
        Ok(outcome)
    }

    async fn write(&mut self, line: &impl Serialize) -> Result<(), Breakdown> {
        let line = serde_json::to_string(line).map_err(|error| Breakdown { check: "C420", message: error.to_string() })?;
        // A program that is gone shows on its stdout, with more to say.
        let _ = self.stdin.write_all(format!("{line}\n").as_bytes()).await;
        let _ = self.stdin.flush().await;
        Ok(())
    }

    async fn read(&mut self) -> Result<String, Breakdown> {
        match read_line(&mut self.stdout).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => {
                self.is_over = true;
                Err(Breakdown { check: "C421", message: "the program ended without an answer".into() })
            }
            Err(error) => Err(Breakdown { check: "C420", message: error.to_string() }),
        }
    }

    /// Ends the process, and adds to the message how it ended and what it last wrote to stderr.
    pub(super) async fn end(mut self, mut message: String) -> String {
        let mut status = None;
        if self.is_over {
            // One that has closed its stdout is about to end by itself, with a status of its own.
            status = tokio::time::timeout(LAST_WORDS, self.child.wait()).await.ok().and_then(Result::ok);
        }
        if let Some(status) = status {
            message += &format!(" ({status})");
        } else {
            // One that cannot be killed is killed again when it is dropped.
            let _ = self.child.start_kill();
            let _ = tokio::time::timeout(LAST_WORDS, self.child.wait()).await;
        }
        let _ = tokio::time::timeout(LAST_WORDS, &mut self.drain).await;
        self.drain.abort();
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        if !tail.is_empty() {
            let lines: Vec<&str> = tail.iter().map(String::as_str).collect();
            message += &format!("; last on stderr: {}", lines.join(" | "));
        }
        message
    }

    /// Closes stdin and hears whether something comes that nobody asked for; with the fixture that was answered last.
    pub(super) async fn finish(self, limit: Duration) -> Option<(String, String)> {
        let Self { mut child, stdin, mut stdout, answered, .. } = self;
        drop(stdin);
        let line = tokio::time::timeout(limit, read_line(&mut stdout)).await.ok()?.ok()??;
        let _ = child.start_kill();
        let (_, fixture) = answered.into_iter().next_back()?;
        Some((fixture, format!("the program wrote more than one line for this call: `{}`", json::shorten(&line))))
    }
}

/// One line without its end; `None` at the end of the stream.
async fn read_line(stream: &mut BufReader<ChildStdout>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = (&mut *stream).take(MAX_LINE).read_until(b'\n', &mut bytes).await?;
    if read == 0 {
        return Ok(None);
    }
    if bytes.last() != Some(&b'\n') && read as u64 == MAX_LINE {
        return Err(io::Error::other(format!("the program wrote a line of more than {} MiB", MAX_LINE >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("the program wrote a line that is not UTF-8"))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Reads stderr to its end, so that the program never waits for a reader, and keeps the last lines.
async fn drain(stderr: impl AsyncRead + Unpin, tail: Arc<Mutex<VecDeque<String>>>) {
    let mut stream = BufReader::new(stderr);
    loop {
        let mut bytes = Vec::new();
        match (&mut stream).take(TAIL_LINE).read_until(b'\n', &mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let line = json::shorten(String::from_utf8_lossy(&bytes).trim_end());
                let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                if tail.len() == TAIL_LINES {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
        }
    }
}
