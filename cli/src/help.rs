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

    /// What stands below the options, as it is written.
    fn written(command: &Command) -> String {
        command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn the_long_help_of_each_command_has_examples_that_are_not_wrapped() {
        let mut faults = Vec::new();
        for (name, mut command) in commands().into_iter().filter(|(_, command)| !command.has_subcommands() || command.get_name() == "clip")
        {
            let written = written(&command);
            let has_examples = written.starts_with("Examples:\n  opusclip ") || written.contains("\nExamples:\n  opusclip ");
            if !has_examples {
                faults.push(format!("`{name} --help` has no examples, which begin with the line `Examples:`"));
            } else if !command.render_long_help().to_string().trim_end().ends_with(written.trim_end()) {
                faults.push(format!("`{name} --help` has lines that are too long:\n{written}"));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    }

    #[test]
    fn examples_can_be_run_as_they_stand() {
        let mut faults = Vec::new();
        for (name, command) in commands() {
            for line in written(&command).lines().filter_map(|line| line.strip_prefix("  opusclip ")) {
                // Without what is said beside it, two blanks away, and without what the shell does.
                let line = line.split("  ").next().unwrap_or_default();
                let words = shlex::split(line).unwrap_or_else(|| panic!("`{name}`: a quote is open in {line}"));
                let words = words.into_iter().take_while(|word| !["<", ">", "|", "&&"].contains(&word.as_str()));
                let parsed = Cli::command().try_get_matches_from(std::iter::once("opusclip".to_owned()).chain(words));
                if let Some(refused) = parsed.err().filter(clap::Error::use_stderr) {
                    faults.push(format!("`{name}`: opusclip {line}: {refused}"));
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
