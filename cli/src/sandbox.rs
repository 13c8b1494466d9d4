//! `opusclip sandbox`: the program of the sandbox, within this one.

use opusclip_sandbox::cli;

use crate::context::Context;
use crate::failure::{Code, Failure};

pub(crate) const EXAMPLES: &str = "\
Examples:
  opusclip sandbox --speed 60                       runs until Ctrl-C; then, in another shell:
  export OPUSCLIP_BASE_URL=http://127.0.0.1:8787 OPUSCLIP_API_KEY=sk-anything OPUSCLIP_SPEED=60
  opusclip clip talk.mp4                            ten minutes of a project pass in ten seconds";

/// Runs the command. It needs no key: the sandbox takes any that begins with `sk-`.
pub(crate) async fn run(args: cli::Arguments, context: &Context) -> Result<(), Failure> {
    context.no_curl("sandbox")?;
    cli::run(args, context.output.is_quiet()).await.map_err(|error| {
        let failure = Failure::new(if error.is_invalid_input() { Code::Usage } else { Code::General }, error.message());
        match error.remedy() {
            Some(remedy) => failure.with_next(remedy),
            None => failure,
        }
    })
}
