//! Jobs that run for a while: censoring and thumbnails.

use std::time::{Duration, SystemTime};

use opusclip::types::{
    CensorJob, CensorJobStarted, CensorJobStatus, CreateCensorJob, CreateGenerativeJob, GenerativeJob, GenerativeJobResult,
    GenerativeJobStarted, GenerativeJobStatus, GenerativeProgress,
};
use serde_json::{Map, json};

use super::{Answer, Call, charge};
use crate::cdn;
use crate::reply::Reply;
use crate::world::World;

const QUEUED: Duration = Duration::from_secs(5);
const DONE: Duration = Duration::from_secs(30);

/// What a thumbnail job costs, in credits.
const THUMBNAIL: u64 = 7;

pub(super) fn create_censor(world: &mut World, call: &Call<'_>) -> Answer {
    let request: CreateCensorJob = call.body()?;
    let (project, clip) = (request.project_id.as_str(), request.clip_id.as_str());
    let full = format!("{project}.{clip}");
    if world.clip(&full, call.now).is_none() {
        return Err(Reply::not_found("Clip", clip));
    }
    let found = world.project_mut(project, call.now).and_then(|project| project.clips.iter_mut().find(|found| found.id == clip));
    if found.is_some_and(|clip| std::mem::replace(&mut clip.censored, true)) {
        // A success without a job: there is nothing to do (C18).
        return Ok(Reply::of(201, &CensorJobStarted::new().with_message("No censored words found")));
    }
    let id = format!("censor-{}", world.letters(10));
    world.censor_jobs.insert(id.clone(), call.now);
    Ok(Reply::of(201, &CensorJobStarted::new().with_job_id(id).with_message("Censor job created")))
}

pub(super) fn get_censor(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.path("jobId");
    let created = world.censor_jobs.get(id).ok_or_else(|| Reply::not_found("Job", id))?;
    let status = match age(*created, call.now) {
        age if age < QUEUED => CensorJobStatus::Queued,
        age if age < DONE => CensorJobStatus::Processing,
        _ => CensorJobStatus::Concluded,
    };
    Ok(Reply::of(200, &CensorJob::new(status)))
}

pub(super) fn create_generative(world: &mut World, call: &Call<'_>) -> Answer {
    if !call.settings.thumbnails {
        return Err(Reply::service(403, "QuotaExceedErr", "The plan has no generated thumbnails"));
    }
    call.body::<CreateGenerativeJob>()?;
    charge(world, call, THUMBNAIL)?;
    let id = format!("thumbnail-{}", world.letters(10));
    world.generative_jobs.insert(id.clone(), call.now);
    Ok(Reply::of(201, &GenerativeJobStarted::new(id)))
}

pub(super) fn get_generative(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.path("jobId");
    let created = world.generative_jobs.get(id).ok_or_else(|| Reply::not_found("Job", id))?;
    let age = age(*created, call.now);
    let progress = |status: GenerativeJobStatus, done: f64| {
        let members: Map<_, _> = [("status".to_owned(), json!(status)), ("percentage".to_owned(), json!(done))].into_iter().collect();
        GenerativeJob::new(status).with_progress(GenerativeProgress::from(members))
    };
    let represented = match age {
        age if age < QUEUED => progress(GenerativeJobStatus::Queued, 0.0),
        age if age < DONE => progress(GenerativeJobStatus::Processing, age.as_secs_f64() / DONE.as_secs_f64()),
        _ => {
            let images = (1..=4).map(|number| cdn::thumbnail(call, id, number)).collect::<Vec<_>>();
            let result = GenerativeJobResult::new().with_generated_thumbnail_uris(images);
            progress(GenerativeJobStatus::Concluded, 1.0).with_result(result)
        }
    };
    Ok(Reply::of(200, &represented))
}

pub(super) fn age(created: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(created).unwrap_or_default()
}
