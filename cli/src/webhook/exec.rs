//! `--exec`: a command of the user's for each event.

use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::relay::Undelivered;
use super::secret::VARIABLE;
use crate::auth::Secret;

/// What no command needs to know; what it calls itself has keys of its own, from a profile or a file.
const SECRETS: [&str; 4] = ["OPUSCLIP_API_KEY", "OPUSCLIP_TOKEN", "OPUS_API_KEY", VARIABLE];

/// The fields that a command also finds in its environment.
const FIELDS: [(&str, &str); 6] = [
    ("OPUSCLIP_EVENT_PROJECT_ID", "projectId"),
    ("OPUSCLIP_EVENT_STAGE", "stage"),
    ("OPUSCLIP_EVENT_ERROR", "error"),
    ("OPUSCLIP_EVENT_SENT_AT", "sentAt"),
    ("OPUSCLIP_EVENT_SALT", "salt"),
    ("OPUSCLIP_EVENT_VIA", "via"),
];

#[derive(Debug)]
pub(super) struct Exec {
    line: String,
    secrets: Vec<Secret>,
}

impl Exec {
    pub(super) fn new(line: String, secrets: Vec<Secret>) -> Self {
        Self { line, secrets }
    }

    /// Runs it with the event on stdin, as JSON in one line. Its stdout is not for data: it goes to stderr.
    pub(super) async fn run(&self, event: &Value) -> Result<(), Undelivered> {
        let failed = |why: String| Undelivered { status: StatusCode::INTERNAL_SERVER_ERROR, why: format!("the command {why}") };
        let mut child = self.command(event).spawn().map_err(|error| failed(format!("cannot be run: {error}")))?;
        let mut stdin = child.stdin.take();
        let line = format!("{event}\n");
        let fed = async {
            if let Some(mut stdin) = stdin.take() {
                // A command may not want to read it.
                let _ = stdin.write_all(line.as_bytes()).await;
            }
        };
        let ((), status) = tokio::join!(fed, child.wait());
        match status.map_err(|error| failed(format!("cannot be waited for: {error}")))? {
            status if status.success() => Ok(()),
            status => Err(failed(format!("ended with {status}"))),
        }
    }

    fn command(&self, event: &Value) -> Command {
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut command = Command::new(shell);
        command.arg(option);
        // Its quotes are for `cmd`, which does not know those that arguments are put into.
        #[cfg(windows)]
        command.raw_arg(&self.line);
        #[cfg(not(windows))]
        command.arg(&self.line);
        command.stdin(Stdio::piped()).stdout(Stdio::from(std::io::stderr()));
        for (name, value) in std::env::vars_os() {
            // Whatever it is called.
            let is_one = |secret: &Secret| value.to_str().is_some_and(|value| value.trim().ends_with(secret.expose()));
            let is_secret = self.secrets.iter().any(is_one);
            if is_secret || name.to_str().is_some_and(|name| SECRETS.contains(&name)) {
                command.env_remove(name);
            }
        }
        for (name, field) in FIELDS {
            match event[field].as_str() {
                // No environment takes the null character.
                Some(text) => command.env(name, text.replace('\0', "\u{fffd}")),
                None => command.env_remove(name),
            };
        }
        command
    }
}
