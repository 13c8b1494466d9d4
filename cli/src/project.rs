//! `opusclip project`.

use clap::{Args, Subcommand};
use opusclip::WaitEvent;
use opusclip::types::{Clip, ProjectStage};
use serde_json::json;

use crate::call::Call;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::options::ProjectArgs;
use crate::outcome;

const COLUMNS: [&str; 7] = ["id", "stage", "sourceInfo.title", "sourcePlatform", "visibility", "error", "createdAt"];

/// Projects: a video, and the clips that are made of it
#[derive(Debug, Subcommand)]
pub(crate) enum Project {
    /// Create one of a video that has an address or is uploaded. Billed; `opusclip clip` does it crash-safe
    #[command(after_long_help = "\
Examples:
  opusclip project create https://www.youtube.com/watch?v=LXvv6CbGg8A --genre Podcast
  opusclip --curl project create https://www.youtube.com/watch?v=LXvv6CbGg8A
      what would be sent; nothing is billed")]
    Create(Box<CreateArgs>),
    /// Look how far one is
    #[command(after_long_help = "\
Examples:
  opusclip project get P0000000demo
  opusclip project get P0000000demo --columns stage,error")]
    Get {
        /// Id of the project
        project: String,
    },
    /// Wait until it is over, and list its clips
    #[command(
        alias = "watch",
        after_long_help = "\
Examples:
  opusclip project wait P0000000demo --timeout 1h && opusclip clip download P0000000demo"
    )]
    Wait {
        /// Id of the project
        project: String,
        /// How long
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "3h")]
        timeout: std::time::Duration,
    },
    /// Let everybody who has the link see it
    #[command(after_long_help = "\
Examples:
  opusclip project share P0000000demo
  opusclip project share P0000000demo --undo")]
    Share {
        /// Id of the project
        project: String,
        /// Take it back
        #[arg(long)]
        undo: bool,
    },
    /// Show what is said in it
    #[command(after_long_help = "\
Examples:
  opusclip project transcript P0000000demo
  opusclip project transcript P0000000demo --columns start,text")]
    Transcript {
        /// Id of the project
        project: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// Address of the video, or the id of an upload
    #[arg(value_name = "URL|UPLOAD")]
    video: String,
    #[command(flatten)]
    options: ProjectArgs,
}

/// Runs the command.
pub(crate) async fn run(command: Project, context: &Context) -> Result<(), Failure> {
    match command {
        Project::Create(args) => {
            args.options.check()?;
            let body = serde_json::to_value(args.options.body(&args.video))
                .map_err(|error| Failure::new(Code::General, format!("the request cannot be encoded: {error}")))?;
            Call::new("create_project", json!({"body": body})).show(context, &COLUMNS).await
        }
        Project::Get { project } => Call::new("get_project", json!({"projectId": project})).show(context, &COLUMNS).await,
        Project::Wait { project, timeout } => {
            context.no_curl("project wait")?;
            wait(context, &project, timeout).await
        }
        Project::Share { project, undo } => {
            let visibility = if undo { "DEFAULT" } else { "PUBLIC" };
            let input = json!({"projectId": project, "body": {"visibility": visibility}});
            let what = format!("{project} is {}", if undo { "as it was by default" } else { "public" });
            Call::new("update_project_visibility", input).confirm(context, &what).await
        }
        Project::Transcript { project } => {
            let input = json!({"q": "findByProjectId", "projectId": project});
            Call::new("get_transcript", input).show(context, &["start", "end", "speaker", "text"]).await
        }
    }
}

async fn wait(context: &Context, project: &str, timeout: std::time::Duration) -> Result<(), Failure> {
    let client = context.account()?.client()?;
    let mut wait = client.wait(project).with_deadline(timeout);
    while let Some(event) = wait.next().await? {
        match event {
            WaitEvent::Stage(ProjectStage::Complete) => context.output.say("complete"),
            WaitEvent::Stage(stage) => context.output.say(&stage.as_str().to_lowercase()),
            WaitEvent::Settling { clips, exportable } => {
                context.output.say(&format!("{exportable} of {clips} clips have their links"));
            }
            WaitEvent::Trouble(error) => context.output.say(&format!("waits on: {error}")),
            WaitEvent::Ended(ended) => return show_clips(context, &outcome::clips_of(ended, &project.into())?),
            _ => {}
        }
    }
    Err(Failure::new(Code::General, "the wait ended without an end"))
}

/// Shows clips.
pub(crate) fn show_clips(context: &Context, clips: &[Clip]) -> Result<(), Failure> {
    let encoded =
        serde_json::to_value(clips).map_err(|error| Failure::new(Code::General, format!("the clips cannot be shown: {error}")))?;
    context.output.data(&encoded, &["id", "title", "durationMs", "score"])
}
