//! `opusclip upload`: uploads alone, which a later run goes on with.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use opusclip::{Client, ResumeToken, Uploaded};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clip::{Item, Screen};
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::settings::state_folder;

/// Uploads of video files. Nothing of it is billed
#[derive(Debug, Subcommand)]
pub(crate) enum Upload {
    /// Upload a file, or go on with it, and tell the id for `opusclip project create`
    #[command(after_long_help = "\
Examples:
  opusclip upload start talk.mp4
      then: opusclip project create with the id that it tells")]
    Start(FileArgs),
    /// Go on with an upload that was interrupted
    #[command(after_long_help = "\
Examples:
  opusclip upload resume                 all of them
  opusclip upload resume UPL_demo")]
    Resume {
        /// Id of the upload, from `opusclip upload list` [default: all of them]
        upload: Option<String>,
        #[command(flatten)]
        state: StateArgs,
    },
    /// List what was interrupted
    #[command(after_long_help = "\
Examples:
  opusclip upload list --columns uploadId,file")]
    List(StateArgs),
    /// Have the storage forget an upload that was interrupted
    #[command(after_long_help = "\
Examples:
  opusclip upload cancel UPL_demo")]
    Cancel {
        /// Id of the upload, from `opusclip upload list`
        upload: String,
        #[command(flatten)]
        state: StateArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct FileArgs {
    /// The video
    file: PathBuf,
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Args, Debug)]
pub(crate) struct StateArgs {
    /// Folder that remembers what is unfinished [env: OPUSCLIP_STATE]
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    state: Option<PathBuf>,
}

/// What is kept of an upload until it is complete. The token in it is a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    account: String,
    file: PathBuf,
    token: ResumeToken,
}

/// Where they are kept.
struct Records(PathBuf);

impl Records {
    fn open(args: &StateArgs) -> Result<Self, Failure> {
        Ok(Self(state_folder(args.state.as_deref())?.join("uploads")))
    }

    /// Each that can be read, by its file; what cannot is told.
    fn all(&self, account: &str, context: &Context) -> Result<Vec<(PathBuf, Record)>, Failure> {
        let entries = match std::fs::read_dir(&self.0) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| Failure::io(self.0.display(), &error).with_code(Code::Usage))?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| Failure::io(self.0.display(), &error))?.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let text = std::fs::read(&path).map_err(|error| Failure::io(path.display(), &error))?;
            match serde_json::from_slice::<Record>(&text) {
                Ok(record) if record.account == account => records.push((path, record)),
                Ok(_) => {}
                Err(error) => context.output.tell(&format!("warning: {} is left alone: {error}", path.display())),
            }
        }
        records.sort_by(|a, b| a.1.file.cmp(&b.1.file));
        Ok(records)
    }

    fn find(&self, upload: &str, account: &str, context: &Context) -> Result<(PathBuf, Record), Failure> {
        let found = self.all(account, context)?.into_iter().find(|(_, record)| record.token.upload_id().as_str() == upload);
        found.ok_or_else(|| {
            Failure::new(Code::NotFound, format!("no upload {upload} was interrupted here"))
                .with_next("`opusclip upload list` shows those that were, of this account and this state folder")
        })
    }

    /// Whole or not at all, for its owner alone; the name is of the file, so that a new session replaces the old one.
    fn keep(&self, record: &Record) -> Result<PathBuf, Failure> {
        let fault = |error: std::io::Error| Failure::io(format_args!("the state folder {}", self.0.display()), &error);
        let path = self.0.join(format!("{}.json", crate::settings::name_of(&[&record.account, &record.file.display().to_string()])));
        let text = serde_json::to_vec(record).map_err(|error| fault(error.into()))?;
        crate::private::write(&path, &text).map_err(fault)?;
        Ok(path)
    }
}

/// Runs the command.
pub(crate) async fn run(command: Upload, context: &Context) -> Result<(), Failure> {
    context.no_curl("upload")?;
    let account = context.account()?;
    let (client, name) = (account.client()?, account.whose().account);
    match command {
        Upload::Start(FileArgs { file, state }) => {
            let item = Item::of_file(&file)?;
            let records = Records::open(&state)?;
            let whole = file.canonicalize().map_err(|error| Failure::io(file.display(), &error))?;
            let known = records.all(&name, context)?.into_iter().find(|(_, record)| record.file == whole);
            let uploaded = upload(context, &client, &records, &name, &whole, known, &item.name).await?;
            show(context, &file, &uploaded)
        }
        Upload::Resume { upload: Some(id), state } => {
            let records = Records::open(&state)?;
            let found = records.find(&id, &name, context)?;
            go_on(context, &client, &records, &name, found).await
        }
        Upload::Resume { upload: None, state } => {
            let records = Records::open(&state)?;
            let all = records.all(&name, context)?;
            let (whole, mut first, mut failed) = (all.len(), None, 0);
            for found in all {
                let file = found.1.file.display().to_string();
                if let Err(failure) = go_on(context, &client, &records, &name, found).await {
                    context.output.tell(&format!("{file}: {failure}"));
                    failed += 1;
                    first.get_or_insert(failure);
                }
            }
            match first {
                None if whole == 0 => {
                    context.output.say("no upload was interrupted");
                    Ok(())
                }
                None => Ok(()),
                Some(failure) if failed == whole => Err(failure),
                Some(_) => Err(Failure::new(Code::Partial, format!("{failed} of {whole} uploads are not complete"))
                    .with_next("run it again; `opusclip upload cancel` gives one up")),
            }
        }
        Upload::List(state) => {
            let records = Records::open(&state)?.all(&name, context)?;
            let rows = records.iter().map(|(_, Record { file, token, .. })| {
                json!({"uploadId": token.upload_id().as_str(), "persisted": token.persisted(), "size": token.size(),
                       "expiresAt": humantime::format_rfc3339_seconds(token.expires_at()).to_string(), "file": file.display().to_string()})
            });
            context.output.data(&rows.collect(), &["uploadId", "persisted", "size", "expiresAt", "file"])
        }
        Upload::Cancel { upload, state } => {
            let (path, record) = Records::open(&state)?.find(&upload, &name, context)?;
            client.cancel_upload(&record.token).await?;
            std::fs::remove_file(&path).map_err(|error| Failure::io(path.display(), &error))?;
            context.output.say(&format!("the upload {upload} of {} is cancelled", record.file.display()));
            Ok(())
        }
    }
}

async fn go_on(context: &Context, client: &Client, records: &Records, account: &str, found: (PathBuf, Record)) -> Result<(), Failure> {
    let file = found.1.file.clone();
    let item = Item::of_file(&file)?;
    let uploaded = upload(context, client, records, account, &file, Some(found), &item.name).await?;
    show(context, &file, &uploaded)
}

/// Uploads, and keeps what a later run needs each time it changes.
async fn upload(
    context: &Context,
    client: &Client,
    records: &Records,
    account: &str,
    file: &Path,
    known: Option<(PathBuf, Record)>,
    name: &str,
) -> Result<Uploaded, Failure> {
    let (mut path, token) = known.map(|(path, record)| (path, record.token)).unzip();
    let mut kept = token.clone();
    let upload = match token {
        Some(token) => client.resume(token, file),
        None => client.upload(file),
    };
    let mut progress = upload.progress();
    let screen = Screen::new(&context.output, Some(1));
    let line = screen.line(name);
    let mut work = std::pin::pin!(upload.into_future());
    let uploaded = loop {
        tokio::select! {
            biased;
            result = &mut work => break result,
            Ok(()) = progress.changed() => {
                let now = progress.borrow_and_update().clone();
                if now.token.is_some() && now.token != kept {
                    kept.clone_from(&now.token);
                    if let Some(token) = now.token.clone() {
                        path = Some(records.keep(&Record { account: account.to_owned(), file: file.to_owned(), token })?);
                    }
                }
                line.upload(&now);
            }
        }
    };
    drop(line);
    let uploaded = uploaded.map_err(|error| {
        let failure = Failure::from(&error);
        match error.is_source_changed() {
            true => failure.with_next("`opusclip upload cancel` gives the old one up; then start it again"),
            false => failure,
        }
    })?;
    if let Some(path) = path {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::io(path.display(), &error)),
            _ => {}
        }
    }
    Ok(uploaded)
}

fn show(context: &Context, file: &Path, uploaded: &Uploaded) -> Result<(), Failure> {
    let row: Value = json!({
        "uploadId": uploaded.upload_id.as_str(),
        "file": file.display().to_string(),
        "size": uploaded.size,
        "verification": uploaded.verification.to_string(),
    });
    context.output.data(&row, &["uploadId", "file", "size", "verification"])
}
