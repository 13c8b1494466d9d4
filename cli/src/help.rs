//! `opusclip help`.

use clap::{Args, CommandFactory as _};
use serde_json::{Value, json};

use crate::args::Cli;
use crate::failure::{Code, Failure};
use crate::output::{Format, Output};

/// Print the help of a command, or the exit codes
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  opusclip help project create
  opusclip help exit-codes")]
pub(crate) struct HelpArgs {
    /// A command, as `project create`; or `exit-codes`
    #[arg(value_name = "COMMAND")]
    topic: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &HelpArgs, output: &Output) -> Result<(), Failure> {
    if args.topic == ["exit-codes"] {
        let row = |code: u8, meaning: &str| json!({"code": code, "meaning": meaning});
        let rows = std::iter::once(row(0, "all is done")).chain(Code::ALL.map(|code| row(code.number(), code.meaning())));
        // A page to read, wherever it goes; as JSON only for who asks for it.
        return match output.format() {
            Format::Json if output.is_json_asked() => output.data(&Value::Array(rows.collect()), &[]),
            _ => output.text(
                &rows
                    .map(|row| format!("{:>3}  {}", row["code"].as_u64().unwrap_or_default(), row["meaning"].as_str().unwrap_or_default()))
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
        };
    }
    let mut command = Cli::command();
    command.build();
    let mut wanted = &mut command;
    for name in &args.topic {
        let known: Vec<String> =
            wanted.get_subcommands().filter(|known| !known.is_hide_set()).map(|known| known.get_name().to_owned()).collect();
        wanted = wanted.find_subcommand_mut(name).ok_or_else(|| {
            let there =
                if known.is_empty() { "it has no commands of its own".to_owned() } else { format!("there are {}", known.join(", ")) };
            Failure::usage(format!("there is no command `{}`", args.topic.join(" ")), format!("{there}; and `exit-codes`"))
        })?;
    }
    let help = wanted.render_long_help();
    let help = if output.colors() { help.ansi().to_string() } else { help.to_string() };
    output.text(help.trim_end())
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    /// How wide and how high the terminal is.
    const SCREEN: (usize, usize) = (100, 40);

    /// Each command that people see, with its name as it is called.
    fn commands() -> Vec<(String, Command)> {
        fn collect(name: &str, command: &Command, all: &mut Vec<(String, Command)>) {
            for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
                collect(&format!("{name} {}", inner.get_name()), inner, all);
            }
            all.push((name.to_owned(), command.clone()));
        }
        let mut root = Cli::command().term_width(SCREEN.0);
        root.build();
        let mut all = Vec::new();
        collect("opusclip", &root, &mut all);
        assert!(all.len() > 40, "{}", all.len());
        all
    }

    #[test]
    fn the_short_help_of_each_command_fits_a_screen() {
        for (name, mut command) in commands() {
            let help = command.render_help().to_string();
            assert!(help.lines().count() <= SCREEN.1, "`{name} -h` has {} lines:\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= SCREEN.0), "`{name} -h` is too wide:\n{help}");
        }
    }

    #[test]
    fn the_long_help_of_each_command_has_examples_that_are_not_wrapped() {
        let mut wrapped = Vec::new();
        for (name, mut command) in commands().into_iter().filter(|(_, command)| !command.has_subcommands() || command.get_name() == "clip")
        {
            let help = command.render_long_help().to_string();
            let (_, examples) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("`{name} --help` has no examples:\n{help}"));
            assert!(examples.lines().any(|line| line.starts_with("  opusclip ")), "no line can be copied:\n{examples}");
            let written = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
            if !help.trim_end().ends_with(written.trim_end()) {
                wrapped.push(format!("`{name} --help` has lines that are too long:\n{written}"));
            }
        }
        assert!(wrapped.is_empty(), "{}", wrapped.join("\n\n"));
    }

    #[test]
    fn examples_can_be_run_as_they_stand() {
        for (name, command) in commands() {
            let written = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
            for line in written.lines().filter_map(|line| line.strip_prefix("  opusclip ")) {
                // What is beside it, and what a shell makes of the rest of the line.
                let line = line.split("  ").next().unwrap_or_default();
                let line = line.split([';', '&', '<', '>', '|']).next().unwrap_or_default();
                let Some(words) = shlex::split(line) else { continue };
                let parsed = Cli::command().try_get_matches_from(std::iter::once("opusclip".to_owned()).chain(words));
                let refused = parsed.err().filter(|error| error.use_stderr());
                assert!(refused.is_none(), "`{name}`: {line}: {}", refused.map(|error| error.to_string()).unwrap_or_default());
            }
        }
    }
}
