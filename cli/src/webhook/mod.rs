//! `opusclip webhook`: messages of the service, checked, made, received and handed on.

mod exec;
mod forward;
mod listen;
mod message;
mod poll;
mod post;
mod receive;
mod relay;
mod secret;
mod send;
mod verify;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// Webhooks: what the service tells at the end of a project
#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    Verify(verify::VerifyArgs),
    Send(send::SendArgs),
    Listen(Box<listen::ListenArgs>),
}

impl Webhook {
    /// Whether it runs until it is told to stop, which is its good end.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Listen(args) if args.is_server())
    }
}

/// Runs the command.
pub(crate) async fn run(command: Webhook, context: &Context) -> Result<(), Failure> {
    match command {
        Webhook::Verify(args) => verify::run(&args, context),
        Webhook::Send(args) => send::run(&args, context).await,
        Webhook::Listen(args) => listen::run(*args, context).await,
    }
}
