//! The sandbox's own endpoints, for programs in any language.

use serde_json::{Value, json};

use crate::core::Core;
use crate::fault::Fault;
use crate::gate::Ask;
use crate::reply::{Payload, Reply};

pub(crate) const PREFIX: &str = "/_sandbox";

const HELP: &str = "\
The endpoints of this sandbox, beside those of openapi.yaml:

  GET    /_sandbox/journal[?operation=ID]   what was asked and answered, the latest last
  DELETE /_sandbox/journal                  forgets it
  GET    /_sandbox/faults                   the faults that can still strike, one a line
  POST   /_sandbox/faults                   sets faults, one a line: create_project#1=lost
                                            (a file with curl: --data-binary @FILE)
  DELETE /_sandbox/faults                   takes all of them away
  GET    /_sandbox/clock                    what time it is in the sandbox
  POST   /_sandbox/clock                    lets time pass: 10m
  GET    /_sandbox/uploads/UPLOAD_ID        a finished upload: size and checksums
  POST   /_sandbox/projects/ID/stall        stalls a project
  POST   /_sandbox/reset                    forgets projects, uploads, limits and journal
";

/// For people and programs.
fn json(value: &Value) -> Reply {
    Reply::new(200, Payload::Raw { content_type: "application/json", bytes: format!("{value:#}\n").into() })
}

/// Answers as plainly as the terminal of a person wants it.
fn bad(message: &str) -> Reply {
    Reply::text(400, &format!("{message}\n"))
}

pub(crate) fn answer(core: &Core, ask: &Ask, body: &[u8]) -> Reply {
    let Ok(text) = std::str::from_utf8(body) else { return bad("the body must be text in UTF-8") };
    let path = ask.path.trim_start_matches(PREFIX).trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    match (ask.method.as_str(), segments.as_slice()) {
        ("GET", [""]) => Reply::text(200, HELP),
        ("GET", ["journal"]) => {
            let wanted = ask.query("operation");
            let entries = core.journal.entries().into_iter().filter(|entry| wanted.is_none_or(|wanted| wanted == entry.operation));
            json(&json!(entries.collect::<Vec<_>>()))
        }
        ("DELETE", ["journal"]) => {
            core.journal.clear();
            Reply::text(200, "forgotten\n")
        }
        ("GET", ["faults"]) => Reply::text(200, &faults(core)),
        ("POST", ["faults"]) => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            match lines.map(str::parse).collect::<Result<Vec<Fault>, _>>() {
                Ok(new) if new.is_empty() => bad("write a fault into the body, as create_project#1=lost"),
                Ok(new) => {
                    new.into_iter().for_each(|fault| core.faults.add(fault));
                    Reply::text(200, &faults(core))
                }
                Err(error) => bad(&error.to_string()),
            }
        }
        ("DELETE", ["faults"]) => {
            core.faults.clear();
            Reply::text(200, "none is set\n")
        }
        ("GET", ["clock"]) => Reply::text(200, &format!("{}\n", core.stamp())),
        ("POST", ["clock"]) => match humantime::parse_duration(text.trim()) {
            Ok(duration) => {
                core.clock.advance(duration);
                Reply::text(200, &format!("{}\n", core.stamp()))
            }
            Err(_) => bad("write a duration into the body, as 10m or 1h 30m"),
        },
        ("GET", ["uploads", upload]) => match core.storage.object(upload) {
            Some(object) => {
                let md5 = object.md5.map(|md5| md5.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
                json(&json!({"size": object.size, "crc32c": format!("{:08x}", object.crc32c), "md5": md5, "received": object.received}))
            }
            None => Reply::text(404, "no such upload is finished\n"),
        },
        ("POST", ["projects", project, "stall"]) => match core.stall(project) {
            true => Reply::text(200, "stalled\n"),
            false => Reply::text(404, "no such project is in work\n"),
        },
        ("POST", ["reset"]) => {
            core.reset();
            Reply::text(200, "forgotten\n")
        }
        _ => Reply::text(404, HELP),
    }
}

fn faults(core: &Core) -> String {
    core.faults.list().into_iter().map(|fault| fault + "\n").collect()
}
