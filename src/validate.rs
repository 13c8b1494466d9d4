//! What can be known to be wrong with a billed call before it is sent: pure, no I/O.
//!
//! What the facts are sure of is refused; what they are not sure of is only warned of, for the service may take it.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use reqwest::Url;

use crate::Error;
use crate::attempt::Reference;
use crate::operation::Operation;
use crate::transport::Clock;
use crate::types::{
    ClipId, ConclusionAction, CreateGenerativeJob, CreatePostTask, CreateProject, CreatePublishSchedule, CurationModel,
    CurationPreferences, CurationRange, PostAccountId, PostDetail, ProjectId, SubAccountId,
};

/// Hosts that the documentation names for `videoUrl`, and their short forms (facts 6). The list may grow.
const HOSTS: [&str; 19] = [
    "youtube.com",
    "youtu.be",
    "drive.google.com",
    "vimeo.com",
    "zoom.us",
    "rumble.com",
    "twitch.tv",
    "facebook.com",
    "fb.watch",
    "linkedin.com",
    "x.com",
    "twitter.com",
    "dropbox.com",
    "riverside.fm",
    "riverside.com",
    "loom.com",
    "frame.io",
    "streamyard.com",
    "amazonaws.com",
];

/// Endings of files that people give where a link belongs.
const FILES: [&str; 8] = [".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mp3", ".wav"];

/// Clients keep to these lengths (2.17); no limit is documented.
const TITLE: usize = 100;
const DESCRIPTION: usize = 2200;

/// How far the clock of this machine may be from the service's.
pub(crate) const SKEW: Duration = Duration::from_secs(300);

const LINK: &str = "expected a public link that begins with https://";
const LINK_OR_UPLOAD: &str = "expected a public link that begins with https://, or the uploadId of a finished upload (a file is uploaded first, with `client.upload`)";

/// The body of a billed operation.
pub(crate) trait Billed {
    /// Writes down everything that is wrong or doubtful.
    fn examine(&self, findings: &mut Findings, now: SystemTime);
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Findings {
    wrong: Vec<String>,
    doubtful: Vec<String>,
}

/// One error for all that is wrong; what is doubtful goes to `tracing`.
pub(crate) fn check(operation: &'static Operation, body: &impl Billed, clock: &dyn Clock) -> Result<(), Error> {
    let mut findings = Findings::default();
    body.examine(&mut findings, clock.system_time());
    for doubt in &findings.doubtful {
        tracing::warn!(operation = operation.id, "{doubt}");
    }
    if findings.wrong.is_empty() { Ok(()) } else { Err(Error::input(operation, findings.wrong.join("; "))) }
}

/// Puts a reference into the title of the project, and makes a title where there is none.
pub(crate) fn plant(body: &mut CreateProject, reference: &Reference) {
    let attributes = body.uploaded_video_attr.get_or_insert_default();
    attributes.title = Some(reference.in_title(attributes.title.as_deref().unwrap_or_default()));
}

impl Billed for CreateProject {
    fn examine(&self, findings: &mut Findings, _: SystemTime) {
        if let Some(link) = findings.source("videoUrl", &self.video_url, LINK_OR_UPLOAD) {
            let host = link.host_str().unwrap_or_default();
            let is_at = |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            if !HOSTS.iter().any(|name| is_at(name)) && !link.path().to_ascii_lowercase().ends_with(".mp4") {
                findings.doubt("videoUrl", format!("the host {host} is not on the documented list; the service may refuse it (422)"));
            }
        }
        for (index, action) in self.conclusion_actions.iter().flatten().enumerate() {
            action.examine(&format!("conclusionActions[{index}]"), findings);
        }
        if let Some(preferences) = &self.curation_pref {
            preferences.examine(findings);
        }
    }
}

impl ConclusionAction {
    fn examine(&self, path: &str, findings: &mut Findings) {
        match self.type_.as_str() {
            "EMAIL" => {
                let email = self.email.as_deref().unwrap_or_default();
                let is_address = email.split_once('@').is_some_and(|(name, host)| {
                    !name.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(char::is_whitespace)
                });
                if !is_address {
                    findings.wrong(&format!("{path}.email"), self.email.as_deref().map(shown), "expected the address that is told");
                }
            }
            "WEBHOOK" => {
                let path = format!("{path}.url");
                let url = self.url.as_deref().map(Url::parse);
                match url {
                    Some(Ok(url)) if url.scheme() == "https" => {}
                    Some(Ok(url)) if url.scheme() == "http" => {
                        findings
                            .doubt(&path, "http sends the message unencrypted, and to this machine only the sandbox reaches".to_owned());
                    }
                    _ => findings.wrong(&path, self.url.as_deref().map(shown), "expected an address that begins with https://"),
                }
            }
            // In lower case these are known to be wrong (C33); what nobody has listed may be new.
            other if ["EMAIL", "WEBHOOK"].iter().any(|known| known.eq_ignore_ascii_case(other)) => {
                findings.wrong(&format!("{path}.type"), Some(shown(other)), "expected it in upper case");
            }
            _ => {}
        }
    }
}

impl CurationPreferences {
    fn examine(&self, findings: &mut Findings) {
        if let Some(range) = &self.range {
            range.examine(findings);
        }
        for (index, pair) in self.clip_durations.iter().flatten().enumerate() {
            let (path, min, max) = (format!("curationPref.clipDurations[{index}]"), pair.min_seconds(), pair.max_seconds());
            if !(is_seconds(min) && is_seconds(max) && min <= max && max > 0.0) {
                let expected = "expected a shortest and a longest length in seconds, from 0, the first not above the second";
                findings.wrong(&path, Some(format!("[{min}, {max}]")), expected);
            }
        }
        let is_set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        let is_anything = self.model == Some(CurationModel::ClipAnything);
        let is_basic = matches!(self.model, None | Some(CurationModel::ClipBasic));
        if is_anything && self.topic_keywords.as_ref().is_some_and(|words| !words.is_empty()) {
            findings.doubt("curationPref.topicKeywords", "ClipAnything ignores or refuses it; it takes `customPrompt` (C12)".to_owned());
        }
        if is_basic && is_set(&self.custom_prompt) {
            findings.doubt(
                "curationPref.customPrompt",
                "ClipBasic, the default, does not use it; set the model to ClipAnything (C12)".to_owned(),
            );
        }
    }
}

impl CurationRange {
    fn examine(&self, findings: &mut Findings) {
        let bounds = [("curationPref.range.startSec", self.start_sec), ("curationPref.range.endSec", self.end_sec)];
        for (path, bound) in bounds {
            if let Some(value) = bound.filter(|value| !is_seconds(*value)) {
                findings.wrong(path, Some(value), "expected seconds, from 0");
            }
        }
        // A start that is wrong already says nothing about the end.
        let start = self.start_sec.unwrap_or_default();
        if let Some(end) = self.end_sec.filter(|end| is_seconds(start) && is_seconds(*end) && *end <= start) {
            findings.wrong("curationPref.range.endSec", Some(end), &format!("expected more than `startSec`, which is {start}"));
        }
    }
}

impl Billed for CreatePostTask {
    fn examine(&self, findings: &mut Findings, _: SystemTime) {
        findings.post(&self.project_id, &self.clip_id, &self.post_account_id, self.sub_account_id.as_ref(), &self.post_detail);
    }
}

impl Billed for CreatePublishSchedule {
    fn examine(&self, findings: &mut Findings, now: SystemTime) {
        findings.post(&self.project_id, &self.clip_id, &self.post_account_id, self.sub_account_id.as_ref(), &self.post_detail);
        // Without a `Z` it may be in the service's own zone.
        match self.publish_at.to_system_time().filter(|_| self.publish_at.as_str().ends_with(['Z', 'z'])) {
            Some(at) if at + SKEW < now => {
                findings.wrong("publishAt", Some(shown(self.publish_at.as_str())), "expected a time to come, as 2026-03-01T16:00:00.000Z");
            }
            // The clock of this machine may be ahead.
            Some(at) if at <= now => findings.doubt("publishAt", "it is past by the clock of this machine".to_owned()),
            Some(_) => {}
            None => findings.doubt("publishAt", "only UTC with a `Z`, as 2026-03-01T16:00:00.000Z, is documented (C32)".to_owned()),
        }
    }
}

impl Billed for CreateGenerativeJob {
    fn examine(&self, findings: &mut Findings, _: SystemTime) {
        if findings.source("sourceUri", &self.source_uri, LINK).is_none() && findings.wrong.is_empty() {
            findings.doubt("sourceUri", "only a link is documented".to_owned());
        }
        for (path, uri) in [("referenceImageUri", &self.reference_image_uri), ("maskImageUri", &self.mask_image_uri)] {
            let Some(uri) = uri else { continue };
            if !Url::parse(uri).is_ok_and(|url| ["https", "http"].contains(&url.scheme())) {
                findings.wrong(path, Some(shown(uri)), "expected a link that begins with https://, as the `cdnUrl` of an image upload");
            }
        }
    }
}

impl Findings {
    fn wrong(&mut self, path: &str, value: Option<impl Display>, expected: &str) {
        let value = value.map(|value| value.to_string());
        self.wrong.push(match value.as_deref() {
            None => format!("`{path}` is missing, {expected}"),
            Some("") => format!("`{path}` is empty, {expected}"),
            Some(value) => format!("`{path}` is {value}, {expected}"),
        });
    }

    fn doubt(&mut self, path: &str, doubt: String) {
        self.doubtful.push(format!("`{path}`: {doubt}"));
    }

    /// Where a video is: the link, if it is one and there is nothing wrong with it.
    fn source(&mut self, path: &str, text: &str, expected: &str) -> Option<Url> {
        let Some((scheme, _)) = text.split_once("://") else {
            // The ids of uploads are opaque; what no id looks like is what people write for a file or a link.
            let lower = text.to_ascii_lowercase();
            let is_file = text.trim().is_empty()
                || text.starts_with(['~', '.'])
                || text.contains(['/', '\\'])
                || text.contains(char::is_whitespace)
                || FILES.iter().any(|ending| lower.ends_with(ending));
            if is_file {
                self.wrong(path, Some(shown(text.trim())), expected);
            }
            return None;
        };
        let is_web = ["https", "http"].iter().any(|known| known.eq_ignore_ascii_case(scheme.trim()));
        match Url::parse(text) {
            Ok(url) if is_web && url.password().is_some() => {
                self.wrong(path, Some("a link with a password"), expected);
                None
            }
            Ok(url) if is_web => Some(url),
            _ => {
                self.wrong(path, Some(shown(text)), expected);
                None
            }
        }
    }

    fn post(&mut self, project: &ProjectId, clip: &ClipId, account: &PostAccountId, sub: Option<&SubAccountId>, detail: &PostDetail) {
        let ids = [
            ("projectId", project.as_str(), "expected the id of a project"),
            ("clipId", clip.as_str(), "expected the bare id of a clip"),
            ("postAccountId", account.as_str(), "expected one of `list_social_accounts`"),
            ("subAccountId", sub.map_or("-", SubAccountId::as_str), "leave it out, or take one of `list_social_accounts`"),
        ];
        for (path, id, expected) in ids {
            if id.trim().is_empty() {
                self.wrong(path, Some(""), expected);
            }
        }
        // The service answers that there is no such clip (C28).
        if let Some(bare) = clip.as_str().strip_prefix(project.as_str()).and_then(|rest| rest.strip_prefix('.')) {
            self.wrong("clipId", Some(shown(clip.as_str())), &format!("expected the bare id, {}", shown(bare)));
        }
        if detail.title.trim().is_empty() {
            self.wrong("postDetail.title", Some(""), "expected a title");
        }
        let description = detail.custom.as_ref().and_then(|custom| custom.description.as_deref()).unwrap_or_default();
        for (path, text, limit) in
            [("postDetail.title", detail.title.as_str(), TITLE), ("postDetail.custom.description", description, DESCRIPTION)]
        {
            let length = text.chars().count();
            if length > limit {
                self.doubt(path, format!("{length} characters; clients keep to {limit}, and platforms may cut or refuse more"));
            }
        }
    }
}

fn is_seconds(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

/// A value as it may stand in an error: cut short, and without what a link carries of secrets.
pub(crate) fn shown(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    // A link may lack its scheme; a title has no path, and may ask a question.
    let path = if text.contains("://") { 0 } else { text.find('/').unwrap_or(text.len()) };
    let (plain, more) = match text[path..].find(['?', '#']) {
        Some(end) => (&text[..path + end], "?…"),
        None => (text, ""),
    };
    let (scheme, rest) = plain.split_at(plain.find("://").map_or(0, |at| at + 3));
    let end = if scheme.is_empty() { 0 } else { rest.find('/').unwrap_or(rest.len()) };
    let rest = rest[..end].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    let whole = format!("{scheme}{rest}");
    let cut: String = whole.chars().take(80).collect();
    let more = if cut.len() < whole.len() { "…" } else { more };
    format!("`{}{more}`", cut.escape_debug())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    /// 2026-06-01T00:00:00Z.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_272_000)
    }

    fn examine<T: Billed + serde::de::DeserializeOwned>(body: Value) -> Findings {
        let mut findings = Findings::default();
        serde_json::from_value::<T>(body).unwrap().examine(&mut findings, now());
        findings
    }

    fn project(video: &str, more: Value) -> Findings {
        let mut body = json!({"videoUrl": video});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        examine::<CreateProject>(body)
    }

    const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

    #[test]
    fn tells_a_source_from_what_is_none() {
        let none: [&str; 0] = [];
        for right in [
            VIDEO,
            "http://youtu.be/x",
            "HTTPS://us02web.ZOOM.us/rec/1",
            "https://bucket.s3.amazonaws.com/a.mp4?X-Amz-Signature=1",
            "https://example.com/a.MP4",
            "UPL_abc123",
            "abc123xyz456",
            "<uploadId>",
            "https://user@vimeo.com/1",
        ] {
            assert_eq!(project(right, json!({})), Findings::default(), "{right}");
        }
        for doubtful in
            ["https://example.com/watch/1", "https://youtube.com.evil.example/", "https://notyoutube.com/x", "http://127.0.0.1/x"]
        {
            let findings = project(doubtful, json!({}));
            assert!(findings.wrong == none && findings.doubtful.len() == 1, "{doubtful}: {findings:?}");
            assert!(findings.doubtful[0].contains("documented list"));
        }
        for wrong in [
            "",
            "  ",
            "youtube://x",
            "file:///home/me/a.mp4",
            "s3://bucket/a.mp4",
            "/home/me/a.mp4",
            "./a",
            "~/a",
            r"C:\videos\a",
            "holiday.MOV",
            "my holiday",
            "www.youtube.com/watch?v=x",
            "https://",
            "https:// /x",
        ] {
            let findings = project(wrong, json!({}));
            assert!(findings.wrong.len() == 1 && findings.doubtful == none, "{wrong:?}: {findings:?}");
            assert!(findings.wrong[0].starts_with("`videoUrl` is ") && findings.wrong[0].contains("client.upload"), "{findings:?}");
        }
    }

    #[test]
    fn never_shows_what_a_link_carries_of_secrets() {
        let findings = project("https://me:hunter2@example.com/a.mp4?token=hunter3", json!({}));
        assert!(findings.wrong[0].contains("a link with a password") && !findings.wrong[0].contains("hunter"), "{findings:?}");
        let findings = project("ftp://me:hunter2@example.com/a.mp4?token=hunter3#hunter4", json!({}));
        assert!(findings.wrong[0].contains("`ftp://example.com/a.mp4?…`") && !findings.wrong[0].contains("hunter"), "{findings:?}");
        let findings = project("www.youtube.com/watch?v=x&token=hunter2", json!({}));
        assert!(!findings.wrong[0].contains("hunter"), "{findings:?}");
        assert_eq!(shown("Why? Because #1"), "`Why? Because #1`", "a title is no link");
        assert_eq!(shown("a\nb"), r"`a\nb`");
        assert_eq!(shown(&"ä".repeat(81)), format!("`{}…`", "ä".repeat(80)));
    }

    #[test]
    fn says_all_that_is_wrong_at_once() {
        let body = json!({
            "conclusionActions": [
                {"type": "EMAIL", "email": "nobody"},
                {"type": "WEBHOOK"},
                {"type": "webhook", "url": "https://example.com"},
                {"type": "WEBHOOK", "url": "example.com/hook"},
                {"type": "SLACK"},
                {"type": "EMAIL", "email": "user@example.com"},
            ],
            "curationPref": {
                "range": {"startSec": -1, "endSec": 10},
                "clipDurations": [[0, 90], [60, 30], [0, 0], [-5, 5], [30, 30]],
                "topicKeywords": ["x"],
                "model": "ClipAnything",
            },
        });
        let findings = project("youtube://x", body);
        let expected = [
            "`videoUrl` is `youtube://x`, expected a public link",
            "`conclusionActions[0].email` is `nobody`, expected the address",
            "`conclusionActions[1].url` is missing, expected",
            "`conclusionActions[2].type` is `webhook`, expected it in upper case",
            "`conclusionActions[3].url` is `example.com/hook`, expected an address that begins with https://",
            "`curationPref.range.startSec` is -1, expected seconds, from 0",
            "`curationPref.clipDurations[1]` is [60, 30], expected",
            "`curationPref.clipDurations[2]` is [0, 0], expected",
            "`curationPref.clipDurations[3]` is [-5, 5], expected",
        ];
        assert_eq!(findings.wrong.len(), expected.len(), "{findings:#?}");
        for (found, expected) in findings.wrong.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(findings.doubtful.len(), 1, "{findings:#?}");
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_wrong() {
        let range = |range: Value| project(VIDEO, json!({"curationPref": {"range": range}})).wrong;
        assert_eq!(
            range(json!({"startSec": 636, "endSec": 28})),
            ["`curationPref.range.endSec` is 28, expected more than `startSec`, which is 636"]
        );
        for right in [json!({}), json!({"startSec": 5}), json!({"endSec": 5}), json!({"startSec": 0, "endSec": 0.5})] {
            assert!(range(right.clone()).is_empty(), "{right}");
        }
        for wrong in [json!({"endSec": 0}), json!({"startSec": 5, "endSec": 5}), json!({"endSec": -1})] {
            assert_eq!(range(wrong.clone()).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn only_warns_where_the_facts_are_not_sure() {
        let doubts = [
            json!({"curationPref": {"customPrompt": "laughter"}}),
            json!({"curationPref": {"customPrompt": "laughter", "model": "ClipBasic"}}),
            json!({"curationPref": {"topicKeywords": ["x"], "model": "ClipAnything"}}),
            json!({"conclusionActions": [{"type": "WEBHOOK", "url": "http://127.0.0.1:9/hook"}]}),
        ];
        for doubt in doubts {
            let findings = project(VIDEO, doubt.clone());
            assert!(findings.wrong.is_empty() && findings.doubtful.len() == 1, "{doubt}: {findings:?}");
        }
        let sure = [
            json!({"curationPref": {"customPrompt": "laughter", "model": "ClipAnything"}}),
            json!({"curationPref": {"customPrompt": "laughter", "topicKeywords": ["x"], "model": "Auto"}}),
            json!({"curationPref": {"customPrompt": " ", "topicKeywords": []}}),
        ];
        for sure in sure {
            assert_eq!(project(VIDEO, sure.clone()), Findings::default(), "{sure}");
        }
    }

    #[test]
    fn a_post_needs_a_title_and_the_bare_id() {
        let post = |clip: &str, title: &str, sub: Value| {
            let detail = json!({"title": title});
            let body = json!({"projectId": "P1", "clipId": clip, "postAccountId": "a", "subAccountId": sub, "postDetail": detail});
            examine::<CreatePostTask>(body)
        };
        assert_eq!(post("CU1", "A title", json!("s")), Findings::default());
        assert_eq!(post("CU1.2_bonus", "A title", Value::Null), Findings::default(), "a bare id may have a dot");
        assert_eq!(post("P1.CU1", " ", json!("")).wrong.len(), 3);
        assert!(post("P1.CU1", "A title", json!("s")).wrong[0].contains("expected the bare id, `CU1`"));
        let long = post("CU1", &"A".repeat(101), json!("s"));
        assert!(long.wrong.is_empty() && long.doubtful.len() == 1, "{long:?}");
    }

    #[test]
    fn a_schedule_lies_in_the_future() {
        let schedule = |at: &str| {
            let body = json!({"projectId": "P1", "clipId": "C", "postAccountId": "a", "postDetail": {"title": "t"}, "publishAt": at});
            let findings = examine::<CreatePublishSchedule>(body);
            (findings.wrong.len(), findings.doubtful.len())
        };
        assert_eq!(schedule("2026-06-01T00:00:01Z"), (0, 0));
        assert_eq!(schedule("2026-06-01T00:00:00.000Z"), (0, 1));
        assert_eq!(schedule("2026-05-31T23:55:00.000Z"), (0, 1), "the clock here may be ahead");
        assert_eq!(schedule("2026-05-31T23:54:59.000Z"), (1, 0));
        assert_eq!(schedule("2020-03-01T16:00:00Z"), (1, 0));
        for doubtful in ["2020-03-01T16:00:00", "2020-03-01T17:00:00+01:00", "tomorrow"] {
            assert_eq!(schedule(doubtful), (0, 1), "{doubtful}");
        }
    }

    #[test]
    fn a_thumbnail_is_made_of_links() {
        let job = |source: &str, mask: &str| {
            let findings = examine::<CreateGenerativeJob>(json!({"jobType": "thumbnail", "sourceUri": source, "maskImageUri": mask}));
            assert!(findings.wrong.iter().all(|told| !told.contains("uploadId")), "{findings:?}");
            (findings.wrong.len(), findings.doubtful.len())
        };
        let mask = "https://cdn.opus.pro/uploads/.../mask.png";
        assert_eq!(job("https://youtube.com/watch?v=...", mask), (0, 0));
        assert_eq!(job("UPL_1", mask), (0, 1));
        assert_eq!(job("", "mask.png"), (2, 0));
    }

    #[test]
    fn a_number_is_refused_exactly_if_it_is_no_length() {
        let mut random = fastrand::Rng::with_seed(7);
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MIN_POSITIVE, f64::MAX];
        let mut number = || if random.u8(..4) == 0 { odd[random.usize(..odd.len())] } else { (random.f64() - 0.3) * 1000.0 };
        for _ in 0..2000 {
            let (start, end) = (number(), number());
            let range = CurationRange::new().with_start_sec(start).with_end_sec(end);
            let pair = crate::types::DurationRange::new(start, end);
            let mut findings = Findings::default();
            CurationPreferences::new().with_range(range).with_clip_durations([pair]).examine(&mut findings);
            let is_right = start.is_finite() && end.is_finite() && start >= 0.0 && end > start;
            let is_pair = start.is_finite() && end.is_finite() && start >= 0.0 && end >= start && end > 0.0;
            let told = |path: &str| findings.wrong.iter().any(|found| found.contains(path));
            assert_eq!(told("range"), !is_right, "{start} {end}: {findings:?}");
            assert_eq!(told("clipDurations"), !is_pair, "{start} {end}: {findings:?}");
        }
    }

    #[test]
    fn no_text_breaks_it_and_no_secret_comes_through() {
        let mut random = fastrand::Rng::with_seed(8);
        let pieces = ["https://", "file:", "/", "\\", "?", "#", "@", "me:", "a.mp4", " ", "\n", "ä", "youtube.com", "[", "%", ":", "."];
        for _ in 0..5000 {
            let mut text: String = (0..random.usize(..7)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            text.push_str("?token=hunter2");
            let link = format!("https://me:hunter2@{text}");
            for text in [&text, &link] {
                let findings = project(text, json!({}));
                if text.contains("://") || text.split('?').next().is_some_and(|before| before.contains('/')) {
                    assert!(
                        findings.wrong.iter().chain(&findings.doubtful).all(|told| !told.contains("hunter2")),
                        "{text:?}: {findings:?}"
                    );
                }
                assert!(findings.wrong.len() + findings.doubtful.len() <= 1);
            }
        }
    }
}
