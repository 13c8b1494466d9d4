//! `opusclip clip`: from videos to their clips on disk.

mod batch;
mod inputs;
mod item;
mod ledger;
mod report;
mod sandbox;
mod saved;
mod screen;
mod slots;
mod watch;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use opusclip::types::ProjectId;
use opusclip::{Client, ResumeStore};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::options::ProjectArgs;
use crate::output::{Format, Output};
use crate::settings::Account;
use batch::{Options, Shared};
pub(crate) use inputs::Item;
use inputs::LEAST_CREDITS;
use item::{End, Work};
use ledger::Ledger;
pub(crate) use ledger::Whose;
use saved::Saved;
pub(crate) use screen::Screen;
use slots::Slots;

const EXAMPLES: &str = "\
Examples:
  opusclip clip --sandbox --sample
      everything on this machine, with a video of its own: no key, nothing is billed
  opusclip clip talk.mp4 https://www.youtube.com/watch?v=LXvv6CbGg8A --out clips
      two videos, two projects
  opusclip clip 'talks/*.mp4' --dry-run
      what would happen, and what it may cost; sends nothing
  opusclip clip --from videos.txt --max-credits 300 --parallel 3
      a list, one file or address in each line; stops before it costs more
  opusclip clip --watch inbox --out clips
      each video that is put into a folder

Interrupt it at any point and run the same command again: it goes on where it was. Nothing is
uploaded twice, no second project is billed, files that are there stay. Uploads and projects are
remembered in the state folder, one line for each change in its ledger.";

/// Make clips of videos: upload, create the project, wait, download. Billed, once for each video.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, after_long_help = EXAMPLES, after_help = "More options and examples: `opusclip clip --help`")]
pub(crate) struct ClipArgs {
    #[command(subcommand)]
    saved: Option<Saved>,
    /// Video files, addresses of videos, or patterns, as '*.mp4'
    #[arg(value_name = "FILE|URL")]
    videos: Vec<OsString>,
    /// Folder for the clips; each project gets a folder in it
    #[arg(long, short, value_name = "DIR", default_value = "clips")]
    out: PathBuf,
    /// Use a sandbox inside of this program: no key, nothing is billed, time goes fast
    #[arg(long, conflicts_with_all = ["profile", "base_url", "org", "api_key", "api_key_file"])]
    sandbox: bool,
    /// Make a sample video and take it
    #[arg(long, requires = "sandbox")]
    sample: bool,
    /// Read files and addresses from this file, one in each line; `-` is stdin
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Take each video that is put into this folder, until it is interrupted
    #[arg(long, value_name = "DIR")]
    watch: Option<PathBuf>,
    /// Take files that do not look like videos, too
    #[arg(long, hide_short_help = true)]
    any_file: bool,
    /// Say what would happen and what it may cost, and send nothing
    #[arg(long, conflicts_with_all = ["watch", "sandbox"])]
    dry_run: bool,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    doubt: DoubtArgs,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Begin no project that takes the estimate, earlier runs included, beyond this
    #[arg(long, value_name = "N")]
    max_credits: Option<u64>,
    /// Projects in work at once; fewer where the service takes fewer
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_least_one, hide_short_help = true)]
    parallel: usize,
    /// Uploads at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = at_least_one, hide_short_help = true)]
    uploads: usize,
    /// How long to wait for a project
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "3h", hide_short_help = true)]
    timeout: Duration,
    /// How files are named: {number}, {number:02}, {title} and {id} are filled in [default: {number:02}-{title}]
    #[arg(long, value_name = "TEMPLATE", hide_short_help = true)]
    names: Option<String>,
    /// Wait for the projects, and download nothing
    #[arg(long, hide_short_help = true)]
    no_download: bool,
    /// Folder that remembers what is unfinished [env: OPUSCLIP_STATE]
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    state: Option<PathBuf>,
    /// File with a line for each change [default: ledger.jsonl in the state folder]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    ledger: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "After a lost reply, for one video")]
struct DoubtArgs {
    /// The project was found: go on with it
    #[arg(long, value_name = "ID", conflicts_with = "create_again", hide_short_help = true)]
    project_id: Option<String>,
    /// There is none, or another one is wanted: create it, which is billed
    #[arg(long, hide_short_help = true)]
    create_again: bool,
    /// Create projects also where the storage told no checksum of an upload
    #[arg(long, hide_short_help = true)]
    allow_unverified: bool,
}

/// How many videos are begun at once: each has a file open.
const MOST_BEGUN: usize = 64;

/// After what time a video that was watched for is tried again; twice as much the next time, up to a day.
const PAUSE: Duration = Duration::from_secs(600);
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// What to do after a run with `--create-again`.
const WITHOUT: &str = "go on without `--create-again`: with it another project is billed";

fn at_least_one(text: &str) -> Result<usize, String> {
    // Far more than anybody needs, and fewer than there can be.
    text.parse().ok().filter(|number| (1..=1000).contains(number)).ok_or_else(|| "expected a number from 1 to 1000".to_owned())
}

/// Runs the command.
pub(crate) async fn run(args: ClipArgs, context: Context) -> Result<(), Failure> {
    if let Some(saved) = args.saved {
        return saved::run(saved, &context).await;
    }
    context.no_curl("clip")?;
    args.project.check()?;
    let mut names = inputs::names(&args.videos, args.from.as_deref())?;
    if args.dry_run {
        return dry_run(&args, &context, &names);
    }
    let embedded = match args.sandbox {
        true => Some(sandbox::Embedded::start(args.sample).await?),
        false => None,
    };
    names.extend(embedded.as_ref().and_then(|embedded| embedded.sample.clone()));
    if names.is_empty() && args.watch.is_none() {
        return Err(Failure::usage(
            "there is no video to make clips of",
            "give a file or an address; try `opusclip clip --sandbox --sample`",
        ));
    }
    let (client, clock, whose, state) = match &embedded {
        Some(embedded) => (embedded.client.clone(), embedded.clock(), embedded.whose(), embedded.folder.path().to_owned()),
        None => {
            let account = context.account()?;
            let state = crate::settings::state_folder(args.limits.state.as_deref())?;
            (account.client()?, account.clock(), account.whose(), state)
        }
    };
    check_names(&client, &args)?;
    check_columns(&context.output)?;
    let place = "the state folder has to be one that can be written into; another one is set by `--state` or OPUSCLIP_STATE";
    let store =
        ResumeStore::open(state.join("unfinished")).map_err(|error| Failure::from(error).with_code(Code::Usage).with_next(place))?;
    let ledger = args.limits.ledger.clone().unwrap_or_else(|| state.join("ledger.jsonl"));
    let ledger = Ledger::open(&ledger, whose, Arc::clone(&clock))?;
    let (mut items, mut ends) = sorted(&names, &args);
    if let Some(item) = items.last_mut().filter(|_| args.sample) {
        // It was not given by anybody, and its place is nobody's business.
        sandbox::SAMPLE_NAME.clone_into(&mut item.name);
    }
    writable(&args.out)?;
    resolve(&args, &client, &store, &ledger, &items, &context).await?;
    let known = items.iter().filter_map(|item| ledger.known(&item.key)).map(|known| known.credits).sum();
    let screen = Screen::new(&context.output, args.watch.is_none().then_some(items.len()));
    let shared = Arc::new(Shared {
        client,
        clock,
        store,
        ledger,
        options: Options {
            out: args.out.clone(),
            project: args.project.clone(),
            names: args.limits.names.clone(),
            deadline: Some(args.limits.timeout),
            downloads: !args.limits.no_download,
            takes_unverified: args.doubt.allow_unverified,
            takes_any_file: args.any_file,
            max_credits: args.limits.max_credits,
            creates_again: args.doubt.create_again,
        },
        output: context.output.clone(),
        screen,
        uploads: Arc::new(Semaphore::new(args.limits.uploads)),
        downloads: Semaphore::new(2),
        begun: Semaphore::new(args.limits.parallel.max(MOST_BEGUN)),
        slots: Slots::new(args.limits.parallel),
        spent: Mutex::new(known),
        refusal: tokio::sync::watch::Sender::new(None),
    });
    let whole = items.len() + ends.len();
    for (name, failure) in ends.iter().filter(|_| whole > 1 || args.watch.is_some()) {
        shared.screen.failed(name, &format!("failed: {failure}"));
    }
    let done = all(&shared, items, args.watch.as_deref()).await?;
    shared.screen.clear();
    conclude(&shared, &context, &args, done, std::mem::take(&mut ends), whole)
}

/// The videos that can be one, and what is wrong with the others.
fn sorted(names: &[OsString], args: &ClipArgs) -> (Vec<Item>, Vec<(String, Failure)>) {
    let (mut items, mut wrong) = (Vec::new(), Vec::new());
    for item in inputs::items(names, args.any_file) {
        match item {
            Ok(item) => items.push(Item { seconds: args.project.seconds_of(item.seconds), ..item }),
            Err(failed) => wrong.push(failed),
        }
    }
    (items, wrong)
}

/// Finds out now, and not after the projects are billed, that their files cannot be named so.
fn check_names(client: &Client, args: &ClipArgs) -> Result<(), Failure> {
    let Some(names) = &args.limits.names else { return Ok(()) };
    let check = client.download(ProjectId::from(""), &args.out).with_names(names).check();
    check.map_err(|error| Failure::from(error).with_next("write one like `--names '{number:02}-{title}'`"))
}

/// Finds out now, and not after the projects are billed, that there are no such columns.
fn check_columns(output: &Output) -> Result<(), Failure> {
    output.check_columns(match output.format() {
        Format::Json => &report::OF_THE_DATA,
        Format::Table => &report::OF_A_ROW,
    })
}

/// Finds out now, and not after hours, that clips cannot be written there.
fn writable(out: &std::path::Path) -> Result<(), Failure> {
    let fault = |error| Failure::io(format_args!("the folder {}", out.display()), &error).with_code(Code::Usage);
    std::fs::create_dir_all(out).map_err(fault)?;
    tempfile::tempfile_in(out).map(drop).map_err(fault)
}

/// Does what was said of a lost reply.
async fn resolve(
    args: &ClipArgs,
    client: &Client,
    store: &ResumeStore,
    ledger: &Ledger,
    items: &[Item],
    context: &Context,
) -> Result<(), Failure> {
    let ClipArgs { doubt, project, .. } = args;
    if doubt.project_id.is_none() && !doubt.create_again {
        return Ok(());
    }
    let [item] = items else {
        return Err(Failure::usage("`--project-id` and `--create-again` are for one video", "give that video alone"));
    };
    let begin = || {
        let clipping = match &item.source {
            inputs::Source::File(path) => client.clip(path),
            inputs::Source::Url(url) => client.clip_url(url),
        };
        let project = project.clone();
        clipping.with_store(store).with_project(move |call| project.apply(call))
    };
    let Some(id) = &doubt.project_id else {
        begin().forget().await?;
        let what = format!("{}: what was known of it is forgotten; go on without `--create-again`, which is billed each time", item.name);
        context.output.tell(&what);
        context.under_way.goes_on_by(WITHOUT);
        return Ok(());
    };
    // Its token is only to be had where it stops, at the call that was lost: nothing is uploaded before that.
    let mut clipping = begin();
    let error = clipping.next().await.err();
    match error {
        Some(error) if !error.is_outcome_unknown() => return Err(error.into()),
        None => return Err(Failure::usage(format!("no reply was lost for {}", item.name), "leave `--project-id` out")),
        Some(_) => {}
    }
    check_project(client, ledger, item, id).await?;
    let token = clipping.token().cloned().ok_or_else(|| Failure::new(Code::General, "there is no token"))?;
    drop(clipping);
    let mut clipping = begin().with_token(token.found(id.as_str())?);
    clipping.next().await?;
    Ok(())
}

/// Finds out that a project is there and may be this video's, before what is known of the lost reply is given up for it.
async fn check_project(client: &Client, ledger: &Ledger, item: &Item, id: &str) -> Result<(), Failure> {
    let wrong = |what: String| Failure::usage(what, "look at the id in the dashboard; nothing was changed");
    if let Some(other) = ledger.memory().other_with(id, &item.key) {
        return Err(wrong(format!("the project {id} is that of {other}")));
    }
    match client.get_project(id).await {
        Ok(project) if project.is_deleted == Some(true) || project.is_purged == Some(true) => {
            Err(wrong(format!("the project {id} was deleted")))
        }
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Err(wrong(format!("the service has no project {id}"))),
        Err(error) => Err(error.into()),
    }
}

/// Works on all videos, and on those that come while it does.
async fn all(shared: &Arc<Shared>, items: Vec<Item>, folder: Option<&std::path::Path>) -> Result<Vec<End>, Failure> {
    let (sender, mut coming) = mpsc::unbounded_channel();
    let mut watching = Box::pin(async {
        match folder {
            Some(folder) => watch::watch(folder, shared, sender).await,
            None => {
                drop(sender);
                std::future::pending().await
            }
        }
    });
    let work = |item: Item, pause: Duration| {
        let shared = Arc::clone(shared);
        Box::pin(async move {
            if !pause.is_zero() {
                shared.clock.sleep(pause).await;
            }
            Work::new(shared, item).run().await
        })
    };
    let mut works: FuturesUnordered<_> = items.into_iter().map(|item| work(item, Duration::ZERO)).collect();
    let (mut ends, mut may_come, mut pauses) = (Vec::new(), true, HashMap::new());
    while may_come || !works.is_empty() {
        tokio::select! {
            failure = &mut watching => return Err(failure),
            item = coming.recv(), if may_come => match item {
                Some(item) => works.push(work(item, Duration::ZERO)),
                None => may_come = false,
            },
            Some(end) = works.next() => {
                if folder.is_none() {
                    ends.push(end);
                } else {
                    tell(shared, &end)?;
                    // Nobody is there to run it again.
                    if !shared.is_refused() && end.result.as_ref().is_err_and(|failure| failure.code.may_pass()) {
                        let pause = *pauses.entry(end.item.key.clone()).and_modify(|pause| *pause = LONGEST_PAUSE.min(*pause * 2)).or_insert(PAUSE);
                        shared.screen.of(&end.item.name, &format!("is tried again in {}", humantime::format_duration(pause)));
                        works.push(work(end.item, pause));
                    }
                }
                if folder.is_some() && shared.is_refused() && works.is_empty() {
                    return Err(shared.why());
                }
            }
        }
    }
    Ok(ends)
}

/// A video that was watched for: what there is to tell of it is told now, for there is no end.
fn tell(shared: &Shared, end: &End) -> Result<(), Failure> {
    match shared.output.format() {
        Format::Json => shared.output.line(&report::data(end), &[]),
        Format::Table => report::rows(end).iter().filter_map(|row| row["file"].as_str()).try_for_each(|file| shared.output.stream(file)),
    }
}

/// The table, and the exit code.
fn conclude(
    shared: &Shared,
    context: &Context,
    args: &ClipArgs,
    mut ends: Vec<End>,
    wrong: Vec<(String, Failure)>,
    whole: usize,
) -> Result<(), Failure> {
    ends.sort_by(|a, b| a.item.name.cmp(&b.item.name));
    if args.doubt.create_again {
        ends.iter_mut().filter_map(|end| end.result.as_mut().err()).for_each(|failure| *failure = without(failure));
    }
    let output = &context.output;
    match output.format() {
        Format::Json => {
            let wrong = wrong.iter().map(|(name, failure)| {
                json!({"source": name, "state": "failed", "error": {"exitCode": failure.code.number(), "message": failure.message(), "next": failure.next()}})
            });
            let data: Vec<Value> = ends.iter().map(report::data).chain(wrong).collect();
            output.data(&Value::Array(data), &[])?;
        }
        Format::Table => {
            let rows: Vec<Value> = ends.iter().flat_map(report::rows).collect();
            let columns = if whole == 1 { &report::COLUMNS[1..] } else { &report::COLUMNS };
            if !rows.is_empty() {
                output.data(&Value::Array(rows), columns)?;
            }
        }
    }
    let failures: Vec<&Failure> =
        ends.iter().filter_map(|end| end.result.as_ref().err()).chain(wrong.iter().map(|(_, failure)| failure)).collect();
    let held_back = ends.iter().filter(|end| end.is_held_back).count();
    if held_back > 0 {
        output.fail(&shared.why());
        output.tell(&format!("  {held_back} videos were not begun for this reason"));
    }
    if args.sandbox && failures.is_empty() {
        output.say("This was the sandbox. For clips of your own: `opusclip auth login`, and leave `--sandbox` out.");
    }
    let verdict = report::verdict(&failures, whole);
    if args.doubt.create_again { verdict.map_err(|failure| without(&failure)) } else { verdict }
}

/// What went wrong after `--create-again`, which would be billed again.
fn without(failure: &Failure) -> Failure {
    match failure.next() {
        Some(next) if next.contains(WITHOUT) => failure.clone(),
        Some(next) => failure.clone().with_next(format!("{next}; {WITHOUT}")),
        None => failure.clone().with_next(WITHOUT),
    }
}

/// Says what would happen. Sends nothing, writes nothing.
fn dry_run(args: &ClipArgs, context: &Context, names: &[OsString]) -> Result<(), Failure> {
    if names.is_empty() {
        return Err(Failure::usage("there is no video", "give a file or an address"));
    }
    let (items, wrong) = sorted(names, args);
    // Looks at the options as it is done before the call that bills.
    let account = context.account();
    let client = account.as_ref().map_err(Failure::clone).and_then(Account::client);
    let checker = client.as_ref().ok().cloned().map_or_else(|| Client::new("sk-dry-run"), Ok)?;
    args.project.apply(checker.create_project("uploadId")).check()?;
    check_names(&checker, args)?;
    let state = crate::settings::state_folder(args.limits.state.as_deref())?;
    let path = args.limits.ledger.clone().unwrap_or_else(|| state.join("ledger.jsonl"));
    let ledger = match &account {
        Ok(account) if path.exists() => Some(Ledger::read(&path, &account.whose())?),
        _ => None,
    };
    let (mut total, mut spent, mut new, mut unknown) = (0, 0_u64, 0, false);
    let mut rows: Vec<Value> = Vec::new();
    for item in &items {
        let known = ledger.as_ref().and_then(|ledger| ledger.known(&item.key));
        let former = ledger.as_ref().and_then(|ledger| ledger.former(&item.key)).filter(|_| !args.doubt.create_again);
        let project = known.and_then(|known| known.project.clone()).filter(|_| !args.doubt.create_again);
        spent = spent.saturating_add(known.map_or(0, |known| known.credits));
        let is_new = project.is_none() && former.is_none();
        let credits = if is_new { item.credits() } else { 0 };
        total += credits;
        new += usize::from(is_new);
        unknown |= is_new && item.seconds.is_none_or(f64::is_infinite);
        let what = match (former, &project, item.is_file()) {
            (Some((_, when)), _, _) => format!("nothing: its project was made {when}"),
            (None, Some(_), _) => "goes on with its project".to_owned(),
            (None, None, true) => "upload, project, download".to_owned(),
            (None, None, false) => "project, download".to_owned(),
        };
        let project = former.map(|(project, _)| project.to_owned()).or(project);
        let minutes = item.seconds.filter(|seconds| seconds.is_finite()).map(|seconds| (seconds / 6.0).ceil() / 10.0);
        rows.push(
            json!({"source": item.name, "what": what, "bytes": item.bytes, "minutes": minutes, "credits": credits, "project": project}),
        );
    }
    rows.extend(wrong.iter().map(|(name, failure)| json!({"source": name, "what": format!("nothing: {failure}"), "credits": 0})));
    context.output.data(&Value::Array(rows), &["source", "what", "bytes", "minutes", "credits", "project"])?;
    let at_least = if unknown { "at least " } else { "" };
    context.output.say(&format!(
        "{new} projects, {at_least}{total} credits by estimate: one for each minute that is begun, {LEAST_CREDITS} at the least. Nothing was sent."
    ));
    if let Err(failure) = &client {
        context.output.say(&format!("for the real run: {failure}"));
    }
    if let Some(most) = args.limits.max_credits.filter(|most| spent.saturating_add(total) > *most) {
        context.output.say(&format!("`--max-credits {most}` would stop it on the way: earlier runs have used {spent}"));
    }
    let failures: Vec<&Failure> = wrong.iter().map(|(_, failure)| failure).collect();
    report::verdict(&failures, items.len() + wrong.len())
}
