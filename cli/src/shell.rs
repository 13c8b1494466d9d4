//! What a packager installs next to the program: completions and manual pages, from the same definition as the help.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) const COMPLETIONS: &str = "\
Examples:
  opusclip completions bash > ~/.local/share/bash-completion/completions/opusclip
  opusclip completions zsh > ~/.zfunc/_opusclip      with ~/.zfunc in $fpath
  opusclip completions fish > ~/.config/fish/completions/opusclip.fish";

pub(crate) const MAN: &str = "\
Examples:
  opusclip man | man -l -                            read the page of the program
  opusclip man --out ~/.local/share/man/man1         a page for it and for each command";

/// Print the completions for a shell
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or write those of all commands
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write a page for the program and for each command into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs `opusclip completions`.
pub(crate) fn completions(args: &CompletionsArgs, context: &Context) -> Result<(), Failure> {
    context.no_curl("completions")?;
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "opusclip", &mut script);
    print(&script)
}

/// Runs `opusclip man`.
pub(crate) fn man(args: &ManArgs, context: &Context) -> Result<(), Failure> {
    context.no_curl("man")?;
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(|error| Failure::io("the manual page", &error))?;
        return print(&page);
    };
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::usage(format!("--out {} is no folder", folder.display()), "name a folder; it is made where there is none"));
    }
    let fault = |error: std::io::Error| Failure::io(folder.display(), &error);
    std::fs::create_dir_all(folder).map_err(fault)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(fault)
}

/// As it is: a line is not broken, and nothing is JSON.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // `head` has what it wants.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Failure::io("stdout", &error)),
    }
}
