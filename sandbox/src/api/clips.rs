//! Clips, transcripts and brand templates.

use opusclip::types::{
    BrandTemplate, Clip, FullClipId, Hashtags, JudgeResult, RenderPreferences, RenderTask, TimeRange, Timestamp, Transcript,
    TranscriptParagraph, TranscriptWord,
};

use super::projects::{USER, render_preferences};
use super::{Answer, Call, invalid};
use crate::cdn;
use crate::reply::{Payload, Reply};
use crate::world::{self, Progress, World};

/// Clips on a page where nobody says how many; the service's own number is not published.
const PAGE: usize = 50;

pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    // Where `q` is let pass without, the project is what has been listed.
    let q = if call.settings.lenient { call.query("q").unwrap_or("findByProjectId") } else { call.needed("q")? };
    let found: Vec<Clip> = match q {
        "findByProjectId" => {
            let id = call.needed("projectId")?;
            let project = world.project(id, call.now);
            // An unknown project and one that is in work have the same answer.
            project.into_iter().flat_map(|project| project.clips(call.now).iter().map(|clip| represent(project, clip, call))).collect()
        }
        "findByCollectionId" => {
            let id = call.needed("collectionId")?;
            let collection = world.collections.iter().find(|collection| collection.id == id);
            let contents = collection.map(|collection| collection.contents.as_slice()).unwrap_or_default();
            let clips = contents.iter().filter_map(|id| world.clip(id, call.now));
            clips.map(|(project, clip)| represent(project, clip, call)).collect()
        }
        other => return Err(invalid(format!("q must not be {other}"))),
    };
    let page = number(call, "pageNum")?.unwrap_or(1);
    let size = number(call, "pageSize")?.unwrap_or(PAGE);
    let page: Vec<Clip> = found.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    Ok(Reply::of(200, &page))
}

/// A whole number from 1.
fn number(call: &Call<'_>, name: &str) -> Result<Option<usize>, Reply> {
    let Some(text) = call.query(name) else { return Ok(None) };
    match text.parse() {
        Ok(number @ 1..) => Ok(Some(number)),
        _ => Err(invalid(format!("{name} must be a whole number from 1"))),
    }
}

fn represent(project: &world::Project, clip: &world::Clip, call: &Call<'_>) -> Clip {
    let id = project.full_id(clip);
    let is_complete = matches!(project.progress(call.now), Progress::Complete { .. });
    let is_exportable = project.is_exportable(clip, call.settings, call.now);
    let link = |kind| cdn::link(call, project, clip, kind);
    let end_ms = clip.start_ms.saturating_add(clip.duration_ms);
    let created = Timestamp::from(project.ends());
    let mut represented = Clip::new(FullClipId::new(project.id.as_str(), clip.id.as_str()))
        .with_project_id(project.id.as_str())
        .with_run_id(format!("{}.FP", project.id))
        .with_curation_id(clip.id.as_str())
        .with_org_id(project.org.as_str())
        .with_user_id(USER)
        .with_uri_for_preview(link(cdn::Kind::Preview))
        .with_uri_for_thumbnail(link(cdn::Kind::Thumbnail))
        .with_storage_used(cdn::size())
        .with_duration_ms(i64::from(clip.duration_ms))
        .with_time_ranges([TimeRange::new(clip.start_ms, end_ms)])
        .with_keywords(["Sandbox"])
        .with_prompt_name("Q&A")
        .with_title(clip.title.as_str())
        .with_description("A clip that the sandbox made up; the file behind its links is real and can be played.")
        .with_hashtags("#Sandbox #OpusClip")
        .with_text(text())
        .with_genre("Auto")
        .with_subgenre("general")
        .with_score(f64::from(99 - clip.start_ms / 1000 % 47))
        .with_judge_result(JudgeResult::new().with_score(90.0).with_hook_score(88.0))
        .with_is_bonus_clip(clip.is_bonus)
        .with_render_as_video_preview(RenderTask::new().with_pending(false))
        .with_render_as_video_file(RenderTask::new().with_pending(!is_exportable))
        .with_render_pref(render_preferences(project))
        .with_storage_expire_at(Timestamp::from(project.expires()))
        .with_created_at(created.clone())
        .with_updated_at(created)
        .with_clip_copilot_task_id(format!("task-{id}"))
        .with_product_tier("PRO");
    if is_complete && is_exportable {
        represented = represented.with_uri_for_export(link(cdn::Kind::Export));
    }
    represented
}

const WORDS: [&str; 8] = ["Hello", "and", "welcome", "to", "the", "sandbox", "of", "OpusClip."];

pub(super) fn text() -> String {
    WORDS.join(" ")
}

pub(super) fn get_transcript(world: &mut World, call: &Call<'_>) -> Answer {
    let project = world.project(call.needed("projectId")?, call.now).filter(|project| project.has_transcript(call.now));
    let range = project.and_then(|project| project.request.curation_pref.as_ref()?.range.clone());
    let bounds = range.map_or((0.0, f64::MAX), |range| (range.start_sec.unwrap_or(0.0), range.end_sec.unwrap_or(f64::MAX)));
    let paragraphs = project.map(|_| {
        let count = call.settings.source.as_secs().div_ceil(30).min(200);
        let paragraphs = (0..count).map(paragraph);
        // Of a project with a range only what is in it is told.
        let inside = |paragraph: &TranscriptParagraph| {
            paragraph.start.is_some_and(|start| start >= bounds.0) && paragraph.end.is_some_and(|end| end <= bounds.1)
        };
        paragraphs.filter(inside).collect::<Vec<_>>()
    });
    let mut transcript = Transcript::new();
    transcript.data = Some(vec![paragraphs]);
    Ok(Reply::of(200, &transcript))
}

/// Half a minute of speech.
fn paragraph(number: u64) -> TranscriptParagraph {
    #[allow(clippy::cast_precision_loss, reason = "a few hundred paragraphs")]
    let start = number as f64 * 30.0;
    let words = WORDS.iter().scan(start, |at, word| {
        *at += 0.5;
        Some(TranscriptWord::new().with_word(*word).with_start(*at - 0.5).with_end(*at - 0.1).with_is_filler_word(false))
    });
    TranscriptParagraph::new()
        .with_id(i64::try_from(number).unwrap_or_default())
        .with_start(start)
        .with_end(start + 4.0)
        .with_text(text())
        .with_speaker("SPEAKER_00")
        .with_words(words.collect::<Vec<_>>())
}

pub(super) fn list_brand_templates(_: &mut World, call: &Call<'_>) -> Answer {
    if call.settings.lenient && call.query("q").is_none() {
        // 200 without a body, as observed (C16).
        return Ok(Reply::new(200, Payload::Empty));
    }
    call.needed("q")?;
    let template = |id: &str, name: &str, is_default: bool| {
        BrandTemplate::new(id)
            .with_name(name)
            .with_is_default(is_default)
            .with_preferences(RenderPreferences::new().with_enable_caption(true).with_layout_aspect_ratio("portrait"))
            .with_type_("PresetOverwrite")
    };
    let templates = [template("cm32g2poc0002t5bnhmg2kfyx", "Karaoke Template", true), template("preset-fancy-Karaoke", "Karaoke", false)];
    Ok(Reply::of(200, &templates))
}

/// A hashtag line for social copy.
pub(super) fn hashtags() -> Hashtags {
    Hashtags::from("#Sandbox #OpusClip")
}
