//! From a video to its clips: upload, project, wait, as one piece of work that can stop and go on anywhere.

mod begin;
mod token;

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_core::Stream;
use futures_util::future::{self, Either};
use futures_util::stream;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use begin::{Begun, New, Video};
pub use token::ClipToken;
use token::State;

use crate::calls::{BoxFuture, CreateProject};
use crate::error::Kind;
use crate::operation::{CREATE_PROJECT, SEND_UPLOAD_BYTES};
use crate::types::ProjectId;
use crate::upload::Kept;
use crate::work::hex;
use crate::{
    Attempted, Client, Error, ResumeStore, ResumeToken, Upload, UploadProgress, UploadSource, Uploaded, Verification, Wait, WaitEvent,
    WaitOutcome,
};

impl Client {
    /// Makes clips of a video on this machine: uploads it, creates a project of it, and waits for that.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// use opusclip::ResumeStore;
    ///
    /// let store = ResumeStore::open("unfinished")?;
    /// let done = client.clip("talk.mp4").with_store(&store).await?;
    /// let report = client.download(&done.project, "clips").await?;
    /// # let _ = report;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// **The project is billed**, and created once: never of an upload that was not verified, never again where the reply was lost.
    /// With a store, the same call with the same source goes on where an earlier process was interrupted, whatever it was at; where
    /// it was at the billed call, and nobody knows what came of that, it says so instead of asking again
    /// ([`Error::is_outcome_unknown`]). With the feature `unstable` it looks for the project first. What is wrong with the options of
    /// the project is told before the upload begins.
    ///
    /// The store remembers the project after its end, too, so that a source is not billed twice: see [`Clipping::forget`]. **It
    /// knows a source by key, path, size and time**: with a new API key, or after a file was touched, the same video is another source.
    ///
    /// # Errors
    ///
    /// Those of [`upload`](Self::upload), [`create_project`](Self::create_project) and [`wait`](Self::wait);
    /// [`Error::is_outcome_unknown`] after a lost reply, now or earlier.
    #[must_use = "nothing begins before it is awaited"]
    pub fn clip(&self, source: impl Into<UploadSource>) -> Clipping {
        let source = source.into();
        let name = source.name();
        self.clipping(Video::File(source), name)
    }

    /// Makes clips of a video that has an address: creates a project of it, and waits for that.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// let store = opusclip::ResumeStore::open("unfinished")?;
    /// let done = client.clip_url("https://www.youtube.com/watch?v=LXvv6CbGg8A").with_store(&store).await?;
    /// # let _ = done;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// As [`clip`](Self::clip), without the upload: **the project is billed**, and created once for each address and store. The options of
    /// the upload have no effect.
    ///
    /// # Errors
    ///
    /// Those of [`create_project`](Self::create_project) and [`wait`](Self::wait); [`Error::is_outcome_unknown`] after a lost reply,
    /// now or earlier.
    #[must_use = "nothing begins before it is awaited"]
    pub fn clip_url(&self, url: impl Into<String>) -> Clipping {
        self.clipping(Video::Url(url.into()), None)
    }

    fn clipping(&self, video: Video, name: Option<String>) -> Clipping {
        let url = match &video {
            Video::File(_) => None,
            Video::Url(url) => Some(url.clone()),
        };
        let options = Options {
            upload: Arc::new(|upload| upload),
            project: Arc::new(|call| call),
            wait: Arc::new(|wait| wait),
            takes_unverified: false,
        };
        Clipping {
            client: self.clone(),
            options,
            name,
            url,
            kept: None,
            token: None,
            stage: Stage::New(Box::new(New { video, store: None })),
            writing: None,
            told: None,
            progress: watch::Sender::default(),
        }
    }
}

/// What [`Clipping::next`] tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClipEvent {
    /// There is a new token, to be kept by whoever does not use a store. The billed call is only sent when the next event is asked
    /// for.
    Token(ClipToken),
    /// The upload is complete.
    Uploaded(Uploaded),
    /// The next step creates the project, **which is billed**. Nothing of it is written down yet: whoever has to wait for something
    /// first, or does not want the project after all, can stop here.
    Creating,
    /// The project exists.
    Created(ProjectId),
    /// Something of the wait for it.
    Waiting(WaitEvent),
    /// The end.
    Ended(Clipped),
}

/// A video that was made clips of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Clipped {
    /// Its upload, where it was a file.
    pub uploaded: Option<Uploaded>,
    /// Its project, to be downloaded or waited for further.
    pub project: ProjectId,
    /// How the wait ended, with the clips where there are any.
    pub outcome: WaitOutcome,
}

#[derive(Clone)]
struct Options {
    upload: Arc<dyn Fn(Upload) -> Upload + Send + Sync>,
    project: Arc<dyn for<'c> Fn(CreateProject<'c>) -> CreateProject<'c> + Send + Sync>,
    wait: Arc<dyn Fn(Wait) -> Wait + Send + Sync>,
    takes_unverified: bool,
}

enum Stage {
    New(Box<New>),
    Beginning(BoxFuture<'static, Result<Begun, Error>>),
    Uploading(BoxFuture<'static, Result<Uploaded, Error>>, watch::Receiver<UploadProgress>),
    /// The token says what is next.
    Between,
    /// It was told that the billed call is next.
    Creating,
    /// The billed call, or looking for what came of it.
    Asking(BoxFuture<'static, Result<ProjectId, Error>>),
    Waiting(Box<Wait>),
    Over,
}

/// The work from a video to its clips; [`Client::clip`] makes it, `.await` runs it to its end.
pub struct Clipping {
    client: Client,
    options: Options,
    /// The name of the file, which is the title of the project unless another is set.
    name: Option<String>,
    /// Where the video is, if it is not to be uploaded.
    url: Option<String>,
    kept: Option<Kept>,
    token: Option<ClipToken>,
    stage: Stage,
    /// What is written down, before anything else is done or told.
    writing: Option<BoxFuture<'static, Result<(), Error>>>,
    /// What is told next.
    told: Option<Result<ClipEvent, Error>>,
    progress: watch::Sender<UploadProgress>,
}

impl fmt::Debug for Clipping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clipping").field("token", &self.token).finish_non_exhaustive()
    }
}

impl Clipping {
    /// Sets the options of the project, as those of [`Client::create_project`]; may be called more than once.
    ///
    /// ```no_run
    /// # fn example(client: &opusclip::Client) {
    /// use opusclip::types::{CurationPreferences, DurationRange};
    ///
    /// let preferences = CurationPreferences::new().with_clip_durations([DurationRange::new(30, 60)]);
    /// let clipping = client.clip("talk.mp4").with_project(move |call| call.with_curation_pref(preferences.clone()));
    /// # let _ = clipping;
    /// # }
    /// ```
    #[must_use]
    pub fn with_project(mut self, set: impl for<'c> Fn(CreateProject<'c>) -> CreateProject<'c> + Send + Sync + 'static) -> Self {
        self.options.project = Arc::new(set);
        self
    }

    /// Sets the options of the upload, as [`Upload::with_chunk_size`]. The store is this one's: give none to the upload.
    #[must_use]
    pub fn with_upload(mut self, set: impl Fn(Upload) -> Upload + Send + Sync + 'static) -> Self {
        self.options.upload = Arc::new(set);
        self
    }

    /// Sets the options of the wait, as [`Wait::with_deadline`].
    #[must_use]
    pub fn with_wait(mut self, set: impl Fn(Wait) -> Wait + Send + Sync + 'static) -> Self {
        self.options.wait = Arc::new(set);
        self
    }

    /// Creates a project also where the storage told no hash of what it has. Default: that is an error.
    #[must_use]
    pub fn with_unverified_uploads(mut self) -> Self {
        self.options.takes_unverified = true;
        self
    }

    /// Keeps the token in a store, and goes on with what is kept there of this source.
    #[must_use]
    pub fn with_store(mut self, store: &ResumeStore) -> Self {
        if let Stage::New(new) = &mut self.stage {
            new.store = Some(store.clone());
        }
        self
    }

    /// Goes on from this token, whatever a store has. The source is only read if the upload is not complete.
    #[must_use]
    pub fn with_token(mut self, token: ClipToken) -> Self {
        self.token = Some(token);
        self
    }

    /// Where it is: what a later process can go on with. After an error, too.
    #[must_use]
    pub fn token(&self) -> Option<&ClipToken> {
        self.token.as_ref()
    }

    /// How far the upload is.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<UploadProgress> {
        self.progress.subscribe()
    }

    /// Removes what the store has of this source, so that the next time it is uploaded and billed anew.
    ///
    /// # Errors
    ///
    /// [`Error::is_io`] if the file cannot be removed, or the source not be read; [`Error::is_in_use`] while another is at it.
    pub async fn forget(mut self) -> Result<(), Error> {
        if let Stage::New(_) = &self.stage {
            self.token = None;
            self.begin();
        }
        if let Some(writing) = self.writing {
            // What could not be written need not be removed.
            let _ = writing.await;
        }
        let kept = match self.stage {
            Stage::Beginning(beginning) => beginning.await?.kept,
            _ => self.kept,
        };
        match kept {
            Some(kept) => kept.forget().await,
            None => Ok(()),
        }
    }

    /// The next thing that happens, or `None` after the end.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// use opusclip::ClipEvent;
    ///
    /// let mut clipping = client.clip("talk.mp4");
    /// while let Some(event) = clipping.next().await? {
    ///     match event {
    ///         ClipEvent::Token(token) => println!("to be written down: {token:?}"),
    ///         ClipEvent::Created(project) => println!("project {project}"),
    ///         ClipEvent::Ended(done) => println!("{} clips", done.outcome.clips().len()),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Dropping the future loses nothing: what it was at goes on with the next call. Dropping the `Clipping` itself at a billed call
    /// counts as a lost reply.
    ///
    /// # Errors
    ///
    /// Those of [`Client::clip`]. After an error of the wait it can go on; after any other it is over, and [`token`](Self::token) has
    /// what to begin again with.
    pub async fn next(&mut self) -> Result<Option<ClipEvent>, Error> {
        loop {
            if let Some(writing) = &mut self.writing {
                let written = writing.await;
                self.writing = None;
                written.map_err(|error| self.not_written(error))?;
            }
            if let Some(told) = self.told.take() {
                return told.map(Some);
            }
            match &mut self.stage {
                Stage::Over => return Ok(None),
                Stage::New(_) => {
                    // Hours of upload come before the call: what is wrong with it is told now.
                    self.call(self.url.as_deref().unwrap_or("uploadId")).check()?;
                    self.begin();
                }
                Stage::Beginning(beginning) => {
                    let begun = beginning.await;
                    self.stage = Stage::Over;
                    self.begun(begun?)?;
                }
                Stage::Uploading(upload, progress) => {
                    let ended = match future::select(upload, Box::pin(progress.changed())).await {
                        Either::Left((uploaded, _)) => Some(uploaded),
                        Either::Right(_) => None,
                    };
                    match ended {
                        Some(uploaded) => self.uploaded(uploaded),
                        None => {
                            let token = progress.borrow_and_update().token.clone();
                            self.uploading(token);
                        }
                    }
                }
                Stage::Between => self.go_on()?,
                Stage::Creating => self.create(),
                Stage::Asking(asking) => {
                    let created = asking.await;
                    self.stage = Stage::Over;
                    self.asked(created);
                }
                Stage::Waiting(wait) => match wait.next().await? {
                    Some(WaitEvent::Ended(outcome)) => self.ended(outcome)?,
                    event => return Ok(event.map(ClipEvent::Waiting)),
                },
            }
        }
    }

    /// Everything that happens, as a stream; it ends after [`ClipEvent::Ended`] or the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<ClipEvent, Error>> + Send {
        stream::unfold(Some(self), |clipping| async move {
            let mut clipping = clipping?;
            match clipping.next().await {
                Ok(event) => Some((Ok(event?), Some(clipping))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    fn begin(&mut self) {
        let request = self.request();
        if let Stage::New(new) = std::mem::replace(&mut self.stage, Stage::Over) {
            self.stage = Stage::Beginning(Box::pin(new.begin(self.client.clone(), self.token.clone(), request)));
        }
    }

    fn begun(&mut self, begun: Begun) -> Result<(), Error> {
        let Begun { video, kept, token } = begun;
        (self.kept, self.token) = (kept, token?);
        let upload = match (video, &self.token) {
            (Video::File(source), None) => self.client.upload(source),
            (Video::File(source), Some(ClipToken { state: State::Uploading(token), .. })) => self.client.resume(token.clone(), source),
            (Video::Url(_), None) => {
                self.token = Some(ClipToken::new(State::Linked));
                self.stage = Stage::Between;
                return Ok(());
            }
            _ => {
                self.stage = Stage::Between;
                return Ok(());
            }
        };
        let upload = (self.options.upload)(upload).with_progress(self.progress.clone());
        let progress = upload.progress();
        self.stage = Stage::Uploading(upload.into_future(), progress);
        Ok(())
    }

    /// Tells a token, if it is that of another session.
    fn uploading(&mut self, token: Option<ResumeToken>) {
        let Some(token) = token else { return };
        let is_known = matches!(&self.token, Some(ClipToken { state: State::Uploading(known), .. }) if known.is_of_the_session(&token));
        let token = ClipToken::new(State::Uploading(token));
        if is_known {
            self.token = Some(token);
        } else {
            self.keep(token.clone(), Some(Ok(ClipEvent::Token(token))));
        }
    }

    fn uploaded(&mut self, uploaded: Result<Uploaded, Error>) {
        match uploaded {
            Ok(uploaded) => {
                self.stage = Stage::Between;
                self.keep(ClipToken::new(State::Uploaded(uploaded.clone())), Some(Ok(ClipEvent::Uploaded(uploaded))));
            }
            Err(error) => {
                self.stage = Stage::Over;
                self.uploading(error.resume_token().cloned());
                self.told = Some(Err(error));
            }
        }
    }

    /// What is next where the upload is complete.
    fn go_on(&mut self) -> Result<(), Error> {
        self.stage = Stage::Over;
        let client = self.client.clone();
        match self.token.as_ref().map(|token| token.state.clone()) {
            Some(state @ (State::Uploaded(_) | State::Linked)) => {
                if let State::Uploaded(uploaded) = state {
                    self.is_usable(&uploaded)?;
                }
                self.stage = Stage::Creating;
                self.told = Some(Ok(ClipEvent::Creating));
            }
            Some(State::Creating(_, attempted)) => self.stage = Stage::Asking(Box::pin(find(client, attempted))),
            Some(State::Created(_, project)) => {
                self.stage = Stage::Waiting(Box::new((self.options.wait)(client.wait(&project).known())));
                self.told = Some(Ok(ClipEvent::Created(project)));
            }
            // Before the upload is complete it is at another stage.
            Some(State::Uploading(_)) | None => {}
        }
        Ok(())
    }

    /// Writes down that the project is asked for, and then asks.
    fn create(&mut self) {
        let client = self.client.clone();
        let uploaded = self.token.as_ref().and_then(ClipToken::uploaded).cloned();
        let reference = client.new_reference();
        let call = self.call(self.video_url(uploaded.as_ref())).with_reference(&reference);
        let token = ClipToken::asked_for(State::Creating(uploaded, call.attempt()), self.request());
        let CreateProject { reference, x_opus_upload_id, body, .. } = call;
        self.stage = Stage::Asking(Box::pin(async move {
            let call = CreateProject { client: &client, reference, x_opus_upload_id, body };
            Ok(call.await?.id)
        }));
        self.keep(token.clone(), Some(Ok(ClipEvent::Token(token))));
    }

    fn asked(&mut self, created: Result<ProjectId, Error>) {
        let uploaded = self.token.as_ref().and_then(ClipToken::uploaded).cloned();
        match created {
            Ok(project) => {
                self.stage = Stage::Between;
                self.keep(ClipToken::asked_for(State::Created(uploaded, project), self.request()), None);
            }
            Err(error) if error.is_outcome_unknown() => self.told = Some(Err(error)),
            // Nothing was done: the next time may ask.
            Err(error) => self.keep(ClipToken::new(State::to_create(uploaded)), Some(Err(error))),
        }
    }

    fn ended(&mut self, outcome: WaitOutcome) -> Result<(), Error> {
        self.stage = Stage::Over;
        let Some(ClipToken { state: State::Created(uploaded, project), .. }) = self.token.clone() else {
            return Err(Error::input(&CREATE_PROJECT, "there is no project"));
        };
        self.told = Some(Ok(ClipEvent::Ended(Clipped { uploaded, project, outcome })));
        Ok(())
    }

    /// Whether a project may be created of it.
    fn is_usable(&self, uploaded: &Uploaded) -> Result<(), Error> {
        if uploaded.size == 0 {
            return Err(Error::input(&CREATE_PROJECT, "the source is empty; expected a video"));
        }
        if uploaded.verification == Verification::Unverified && !self.options.takes_unverified {
            let message = "the storage told no hash of the upload, so that nothing shows that it is whole and no project is created of it; \
                           `with_unverified_uploads` allows that";
            return Err(Error::of(Kind::Decode, &SEND_UPLOAD_BYTES, message));
        }
        Ok(())
    }

    /// What the project is created of.
    fn video_url<'a>(&'a self, uploaded: Option<&'a Uploaded>) -> &'a str {
        let uploaded = uploaded.map(|uploaded| uploaded.upload_id.as_str());
        uploaded.or(self.url.as_deref()).unwrap_or_default()
    }

    fn call(&self, video_url: &str) -> CreateProject<'_> {
        let mut call = (self.options.project)(self.client.create_project(video_url));
        if let Some(name) = &self.name {
            call.body.uploaded_video_attr.get_or_insert_default().title.get_or_insert_with(|| name.clone());
        }
        call
    }

    /// What the project is asked for with, apart from the upload.
    fn request(&self) -> String {
        let body = serde_json::to_vec(&self.call(self.video_url(None)).body).unwrap_or_default();
        hex(&Sha256::digest(body))
    }

    /// Takes a token for where it is now, and writes it down before `told` is.
    fn keep(&mut self, token: ClipToken, told: Option<Result<ClipEvent, Error>>) {
        if let Some(kept) = &self.kept {
            self.writing = Some(Box::pin(kept.save(&token)));
        }
        (self.token, self.told) = (Some(token), told);
    }

    fn not_written(&mut self, error: Error) -> Error {
        self.stage = Stage::Over;
        match (self.told.take(), self.token.as_ref().and_then(ClipToken::project)) {
            (Some(Err(told)), _) => told,
            (_, Some(project)) => error.in_spite_of(format_args!("the project {project} was created")),
            _ => error,
        }
    }
}

impl IntoFuture for Clipping {
    type Output = Result<Clipped, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            loop {
                match self.next().await? {
                    Some(ClipEvent::Ended(clipped)) => return Ok(clipped),
                    Some(_) => {}
                    None => return Err(Error::input(None, "the end was read by `next` already")),
                }
            }
        })
    }
}

/// Looks for the project of a lost reply.
async fn find(client: Client, attempted: Attempted) -> Result<ProjectId, Error> {
    match look_for(&client, &attempted).await {
        Ok(Some(project)) => Ok(project),
        Ok(None) => Err(Error::of_attempt(attempted)),
        Err(error) => Err(Error::of_attempt(attempted).in_spite_of(format_args!("it was looked for ({error})"))),
    }
}

#[cfg(feature = "unstable")]
async fn look_for(client: &Client, attempted: &Attempted) -> Result<Option<ProjectId>, Error> {
    match client.reconcile(attempted).await? {
        crate::Reconciled::Found(project) => Ok(Some(project.id)),
        _ => Ok(None),
    }
}

/// Nothing that is documented would find it.
#[cfg(not(feature = "unstable"))]
async fn look_for(_: &Client, _: &Attempted) -> Result<Option<ProjectId>, Error> {
    Ok(None)
}
