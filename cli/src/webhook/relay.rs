//! Events, one at a time: forwarded, given to a command, printed; each of them once.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opusclip::types::ProjectId;
use opusclip::webhook::Event;
use reqwest::StatusCode;
use tokio::sync::{mpsc, oneshot};

use super::exec::Exec;
use super::forward::Forward;
use super::message::{End, Message, data};
use crate::output::Output;

/// Events that wait for those before them. A sender that would have to wait longer sends again later.
const QUEUE: usize = 64;

/// What is remembered, at most.
const REMEMBERED: usize = 100_000;

/// The way an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Via {
    Webhook,
    Poll,
}

impl Via {
    fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Poll => "poll",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Webhook => Self::Poll,
            Self::Poll => Self::Webhook,
        }
    }
}

/// Why an event was not handed on, and how its sender is told.
#[derive(Clone, Debug)]
pub(super) struct Undelivered {
    pub(super) status: StatusCode,
    pub(super) why: String,
}

/// What became of an event.
#[derive(Clone, Debug)]
pub(super) enum Handed {
    On,
    /// It was handed on before.
    Before,
    Not(Undelivered),
}

struct Arrival {
    message: Message,
    event: Event,
    via: Via,
    answer: oneshot::Sender<Handed>,
}

/// Where events are given in.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    arrivals: mpsc::Sender<Arrival>,
    waiting: Waiting,
}

/// The salts of the events that are given in, and not dealt with yet.
#[derive(Clone, Debug, Default)]
struct Waiting(Arc<Mutex<HashSet<String>>>);

impl Waiting {
    fn salts(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// Gives one in that was checked. Whoever stops to wait for the answer does not stop the event.
    pub(super) async fn hand_on(&self, message: Message, event: Event, via: Via) -> Handed {
        let busy = |why: &str| Handed::Not(Undelivered { status: StatusCode::SERVICE_UNAVAILABLE, why: why.to_owned() });
        // It is sent again too early, or comes back here by way of its receiver, and would wait for itself.
        let salt = event.salt().to_owned();
        if !self.waiting.salts().insert(salt.clone()) {
            return busy("the same message is being handed on");
        }
        let (answer, answered) = oneshot::channel();
        let arrival = Arrival { message, event, via, answer };
        let is_in = match via {
            Via::Webhook => self.arrivals.try_send(arrival).is_ok(),
            Via::Poll => self.arrivals.send(arrival).await.is_ok(),
        };
        if !is_in {
            self.waiting.salts().remove(&salt);
            return busy("too many events wait");
        }
        answered.await.unwrap_or_else(|_| busy("the listener ends"))
    }
}

/// What is done with each event.
pub(super) struct Relay {
    arrivals: mpsc::Receiver<Arrival>,
    forward: Option<Forward>,
    exec: Option<Exec>,
    output: Output,
    /// How many are still to be handed on, where that is limited.
    left: Option<u64>,
    waiting: Waiting,
    salts: Seen<String>,
    ends: Seen<(ProjectId, End, Via)>,
}

impl Relay {
    pub(super) fn new(forward: Option<Forward>, exec: Option<Exec>, output: Output, limit: Option<u64>) -> (Inbox, Self) {
        let (sender, arrivals) = mpsc::channel(QUEUE);
        let waiting = Waiting::default();
        let inbox = Inbox { arrivals: sender, waiting: waiting.clone() };
        (inbox, Self { arrivals, forward, exec, output, left: limit, waiting, salts: Seen::new(), ends: Seen::new() })
    }

    /// Runs until so many are handed on, or until nobody can give one in any more.
    pub(super) async fn run(mut self) {
        while self.left != Some(0) {
            let Some(arrival) = self.arrivals.recv().await else { return };
            let handed = self.take(&arrival).await;
            if let (Handed::On, Some(left)) = (&handed, &mut self.left) {
                *left -= 1;
            }
            self.tell(&arrival, &handed);
            self.waiting.salts().remove(arrival.event.salt());
            // A sender that did not wait has its answer when it sends again.
            let _ = arrival.answer.send(handed);
        }
    }

    async fn take(&mut self, arrival: &Arrival) -> Handed {
        let Arrival { message, event, via, .. } = arrival;
        let end = event.project_id().zip(End::of(event));
        let told_otherwise = |(project, end): &(ProjectId, End)| self.ends.has(&(project.clone(), *end, via.other()));
        if self.salts.has(&event.salt().to_owned()) || end.as_ref().is_some_and(told_otherwise) {
            return Handed::Before;
        }
        if let Err(undelivered) = self.hand_on(message, event, *via).await {
            // Not remembered: it may come again.
            return Handed::Not(undelivered);
        }
        self.salts.add(event.salt().to_owned());
        if let Some((project, end)) = end {
            self.ends.add((project, end, *via));
        }
        Handed::On
    }

    /// Printed last, so that each line is an event that is dealt with.
    async fn hand_on(&self, message: &Message, event: &Event, via: Via) -> Result<(), Undelivered> {
        if let Some(forward) = &self.forward {
            forward.send(message, via).await?;
        }
        let mut line = data(event);
        line["via"] = via.name().into();
        if let Some(exec) = &self.exec {
            exec.run(&line).await?;
        }
        let printed = self.output.line(&line, &["sentAt", "projectId", "stage", "error", "via"]);
        printed.map_err(|failure| Undelivered { status: StatusCode::INTERNAL_SERVER_ERROR, why: failure.to_string() })
    }

    fn tell(&self, arrival: &Arrival, handed: &Handed) {
        let project = arrival.event.project_id().map_or_else(|| "an event without a project".to_owned(), |project| project.to_string());
        match handed {
            Handed::On => {}
            Handed::Before => self.output.say(&format!("{project}: handed on before, not again")),
            Handed::Not(undelivered) => self.output.tell(&format!("{project}: not handed on: {}", undelivered.why)),
        }
    }
}

/// The latest things that there have been.
struct Seen<T> {
    known: HashSet<T>,
    order: VecDeque<T>,
}

impl<T: Clone + Eq + Hash> Seen<T> {
    fn new() -> Self {
        Self { known: HashSet::new(), order: VecDeque::new() }
    }

    fn has(&self, thing: &T) -> bool {
        self.known.contains(thing)
    }

    fn add(&mut self, thing: T) {
        if !self.known.insert(thing.clone()) {
            return;
        }
        self.order.push_back(thing);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
