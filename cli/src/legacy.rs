//! Command lines of two older programs: the one in Go (`tdeschamps/opusclip-cli`), and the vendor's script (`opus-pro/opus-skills`).
//!
//! A name that only differs is a hidden alias of its command. Here is what leads elsewhere, and what was an option.

use std::ffi::{OsStr, OsString};

use clap::Command;

/// Names that lead to another place, and where to. Longer ones come first.
const MOVED: &[(&[&str], &[&str])] = &[
    // Go
    (&["clip", "create"], &["project", "create"]),
    (&["clip", "get"], &["project", "get"]),
    (&["clip", "watch"], &["project", "wait"]),
    (&["version"], &["--version"]),
    // The vendor's script
    (&["post", "accounts"], &["post", "account", "list"]),
    (&["post", "generate-copy"], &["post", "copy", "create"]),
    (&["post", "copy-status"], &["post", "copy", "get"]),
    (&["submit"], &["project", "create"]),
    (&["create-project"], &["project", "create"]),
    (&["list"], &["clip", "list"]),
    (&["get-clips"], &["clip", "list"]),
    (&["share"], &["project", "share"]),
    (&["share-project"], &["project", "share"]),
];

/// Groups that list what they have where nothing else is asked for.
const LISTS: [&str; 2] = ["templates", "collections"];

/// What an option of theirs is here.
#[derive(Clone, Copy, Debug)]
enum Argument {
    /// The value of this option.
    Of(&'static str),
    /// `--project` and `--clip`, which are one id here.
    Clip,
}

/// The arguments of commands that were options, in their order here.
const ARGUMENTS: &[(&[&str], &[Argument])] = &[
    (&["project", "create"], &[Argument::Of("--url")]),
    (&["project", "share"], &[Argument::Of("--project")]),
    (&["clip", "list"], &[Argument::Of("--project")]),
    (&["clip", "download"], &[Argument::Of("--project")]),
    (&["collection", "create"], &[Argument::Of("--name")]),
    (&["collection", "delete"], &[Argument::Of("--id")]),
    (&["collection", "export"], &[Argument::Of("--id")]),
    (&["collection", "add"], &[Argument::Of("--id"), Argument::Of("--content-id")]),
    (&["collection", "remove"], &[Argument::Of("--id"), Argument::Of("--content-id")]),
    (&["censor", "create"], &[Argument::Clip]),
    (&["censor", "get"], &[Argument::Of("--job")]),
    (&["post", "create"], &[Argument::Clip]),
    (&["post", "schedule"], &[Argument::Clip]),
    (&["post", "cancel"], &[Argument::Of("--schedule")]),
    (&["post", "copy", "create"], &[Argument::Clip]),
    (&["post", "copy", "get"], &[Argument::Of("--job")]),
];

/// A command line as this program takes it. What is none of theirs stays as it is.
pub(crate) fn translated(args: impl IntoIterator<Item = OsString>, root: &Command) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let start = first_word(&args, root);
    let words = words(&args[start..]);
    if let Some((from, to)) = MOVED.iter().find(|(from, _)| words.starts_with(from)) {
        let end = start + from.len();
        args.splice(start..end, to.iter().map(OsString::from));
    } else if words.len() == 1 && LISTS.contains(&words[0]) && !asks_for_help(&args[start..]) {
        args.insert(start + 1, "list".into());
    }
    let path = path(&self::words(&args[start..]), root);
    let end = start + path.len();
    if let Some((_, arguments)) = ARGUMENTS.iter().find(|(of, _)| *of == path) {
        let mut rest = args.split_off(end);
        args.extend(arguments.iter().filter_map(|argument| argument.take(&mut rest)));
        args.extend(rest);
    }
    args
}

/// Where the command begins: behind the program and the options that stand before it.
fn first_word(args: &[OsString], root: &Command) -> usize {
    let takes_value = |text: &str| {
        let named = |arg: &&clap::Arg| arg.get_long().is_some_and(|long| text.strip_prefix("--") == Some(long));
        root.get_arguments().find(named).is_some_and(|arg| arg.get_action().takes_values())
    };
    let mut index = 1;
    while let Some(text) = args.get(index).and_then(|arg| arg.to_str()).filter(|text| text.starts_with('-')) {
        index += if takes_value(text) { 2 } else { 1 };
    }
    index.min(args.len())
}

/// The words up to the first option.
fn words(args: &[OsString]) -> Vec<&str> {
    args.iter().map_while(|arg| arg.to_str().filter(|text| !text.starts_with('-'))).collect()
}

fn asks_for_help(args: &[OsString]) -> bool {
    args.iter().any(|arg| arg == "-h" || arg == "--help")
}

/// The command that words lead to, by its own name.
fn path<'r>(words: &[&str], root: &'r Command) -> Vec<&'r str> {
    let mut command = root;
    let mut path = Vec::new();
    for word in words {
        let Some(inner) = command.find_subcommand(word) else { break };
        path.push(inner.get_name());
        command = inner;
    }
    path
}

impl Argument {
    /// Takes it out of the options.
    fn take(self, rest: &mut Vec<OsString>) -> Option<OsString> {
        match self {
            Self::Of(option) => take(option, rest),
            Self::Clip => {
                let is_there = |option: &str| find(option, rest).is_some();
                if !(is_there("--project") && is_there("--clip")) {
                    return None;
                }
                let (project, clip) = (take("--project", rest)?, take("--clip", rest)?);
                // A bare one may have dots in it.
                let project: OsString = [project.as_os_str(), OsStr::new(".")].into_iter().collect();
                let is_whole = clip.as_encoded_bytes().starts_with(project.as_encoded_bytes());
                Some(if is_whole { clip } else { [project, clip].into_iter().collect() })
            }
        }
    }
}

/// Where an option stands that has a value: with it, or before it.
fn find(option: &str, rest: &[OsString]) -> Option<usize> {
    let end = rest.iter().position(|arg| arg == "--").unwrap_or(rest.len());
    let index = rest[..end].iter().position(|arg| arg == option || value(option, arg).is_some())?;
    (rest[index] != option || index + 1 < end).then_some(index)
}

fn take(option: &str, rest: &mut Vec<OsString>) -> Option<OsString> {
    let index = find(option, rest)?;
    let arg = rest.remove(index);
    match value(option, &arg) {
        Some(value) => Some(value),
        None => Some(rest.remove(index)),
    }
}

/// The value of `--option=value`.
fn value(option: &str, arg: &OsStr) -> Option<OsString> {
    Some(arg.to_str()?.strip_prefix(option)?.strip_prefix('=')?.into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    fn line(text: &str) -> String {
        let args = std::iter::once("opusclip").chain(text.split(' ')).map(OsString::from);
        let translated = translated(args, &Cli::command());
        translated[1..].iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_become_arguments_wherever_they_stand() {
        for (theirs, ours) in [
            ("--org o --json clips list --columns id --project P1", "--org o --json clips list P1 --columns id"),
            ("--org=o -q submit --genre Auto --url=https://x/?a=b", "--org=o -q project create https://x/?a=b --genre Auto"),
            ("post publish --account A --clip C1 --title T --project P1", "post publish P1.C1 --account A --title T"),
            ("censor create --project P1 --clip P1.C1 --beep", "censor create P1.C1 --beep"),
            ("censor create --project P1 --clip CU1_bonus.2", "censor create P1.CU1_bonus.2"),
            ("censor create --project P1 --clip P2.C9", "censor create P1.P2.C9"),
            ("collections remove-clip --content-id P1.C1 --id COL", "collections remove-clip COL P1.C1"),
            ("templates --json", "templates list --json"),
            ("version", "--version"),
        ] {
            assert_eq!(line(theirs), ours);
        }
    }

    #[test]
    fn what_is_none_of_theirs_stays_as_it_is() {
        for text in [
            "clip list P1 --json",
            "clip talk.mp4 --out list",
            "clip download --collection COL",
            "templates list",
            "templates --help",
            "webhook send http://127.0.0.1 --project P1",
            "post publish --project P1 --title T",
            "censor get --job",
            "project create -- --url",
            "--org",
            "help list",
            "",
        ] {
            assert_eq!(line(text), text);
        }
    }

    /// Else a name of ours would never be reached.
    #[test]
    fn no_name_of_ours_leads_elsewhere() {
        let mut root = Cli::command();
        root.build();
        for (from, to) in MOVED {
            assert!(path(from, &root).len() < from.len(), "{from:?}");
            assert!(to == &["--version"] || path(to, &root) == *to, "{to:?}");
        }
        assert!(ARGUMENTS.iter().all(|(of, _)| path(of, &root) == *of));
    }
}
