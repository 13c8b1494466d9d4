//! `opusclip help`.

use clap::{Args, CommandFactory as _};
use serde_json::{Value, json};

use crate::args::Cli;
use crate::failure::{Code, Failure};
use crate::output::{Format, Output};

/// Print the help of a command, or the exit codes
#[derive(Args, Debug)]
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
