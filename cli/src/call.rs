//! One call of the API, as every command makes it: sent and shown, or shown as curl.

use opusclip::operation::{Operation, Place};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, USER_AGENT};
use serde_json::Value;

use crate::context::Context;
use crate::curl::Curl;
use crate::failure::{Code, Failure};
use crate::output::Format;

/// A call, ready to be sent.
#[derive(Debug)]
pub(crate) struct Call {
    operation: String,
    input: Value,
}

impl Call {
    /// `input` has the parameters by their names, and the body under `body`.
    pub(crate) fn new(operation: impl Into<String>, input: Value) -> Self {
        Self { operation: operation.into(), input }
    }

    /// Sends it and shows these columns of the reply.
    pub(crate) async fn show(self, context: &Context, columns: &[&str]) -> Result<(), Failure> {
        let operation = operation(&self.operation)?;
        match self.content(context).await? {
            Some(value) => context.output.data(&value, columns).map_err(|failure| not_shown(failure, operation, &value)),
            None => Ok(()),
        }
    }

    /// Sends it and tells what is done: the reply is for who asks for JSON.
    pub(crate) async fn confirm(self, context: &Context, what: &str) -> Result<(), Failure> {
        let operation = operation(&self.operation)?;
        let Some(reply) = self.content(context).await? else { return Ok(()) };
        context.output.say(what);
        match context.output.format() {
            Format::Json => context.output.data(&reply, &[]).map_err(|failure| not_shown(failure, operation, &reply)),
            Format::Table => Ok(()),
        }
    }

    /// Sends it, and takes what matters out of the reply's envelope.
    async fn content(self, context: &Context) -> Result<Option<Value>, Failure> {
        Ok(self.send(context).await?.map(|mut reply| {
            for name in ["data", "list", "contentList"] {
                if let Some(inner) = reply.get_mut(name).filter(|inner| inner.is_array() || (name == "data" && inner.is_object())) {
                    reply = inner.take();
                }
            }
            flat(reply)
        }))
    }

    /// Sends it; nothing comes back where only curl is asked for, which is printed.
    pub(crate) async fn send(self, context: &Context) -> Result<Option<Value>, Failure> {
        if context.curl {
            context.output.text(&self.to_curl(context).await?)?;
            return Ok(None);
        }
        let client = context.account()?.client()?;
        let reply = context.under_way.during(operation(&self.operation)?, client.dispatch(&self.operation, &self.input)).await?;
        Ok(Some(reply.value))
    }

    /// As a command for a shell.
    async fn to_curl(&self, context: &Context) -> Result<String, Failure> {
        let request = context.without_key()?.dispatch_request(&self.operation, &self.input).await?;
        let mut curl = Curl::new(request.method(), request.url().as_str())?.with_key();
        // What curl says of itself is as good.
        let own = [USER_AGENT, ACCEPT, CONTENT_LENGTH];
        for (name, value) in request.headers().iter().filter(|(name, _)| !own.contains(name)) {
            curl = curl.with_header(name.as_str(), value.to_str().unwrap_or_default())?;
        }
        if let Some(body) = request.body().and_then(|body| body.as_bytes()) {
            curl = curl.with_body(&String::from_utf8_lossy(body))?;
        }
        Ok(curl.into_text())
    }
}

/// What cannot be shown of a call that was done: it must not look as if nothing were done, for who repeats it may be billed again.
pub(crate) fn not_shown(failure: Failure, operation: &Operation, reply: &Value) -> Failure {
    if operation.idempotent {
        return failure;
    }
    let failure = Failure::new(Code::General, format!("{} is done, and only its reply cannot be shown: {failure}", operation.id));
    failure.with_next(format!("do not repeat it; the reply is {reply}"))
}

/// One list where the API wraps a list in a list, as it does around the paragraphs of a
/// transcript; what is not there yet may be a null in it (C36).
fn flat(reply: Value) -> Value {
    match reply {
        Value::Array(outer) if outer.iter().all(|item| item.is_array() || item.is_null()) => {
            let inner = outer.into_iter().filter_map(|item| match item {
                Value::Array(items) => Some(items),
                _ => None,
            });
            Value::Array(inner.flatten().collect())
        }
        other => other,
    }
}

/// The operation of this name, as the spec has it.
pub(crate) fn operation(name: &str) -> Result<&'static Operation, Failure> {
    Operation::find(name).ok_or_else(|| {
        let near = opusclip::operation::OPERATIONS
            .iter()
            .find(|operation| operation.id.replace('_', "") == name.replace(['_', '-'], "").to_lowercase());
        let next = near.map_or_else(|| "`opusclip api list` shows all".to_owned(), |near| format!("did you mean `{}`?", near.id));
        Failure::usage(format!("the API has no operation `{name}`"), next)
    })
}

/// What an operation takes, for a message.
pub(crate) fn inputs(operation: &Operation) -> String {
    let parameters = operation.parameters.iter().filter(|parameter| parameter.place != Place::Header);
    let names = parameters.map(|parameter| if parameter.required { parameter.name.to_owned() } else { format!("[{}]", parameter.name) });
    names.chain(operation.json_body.then(|| "body".to_owned())).collect::<Vec<_>>().join(", ")
}
