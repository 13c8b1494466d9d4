//! How many projects may be in work at once: what was asked for, and less where the service says so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Places for projects.
#[derive(Debug)]
pub(crate) struct Slots {
    most: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    used: usize,
    /// Projects that ended since the service last refused one.
    ended: usize,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Slots>);

impl Slots {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::new(State { limit: most, used: 0, ended: 0 }), freed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Slot {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            {
                let mut state = self.state();
                if state.used < state.limit {
                    state.used += 1;
                    return Slot(Arc::clone(self));
                }
            }
            freed.await;
        }
    }

    /// A place for a project that is in work already, be there one or not.
    pub(crate) fn take(self: &Arc<Self>) -> Slot {
        self.state().used += 1;
        Slot(Arc::clone(self))
    }

    /// How many are taken.
    pub(crate) fn used(&self) -> usize {
        self.state().used
    }
}

impl Slot {
    /// Gives the place back because the service takes no more projects: the others that are in work are what it takes.
    pub(crate) fn refused(self) {
        let mut state = self.0.state();
        state.limit = state.used.saturating_sub(1).clamp(1, self.0.most);
        state.ended = 0;
    }

    /// Gives it back after the project's end. After as many ends as there are places one more is tried, for it may have been
    /// somebody else's projects that took the room.
    pub(crate) fn ended(self) {
        let mut state = self.0.state();
        state.ended += 1;
        if state.ended >= state.limit && state.limit < self.0.most {
            (state.limit, state.ended) = (state.limit + 1, 0);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state().used -= 1;
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_limit_is_what_the_service_takes_and_is_tried_again() {
        let slots = Slots::new(4);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(slots.acquire().await);
        }
        slots.acquire().await.refused();
        assert!(futures_util::FutureExt::now_or_never(slots.acquire()).is_none(), "two of four are refused: three are taken");
        held.pop().unwrap().ended();
        held.pop().unwrap().ended();
        held.pop().unwrap().ended();
        assert_eq!((slots.used(), slots.state().limit), (0, 4));
        slots.acquire().await.refused();
        assert_eq!(slots.state().limit, 1, "one is always tried");
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_that_is_given_back() {
        let slots = Slots::new(1);
        let held = slots.acquire().await;
        let waiting = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.acquire().await }
        });
        tokio::task::yield_now().await;
        drop(held);
        drop(waiting.await.unwrap());
        assert_eq!(slots.used(), 0);
    }
}
