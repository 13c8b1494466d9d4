//! Looks for the project that came of a call whose reply was lost.

use std::time::{Duration, SystemTime};

use reqwest::Url;
use serde_json::Value;

use crate::operation::{CREATE_PROJECT, GET_PROJECT, LIST_PROJECTS};
use crate::types::{Data, List, Project, ProjectId, Reply, Timestamp};
use crate::{Attempted, Client, Error, Reference};

/// The most that the service gives at once (2.26).
const PAGE: usize = 100;

/// A thousand projects: more than anybody has in the thirty days that they are kept.
const PAGES: usize = 10;

/// So many candidates are read. More of one source since one moment tell a person nothing new.
const CANDIDATES: usize = 10;

/// How far the clock of this machine may be ahead of the service's.
const SKEW: Duration = Duration::from_secs(300);

/// What [`Client::reconcile`] found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reconciled {
    /// The project. The call was accepted: take this, and do not call again.
    Found(Box<Project>),
    /// No project in the list can have come of the call. That is no proof: how soon a new project is listed is not known. Wait a few
    /// minutes and look again before calling again.
    NotFound,
    /// These may have come of it, and nothing tells which: several of the same source, or one that does not show the reference that
    /// was planted. A person has to look.
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
    ///         None => return Err(error), // nothing was done
    ///         Some(attempted) => match client.reconcile(attempted).await? {
    ///             Reconciled::Found(project) => *project,
    ///             other => panic!("look at the dashboard: {other:?}"),
    ///         },
    ///     },
    /// };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Walks through the list of projects, at most ten pages of a hundred, with the organisation that this client is set to. With a
    /// reference it looks for that in every text of a project, in the list and then in the project itself. Without one, or where it
    /// is shown nowhere, it looks for projects of the same source that are not older than the call, less five minutes for clocks that
    /// differ, and that carry no other reference. It creates nothing and costs nothing.
    ///
    /// Behind the feature `unstable`, and outside of semantic versioning: it stands on a list that nobody documents. Safe to repeat.
    /// Source: first-party (SKILLS) and observed (LOC, client-15) for the list; that its rows tell source and title is inferred.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for an attempt of another operation; else those of [`list_projects`](Self::list_projects) and
    /// [`get_project`](Self::get_project).
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable")))]
    pub async fn reconcile(&self, attempted: &Attempted) -> Result<Reconciled, Error> {
        if attempted.operation() != CREATE_PROJECT.id {
            let message = format!("`{}` leaves nothing that could be listed; expected an attempt of create_project", attempted.operation());
            return Err(Error::input(None, message));
        }
        let look = Look::of(attempted);
        let mut candidates = self.candidates(&look).await?;
        // Where the reference stands there is no question, whatever else has the same source.
        if candidates.iter().any(|(_, likeness)| *likeness == Likeness::Marked) {
            candidates.retain(|(_, likeness)| *likeness == Likeness::Marked);
        }
        candidates.truncate(CANDIDATES);
        let mut found = Vec::new();
        for (id, likeness) in candidates {
            match self.read(&id, &look).await {
                Ok((_, Mark::Other)) => {}
                Ok((project, Mark::Own)) => found.push((project, Likeness::Marked)),
                Ok((project, Mark::None)) => found.push((project, likeness)),
                // It was deleted, or belongs to somebody else.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(verdict(found))
    }

    /// The projects of the list that may be it.
    async fn candidates(&self, look: &Look<'_>) -> Result<Vec<(ProjectId, Likeness)>, Error> {
        let mut found: Vec<(ProjectId, Likeness)> = Vec::new();
        let mut previous = None;
        for page in 0..PAGES {
            let call = self.raw(LIST_PROJECTS.id).with("q", "mine").with("page", page).with("pageSize", PAGE);
            let rows: List<Value> = call.await?.decoded(self, &LIST_PROJECTS)?;
            let first = rows.first().and_then(id);
            // A service that ignores the page would give the same for ever.
            if first.is_none() || first == previous {
                break;
            }
            for row in &rows {
                let Some((id, likeness)) = id(row).zip(look.judge(row)) else { continue };
                // What is created meanwhile moves others on to the next page.
                if !found.iter().any(|(known, _)| *known == id) {
                    found.push((id, likeness));
                }
            }
            if rows.len() < PAGE || found.iter().any(|(_, likeness)| *likeness == Likeness::Marked) {
                break;
            }
            previous = first;
        }
        Ok(found)
    }

    /// A project, and whose reference it carries.
    async fn read(&self, id: &ProjectId, look: &Look<'_>) -> Result<(Project, Mark), Error> {
        let reply = self.raw(GET_PROJECT.id).with("projectId", id).await?;
        let project: Data<Project> = reply.decoded(self, &GET_PROJECT)?;
        let whole: Value = reply.decoded(self, &GET_PROJECT)?;
        Ok((project.into_value(), look.mark(&whole)))
    }
}

/// How sure it is that a project came of the call, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// The same source; something that would make it certain is not shown.
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

fn verdict(mut found: Vec<(Project, Likeness)>) -> Reconciled {
    if found.iter().any(|(_, likeness)| *likeness == Likeness::Marked) {
        found.retain(|(_, likeness)| *likeness == Likeness::Marked);
    }
    if let [(_, Likeness::Likely | Likeness::Marked)] = found.as_slice()
        && let Some((project, _)) = found.pop()
    {
        return Reconciled::Found(Box::new(project));
    }
    if found.is_empty() { Reconciled::NotFound } else { Reconciled::Ambiguous(found.into_iter().map(|(project, _)| project).collect()) }
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
        let is_same = |text: &str| text == self.source || self.youtube.as_deref() == Some(text);
        if !any_text(row, &is_same) {
            return None;
        }
        let created = ["createdAt", "created_at"].iter().find_map(|name| Timestamp::from(row.get(name)?.as_str()?).to_system_time());
        match created.zip(self.since) {
            Some((created, since)) if created + SKEW < since => None,
            Some(_) if self.reference.is_none() => Some(Likeness::Likely),
            _ => Some(Likeness::Possible),
        }
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
    ["id", "projectId", "project_id"].iter().find_map(|name| row.get(name)?.as_str()).map(ProjectId::from)
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
    } else if host == "youtube.com" || host.ends_with(".youtube.com") {
        match segments.next()? {
            "watch" => url.query_pairs().find(|(name, _)| name == "v")?.1.into_owned(),
            "shorts" | "live" | "embed" => segments.next()?.to_owned(),
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
                Some(Likeness::Likely),
                Some(Likeness::Possible),
            ),
            (json!({"id": "P1", "sourceUri": "UPL_1", "createdAt": "2026-06-01T00:04:59.000Z"}), None, None),
            (json!({"id": "P1", "sourceUri": "UPL_1"}), Some(Likeness::Possible), Some(Likeness::Possible)),
            (json!({"id": "P1", "sourceUri": "UPL_12", "createdAt": "2026-06-01T00:10:01.000Z"}), None, None),
            (json!({"id": "P1", "a": [{"title": "Interview [oc-7k3m9x2qfa]"}]}), None, Some(Likeness::Marked)),
            (json!({"id": "P1", "sourceUri": "UPL_1", "a": "Interview [oc-7k3m9x2qfb]"}), None, None),
            (json!(["P1"]), None, None),
        ];
        for (row, without, with) in rows {
            assert_eq!((Look::of(&upload).judge(&row), Look::of(&marked).judge(&row)), (without, with), "{row}");
        }
        assert_eq!(id(&json!({"project_id": "P1"})), Some("P1".into()));
    }

    #[test]
    fn knows_a_video_of_youtube_by_its_documented_id() {
        for link in ["https://www.youtube.com/watch?t=1&v=x1", "https://youtu.be/x1?si=2", "https://m.youtube.com/shorts/x1"] {
            assert_eq!(youtube(link).as_deref(), Some("YT_x1"), "{link}");
        }
        for link in
            ["https://vimeo.com/x1", "https://youtube.com.evil.example/watch?v=x1", "https://youtu.be/", "UPL_1", "https://youtube.com/@x"]
        {
            assert_eq!(youtube(link), None, "{link}");
        }
        let row = json!({"id": "P1", "sourceId": "YT_x1", "sourceUri": null, "createdAt": "2026-06-01T00:10:01.000Z"});
        assert_eq!(Look::of(&attempted("https://youtu.be/x1", "")).judge(&row), Some(Likeness::Likely));
    }

    #[test]
    fn only_one_that_is_likely_is_found() {
        let of = |all: &[Likeness]| verdict(all.iter().map(|likeness| (Project::new("P1"), *likeness)).collect());
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
    }
}
