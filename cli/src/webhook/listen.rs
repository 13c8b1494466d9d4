//! `opusclip webhook listen`: a receiver that hands on, and the same by polling.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args};
use opusclip::types::ProjectId;
use opusclip::{Clock, Wait};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::exec::Exec;
use super::forward::Forward;
use super::message::OF_AN_EVENT;
use super::poll::Poll;
use super::post::{address, shown};
use super::receive::{Door, serve};
use super::relay::Relay;
use super::secret::{self, SecretArgs};
use crate::clock::FastClock;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::settings::Account;

const EXAMPLES: &str = "\
Examples:
  opusclip webhook listen --port 8080
      prints each event as a line of JSON; give the project the address of a tunnel that leads here
  opusclip webhook listen --port 8080 --forward http://127.0.0.1:3000/hooks
      hands each message on as it came, headers and all
  opusclip webhook listen --port 8080 --exec 'echo \"$OPUSCLIP_EVENT_PROJECT_ID\" >> finished.txt'
      runs a command for each event, one at a time
  opusclip webhook listen --poll P0000000demo --exec ./finished.sh
      nothing public: looks at the project, and signs and hands on what a webhook would tell

An event is answered with 2xx once it is handed on, so that a sender repeats what failed: 502 where
the receiver of `--forward` did not take it after three attempts, 500 where the command failed, 503
where too many wait. So after a failure an event can come twice: go by the project. What was handed
on is answered, but not handed on again, be it the same message or the end of a project that polling
has told. Refused are wrong signatures and ages (401), missing headers (400), large bodies (413),
other paths (404) and other methods (405).

A command gets the event on stdin, as it is printed, and OPUSCLIP_EVENT_PROJECT_ID, _STAGE, _ERROR,
_SENT_AT, _SALT and _VIA in its environment, from which key and secret are taken out: `opusclip` in
it needs `--api-key-file`. What it writes goes to stderr. A sender may not wait for what takes
minutes: let the command put that into the background.";

/// Receive messages, check them, and hand them on
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES, group(ArgGroup::new("source").args(["port", "poll"]).required(true).multiple(true)))]
pub(crate) struct ListenArgs {
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", requires = "port")]
    address: IpAddr,
    /// Path that messages are taken at
    #[arg(long, value_name = "PATH", default_value = "/", requires = "port", value_parser = path)]
    path: String,
    /// Send each message on to this address, as it came
    #[arg(long, value_name = "URL", value_parser = address)]
    forward: Option<Url>,
    /// Run this command of a shell for each event; it is handed on if the command ends with 0
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Look at these projects, and tell their ends as a webhook would; ends with them where there is no `--port`
    #[arg(long, value_name = "PROJECT", num_args = 1..)]
    poll: Vec<ProjectId>,
    /// How long to look
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "3h", requires = "poll")]
    timeout: Duration,
    /// End when so many events are handed on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    events: Option<u64>,
    /// Take messages of any age, as from a sandbox whose time goes fast
    #[arg(long, requires = "port")]
    any_time: bool,
    #[command(flatten)]
    secret: SecretArgs,
}

impl ListenArgs {
    /// Whether it has no end of its own.
    pub(super) fn is_server(&self) -> bool {
        self.port.is_some() && self.events.is_none()
    }
}

fn path(text: &str) -> Result<String, String> {
    match text.starts_with('/') && !text.contains(['?', '#', ' ']) {
        true => Ok(text.to_owned()),
        false => Err("expected a path like /hooks".to_owned()),
    }
}

/// Runs the command.
pub(super) async fn run(args: ListenArgs, context: &Context) -> Result<(), Failure> {
    context.no_curl("webhook listen")?;
    context.output.check_columns(&OF_AN_EVENT)?;
    let (secret, account) = match (args.secret.given()?, args.poll.is_empty()) {
        (Some(secret), true) => (secret, None),
        (given, is_receiver) => {
            let account = context.account().map_err(|failure| if is_receiver { secret::without(failure) } else { failure })?;
            (given.unwrap_or_else(|| account.key().clone()), Some(account))
        }
    };
    let waits = account.as_ref().map_or_else(|| Ok(Vec::new()), |account| waits(&args, account))?;
    // The time of day is that of the senders; pauses go as fast as the sandbox does.
    let clock: Arc<dyn Clock> = Arc::new(FastClock::new(1.0));
    let pace = account.as_ref().map_or_else(|| Arc::clone(&clock), Account::clock);
    let listener = match args.port {
        Some(port) => Some(bind(args.address, port).await?),
        None => None,
    };
    let forward = match &args.forward {
        Some(url) => {
            if let Some((_, here)) = &listener {
                check_loop(url, *here)?;
            }
            Some(Forward::new(url, pace)?)
        }
        None => None,
    };
    let exec = args.exec.clone().map(|line| {
        let key = account.as_ref().map(|account| account.key().clone());
        Exec::new(line, [secret.clone()].into_iter().chain(key).collect())
    });
    let (inbox, relay) = Relay::new(forward, exec, context.output.clone(), args.events);
    let server = listener.map(|(listener, here)| {
        let path = &args.path;
        context.output.say(&format!("listening on http://{here}{path}"));
        let nudgers = waits.iter().map(|(project, wait)| (project.clone(), wait.nudger())).collect();
        let door = Door {
            path: path.clone(),
            secret: secret.clone(),
            is_any_time: args.any_time,
            inbox: inbox.clone(),
            nudgers,
            clock: Arc::clone(&clock),
            output: context.output.clone(),
        };
        let (end, ended) = oneshot::channel();
        (end, tokio::spawn(serve(listener, Arc::new(door), ended)))
    });
    let polled = handed_on(relay, Poll { secret, inbox, clock, output: context.output.clone(), is_all: server.is_none() }, waits).await;
    let Some((end, server)) = server else { return polled };
    // What was handed on last has to be answered.
    let _ = end.send(());
    server.await.map_err(|error| Failure::new(Code::General, format!("the server broke: {error}")))
}

/// Hands on what comes, while the polls look; ends with the last event, or when none can come any more.
async fn handed_on(relay: Relay, poll: Poll, waits: Vec<(ProjectId, Wait)>) -> Result<(), Failure> {
    let mut relaying = std::pin::pin!(relay.run());
    let mut polling = std::pin::pin!(poll.all(waits));
    let mut polled = None;
    loop {
        tokio::select! {
            result = &mut polling, if polled.is_none() => polled = Some(result),
            () = &mut relaying => return polled.unwrap_or(Ok(())),
        }
    }
}

fn waits(args: &ListenArgs, account: &Account) -> Result<Vec<(ProjectId, Wait)>, Failure> {
    let client = account.client()?;
    let mut waits: Vec<(ProjectId, Wait)> = Vec::new();
    for project in &args.poll {
        if waits.iter().all(|(known, _)| known != project) {
            waits.push((project.clone(), client.wait(project).with_deadline(args.timeout)));
        }
    }
    Ok(waits)
}

async fn bind(address: IpAddr, port: u16) -> Result<(TcpListener, SocketAddr), Failure> {
    let fault = |error: std::io::Error| {
        let next = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program has the port: take another one with `--port`",
            std::io::ErrorKind::PermissionDenied => "ports below 1024 are for the system: take another one with `--port`",
            _ => "look at `--address` and `--port`",
        };
        Failure::new(Code::General, format!("{address} port {port} cannot be listened to: {error}")).with_next(next)
    };
    let listener = TcpListener::bind((address, port)).await.map_err(fault)?;
    let here = listener.local_addr().map_err(fault)?;
    Ok((listener, here))
}

/// A message that comes back would wait for itself.
fn check_loop(forward: &Url, here: SocketAddr) -> Result<(), Failure> {
    let is_this = crate::settings::is_here(forward) && forward.port_or_known_default() == Some(here.port());
    match is_this && (here.ip().is_loopback() || here.ip().is_unspecified()) {
        true => {
            Err(Failure::usage(format!("--forward {} is this listener itself", shown(forward)), "give the address of another receiver"))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_does_not_forward_to_itself() {
        let here = |text: &str| text.parse::<SocketAddr>().unwrap();
        let forward = |url: &str, at: &str| check_loop(&Url::parse(url).unwrap(), here(at)).is_err();
        assert!(forward("http://localhost:8080/x", "127.0.0.1:8080") && forward("http://127.0.0.1", "0.0.0.0:80"));
        assert!(!forward("http://127.0.0.1:8081/", "127.0.0.1:8080") && !forward("http://example.com:8080/", "0.0.0.0:8080"));
    }
}
