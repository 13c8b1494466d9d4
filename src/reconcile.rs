//! Looks for the project that came of a call whose reply was lost.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use reqwest::Url;
use serde_json::Value;

use crate::operation::{CREATE_PROJECT, GET_PROJECT, LIST_PROJECTS};
use crate::types::{Data, List, Project, ProjectId, Reply, Timestamp};
use crate::validate::SKEW;
use crate::{Attempted, Client, Error, Reference};

/// The most that the service gives at once (2.26).
const PAGE: usize = 100;

/// A thousand projects: more than most have in the thirty days that they are kept.
const PAGES: usize = 10;

/// So many projects are read at most: what the limit of one minute lets through.
const READS: usize = 30;

/// What [`Client::reconcile`] found.
///
/// ```no_run
/// # async fn example(client: &opusclip::Client, attempted: &opusclip::Attempted) -> Result<(), opusclip::Error> {
/// use opusclip::Reconciled;
///
/// match client.reconcile(attempted).await? {
///     Reconciled::Found(project) => println!("it is {}", project.id),
///     Reconciled::NotFound => println!("look again in some minutes"),
///     Reconciled::Ambiguous(projects) => println!("one of these {}, or none", projects.len()),
///     _ => println!("look at the dashboard"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reconciled {
    /// The project. The call was accepted: take this, and do not call again.
    Found(Box<Project>),
    /// No project in the list can have come of the call. That is no proof: how soon a new project is listed is not known. Wait a few
    /// minutes and look again before calling again.
    NotFound,
    /// These may have come of it, and nothing tells which: several of the same source, one that does not show the reference that was
    /// planted, or one made since the call that does not show its source. A person has to look. Of a project that cannot be read only
    /// the id is here; none at all is here where the list goes on further than it is read.
    Ambiguous(Vec<Project>),
}

impl Client {
    /// Looks for the project that came of a [`create_project`](Self::create_project) whose outcome is unknown.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// use opusclip::Reconciled;
    ///
    /// let call = client.create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A").with_reference(&client.new_reference());
    /// let project = match call.await {
    ///     Ok(project) => project,
    ///     Err(error) => match error.attempted() {
    ///         Some(attempted) => match client.reconcile(attempted).await? {
    ///             Reconciled::Found(project) => *project,
    ///             _ => return Err(error), // a person has to look
    ///         },
    ///         None => return Err(error), // nothing was done
    ///     },
    /// };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Walks through the list of projects, at most ten pages of a hundred, with the organisation that this client is set to, and reads
    /// those that may be it, at most thirty. With a reference it looks for that in every text of a project. Without one, or where it
    /// is shown nowhere, it looks for projects of the same source that are not older than the call, less five minutes for clocks that
    /// differ, and that carry no other reference. It creates nothing and costs nothing.
    ///
    /// Behind the feature `unstable`, and outside of semantic versioning: it stands on a list that nobody documents. Safe to repeat.
    /// Source: first-party (SKILLS) and observed (LOC, client-15) for the list; that its rows tell source and title is inferred.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for an attempt of another operation; else those of [`list_projects`](Self::list_projects) and
    /// [`get_project`](Self::get_project): half a list is no answer.
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable")))]
    pub async fn reconcile(&self, attempted: &Attempted) -> Result<Reconciled, Error> {
        if attempted.operation() != CREATE_PROJECT.id {
            let message = format!("`{}` leaves nothing that could be listed; expected an attempt of create_project", attempted.operation());
            return Err(Error::input(None, message));
        }
        let look = Look::of(attempted);
        let (mut candidates, is_at_end) = self.candidates(&look).await?;
        // The surest first. Where the reference stands there is no question, whatever else has the same source.
        candidates.sort_by_key(|(_, likeness)| Reverse(*likeness));
        if candidates.first().is_some_and(|(_, likeness)| *likeness == Likeness::Marked) {
            candidates.retain(|(_, likeness)| *likeness == Likeness::Marked);
        }
        let is_whole = is_at_end && candidates.len() <= READS;
        candidates.truncate(READS);
        let mut found = Vec::new();
        for (id, listed) in candidates {
            match self.read(&id).await {
                Ok((project, shown)) => found.extend(look.judge_again(&shown, listed).map(|likeness| (project, likeness))),
                // Deleted since, or not to be read yet: it was listed, and so it may be the one.
                Err(error) if error.is_not_found() => found.push((Project::new(id), Likeness::Possible)),
                Err(error) => return Err(error),
            }
        }
        Ok(verdict(found, is_whole))
    }

    /// The projects of the list that may be it, and whether the list was read to its end.
    async fn candidates(&self, look: &Look<'_>) -> Result<(Vec<(ProjectId, Likeness)>, bool), Error> {
        let mut candidates: Vec<(ProjectId, Likeness)> = Vec::new();
        let mut previous = None;
        for page in 0..PAGES {
            let reply = self.raw(LIST_PROJECTS.id).with("q", "mine").with("page", page).with("pageSize", PAGE).await?;
            let rows: List<Value> = reply.decoded(self, &LIST_PROJECTS)?;
            let ids: Option<Vec<ProjectId>> = rows.iter().map(id).collect();
            let ids = ids.ok_or_else(|| reply.unusable(self, &LIST_PROJECTS, "a project of the list has no id".to_owned()))?;
            let first = ids.first().cloned();
            // A short page may be all that the service gives at once: only an empty one is the end. A service that ignores the page
            // would give the same for ever, and has given everything if that is little.
            if first.is_none() || first == previous {
                return Ok((candidates, rows.len() < PAGE));
            }
            for (id, row) in ids.into_iter().zip(&rows) {
                let Some(likeness) = look.judge(row) else { continue };
                // What is created meanwhile moves others on to the next page.
                if !candidates.iter().any(|(known, _)| *known == id) {
                    candidates.push((id, likeness));
                }
            }
            if candidates.iter().any(|(_, likeness)| *likeness == Likeness::Marked) {
                break;
            }
            previous = first;
        }
        Ok((candidates, false))
    }

    /// A project, and all that the service shows of it.
    async fn read(&self, id: &ProjectId) -> Result<(Project, Value), Error> {
        let reply = self.raw(GET_PROJECT.id).with("projectId", id).await?;
        let project: Data<Project> = reply.decoded(self, &GET_PROJECT)?;
        Ok((project.into_value(), reply.decoded(self, &GET_PROJECT)?))
    }
}

/// How much two clocks that are set right may differ.
const CLOCKS: Duration = Duration::from_secs(2);

/// How sure it is that a project came of the call, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// Nothing speaks against it; something that would make it certain is not shown.
    Possible,
    /// The same source, and not older.
    Likely,
    /// It carries the reference.
    Marked,
}

/// Whose reference something carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    None,
    Own,
    /// Of another call: this cannot have come of ours.
    Other,
}

/// What follows from all that may be it; if not all could be looked at, only the reference is sure.
fn verdict(mut found: Vec<(Project, Likeness)>, is_whole: bool) -> Reconciled {
    if found.iter().any(|(_, likeness)| *likeness == Likeness::Marked) {
        found.retain(|(_, likeness)| *likeness == Likeness::Marked);
    }
    let sure = if is_whole { Likeness::Likely } else { Likeness::Marked };
    if let [(_, likeness)] = found.as_slice()
        && *likeness >= sure
        && let Some((project, _)) = found.pop()
    {
        return Reconciled::Found(Box::new(project));
    }
    if found.is_empty() && is_whole {
        Reconciled::NotFound
    } else {
        Reconciled::Ambiguous(found.into_iter().map(|(project, _)| project).collect())
    }
}

/// What is looked for.
struct Look<'a> {
    reference: Option<Reference>,
    since: Option<SystemTime>,
    source: &'a str,
    /// As the service names the source of a project from YouTube, whose `sourceUri` is null in the documented example.
    youtube: Option<String>,
}

impl<'a> Look<'a> {
    fn of(attempted: &'a Attempted) -> Self {
        let source = attempted.asked("videoUrl").unwrap_or_default();
        let since = attempted.since().to_system_time();
        Self { reference: attempted.reference(), since, source, youtube: youtube(source) }
    }

    fn judge(&self, row: &Value) -> Option<Likeness> {
        match self.mark(row) {
            Mark::Own => return Some(Likeness::Marked),
            Mark::Other => return None,
            Mark::None => {}
        }
        let created = text(row, ["createdAt", "created_at"]).and_then(|text| Timestamp::from(text).to_system_time()).zip(self.since);
        if created.is_some_and(|(created, since)| created + SKEW < since) {
            return None;
        }
        if any_text(row, &|text| self.is_source(text)) {
            // What is a little older may be that of a call before this one.
            let is_newer = created.is_some_and(|(created, since)| created + CLOCKS >= since);
            return Some(if is_newer && self.reference.is_none() { Likeness::Likely } else { Likeness::Possible });
        }
        (!self.shows_another_source(row)).then_some(Likeness::Possible)
    }

    /// Judges the whole project. What the list has shown of it stands, unless it carries another reference.
    fn judge_again(&self, project: &Value, listed: Likeness) -> Option<Likeness> {
        let seen = self.judge(project);
        if listed > Likeness::Possible && self.mark(project) != Mark::Other { seen.max(Some(listed)) } else { seen }
    }

    fn is_source(&self, text: &str) -> bool {
        text == self.source || self.youtube.as_deref().is_some_and(|video| video == text || youtube(text).as_deref() == Some(video))
    }

    /// Whether a project that does not show the source shows another one. A link that differs in its query only may be ours, written
    /// in another way.
    fn shows_another_source(&self, project: &Value) -> bool {
        let uri = text(project, ["sourceUri", "source_uri"]);
        let is_of_youtube = text(project, ["sourceId", "source_id"]).is_some_and(|id| id.starts_with("YT_"));
        if is_of_youtube || uri.is_some_and(|uri| youtube(uri).is_some()) {
            return true;
        }
        // What the service shows as the source of an upload is not known.
        let ours = place(self.source);
        let is_upload = ours.is_none() && text(project, ["sourcePlatform", "source_platform"]) == Some("UPLOADED");
        !is_upload && uri.is_some_and(|uri| ours.is_none() || place(uri) != ours)
    }

    fn mark(&self, value: &Value) -> Mark {
        let is_own = |text: &str| self.reference.as_ref().is_some_and(|reference| text.contains(reference.as_str()));
        if any_text(value, &is_own) {
            Mark::Own
        } else if any_text(value, &|text| Reference::find_in(text).is_some()) {
            Mark::Other
        } else {
            Mark::None
        }
    }
}

fn id(row: &Value) -> Option<ProjectId> {
    text(row, ["id", "projectId", "project_id"]).map(ProjectId::from)
}

/// The first of these members that says something.
fn text<'a, const N: usize>(row: &'a Value, names: [&str; N]) -> Option<&'a str> {
    names.iter().filter_map(|name| row.get(name)?.as_str()).find(|text| !text.is_empty())
}

/// Host and path of a link.
fn place(link: &str) -> Option<(String, String)> {
    let url = Url::parse(link).ok()?;
    let host = url.host_str()?;
    Some((host.strip_prefix("www.").unwrap_or(host).to_owned(), url.path().trim_end_matches('/').to_owned()))
}

/// Where the service shows a title is not known, so every text is looked at.
fn any_text(value: &Value, is_it: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_it(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, is_it)),
        Value::Object(members) => members.values().any(|member| any_text(member, is_it)),
        _ => false,
    }
}

/// `YT_LXvv6CbGg8A` for a link to a video on YouTube: the form of the documented `sourceId`.
fn youtube(link: &str) -> Option<String> {
    let url = Url::parse(link).ok()?;
    let host = url.host_str()?;
    let mut segments = url.path_segments()?;
    let id = if host == "youtu.be" {
        segments.next()?.to_owned()
    } else if ["youtube.com", "youtube-nocookie.com"]
        .iter()
        .any(|known| host.strip_suffix(known).is_some_and(|sub| sub.is_empty() || sub.ends_with('.')))
    {
        match segments.next()? {
            "watch" => url.query_pairs().find(|(name, _)| name == "v")?.1.into_owned(),
            "shorts" | "live" | "embed" | "v" => segments.next()?.to_owned(),
            _ => return None,
        }
    } else {
        return None;
    };
    (!id.is_empty()).then(|| format!("YT_{id}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attempted(source: &str, title: &str) -> Attempted {
        let asked = json!({"videoUrl": source, "uploadedVideoAttr.title": title});
        serde_json::from_value(json!({"operation": "create_project", "since": "2026-06-01T00:10:00.000Z", "asked": asked})).unwrap()
    }

    #[test]
    fn judges_a_row_by_reference_source_and_time() {
        let upload = attempted("UPL_1", "");
        let marked = attempted("UPL_1", "Interview [oc-7k3m9x2qfa]");
        let rows = [
            (
                json!({"id": "P1", "sourceUri": "UPL_1", "createdAt": "2026-06-01T00:10:01.000Z"}),
                Some(Likeness::Likely),
                Some(Likeness::Possible),
            ),
            (
                json!({"id": "P1", "source_uri": "UPL_1", "created_at": "2026-06-01T00:05:00.000Z"}),
                Some(Likeness::Possible),
                Some(Likeness::Possible),
            ),
            (json!({"id": "P1", "sourceUri": "UPL_1", "createdAt": "2026-06-01T00:04:59.000Z"}), None, None),
            (json!({"id": "P1", "sourceUri": "UPL_1"}), Some(Likeness::Possible), Some(Likeness::Possible)),
            (json!({"id": "P1", "created_at": "2026-06-01T00:10:01.000Z"}), Some(Likeness::Possible), Some(Likeness::Possible)),
            (json!({"id": "P1", "created_at": "2026-06-01T00:04:59.000Z"}), None, None),
            (json!({"id": "P1", "sourceUri": "gs://x", "sourcePlatform": "UPLOADED"}), Some(Likeness::Possible), Some(Likeness::Possible)),
            (json!({"id": "P1", "sourceUri": "https://vimeo.com/1"}), None, None),
            (json!({"id": "P1", "sourceId": "YT_x1"}), None, None),
            (json!({"id": "P1", "sourceUri": "UPL_1", "a": "[oc-7k3m9x2qfb] [oc-7k3m9x2qfa]"}), None, Some(Likeness::Marked)),
            (json!({"id": "P1", "sourceUri": "UPL_12", "createdAt": "2026-06-01T00:10:01.000Z"}), None, None),
            (json!({"id": "P1", "a": [{"title": "Interview [oc-7k3m9x2qfa]"}]}), None, Some(Likeness::Marked)),
            (json!({"id": "P1", "sourceUri": "UPL_1", "a": "Interview [oc-7k3m9x2qfb]"}), None, None),
        ];
        for (row, without, with) in rows {
            assert_eq!((Look::of(&upload).judge(&row), Look::of(&marked).judge(&row)), (without, with), "{row}");
        }
        assert_eq!(id(&json!({"project_id": "P1"})), Some("P1".into()));
    }

    #[test]
    fn knows_a_video_of_youtube_by_its_documented_id() {
        for link in [
            "https://www.youtube.com/watch?t=1&v=x1",
            "https://youtu.be/x1?si=2",
            "https://m.youtube.com/shorts/x1",
            "https://www.youtube-nocookie.com/v/x1",
        ] {
            assert_eq!(youtube(link).as_deref(), Some("YT_x1"), "{link}");
        }
        for link in
            ["https://vimeo.com/x1", "https://youtube.com.evil.example/watch?v=x1", "https://youtu.be/", "UPL_1", "https://youtube.com/@x"]
        {
            assert_eq!(youtube(link), None, "{link}");
        }
        let row = |id: &str, uri: Value| json!({"id": "P1", "sourceId": id, "sourceUri": uri, "createdAt": "2026-06-01T00:10:01.000Z"});
        let attempted = attempted("https://youtu.be/x1", "");
        let look = Look::of(&attempted);
        assert_eq!(look.judge(&row("YT_x1", Value::Null)), Some(Likeness::Likely));
        assert_eq!(look.judge(&row("", json!("https://www.youtube.com/watch?v=x1&t=9"))), Some(Likeness::Likely));
        assert_eq!(look.judge(&row("YT_x2", Value::Null)), None);
        assert_eq!(look.judge(&row("", json!("https://www.youtube.com/watch?v=x2"))), None);
    }

    #[test]
    fn a_link_that_differs_in_its_query_only_may_be_ours() {
        let attempted = attempted("https://www.dropbox.com/s/1/a.mp4?dl=0", "");
        let judge = |uri: &str| Look::of(&attempted).judge(&json!({"id": "P1", "sourceUri": uri, "createdAt": "2026-06-01T00:10:01.000Z"}));
        assert_eq!(judge("https://www.dropbox.com/s/1/a.mp4?dl=0"), Some(Likeness::Likely));
        assert_eq!(judge("https://dropbox.com/s/1/a.mp4"), Some(Likeness::Possible));
        assert_eq!(judge("https://dropbox.com/s/2/a.mp4"), None);
    }

    #[test]
    fn the_whole_project_settles_what_the_list_leaves_open() {
        let attempted = attempted("UPL_1", "");
        let look = Look::of(&attempted);
        let whole = |uri: &str| json!({"id": "P1", "sourceUri": uri, "createdAt": "2026-06-01T00:10:01.000Z"});
        assert_eq!(look.judge_again(&whole("UPL_1"), Likeness::Possible), Some(Likeness::Likely));
        assert_eq!(look.judge_again(&whole("https://vimeo.com/1"), Likeness::Possible), None);
        assert_eq!(look.judge_again(&json!({"id": "P1"}), Likeness::Likely), Some(Likeness::Likely));
        assert_eq!(look.judge_again(&json!({"id": "P1", "title": "[oc-7k3m9x2qfb]"}), Likeness::Likely), None);
    }

    #[test]
    fn only_one_that_is_likely_is_found() {
        let part = |all: &[Likeness], is_whole| verdict(all.iter().map(|likeness| (Project::new("P1"), *likeness)).collect(), is_whole);
        let of = |all: &[Likeness]| part(all, true);
        use Likeness::{Likely, Marked, Possible};
        assert_eq!(of(&[]), Reconciled::NotFound);
        for found in [[Likely].as_slice(), &[Marked], &[Possible, Marked, Likely]] {
            assert!(matches!(of(found), Reconciled::Found(_)), "{found:?}");
        }
        for (unsure, count) in
            [([Possible].as_slice(), 1), (&[Likely, Likely], 2), (&[Likely, Possible], 2), (&[Marked, Likely, Marked], 2)]
        {
            assert!(matches!(of(unsure), Reconciled::Ambiguous(all) if all.len() == count), "{unsure:?}");
        }
        assert!(matches!(part(&[Marked, Likely], false), Reconciled::Found(_)));
        for (unsure, count) in [([].as_slice(), 0), (&[Likely], 1)] {
            assert!(matches!(part(unsure, false), Reconciled::Ambiguous(all) if all.len() == count), "{unsure:?}");
        }
    }
}
