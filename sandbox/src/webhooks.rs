//! Messages about the end of a project: webhooks are sent, e-mails are only noted.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::select;
use opusclip::types::ConclusionActionType;
use opusclip::webhook;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::clock::LONGEST;
use crate::core::Core;
use crate::journal::Entry;
use crate::world::Progress;

/// A receiver that needs longer is taken for one that failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A message that is due.
struct Message {
    kind: ConclusionActionType,
    to: String,
    body: Value,
}

/// Tells the end of each project when it comes. Runs until it is dropped, with all that is on its way.
pub(crate) async fn run(core: Arc<Core>) {
    // Made when it is first needed: what it takes to set TLS up is more than all the rest of a sandbox.
    let mut http = None;
    let mut deliveries = JoinSet::new();
    loop {
        let next = core.world().next_conclusion();
        match next {
            None => core.agenda.notified().await,
            Some(moment) => {
                // What comes first: the moment, or a project whose end is nearer.
                select(pin!(core.agenda.notified()), pin!(core.clock.until(moment))).await;
            }
        }
        for message in due(&core, core.clock.now()) {
            let client = match &http {
                Some(client) => Ok(reqwest::Client::clone(client)),
                None => client(&core),
            };
            http = client.as_ref().ok().cloned();
            deliveries.spawn(deliver(Arc::clone(&core), client, message));
        }
        while deliveries.try_join_next().is_some() {}
    }
}

fn client(core: &Core) -> reqwest::Result<reqwest::Client> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
    // What stays on this machine goes through no proxy.
    if core.settings.webhooks_anywhere { client } else { client.no_proxy() }.build()
}

fn due(core: &Core, now: SystemTime) -> Vec<Message> {
    let mut messages = Vec::new();
    for project in core.world().projects.iter_mut().filter(|project| !project.concluded && now >= project.ends()) {
        project.concluded = true;
        let progress = project.progress(now);
        let stalled = matches!(progress, Progress::Stalled { .. });
        for action in project.request.conclusion_actions.iter().flatten() {
            if stalled && action.notify_failure != Some(true) {
                continue;
            }
            let to = if action.type_ == ConclusionActionType::Email { &action.email } else { &action.url };
            // The payload is not documented; this is the least that a receiver needs.
            let mut body = json!({"projectId": project.id, "stage": progress.stage()});
            if stalled {
                body["error"] = json!("The project has stalled");
            }
            messages.push(Message { kind: action.type_.clone(), to: to.clone().unwrap_or_default(), body });
        }
    }
    messages
}

async fn deliver(core: Arc<Core>, http: reqwest::Result<reqwest::Client>, message: Message) {
    let entry = |status: Option<u16>, note: Option<String>| {
        let is_mail = message.kind == ConclusionActionType::Email;
        let entry = Entry {
            at: core.stamp(),
            operation: if is_mail { "email" } else { "webhook" }.to_owned(),
            method: if is_mail { String::new() } else { "POST".to_owned() },
            target: message.to.clone(),
            status,
            body: Some(message.body.clone()),
            effect: status.is_some_and(|status| (200..300).contains(&status)),
            note,
            ..Entry::default()
        };
        core.note(entry, None);
    };
    if message.kind == ConclusionActionType::Email {
        return entry(None, Some("e-mails are only noted".to_owned()));
    }
    let Ok(url) = Url::parse(&message.to) else {
        return entry(None, Some("not sent: the url cannot be read".to_owned()));
    };
    if !core.settings.webhooks_anywhere && !is_loopback(&url) {
        return entry(None, Some("not sent: the url is not on this machine, and sending elsewhere was not allowed".to_owned()));
    }
    let http = match http {
        Ok(http) => http,
        Err(error) => return entry(None, Some(format!("not sent: {error}"))),
    };
    let attempts = core.settings.webhook_attempts.max(1);
    for attempt in 1..=attempts {
        let outcome = send(&core, &http, url.clone(), &message.body).await;
        let is_done = outcome.as_ref().is_ok_and(|status| (200..300).contains(status));
        entry(outcome.as_ref().ok().copied(), outcome.err().map(|error| format!("attempt {attempt} failed: {error}")));
        if is_done || attempt == attempts {
            return;
        }
        let pause = core.settings.webhook_pause.saturating_mul(2_u32.saturating_pow(attempt - 1)).min(LONGEST);
        core.clock.until(core.clock.now() + pause).await;
    }
}

async fn send(core: &Core, http: &reqwest::Client, url: Url, body: &Value) -> Result<u16, String> {
    let body = body.to_string();
    // Not of the sandbox's seed: a receiver refuses a salt that it has seen, also in an earlier run.
    let salt = format!("{:016x}", fastrand::u64(..));
    let timestamp = core.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let request = http
        .post(url)
        .header("content-type", "application/json")
        .header("x-opus-signature", webhook::sign(core.signing_key(), &salt, body.as_bytes()))
        .header("x-opus-salt", salt)
        .header("x-opus-timestamp", timestamp.to_string())
        .body(body);
    let told = |error: reqwest::Error| if error.is_timeout() { "no answer in time" } else { "no connection" }.to_owned();
    Ok(request.send().await.map_err(told)?.status().as_u16())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
