//! `opusclip clip list` and `opusclip clip download`: clips that are there.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use opusclip::types::Clip;
use opusclip::{Client, ClipSource};
use serde_json::Value;

use super::item::{followed, judge};
use super::report;
use super::screen::Screen;
use crate::call::Call;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::output::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum Saved {
    /// List the clips of a project or a collection
    #[command(after_long_help = "\
Examples:
  opusclip clip list P0000000demo
  opusclip clip list --collection COL_demo --columns id,title,uriForExport")]
    List(SourceArgs),
    /// Download the clips of a project or a collection
    #[command(after_long_help = "\
Examples:
  opusclip clip download P0000000demo --out clips
  opusclip clip download P0000000demo --names '{number:02}-{id}'
      run it again after an interruption: what is there stays")]
    Download {
        #[command(flatten)]
        source: SourceArgs,
        /// Folder for the files [default: clips/ID]
        #[arg(long, short, value_name = "DIR")]
        out: Option<PathBuf>,
        /// How files are named: {number}, {number:02}, {title} and {id} are filled in [default: {number:02}-{title}]
        #[arg(long, value_name = "TEMPLATE")]
        names: Option<String>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    /// Id of the project
    #[arg(required_unless_present = "collection")]
    project: Option<String>,
    /// Id of a collection, instead of a project
    #[arg(long, value_name = "ID", conflicts_with = "project")]
    collection: Option<String>,
}

impl SourceArgs {
    fn source(&self) -> ClipSource {
        match (&self.collection, &self.project) {
            (Some(collection), _) => ClipSource::Collection(collection.as_str().into()),
            (None, project) => ClipSource::Project(project.as_deref().unwrap_or_default().into()),
        }
    }

    fn id(&self) -> &str {
        self.collection.as_deref().or(self.project.as_deref()).unwrap_or_default()
    }
}

/// Runs the command.
pub(crate) async fn run(command: Saved, context: &Context) -> Result<(), Failure> {
    match command {
        Saved::List(args) => list(&args, context).await,
        Saved::Download { source, out, names } => {
            context.no_curl("clip download")?;
            download(&source, out, names, context).await
        }
    }
}

async fn list(args: &SourceArgs, context: &Context) -> Result<(), Failure> {
    if context.curl {
        let (query, name) =
            if args.collection.is_some() { ("findByCollectionId", "collectionId") } else { ("findByProjectId", "projectId") };
        let input = [("q".to_owned(), query.into()), (name.to_owned(), args.id().into())];
        return Call::new("list_clips", Value::Object(input.into_iter().collect())).show(context, &[]).await;
    }
    let clips = all(args, &context.account()?.client()?).await?;
    crate::project::show_clips(context, &clips)
}

async fn all(args: &SourceArgs, client: &Client) -> Result<Vec<Clip>, Failure> {
    let mut pages = client.clip_pages(args.source());
    let mut clips: Vec<Clip> = Vec::new();
    while let Some(page) = pages.next_page().await? {
        clips.extend(page);
    }
    Ok(clips)
}

async fn download(args: &SourceArgs, out: Option<PathBuf>, names: Option<String>, context: &Context) -> Result<(), Failure> {
    let client = context.account()?.client()?;
    let folder = match out {
        Some(out) => out,
        None => PathBuf::from("clips").join(
            opusclip::portable_name(args.id())
                .ok_or_else(|| Failure::usage(format!("{:?} is no id", args.id()), "give one as `opusclip clip list` shows it"))?,
        ),
    };
    let mut download = client.download(args.source(), &folder);
    if let Some(names) = names {
        download = download.with_names(names);
    }
    download.check()?;
    if folder.exists() {
        super::writable(&folder)?;
    }
    let clips = all(args, &client).await?;
    if clips.is_empty() {
        return Err(Failure::new(Code::NotFound, format!("{} has no clips", args.id()))
            .with_next("look at the id; of a project that is in work, `opusclip project wait` tells when they are there"));
    }
    super::writable(&folder)?;
    let download = download.with_clips(clips);
    let screen = Screen::new(&context.output, Some(1));
    let line = screen.line(args.id());
    let ended = followed(download, Some(&line)).await?;
    drop(line);
    let rows: Vec<Value> = ended.clips().iter().map(report::data_of).collect();
    match context.output.format() {
        Format::Json => context.output.data(&rows.into(), &[])?,
        Format::Table => context.output.data(&rows.into_iter().map(report::short).collect(), &report::COLUMNS[1..])?,
    }
    judge(&ended).map(|_| ())
}
