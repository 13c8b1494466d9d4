//! What every command has at hand.

use opusclip::Client;

use crate::auth::Secret;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::{Account, AccountArgs, Settings};

/// The global options, read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) account: AccountArgs,
    /// Print calls as curl commands, and send none.
    pub(crate) curl: bool,
}

impl Context {
    pub(crate) fn account(&self) -> Result<Account, Failure> {
        if self.account.api_key.is_some() {
            self.output
                .say("warning: everybody on this machine can see `--api-key`; `opusclip auth login` or OPUSCLIP_API_KEY keep it to you");
        }
        Settings::resolve(&self.account)?.account()
    }

    /// A client that only looks at calls, with the organisation that they are of; needs no key.
    pub(crate) fn without_key(&self) -> Result<(Client, Option<String>), Failure> {
        let account = Settings::resolve(&self.account)?.account_with(&Secret::new("sk-not-sent"));
        Ok((account.client()?, account.org()))
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
