//! Commands that are one call each, by resource.

use clap::{Args, Subcommand};
use opusclip::types::FullClipId;
use serde_json::{Map, Value, json};

use crate::call::{Call, inputs, not_shown, operation};
use crate::context::Context;
use crate::failure::{Code, Failure};

/// Brand templates of the account
#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// List them
    #[command(after_long_help = "\
Examples:
  opusclip template list
  opusclip clip talk.mp4 --template TPL_demo   with one of them")]
    List,
}

/// Collections of clips
#[derive(Debug, Subcommand)]
pub(crate) enum Collection {
    /// List them
    #[command(after_long_help = "\
Examples:
  opusclip collection list
  opusclip collection list --containing P0000000demo.CUdemo")]
    List {
        /// Only those that hold this clip, as PROJECT.CLIP
        #[arg(long, value_name = "CLIP", value_parser = clip_id, alias = "content-id")]
        containing: Option<FullClipId>,
    },
    /// Create one
    #[command(after_long_help = "\
Examples:
  opusclip collection create best")]
    Create {
        /// Its name
        name: String,
    },
    /// Put a clip into one
    #[command(
        alias = "add-clip",
        after_long_help = "\
Examples:
  opusclip collection add COL_demo P0000000demo.CUdemo"
    )]
    Add {
        /// Id of the collection
        collection: String,
        /// The clip, as PROJECT.CLIP
        #[arg(value_parser = clip_id)]
        clip: FullClipId,
    },
    /// Take a clip out of one
    #[command(
        alias = "remove-clip",
        after_long_help = "\
Examples:
  opusclip collection remove COL_demo P0000000demo.CUdemo"
    )]
    Remove {
        /// Id of the collection
        collection: String,
        /// The clip, as PROJECT.CLIP
        #[arg(value_parser = clip_id)]
        clip: FullClipId,
    },
    /// Have the links of its clips made
    #[command(after_long_help = "\
Examples:
  opusclip collection export COL_demo
      on some accounts clips have no link for download until this is done")]
    Export {
        /// Id of the collection
        collection: String,
    },
    /// Delete one; its clips stay
    #[command(after_long_help = "\
Examples:
  opusclip collection delete COL_demo")]
    Delete {
        /// Id of the collection
        collection: String,
    },
}

/// Posts to social accounts
#[derive(Debug, Subcommand)]
pub(crate) enum Post {
    /// Publish a clip now. Billed
    #[command(
        alias = "publish",
        after_long_help = "\
Examples:
  opusclip post create P0000000demo.CUdemo --account ACC_demo --title \"What pricing is about\"
  opusclip --curl post create P0000000demo.CUdemo --account ACC_demo --title Test
      what would be sent; nothing is posted"
    )]
    Create(PostArgs),
    /// Publish a clip later. Billed
    #[command(after_long_help = "\
Examples:
  opusclip post schedule P0000000demo.CUdemo --account ACC1 --title Test --at 2026-12-01T09:00:00Z")]
    Schedule {
        #[command(flatten)]
        post: PostArgs,
        /// When, in RFC 3339, as 2026-12-01T09:00:00Z
        #[arg(long, value_name = "TIME", value_parser = point_in_time)]
        at: String,
    },
    /// Cancel what is scheduled
    #[command(after_long_help = "\
Examples:
  opusclip post cancel SCH_demo")]
    Cancel {
        /// Id of the schedule
        schedule: String,
    },
    /// Connected social accounts
    #[command(subcommand)]
    Account(Account),
    /// Texts for posts, written by the service
    #[command(subcommand)]
    Copy(Copy),
}

/// Connected social accounts
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// List them
    #[command(after_long_help = "\
Examples:
  opusclip post account list
  opusclip post account list --columns postAccountId,platform")]
    List,
}

/// Texts for posts, written by the service
#[derive(Debug, Subcommand)]
pub(crate) enum Copy {
    /// Have one written
    #[command(after_long_help = "\
Examples:
  opusclip post copy create P0000000demo.CUdemo --account ACC_demo --prompt \"short and dry\"
      then: opusclip post copy get with the id that it tells")]
    Create {
        #[command(flatten)]
        target: TargetArgs,
        /// What it shall be like
        #[arg(long, value_name = "TEXT")]
        prompt: Option<String>,
        /// Write it anew, if there is one already
        #[arg(long, alias = "force")]
        again: bool,
    },
    /// Look how far it is
    #[command(
        alias = "status",
        after_long_help = "\
Examples:
  opusclip post copy get JOB_demo"
    )]
    Get {
        /// Id of the job
        job: String,
    },
}

/// Which clip goes where.
#[derive(Args, Debug)]
pub(crate) struct TargetArgs {
    /// The clip, as PROJECT.CLIP
    #[arg(value_parser = clip_id)]
    clip: FullClipId,
    /// Social account, from `opusclip post account list`
    #[arg(long, value_name = "ID")]
    account: String,
    /// Page or organisation of the account, where the list has one
    #[arg(long, value_name = "ID")]
    sub_account: Option<String>,
}

/// A post.
#[derive(Args, Debug)]
pub(crate) struct PostArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Its title
    #[arg(long, value_name = "TEXT")]
    title: String,
    /// Its text
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Who can see it, on YouTube
    #[arg(long, value_name = "WHO", value_parser = ["public", "private", "unlisted"])]
    privacy: Option<String>,
}

/// Bad words made unheard
#[derive(Debug, Subcommand)]
pub(crate) enum Censor {
    /// Begin to censor a clip
    #[command(after_long_help = "\
Examples:
  opusclip censor create P0000000demo.CUdemo --beep")]
    Create {
        /// The clip, as PROJECT.CLIP
        #[arg(value_parser = clip_id)]
        clip: FullClipId,
        /// A beep instead of silence
        #[arg(long)]
        beep: bool,
    },
    /// Look how far it is
    #[command(
        alias = "status",
        after_long_help = "\
Examples:
  opusclip censor get JOB_demo"
    )]
    Get {
        /// Id of the job
        job: String,
    },
}

/// Thumbnails of videos
#[derive(Debug, Subcommand)]
pub(crate) enum Thumbnail {
    /// Begin to make one. Billed
    #[command(after_long_help = "\
Examples:
  opusclip thumbnail create https://www.youtube.com/watch?v=LXvv6CbGg8A --prompt \"a cat at a desk\"
      then: opusclip thumbnail get with the id that it tells")]
    Create {
        /// Address of the video
        source: String,
        /// What it shall show
        #[arg(long, value_name = "TEXT")]
        prompt: Option<String>,
        /// Address of a picture that it shall resemble
        #[arg(long, value_name = "URL")]
        reference: Option<String>,
        /// Address of a picture of the part that may be changed
        #[arg(long, value_name = "URL")]
        mask: Option<String>,
    },
    /// Look how far it is
    #[command(
        alias = "status",
        after_long_help = "\
Examples:
  opusclip thumbnail get JOB_demo --columns status,progress"
    )]
    Get {
        /// Id of the job
        job: String,
    },
}

/// Any operation of the API, by its name
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  opusclip api list
  opusclip api get_project --input '{\"projectId\": \"P0000000demo\"}'
  echo '{\"body\": {\"collectionName\": \"best\"}}' | opusclip api create_collection --input -")]
pub(crate) struct ApiArgs {
    /// The operation, or `list` for all of them
    #[arg(value_name = "OPERATION")]
    operation: String,
    /// Its parameters by name, and the request body under `body`, as JSON; or @FILE; or `-` for stdin
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
}

fn point_in_time(text: &str) -> Result<String, String> {
    humantime::parse_rfc3339(text).map(|_| text.to_owned()).map_err(|error| format!("{error}; expected a time like 2026-12-01T09:00:00Z"))
}

/// The fields that were given.
fn object<'n>(fields: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect())
}

fn clip_id(text: &str) -> Result<FullClipId, String> {
    text.parse().map_err(|_| "expected PROJECT.CLIP, as `opusclip clip list` shows it".to_owned())
}

/// The clip of a target by project and bare id, which is what these operations take (C28).
fn project_of(clip: &FullClipId) -> Result<String, Failure> {
    clip.project().map(|project| project.to_string()).ok_or_else(|| {
        Failure::usage(format!("{clip} does not say of which project it is"), "give it as PROJECT.CLIP, as `opusclip clip list` shows it")
    })
}

impl TargetArgs {
    fn fields(&self) -> Result<[(&'static str, Value); 4], Failure> {
        Ok([
            ("projectId", project_of(&self.clip)?.into()),
            ("clipId", self.clip.clip().to_string().into()),
            ("postAccountId", self.account.as_str().into()),
            ("subAccountId", self.sub_account.clone().into()),
        ])
    }
}

impl PostArgs {
    fn body(&self, at: Option<&str>) -> Result<Value, Failure> {
        let custom = object([("description", self.description.clone().into()), ("privacy", self.privacy.clone().into())]);
        let custom = if custom == json!({}) { Value::Null } else { custom };
        let mut body = object(self.target.fields()?);
        body["postDetail"] = object([("title", self.title.as_str().into()), ("custom", custom)]);
        if let Some(at) = at {
            body["publishAt"] = at.into();
        }
        Ok(body)
    }
}

/// Shows one call.
async fn show(context: &Context, operation: &str, input: Value, columns: &[&str]) -> Result<(), Failure> {
    Call::new(operation, input).show(context, columns).await
}

/// Runs a command about templates.
pub(crate) async fn template(command: Template, context: &Context) -> Result<(), Failure> {
    let Template::List = command;
    show(context, "list_brand_templates", json!({"q": "mine"}), &["templateId", "name", "type", "isDefault"]).await
}

/// Runs a command about collections.
pub(crate) async fn collection(command: Collection, context: &Context) -> Result<(), Failure> {
    let columns = ["collectionId", "collectionName", "createdAt"];
    match command {
        Collection::List { containing } => {
            let input = match containing {
                Some(clip) => json!({"q": "findByContentId", "contentId": clip.as_str()}),
                None => json!({"q": "mine"}),
            };
            show(context, "list_collections", input, &columns).await
        }
        Collection::Create { name } => show(context, "create_collection", json!({"body": {"collectionName": name}}), &columns).await,
        Collection::Add { collection, clip } => {
            let body = json!({"collectionId": collection, "contentId": clip.as_str()});
            show(context, "create_collection_content", json!({"body": body}), &["collectionId", "contentId"]).await
        }
        Collection::Remove { collection, clip } => {
            let body = json!({"q": "findByCollectionIdAndContentId", "collectionId": collection, "contentId": clip.as_str()});
            let what = format!("{clip} is not in {collection} any more");
            Call::new("delete_collection_content", json!({"body": body})).confirm(context, &what).await
        }
        Collection::Export { collection } => {
            show(context, "export_collection", json!({"collectionId": collection, "body": {}}), &["contentId", "uriForExport"]).await
        }
        Collection::Delete { collection } => {
            let what = format!("{collection} is deleted");
            Call::new("delete_collection", json!({"collectionId": collection})).confirm(context, &what).await
        }
    }
}

/// Runs a command about posts.
pub(crate) async fn post(command: Post, context: &Context) -> Result<(), Failure> {
    match command {
        Post::Create(post) => show(context, "create_post_task", json!({"body": post.body(None)?}), &["postId"]).await,
        Post::Schedule { post, at } => {
            let input = json!({"body": post.body(Some(&at))?});
            show(context, "create_publish_schedule", input, &["scheduleId", "postId", "publishAt", "hasConflict"]).await
        }
        Post::Cancel { schedule } => {
            let what = format!("{schedule} is cancelled");
            Call::new("cancel_publish_schedule", json!({"scheduleId": schedule})).confirm(context, &what).await
        }
        Post::Account(Account::List) => {
            let columns = ["postAccountId", "subAccountId", "platform", "extUserName"];
            show(context, "list_social_accounts", json!({"q": "mine"}), &columns).await
        }
        Post::Copy(Copy::Create { target, prompt, again }) => {
            let style = [("prompt", prompt.into()), ("forceRegenerate", again.then_some(true).into())];
            let body = object(target.fields()?.into_iter().chain(style));
            show(context, "create_social_copy_job", json!({"body": body}), &["jobId"]).await
        }
        Post::Copy(Copy::Get { job }) => {
            let columns = ["jobId", "status", "title", "description", "hashtags"];
            show(context, "get_social_copy_job", json!({"jobId": job}), &columns).await
        }
    }
}

/// Runs a command about censor jobs.
pub(crate) async fn censor(command: Censor, context: &Context) -> Result<(), Failure> {
    match command {
        Censor::Create { clip, beep } => {
            let body = object([
                ("projectId", project_of(&clip)?.into()),
                ("clipId", clip.clip().to_string().into()),
                ("options", if beep { json!({"beepSound": true}) } else { Value::Null }),
            ]);
            show(context, "create_censor_job", json!({"body": body}), &["jobId", "message"]).await
        }
        Censor::Get { job } => show(context, "get_censor_job", json!({"jobId": job}), &["status", "error"]).await,
    }
}

/// Runs a command about thumbnails.
pub(crate) async fn thumbnail(command: Thumbnail, context: &Context) -> Result<(), Failure> {
    match command {
        Thumbnail::Create { source, prompt, reference, mask } => {
            let body = object([
                ("jobType", "thumbnail".into()),
                ("sourceUri", source.into()),
                ("prompt", prompt.into()),
                ("referenceImageUri", reference.into()),
                ("maskImageUri", mask.into()),
            ]);
            show(context, "create_generative_job", json!({"body": body}), &["jobId"]).await
        }
        Thumbnail::Get { job } => {
            show(
                context,
                "get_generative_job",
                json!({"jobId": job}),
                &["status", "progress.percentage", "result.generatedThumbnailUris", "error"],
            )
            .await
        }
    }
}

/// Runs any operation.
pub(crate) async fn api(args: ApiArgs, context: &Context) -> Result<(), Failure> {
    if args.operation == "list" {
        let rows = opusclip::operation::OPERATIONS.iter().map(|operation| {
            json!({"operation": operation.id, "method": operation.method, "path": operation.path, "billed": operation.billed,
                   "input": inputs(operation), "summary": operation.summary})
        });
        return context.output.data(&rows.collect(), &["operation", "billed", "input", "summary"]);
    }
    let operation = operation(&args.operation)?;
    let text = match args.input.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()).map_err(|error| Failure::io("stdin", &error).with_code(Code::Usage))?,
        input => match input.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file).map_err(|error| Failure::io(file, &error).with_code(Code::Usage))?,
            None => input.to_owned(),
        },
    };
    let takes = || format!("{} takes {{{}}}", operation.id, inputs(operation));
    let input: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("--input is no JSON object: {error}"), format!("{}; a file is given as @FILE", takes())))?;
    if operation.storage && context.curl {
        return Err(Failure::usage("`--curl` is for the API, and this is an operation of the storage", "leave `--curl` out"));
    }
    let result = Call::new(operation.id, input.into()).send(context).await;
    match result {
        Err(failure) if failure.code == Code::Usage && failure.next().is_none() => Err(failure.with_next(takes())),
        Err(failure) => Err(failure),
        Ok(None) => Ok(()),
        Ok(Some(value)) => context.output.whole(&value).map_err(|failure| not_shown(failure, operation, &value)),
    }
}
