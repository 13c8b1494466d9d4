//! Where a video is, before anything is done for it: the source opened, its token read.

use super::token::ClipToken;
use crate::upload::{Fingerprint, Kept};
use crate::{Client, Error, ResumeStore, UploadSource};

/// What nothing was done for yet.
pub(super) struct New {
    pub(super) video: Video,
    pub(super) store: Option<ResumeStore>,
}

pub(super) enum Video {
    File(UploadSource),
    Url(String),
}

/// What is known before the first call.
pub(super) struct Begun {
    pub(super) video: Video,
    pub(super) kept: Option<Kept>,
    pub(super) token: Result<Option<ClipToken>, Error>,
}

impl New {
    /// Opens the source and finds out where it is.
    pub(super) async fn begin(self, client: Client, token: Option<ClipToken>, request: String) -> Result<Begun, Error> {
        let Self { video, store } = self;
        if let Some(token) = &token {
            token.check_kind(matches!(video, Video::Url(_)))?;
        }
        let Some(store) = store else {
            let token = token.map(|token| token.checked(&request)).transpose();
            return Ok(Begun { video, kept: None, token });
        };
        let (video, kept, fingerprint) = match video {
            Video::File(source) => {
                let opened = source.open().await?;
                let kept = Kept::of_source(store, &client, "clip", opened.watch.path(), &opened.fingerprint).await?;
                let fingerprint = opened.fingerprint.clone();
                (Video::File(opened.into()), kept, Some(fingerprint))
            }
            Video::Url(url) => {
                let kept = Kept::of_url(store, &client, "clip", &url).await?;
                (Video::Url(url), kept, None)
            }
        };
        let token = known(&kept, token, &request, fingerprint.as_ref()).await;
        Ok(Begun { video, kept: Some(kept), token })
    }
}

/// The token that is given, which is kept from now on, or the one that is kept.
async fn known(kept: &Kept, given: Option<ClipToken>, request: &str, source: Option<&Fingerprint>) -> Result<Option<ClipToken>, Error> {
    let Some(token) = given else {
        return kept.load::<ClipToken>().await?.map(|token| token.checked(request)).transpose();
    };
    let token = token.checked(request)?;
    if let Some(source) = source {
        token.check_source(source)?;
    }
    kept.save(&token).await?;
    Ok(Some(token))
}
