//! How far it is from a video to its clips.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Kind;
use crate::operation::CREATE_PROJECT;
use crate::types::ProjectId;
use crate::upload::Fingerprint;
use crate::{Attempted, Error, ResumeToken, Uploaded};

/// The version of what is stored.
const VERSION: u32 = 1;

/// What a later process needs to go on from a video to its clips.
///
/// ```
/// # fn example(client: &opusclip::Client, text: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use opusclip::ClipToken;
///
/// let token: ClipToken = serde_json::from_str(text)?;
/// if let Some(attempted) = token.attempted() {
///     println!("{attempted}: look whether it is there, then say `found` or `not_found`");
/// }
/// let clipping = client.clip("talk.mp4").with_token(token);
/// # let _ = clipping;
/// # Ok(())
/// # }
/// ```
///
/// It says how far it is, and can be kept as any value of serde's, where only its owner can read it: while the upload is under
/// way it holds a secret, as [`ResumeToken`] does.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClipToken {
    version: u32,
    /// SHA-256 of what the project was asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<String>,
    pub(super) state: State,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    Uploading(ResumeToken),
    Uploaded(Uploaded),
    /// Nothing has to be uploaded.
    Linked,
    /// Asked for; whether there is a project is not known before the reply.
    Creating(Option<Uploaded>, Attempted),
    Created(Option<Uploaded>, ProjectId),
}

impl State {
    /// Before the project is asked for.
    pub(super) fn to_create(uploaded: Option<Uploaded>) -> Self {
        uploaded.map_or(Self::Linked, Self::Uploaded)
    }
}

impl ClipToken {
    pub(super) fn new(state: State) -> Self {
        Self { version: VERSION, request: None, state }
    }

    /// The token of a project that was asked for with this.
    pub(super) fn asked_for(state: State, request: String) -> Self {
        Self { request: Some(request), ..Self::new(state) }
    }

    /// An error for the token of a later version of this crate, or of a project that was asked for otherwise.
    pub(super) fn checked(self, request: &str) -> Result<Self, Error> {
        if self.version != VERSION {
            let message = format!("the token has the version {}; this version of opusclip reads {VERSION}", self.version);
            return Err(Error::of(Kind::Input, None, message));
        }
        if self.request.as_ref().is_some_and(|known| known != request) {
            let message = "a project of this source was asked for with other options; take the same ones, or `forget` it to be billed for \
                           another project";
            return Err(Error::input(&CREATE_PROJECT, message));
        }
        Ok(self)
    }

    /// An error if it is of an upload and the video has an address, or the other way round.
    pub(super) fn check_kind(&self, is_url: bool) -> Result<(), Error> {
        let is_of_url = !matches!(self.state, State::Uploading(_)) && self.uploaded().is_none();
        if is_of_url == is_url {
            return Ok(());
        }
        let [found, wanted] = if is_url { ["an upload", "an address"] } else { ["an address", "a file"] };
        Err(Error::input(
            &CREATE_PROJECT,
            format!("the token is one of {found}, and the video is {wanted}; take the token of the same video"),
        ))
    }

    /// An error if it cannot be of this source.
    pub(super) fn check_source(&self, source: &Fingerprint) -> Result<(), Error> {
        match (&self.state, self.uploaded()) {
            (State::Uploading(token), _) => token.check_source(source),
            (_, Some(uploaded)) => source.check_uploaded(uploaded),
            _ => Ok(()),
        }
    }

    /// The upload, once it is complete; there is none of a video that has an address.
    #[must_use]
    pub fn uploaded(&self) -> Option<&Uploaded> {
        match &self.state {
            State::Uploading(_) | State::Linked => None,
            State::Uploaded(uploaded) => Some(uploaded),
            State::Creating(uploaded, _) | State::Created(uploaded, _) => uploaded.as_ref(),
        }
    }

    /// The project, once it is known.
    #[must_use]
    pub fn project(&self) -> Option<&ProjectId> {
        match &self.state {
            State::Created(_, project) => Some(project),
            _ => None,
        }
    }

    /// The billed call, while nobody knows what came of it.
    #[must_use]
    pub fn attempted(&self) -> Option<&Attempted> {
        match &self.state {
            State::Creating(_, attempted) => Some(attempted),
            _ => None,
        }
    }

    /// The project of a lost reply was found, as in the dashboard: go on with it.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for a token that is not at this place.
    pub fn found(mut self, project: impl Into<ProjectId>) -> Result<Self, Error> {
        self.state = State::Created(self.lost()?, project.into());
        Ok(self)
    }

    /// There is no project of a lost reply, which somebody has made sure of: create one. **This may be billed a second time** if
    /// that is not so.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for a token that is not at this place.
    pub fn not_found(mut self) -> Result<Self, Error> {
        self.state = State::to_create(self.lost()?);
        Ok(self)
    }

    fn lost(&self) -> Result<Option<Uploaded>, Error> {
        match &self.state {
            State::Creating(uploaded, _) => Ok(uploaded.clone()),
            _ => Err(Error::input(&CREATE_PROJECT, "the token is not one of a project whose reply was lost; go on with it as it is")),
        }
    }
}

impl fmt::Debug for ClipToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Uploading(token) => write!(f, "ClipToken(uploading {} of {} bytes)", token.persisted(), token.size()),
            State::Uploaded(uploaded) => write!(f, "ClipToken(uploaded {})", uploaded.upload_id),
            State::Linked => f.write_str("ClipToken(nothing asked for yet)"),
            State::Creating(_, attempted) => write!(f, "ClipToken(creating: {attempted})"),
            State::Created(_, project) => write!(f, "ClipToken(project {project})"),
        }
    }
}
