//! One handler for each operation of the API, on the generated types.

mod clips;
mod collections;
mod jobs;
mod projects;
mod social;

pub(crate) use projects::USER;

use std::time::SystemTime;

use opusclip::operation::{self, OPERATIONS, Operation};
use serde::de::DeserializeOwned;

use crate::gate::Ask;
use crate::reply::Reply;
use crate::settings::Settings;
use crate::storage::Storage;
use crate::world::World;

/// A request that was let through, as its handler sees it.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static Operation,
    /// Percent-decoded.
    pub(crate) path: &'a [(String, String)],
    pub(crate) ask: &'a Ask,
    pub(crate) body: &'a [u8],
    pub(crate) now: SystemTime,
    /// Where the sandbox is, without a slash at the end.
    pub(crate) base: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) storage: &'a Storage,
}

/// An error is an answer too.
type Answer = Result<Reply, Reply>;

type Handler = fn(&mut World, &Call<'_>) -> Answer;

const fn api_operations() -> usize {
    let (mut count, mut index) = (0, 0);
    while index < OPERATIONS.len() {
        if !OPERATIONS[index].storage {
            count += 1;
        }
        index += 1;
    }
    count
}

/// Its length is that of the operation table: an operation that comes or goes in `openapi.yaml` breaks the build here.
const HANDLERS: [(&Operation, Handler); api_operations()] = [
    (&operation::LIST_BRAND_TEMPLATES, clips::list_brand_templates),
    (&operation::LIST_PROJECTS, projects::list),
    (&operation::CREATE_PROJECT, projects::create),
    (&operation::GET_PROJECT, projects::get),
    (&operation::UPDATE_PROJECT_VISIBILITY, projects::update_visibility),
    (&operation::LIST_CLIPS, clips::list),
    (&operation::LIST_COLLECTIONS, collections::list),
    (&operation::CREATE_COLLECTION, collections::create),
    (&operation::DELETE_COLLECTION, collections::delete),
    (&operation::EXPORT_COLLECTION, collections::export),
    (&operation::CREATE_COLLECTION_CONTENT, collections::create_content),
    (&operation::DELETE_COLLECTION_CONTENT, collections::delete_content),
    (&operation::CREATE_CENSOR_JOB, jobs::create_censor),
    (&operation::GET_CENSOR_JOB, jobs::get_censor),
    (&operation::LIST_SOCIAL_ACCOUNTS, social::list_accounts),
    (&operation::CREATE_SOCIAL_COPY_JOB, social::create_copy),
    (&operation::GET_SOCIAL_COPY_JOB, social::get_copy),
    (&operation::CREATE_POST_TASK, social::create_post),
    (&operation::CREATE_PUBLISH_SCHEDULE, social::create_schedule),
    (&operation::CANCEL_PUBLISH_SCHEDULE, social::cancel_schedule),
    (&operation::CREATE_GENERATIVE_JOB, jobs::create_generative),
    (&operation::GET_GENERATIVE_JOB, jobs::get_generative),
    (&operation::GET_TRANSCRIPT, clips::get_transcript),
    (&operation::CREATE_UPLOAD_LINK, projects::create_upload_link),
];

/// Lets the operation have its effect.
pub(crate) fn answer(world: &mut World, call: &Call<'_>) -> Reply {
    match HANDLERS.iter().find(|(operation, _)| operation.id == call.operation.id) {
        Some((_, handler)) => handler(world, call).unwrap_or_else(|refusal| refusal),
        None => Reply::framework(404, format!("Cannot {} {}", call.operation.method, call.operation.path)),
    }
}

impl Call<'_> {
    fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.ask.query(name)
    }

    /// The organisation that the caller names, or the sandbox's own.
    fn org(&self) -> &str {
        self.ask.header("x-opus-org-id").unwrap_or(projects::ORG)
    }

    fn needed(&self, name: &str) -> Result<&str, Reply> {
        self.query(name).ok_or_else(|| invalid(format!("{name} is required")))
    }

    /// The body as the generated type; what it cannot take the service would not take either.
    fn body<T: DeserializeOwned>(&self) -> Result<T, Reply> {
        serde_json::from_slice(self.body).map_err(|error| invalid(format!("the body cannot be read: {error}")))
    }
}

fn invalid(message: impl Into<String>) -> Reply {
    Reply::service(400, "InvalidParam", message)
}

/// Takes credits of the month, or says that there are none left.
fn charge(world: &mut World, call: &Call<'_>, credits: u64) -> Result<(), Reply> {
    let (month, next_month) = crate::world::month(call.now);
    if world.used(month) + credits > call.settings.limits.credits {
        return Err(Reply::monthly_cap(next_month));
    }
    world.charges.push((call.now, credits));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_api_has_one_handler() {
        for operation in OPERATIONS.iter().filter(|operation| !operation.storage) {
            assert_eq!(HANDLERS.iter().filter(|(handled, _)| handled.id == operation.id).count(), 1, "{}", operation.id);
        }
    }
}
