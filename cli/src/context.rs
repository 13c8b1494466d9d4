//! What every command has at hand.

use opusclip::Client;

use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::settings::{Account, AccountArgs};

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
            self.output.say("warning: everybody on this machine can see `--api-key`; OPUSCLIP_API_KEY or `--api-key-file` keep it to you");
        }
        Account::resolve(&self.account)
    }

    /// A client that only looks at calls, with the organisation that they are of; needs no key.
    pub(crate) fn without_key(&self) -> Result<(Client, Option<String>), Failure> {
        let account = match Account::resolve(&self.account) {
            Err(failure) if failure.code == Code::Auth => {
                Account::resolve(&AccountArgs { api_key: Some("sk-not-sent".to_owned()), ..self.account.clone() })
            }
            resolved => resolved,
        }?;
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
