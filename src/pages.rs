//! Walking through a list page by page.

use futures_core::Stream;
use futures_util::stream;

use crate::types::{Clip, List};
use crate::{Client, ClipSource, Error};

impl Client {
    /// Walks through all clips of a project or a collection, page by page.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// let mut pages = client.clip_pages(opusclip::ClipSource::Project("P0000000demo".into()));
    /// while let Some(page) = pages.next_page().await? {
    ///     for clip in page {
    ///         println!("{}", clip.id);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The list tells no total as documented, so the last page is the first one that is shorter than the page size (C27); where
    /// the envelope has a total or a limit of its own, it is gone by. A page that begins like the one before it ends the walk too:
    /// that is what a service does that ignores the page number.
    #[must_use]
    pub fn clip_pages(&self, source: ClipSource) -> ClipPages {
        ClipPages { client: self.clone(), source, page_size: 50, next: Some(1), seen: 0, previous: None }
    }
}

/// The pages of [`Client::clip_pages`].
#[derive(Clone, Debug)]
pub struct ClipPages {
    client: Client,
    source: ClipSource,
    page_size: u32,
    next: Option<i64>,
    seen: u64,
    previous: Option<String>,
}

impl ClipPages {
    /// Sets how many clips a page has. Default: 50; 0 counts as 1. The service documents no upper limit.
    #[must_use]
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = size.max(1);
        self
    }

    /// Fetches the next page, or `None` after the last. After an error the same page is fetched again.
    ///
    /// # Errors
    ///
    /// Those of [`Client::list_clips`].
    pub async fn next_page(&mut self) -> Result<Option<List<Clip>>, Error> {
        let Some(number) = self.next else { return Ok(None) };
        let page = self.client.list_clips(self.source.clone()).with_page_num(number).with_page_size(self.page_size).await?;
        let first = page.first().map(|clip| clip.id.as_str().to_owned());
        if first.is_none() || first == self.previous {
            self.next = None;
            return Ok(None);
        }
        self.seen += page.len() as u64;
        // The service may give fewer at once than it is asked for, and tell so.
        let full = page.limit().map_or(u64::from(self.page_size), |limit| limit.min(self.page_size.into()));
        let goes_on = page.len() as u64 >= full || page.total().is_some_and(|total| self.seen < total);
        self.next = goes_on.then_some(number + 1);
        self.previous = first;
        Ok(Some(page))
    }

    /// All clips as a stream, which ends after the first error.
    ///
    /// # Errors
    ///
    /// An item is an error where [`next_page`](Self::next_page) is one.
    pub fn into_stream(self) -> impl Stream<Item = Result<Clip, Error>> + Send {
        let start = (Some(self), Vec::new().into_iter());
        stream::unfold(start, |(mut pages, mut clips)| async move {
            loop {
                if let Some(clip) = clips.next() {
                    return Some((Ok(clip), (pages, clips)));
                }
                match pages.as_mut()?.next_page().await {
                    Ok(page) => clips = page?.into_items().into_iter(),
                    Err(error) => return Some((Err(error), (None, clips))),
                }
            }
        })
    }
}
