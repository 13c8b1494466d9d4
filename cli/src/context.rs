//! What every command has at hand.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use opusclip::Client;
use opusclip::operation::Operation;

use crate::auth::Secret;
use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::settings::{Account, AccountArgs, Settings};

/// The global options, read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) account: AccountArgs,
    /// Print calls as curl commands, and send none.
    pub(crate) curl: bool,
    pub(crate) under_way: Arc<UnderWay>,
}

/// What an interruption breaks off.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    /// The call that is not to be repeated and whose reply is still to come, if there is one.
    operation: Mutex<Option<&'static str>>,
    /// What to do after an interruption, where it is not to run the same command again.
    next: OnceLock<String>,
}

impl UnderWay {
    fn operation(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.operation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the same command would do something else.
    pub(crate) fn goes_on_by(&self, next: &str) {
        self.next.get_or_init(|| next.to_owned());
    }

    /// Runs a call, of which nobody knows what came of it before it is over.
    pub(crate) async fn during<T>(&self, operation: &Operation, call: impl Future<Output = T>) -> T {
        if !operation.idempotent {
            *self.operation() = Some(operation.id);
        }
        let reply = call.await;
        *self.operation() = None;
        reply
    }

    /// The end of the program by a signal.
    pub(crate) fn interrupted(&self) -> Failure {
        match *self.operation() {
            Some(operation) => Failure::new(Code::Unknown, format!("interrupted while {operation} was under way; it may have been done")),
            None => {
                let failure = Failure::new(Code::Interrupted, "interrupted");
                match self.next.get() {
                    Some(next) => failure.with_next(next),
                    None => failure,
                }
            }
        }
    }
}

impl Context {
    pub(crate) fn account(&self) -> Result<Account, Failure> {
        if self.account.api_key.is_some() {
            self.output
                .say("warning: everybody on this machine can see `--api-key`; `opusclip auth login` or OPUSCLIP_API_KEY keep it to you");
        }
        Settings::resolve(&self.account)?.account()
    }

    /// A client that only looks at calls; needs no key.
    pub(crate) fn without_key(&self) -> Result<Client, Failure> {
        let settings = Settings::resolve(&self.account)?;
        // A shell would send the key where this program does not.
        settings.key().map(drop).or_else(|failure| if failure.code == Code::Usage { Err(failure) } else { Ok(()) })?;
        settings.account_with(&Secret::new("sk-not-sent")).client()
    }

    /// For commands of more than one call.
    pub(crate) fn no_curl(&self, command: &str) -> Result<(), Failure> {
        if self.curl {
            return Err(Failure::usage(
                format!("`{command}` is more than one call, and `--curl` prints single ones"),
                "print the calls that it is made of, as `opusclip --curl project get ID`; `opusclip api list` shows all",
            ));
        }
        Ok(())
    }
}
