//! Many videos: who may upload, create and download, what they may cost, and what stops all of them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opusclip::{Client, Clock, ResumeStore};
use tokio::sync::{Semaphore, watch};

use super::inputs::Item;
use super::ledger::Ledger;
use super::screen::Screen;
use super::slots::Slots;
use crate::failure::{Code, Failure};
use crate::options::ProjectArgs;
use crate::output::Output;

/// What is the same for all videos.
pub(crate) struct Options {
    pub(crate) out: PathBuf,
    pub(crate) project: ProjectArgs,
    pub(crate) names: Option<String>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) downloads: bool,
    pub(crate) takes_unverified: bool,
    pub(crate) takes_any_file: bool,
    pub(crate) max_credits: Option<u64>,
    /// Whether another project is wanted of a video that has one.
    pub(crate) creates_again: bool,
}

/// What all videos of a run share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: ResumeStore,
    pub(crate) ledger: Ledger,
    pub(crate) options: Options,
    pub(crate) output: Output,
    pub(crate) screen: Screen,
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) downloads: Semaphore,
    /// Who may be at any stage at all.
    pub(crate) begun: Semaphore,
    pub(crate) slots: Arc<Slots>,
    /// Credits of this run's videos, those of earlier runs included.
    pub(crate) spent: Mutex<u64>,
    /// Why nothing new is begun.
    pub(crate) refusal: watch::Sender<Option<Failure>>,
}

impl Shared {
    /// Counts the credits of a project that is about to be created.
    pub(crate) fn charge(&self, item: &Item) -> Result<(), Failure> {
        let credits = item.credits();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        match self.options.max_credits {
            Some(most) if spent.saturating_add(credits) > most => Err(Failure::new(
                Code::Quota,
                format!("{} is estimated at {credits} credits, and {spent} of the {most} that are allowed are used", item.name),
            )
            .with_next("allow more with `--max-credits`; nothing was billed for this, and what is uploaded is kept")),
            _ => {
                *spent += credits;
                Ok(())
            }
        }
    }

    /// Counts what earlier runs did of a video that comes later.
    pub(crate) fn remember(&self, credits: u64) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = spent.saturating_add(credits);
    }

    /// An error for a video whose project only the ledger knows: it would be billed a second time.
    pub(crate) fn check_is_new(&self, item: &Item) -> Result<(), Failure> {
        if self.options.creates_again {
            return Ok(());
        }
        if let Some((project, when)) = self.ledger.memory().former(&item.key) {
            return Err(Failure::usage(
                format!("{} has the project {project} in the ledger, made {when}", item.name),
                format!(
                    "`opusclip clip download {project}` has its clips, if it is the same video and the same account; for another account \
                     give a `--profile` or a `--ledger` of its own; `--create-again` creates another project, which is billed"
                ),
            ));
        }
        match self.ledger.known(&item.key).and_then(|known| known.project.as_deref()) {
            None => Ok(()),
            Some(project) => Err(Failure::usage(
                format!("{} has the project {project} in the ledger, and the state folder does not know it", item.name),
                format!(
                    "`opusclip clip download {project}` has its clips; give the state folder of the first time with `--state`, \
                     or `--create-again` for another project, which is billed"
                ),
            )),
        }
    }

    /// Nothing came of a project.
    pub(crate) fn give_back(&self, credits: u64) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = spent.saturating_sub(credits);
    }

    /// What went wrong with one video stops all, if it is the account that was refused.
    pub(crate) fn refused(&self, failure: &Failure) {
        if failure.is_of_the_account() {
            self.refusal.send_if_modified(|refusal| {
                let is_first = refusal.is_none();
                refusal.get_or_insert_with(|| failure.clone());
                is_first
            });
        }
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.refusal.borrow().is_some()
    }

    /// Ends when the account is refused.
    pub(crate) async fn refusal(&self) {
        let mut refusal = self.refusal.subscribe();
        // The sender lives as long as this.
        let _ = refusal.wait_for(Option::is_some).await;
    }

    /// Why nothing new is begun.
    pub(crate) fn why(&self) -> Failure {
        self.refusal.borrow().clone().unwrap_or_else(|| Failure::new(Code::General, "it was held back"))
    }
}
