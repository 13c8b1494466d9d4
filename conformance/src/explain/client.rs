//! Checks of the client under test.

use super::{Explanation, entry};

pub(super) const CHECKS: &[Explanation] = &[
    entry(
        "C401",
        "the request is the fixture's",
        "What the client sent differs from the fixture in method, path, query, headers or body. The order of the query and \
         the spelling of JSON do not matter.",
        "A parameter was renamed or not passed on, a value is not encoded, a header is missing.",
        "Correct the client, or the spec that it is generated from. If the fixture is wrong, correct `call` and `request` together.",
        "/request/query/genre: expected `poetry`, the client sent nothing under that name",
    ),
    entry(
        "C402",
        "exactly one request",
        "The client sent more or fewer requests than the fixture has, or one that left the URL it was given.",
        "A retry that cannot be turned off, a second call for a token, a base URL that is built from the host alone, input that \
         should have been refused.",
        "Let the subject make the one call, without retries, below `base_url`.",
        "expected 1 request(s), the client sent 2: GET /books, GET /books",
    ),
    entry(
        "C403",
        "the type is reached",
        "The client failed where it had to decode, or decoded into another type than the fixture names.",
        "A closed enum meets a new value, a field is required that can be missing, an envelope is not understood.",
        "Make the type as tolerant as the spec; if the type was renamed, correct `expect.type`.",
        "expected `Book`, the client reported decode-error: unknown variant `drama`",
    ),
    entry(
        "C404",
        "the snapshot still holds",
        "What the client sent or decoded is not what the kept snapshot says.",
        "The client, the spec or the fixture changed.",
        "Look at the difference; if it is meant, accept the new snapshot.",
        "/outcome/ok/value/title: the snapshot has \"Duino\", this run has nothing",
    ),
    entry(
        "C405",
        "round trip",
        "The decoded value, encoded again, is not the body: something is lost, invented or changed. Numbers are equal by value, \
         and null is equal to absent where the spec lets the property be absent.",
        "A field that the type lacks, a default that is written out, an envelope that is taken off.",
        "Add the field. What the client leaves out on purpose is declared in `expect.lossy`, and a list taken out of its envelope \
         in `expect.part`.",
        "/response/json/author/name: \"Rilke\" is lost",
    ),
    entry(
        "C407",
        "the failure is the right one",
        "The client reported another class of failure than expected, no failure at all, or an error without the response's status.",
        "An error body that does not decode hides the status, or a lost connection is taken for an answer.",
        "Keep the status and the body of every answer in the error.",
        "expected api-error, the client reported decode-error: expected value at line 1",
    ),
    entry(
        "C408",
        "no panic",
        "The client panicked.",
        "An unwrap on what the service sent.",
        "Turn the panic into an error.",
        "the client panicked: called `Option::unwrap()` on a `None` value",
    ),
    entry(
        "C409",
        "secrets are kept",
        "A secret of the run, such as the API key, stands in something that the client says: an error, its debug form, a value.",
        "A derived Debug on a type that holds the key, or a URL with the key in an error.",
        "Redact it by hand in Debug and Display.",
        "/outcome/debug: a secret of the client stands here",
    ),
    entry(
        "C420",
        "the program speaks the protocol",
        "The client's program wrote something that is no answer to the call it was given: not JSON, a shape that the protocol does \
         not have, another id, a second line, or a line of more than 16 MiB. The process was killed, and the next call has a new one.",
        "Something is printed to stdout for debugging, stdout is not flushed after each line, or an id is made up.",
        "Write one line of JSON for each call, with its id; whatever is meant for people goes to stderr. See PROTOCOL.md and \
         `conformance schema protocol`.",
        "the program wrote `got 3 books`, which is no answer of the protocol",
    ),
    entry(
        "C421",
        "the program stays alive",
        "The client's program ended without an answer, or could not be started again. Its last lines on stderr are shown.",
        "An exception that is not caught, an exit in the client's library.",
        "Turn what is thrown into an answer with `failed`, and go on with the next line.",
        "the program ended without an answer (exit status: 1); last on stderr: KeyError: 'author'",
    ),
    entry(
        "C422",
        "the program answers in time",
        "The client's program did not answer a call within the limit. The process was killed, and the next call has a new one.",
        "The client retries or waits by itself, stdout is not flushed, or the client has no time limit of its own.",
        "Flush after each line; make one attempt. A slow client has `--timeout`.",
        "the program did not answer within 10000 ms",
    ),
    entry(
        "C410",
        "the request keeps to the spec",
        "The request that the client really sent departs from the spec, in a closed world. The message names the check.",
        "The client adds a header or a parameter that nobody documents, or leaves credentials out.",
        "Correct the client, or document what it sends.",
        "/request/headers/x-debug: the client's request departs from the spec (F206)",
    ),
    entry(
        "C411",
        "the operation is there",
        "The client does not implement the operation of this fixture.",
        "The spec has a new operation, and the client or its adapter was not built again.",
        "Implement it. This is never a pass.",
        "the client does not implement `get_book`",
    ),
    entry(
        "E901",
        "no silent skip",
        "The number of executed cases is not the number of selected ones, or nothing was selected.",
        "A filter that matches nothing, or a test program that leaves fixtures out.",
        "Run every fixture; correct the filter.",
        "no fixture was executed",
    ),
    entry(
        "E910",
        "the watchdog",
        "A call did not end in time and was given up, so nothing is known of it.",
        "The client waits for something that never comes, or the machine is overloaded.",
        "Run the one fixture again; set `Options::watchdog` if the time is too short.",
        "the call did not end within 10000 ms; 1 request(s) had arrived",
    ),
    entry(
        "E911",
        "the mock server",
        "The mock server could not start or does not know a fixture.",
        "No port of the loopback interface is free, or the server was started with another suite.",
        "Start it with the suite that is run.",
        "the mock server could not start: address not available",
    ),
];
