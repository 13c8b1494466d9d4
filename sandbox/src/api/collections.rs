//! Collections, what is in them, and their export.

use opusclip::types::{
    Collection, CollectionContent, CreateCollection, CreateCollectionContent, DeleteCollectionContent, ExportedCollection, ExportedContent,
    FullClipId, Timestamp,
};
use serde_json::json;

use super::{Answer, Call};
use crate::cdn;
use crate::reply::{Payload, Reply};
use crate::world::{self, World};

fn represent(collection: &world::Collection) -> Collection {
    Collection::new(collection.id.as_str())
        .with_collection_name(collection.name.as_str())
        .with_created_at(Timestamp::from(collection.created))
        .with_updated_at(Timestamp::from(collection.updated))
}

fn find<'w>(world: &'w mut World, id: &str) -> Result<&'w mut world::Collection, Reply> {
    world.collections.iter_mut().find(|collection| collection.id == id).ok_or_else(|| Reply::not_found("Collection", id))
}

pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let bad = |message: &str| Reply::service(400, "Bad Request", message);
    let held = match call.query("q") {
        Some("mine") => None,
        Some("findByContentId") => Some(call.query("contentId").ok_or_else(|| bad("contentId is required"))?),
        _ => return Err(bad("Unknown query")),
    };
    let holds = |collection: &&world::Collection| held.is_none_or(|id| collection.contents.iter().any(|content| content == id));
    let list: Vec<Collection> = world.collections.iter().filter(holds).map(represent).collect();
    let total = list.len();
    // `next` and `limit` arrive as null (C19).
    Ok(Reply::new(200, Payload::Json(json!({"data": {"list": list, "total": total, "next": null, "limit": null}}))))
}

pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let request: CreateCollection = call.body()?;
    if world.collections.len() >= call.settings.limits.collections {
        return Err(Reply::service(402, "QuotaExceed", "The plan allows no more collections"));
    }
    let id = world.letters(12);
    let collection = world::Collection { id, name: request.collection_name, created: call.now, updated: call.now, contents: Vec::new() };
    let reply = Reply::data(200, &represent(&collection));
    world.collections.push(collection);
    Ok(reply)
}

pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.path("collectionId");
    find(world, id)?;
    world.collections.retain(|collection| collection.id != id);
    Ok(Reply::data(200, &id))
}

pub(super) fn export(world: &mut World, call: &Call<'_>) -> Answer {
    let contents = find(world, call.path("collectionId"))?.contents.clone();
    for id in &contents {
        let Some((project, clip)) = id.split_once('.') else { continue };
        let Some(project) = world.project_mut(project, call.now) else { continue };
        if let Some(clip) = project.clips.iter_mut().find(|found| found.id == clip) {
            clip.exported.get_or_insert(call.now);
        }
    }
    let exported = contents.iter().filter_map(|id| world.clip(id, call.now)).map(|(project, clip)| {
        // Empty while the clip is not rendered.
        let uri = match project.is_exportable(clip, call.settings, call.now) {
            true => cdn::link(call, project, clip, cdn::Kind::Export),
            false => String::new(),
        };
        ExportedContent::new(FullClipId::new(project.id.as_str(), clip.id.as_str())).with_uri_for_export(uri)
    });
    Ok(Reply::data(200, &ExportedCollection::new().with_content_list(exported.collect::<Vec<_>>())))
}

pub(super) fn create_content(world: &mut World, call: &Call<'_>) -> Answer {
    let request: CreateCollectionContent = call.body()?;
    let clip = request.content_id.as_str();
    if world.clip(clip, call.now).is_none() {
        return Err(Reply::not_found("Clip", clip));
    }
    let collection = find(world, request.collection_id.as_str())?;
    if !collection.contents.iter().any(|content| content == clip) {
        collection.contents.push(clip.to_owned());
    }
    collection.updated = call.now;
    Ok(Reply::data(200, &CollectionContent::new(request.collection_id, request.content_id)))
}

pub(super) fn delete_content(world: &mut World, call: &Call<'_>) -> Answer {
    let request: DeleteCollectionContent = call.body()?;
    let clip = request.content_id.as_str();
    let collection = find(world, request.collection_id.as_str())?;
    let before = collection.contents.len();
    collection.contents.retain(|content| content != clip);
    if collection.contents.len() == before {
        return Err(Reply::not_found("Content", clip));
    }
    collection.updated = call.now;
    Ok(Reply::data(200, &"success"))
}
