//! What every command has at hand.

use crate::failure::Failure;
use crate::output::Output;
use crate::settings::{Account, AccountArgs};

/// The global options, read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) account: AccountArgs,
}

impl Context {
    pub(crate) fn account(&self) -> Result<Account, Failure> {
        if self.account.api_key.is_some() {
            self.output
                .say("warning: everybody on this machine can see `--api-key`; OPUSCLIP_API_KEY or `opusclip auth login` keep it to you");
        }
        Account::resolve(&self.account)
    }
}
