//! Whether a sandbox leaves nothing behind, how it does with many clients, and what it adds to the taking in of a large upload.
//!
//! `cargo bench -p opusclip-sandbox --bench load -- [starts [COUNT] | clients [SECONDS [RATE]] | upload [BYTES [TURNS]]]`;
//! all three if nothing is said. Reads `/proc`, so it runs on Linux. It fails where something is wrong that is not a timing;
//! timings are only printed.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints, and may fail by panicking")]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures to look at")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use opusclip::ClipSource;
use opusclip::types::{BrandTemplate, Clip, List, Project, ProjectStage, UploadUsecase, UploadVideo};
use opusclip_sandbox::{KEY, Sandbox};
use serde_json::Value;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

fn main() -> ExitCode {
    // cargo adds `--bench` to what the caller gave.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |place: usize, usual: u64| arguments.get(place).map_or(usual, |text| text.parse().expect("a number"));
    type Measurement = fn(&dyn Fn(usize, u64) -> u64) -> Result<(), String>;
    let all: [Measurement; 3] = [
        |number| runtime().block_on(starts(number(1, 1_000) as usize)),
        |number| clients(Duration::from_secs(number(1, 60)), number(2, 1_000)),
        |number| runtime().block_on(upload(number(1, 4 << 30), number(2, 3) as usize)),
    ];
    let chosen = match arguments.first().map(String::as_str) {
        None => &all[..],
        Some("starts") => &all[..1],
        Some("clients") => &all[1..2],
        Some("upload") => &all[2..],
        Some(what) if SERVERS.contains(&what) => return serve(what),
        Some(other) => {
            eprintln!("there is no `{other}`; there are starts, clients and upload");
            return ExitCode::FAILURE;
        }
    };
    let mut code = ExitCode::SUCCESS;
    for measure in chosen {
        if let Err(error) = measure(&number) {
            eprintln!("FAILED: {error}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// As `#[tokio::main]` makes it, and with that the program `opusclip-sandbox`.
fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

fn demand(is_right: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_right { Ok(()) } else { Err(what()) }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A line of `/proc/PID/status`, in KiB.
fn status_kib(process: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}

// Starts.

/// How much resident memory may grow over nine tenths of the sandboxes.
const GROWTH_KIB: u64 = 512;

/// Takes what the heap has free, which is several MiB once the spec is parsed: it would swallow a leak without growing.
fn ballast() -> Vec<Vec<u8>> {
    let (mut blocks, before) = (Vec::new(), status_kib("self", "VmRSS"));
    // That it grows by more than its noise says that there is nothing left to take.
    while status_kib("self", "VmRSS") < before + 1_024 {
        blocks.extend((0..64).map(|_| vec![1; 500]));
    }
    blocks
}

async fn starts(count: usize) -> Result<(), String> {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let (before, started, first) = (tasks(), Instant::now(), count / 10);
    let mut addresses = Vec::with_capacity(count);
    let (mut samples, mut blocks) = (Vec::new(), Vec::new());
    for number in 1..=count {
        if number == first {
            blocks = ballast();
        }
        let sandbox = Sandbox::start().await.map_err(told)?;
        let address = sandbox.address();
        let templates = sandbox.client().list_brand_templates().await.map_err(told)?;
        demand(!templates.is_empty() && sandbox.count("list_brand_templates") == 1, || "there were no templates".to_owned())?;
        addresses.push(address);
        if number % 2 == 0 {
            sandbox.stop().await;
            demand(!accepts(address), || format!("{address} still listens when stop() has returned"))?;
        } else {
            drop(sandbox);
        }
        if number == first || number == count {
            settle(before).await;
            samples.push((tasks() - before, descriptors().len(), status_kib("self", "VmRSS")));
        }
    }
    let elapsed = started.elapsed();
    drop(blocks);
    let open = addresses.iter().filter(|address| accepts(**address)).count();
    let (earlier, later) = (samples[0], samples[samples.len() - 1]);
    println!(
        "starts: {count} sandboxes, {:.2} ms each; left: {open} open ports, {} tasks; from {first} to {count}: descriptors {} to {}, resident {} to {} KiB",
        elapsed.as_secs_f64() * 1000.0 / count as f64,
        later.0,
        earlier.1,
        later.1,
        earlier.2,
        later.2
    );
    demand(open == 0, || format!("{open} ports still accept connections"))?;
    demand(earlier.0 == 0 && later.0 == 0, || format!("{} and {} tasks are left", earlier.0, later.0))?;
    demand(later.1 <= earlier.1, || format!("descriptors grew from {} to {}", earlier.1, later.1))?;
    demand(later.2 <= earlier.2 + GROWTH_KIB, || format!("resident memory grew from {} to {} KiB", earlier.2, later.2))
}

/// Lets the tasks that were told to end do so; a second is far more than they need.
async fn settle(tasks: usize) {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
        if Handle::current().metrics().num_alive_tasks() <= tasks {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn descriptors() -> Vec<String> {
    let links = std::fs::read_dir("/proc/self/fd").expect("/proc").flatten();
    links.filter_map(|link| Some(std::fs::read_link(link.path()).ok()?.to_string_lossy().into_owned())).collect()
}

/// Whether a port of this process takes connections. Another process may have been given the number meanwhile, and a
/// connection to a free port of the own machine can meet itself.
fn accepts(address: SocketAddr) -> bool {
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let met_itself = stream.local_addr().ok() == stream.peer_addr().ok();
    !met_itself && listening().contains(&address.port())
}

/// The ports that this process listens on.
fn listening() -> BTreeSet<u16> {
    let own: BTreeSet<String> = descriptors().into_iter().collect();
    let table = std::fs::read_to_string("/proc/self/net/tcp").expect("/proc");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[3] == "0A" && own.contains(&format!("socket:[{}]", row[9])))
        .filter_map(|row| u16::from_str_radix(row[1].split_once(':')?.1, 16).ok())
        .collect()
}

// Clients.

const CLIENTS: usize = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Project,
    Clips,
    Templates,
}

const KINDS: [(Kind, &str); 3] = [(Kind::Project, "get_project"), (Kind::Clips, "list_clips"), (Kind::Templates, "list_brand_templates")];

/// What the clients ask for.
struct Question {
    kind: Kind,
    request: Request<Empty<Bytes>>,
}

fn clients(time: Duration, rate: u64) -> Result<(), String> {
    let (server, asking) = (runtime(), runtime());
    let (sandbox, questions) = server.block_on(furnished())?;
    let (address, questions) = (sandbox.address(), Arc::new(questions));
    let paces = [(None, "as fast as they can"), (Some(Duration::from_secs(1) * CLIENTS as u32 / rate as u32), "at a fixed rate")];
    for (pace, name) in paces {
        let counts = || KINDS.map(|(_, operation)| sandbox.count(operation));
        let before = counts();
        let (tally, connecting) = asking.block_on(async {
            let started = Instant::now();
            let connections = futures_util::future::try_join_all((0..CLIENTS).map(|_| connect(address))).await?;
            let connecting = started.elapsed();
            let start = Instant::now() + Duration::from_millis(20);
            let tasks: Vec<_> = connections
                .into_iter()
                .enumerate()
                .map(|(number, connection)| tokio::spawn(client(number, connection, Arc::clone(&questions), pace, start, start + time)))
                .collect();
            let mut tally = Tally::default();
            for task in tasks {
                tally.add(task.await.map_err(told)??);
            }
            Ok::<_, String>((tally, connecting))
        })?;
        tally.print(name, connecting, time, pace.map(|_| rate));
        let after = counts();
        let answered: Vec<u64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
        demand(answered == tally.answers, || format!("answers were counted as {:?}, requests as {answered:?}", tally.answers))?;
        demand(tally.answers.iter().all(|count| *count > 0), || format!("{:?} of each kind", tally.answers))?;
    }
    server.block_on(sandbox.stop());
    Ok(())
}

/// A sandbox with four completed projects, and the requests that the typed client makes of it.
async fn furnished() -> Result<(Sandbox, Vec<Question>), String> {
    let sandbox = Sandbox::builder().without_rate_limits().start().await.map_err(told)?;
    let client = sandbox.client();
    let mut projects = Vec::new();
    for number in 0..4 {
        let project = client.create_project(format!("https://www.youtube.com/watch?v=LXvv6CbGg8{number}").as_str()).await.map_err(told)?;
        projects.push(project.id);
    }
    sandbox.advance(Duration::from_secs(3_600));
    for id in projects {
        let project = client.get_project(&id).await.map_err(told)?;
        demand(project.stage == Some(ProjectStage::Complete), || format!("a project that stands at {:?}", project.stage))?;
        client.list_clips(ClipSource::Project(id)).await.map_err(told)?;
        client.list_brand_templates().await.map_err(told)?;
    }
    let journal = sandbox.journal();
    let question = |entry: &opusclip_sandbox::Entry| {
        let kind = KINDS.iter().find(|(_, operation)| *operation == entry.operation)?.0;
        let request = Request::get(&entry.target)
            .header("host", sandbox.address().to_string())
            .header("authorization", format!("Bearer {KEY}"))
            .header("accept", "application/json");
        Some(Question { kind, request: request.body(Empty::new()).expect("a request") })
    };
    let questions: Vec<_> = journal.iter().filter_map(question).collect();
    demand(questions.len() == 12, || format!("{} requests instead of twelve", questions.len()))?;
    Ok((sandbox, questions))
}

/// What came of the questions: times in microseconds, from when a request was sent, and from when it should have been.
#[derive(Default)]
struct Tally {
    sent: Vec<u32>,
    due: Vec<u32>,
    answers: [u64; 3],
    bytes: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.due.extend(other.due);
        self.answers.iter_mut().zip(other.answers).for_each(|(all, some)| *all += some);
        self.bytes += other.bytes;
    }

    fn print(&self, name: &str, connecting: Duration, time: Duration, rate: Option<u64>) {
        let count = self.sent.len();
        let show = |times: &Vec<u32>| {
            let mut times = times.clone();
            times.sort_unstable();
            let at = |part: f64| f64::from(times[((count - 1) as f64 * part) as usize]) / 1000.0;
            format!("p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms", at(0.5), at(0.99), at(1.0))
        };
        let asked = rate.map(|rate| format!(" of {rate} a second")).unwrap_or_default();
        let due = rate.map(|_| format!(" (from when it was due: {})", show(&self.due))).unwrap_or_default();
        println!(
            "clients: {CLIENTS}, connected in {:.0} ms, {name}{asked} for {} s: {count} requests, {:.0} a second, {:.0} bytes each, none wrong; {}{due}",
            connecting.as_secs_f64() * 1000.0,
            time.as_secs(),
            count as f64 / time.as_secs_f64(),
            self.bytes as f64 / count as f64,
            show(&self.sent),
        );
    }
}

type Sender = SendRequest<Empty<Bytes>>;

async fn connect(address: SocketAddr) -> Result<(Sender, JoinHandle<hyper::Result<()>>), String> {
    let stream = tokio::net::TcpStream::connect(address).await.map_err(told)?;
    stream.set_nodelay(true).map_err(told)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(told)?;
    Ok((sender, tokio::spawn(connection)))
}

/// One client on one connection. With a pace it asks by the clock, at once where the last answer was late.
async fn client(
    number: usize,
    (mut sender, connection): (Sender, JoinHandle<hyper::Result<()>>),
    questions: Arc<Vec<Question>>,
    pace: Option<Duration>,
    start: Instant,
    end: Instant,
) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let mut due = start + pace.unwrap_or_default().mul_f64(number as f64 / CLIENTS as f64);
    for turn in number.. {
        tokio::time::sleep_until(due.into()).await;
        let sent = Instant::now();
        if due >= end || sent >= end && pace.is_none() {
            break;
        }
        let question = &questions[turn % questions.len()];
        let body = ask(&mut sender, question).await.map_err(|error| format!("{}: {error}", question.request.uri()))?;
        let answered = Instant::now();
        check(question.kind, &body).map_err(|error| format!("{}: {error}", question.request.uri()))?;
        tally.sent.push((answered - sent).as_micros() as u32);
        tally.answers[question.kind as usize] += 1;
        tally.bytes += body.len() as u64;
        match pace {
            Some(pace) => {
                tally.due.push((answered - due).as_micros() as u32);
                due += pace;
            }
            None => due = answered,
        }
    }
    drop(sender);
    connection.await.map_err(told)?.map_err(told)?;
    Ok(tally)
}

async fn ask(sender: &mut Sender, question: &Question) -> Result<Bytes, String> {
    sender.ready().await.map_err(told)?;
    let answer = sender.send_request(question.request.clone()).await.map_err(told)?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(told)?.to_bytes();
    demand(status.as_u16() == 200, || format!("{status}: {}", String::from_utf8_lossy(&body)))?;
    Ok(body)
}

fn check(kind: Kind, body: &[u8]) -> Result<(), String> {
    let is_right = match kind {
        Kind::Project => {
            let answer: Value = serde_json::from_slice(body).map_err(told)?;
            let project: Project = serde_json::from_value(answer.get("data").unwrap_or(&answer).clone()).map_err(told)?;
            project.stage == Some(ProjectStage::Complete)
        }
        Kind::Clips => serde_json::from_slice::<List<Clip>>(body).map_err(told)?.len() == 3,
        Kind::Templates => !serde_json::from_slice::<List<BrandTemplate>>(body).map_err(told)?.is_empty(),
    };
    demand(is_right, || format!("not as it should be: {}", String::from_utf8_lossy(body)))
}

// Uploads.

const SANDBOX: &str = "serve-sandbox";
const BARE: &str = "serve-sink";
const HASHING: &str = "serve-hashing-sink";

/// What the sandbox is measured against: a sink that does nothing, and one that computes a CRC32C of what comes, as every
/// storage has to. The bare one is no upper bound: it is done before the next bytes are there and goes to sleep, and the sender
/// pays for waking it. The same sink has been seen to be faster with the CRC32C than without, and a sandbox ahead of it is not
/// one that does less than nothing. So there are also the CPU seconds, which do not depend on who waits for whom.
const SERVERS: [&str; 3] = [SANDBOX, BARE, HASHING];

/// What the generated body is made of, again and again.
const CHUNK: usize = 1 << 20;

/// The first turn of each is not counted.
const WARM_UP: u64 = 256 << 20;

const MIB: f64 = (1 << 20) as f64;

async fn upload(bytes: u64, turns: usize) -> Result<(), String> {
    let chunk: Arc<[u8]> = (0..CHUNK).map(|n| ((n * 2_654_435_761) >> 13) as u8).collect();
    let (checksum, warm_up) = (checksum(&chunk, bytes), (WARM_UP, checksum(&chunk, WARM_UP)));
    let servers = [Server::start(SANDBOX)?, Server::start(BARE)?, Server::start(HASHING)?];
    let (mut rates, mut efforts) = ([const { Vec::new() }; 3], [const { Vec::new() }; 3]);
    for turn in 0..=turns {
        let (size, crc32c) = if turn == 0 { warm_up } else { (bytes, checksum) };
        for place in 0..SERVERS.len() {
            // Who is first changes.
            let which = (turn + place) % SERVERS.len();
            let server = &servers[which];
            let before = server.busy();
            let time = match SERVERS[which] {
                SANDBOX => to_sandbox(server, &chunk, size, crc32c).await?,
                sink => to_sink(server, &chunk, size, (sink == HASHING).then_some(crc32c)).await?,
            };
            if turn > 0 {
                rates[which].push(size as f64 / MIB / time.as_secs_f64());
                efforts[which].push(server.busy() - before);
            }
        }
    }
    let all = |rates: &Vec<f64>| rates.iter().map(|rate| format!("{rate:.0}")).collect::<Vec<_>>().join(", ");
    let shown = rates.each_ref().map(all);
    let peaks = servers.each_ref().map(|server| status_kib(&server.child.id().to_string(), "VmHWM") as f64 / 1024.0);
    let ([own, bare, hashing], efforts) = (rates.map(median), efforts.map(median));
    println!(
        "upload: {bytes} bytes, {turns} turns each: sandbox {own:.0} MiB/s ({}), bare sink {bare:.0} ({}), sink with CRC32C {hashing:.0} ({}); \
         sandbox to bare sink {:.2}, to the one with CRC32C {:.2}; CPU seconds {:.2}, {:.2}, {:.2}; peak resident {:.1}, {:.1}, {:.1} MiB",
        shown[0],
        shown[1],
        shown[2],
        own / bare,
        own / hashing,
        efforts[0],
        efforts[1],
        efforts[2],
        peaks[0],
        peaks[1],
        peaks[2]
    );
    Ok(())
}

async fn to_sandbox(server: &Server, chunk: &Arc<[u8]>, size: u64, crc32c: u32) -> Result<Duration, String> {
    let client = opusclip::Client::builder(KEY).with_base_url(&server.url).with_pacing(false).build().map_err(told)?;
    let link = client.create_upload_link().with_video(UploadVideo::new(UploadUsecase::LocalUpload)).await.map_err(told)?;
    let session = client.start_upload_session(&link.url).await.map_err(told)?;
    let target = session.expose_uri().strip_prefix(&server.url).ok_or("a session somewhere else")?;
    let (time, head) = put(server, target, chunk, size).await?;
    let hash = format!("crc32c={}", base64::engine::general_purpose::STANDARD.encode(crc32c.to_be_bytes()));
    let hashes = head.lines().find_map(|line| line.strip_prefix("x-goog-hash: ")).unwrap_or_default();
    demand(hashes.split(',').any(|one| one == hash), || format!("{hash} was due, and there is `{hashes}`"))?;
    let report = reqwest::get(format!("{}/_sandbox/uploads/{}", server.url, link.upload_id)).await.map_err(told)?;
    let report: Value = serde_json::from_str(&report.text().await.map_err(told)?).map_err(told)?;
    demand(report["size"] == size && report["received"] == size, || format!("{size} bytes were sent, and it says {report}"))?;
    demand(report["crc32c"] == format!("{crc32c:08x}"), || format!("{crc32c:08x} was due, and it says {report}"))?;
    Ok(time)
}

async fn to_sink(server: &Server, chunk: &Arc<[u8]>, size: u64, crc32c: Option<u32>) -> Result<Duration, String> {
    let (time, head) = put(server, "/sink", chunk, size).await?;
    let due = format!("x-received: {size} {}\r\n", crc32c.unwrap_or_default());
    demand(head.contains(&due), || format!("`{due}` was due, and the sink answered {head}"))?;
    Ok(time)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    f64::midpoint(lower, upper)
}

/// The pieces of a body of this size.
fn pieces(chunk: &[u8], bytes: u64) -> impl Iterator<Item = &[u8]> {
    let rest = usize::try_from(bytes % chunk.len() as u64).expect("less than a chunk");
    (0..bytes / chunk.len() as u64).map(move |_| chunk).chain(Some(&chunk[..rest]))
}

fn checksum(chunk: &[u8], bytes: u64) -> u32 {
    pieces(chunk, bytes).fold(0, crc32c::crc32c_append)
}

/// Sends a body in one request on a connection of its own, and nothing but that: how long it took, and the head of the answer.
async fn put(server: &Server, target: &str, chunk: &Arc<[u8]>, bytes: u64) -> Result<(Duration, String), String> {
    let (address, target, chunk) = (server.address()?, target.to_owned(), Arc::clone(chunk));
    tokio::task::spawn_blocking(move || send(address, &target, &chunk, bytes)).await.map_err(told)?
}

fn send(address: SocketAddr, target: &str, chunk: &[u8], bytes: u64) -> Result<(Duration, String), String> {
    let mut stream = TcpStream::connect(address).map_err(told)?;
    let started = Instant::now();
    let head = format!("PUT {target} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(told)?;
    for piece in pieces(chunk, bytes) {
        stream.write_all(piece).map_err(told)?;
    }
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    while !answer.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut part).map_err(told)?;
        demand(count > 0, || "the connection ended before the answer".to_owned())?;
        answer.extend_from_slice(&part[..count]);
    }
    let time = started.elapsed();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    demand(answer.starts_with("HTTP/1.1 200 "), || answer.clone())?;
    Ok((time, answer))
}

/// A process of its own, which ends with its standard input.
struct Server {
    child: Child,
    _input: ChildStdin,
    url: String,
}

impl Server {
    fn start(what: &str) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(told)?;
        let mut child = Command::new(program).arg(what).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(told)?;
        let (input, output) = (child.stdin.take().ok_or("no input")?, child.stdout.take().ok_or("no output")?);
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url).map_err(told)?;
        Ok(Self { child, _input: input, url: url.trim().to_owned() })
    }

    fn address(&self) -> Result<SocketAddr, String> {
        self.url.trim_start_matches("http://").parse().map_err(told)
    }
}

impl Server {
    /// The CPU seconds it has taken so far, in steps of a hundredth.
    fn busy(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("/proc");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields[place].parse::<f64>().expect("a number of ticks");
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(what: &str) -> ExitCode {
    runtime().block_on(async {
        let sandbox = if what == SANDBOX { Some(Sandbox::start().await.expect("a sandbox")) } else { None };
        match &sandbox {
            Some(sandbox) => println!("{}", sandbox.url()),
            None => sink(what == HASHING).await.expect("a port"),
        }
        // Until the other side is gone.
        let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = end.await;
    });
    ExitCode::SUCCESS
}

/// Takes bodies through the same HTTP as the sandbox.
async fn sink(hashes: bool) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30)).half_close(false);
                // An error is one of the other side, which will tell.
                let _ = http.serve_connection(TokioIo::new(stream), service_fn(|request| discard(request, hashes))).await;
            });
        }
    });
    Ok(())
}

async fn discard(request: Request<Incoming>, hashes: bool) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (mut body, mut received, mut crc32c) = (request.into_body(), 0, 0);
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        received += data.len();
        if hashes {
            crc32c = crc32c::crc32c_append(crc32c, data);
        }
    }
    Ok(Response::builder().header("x-received", format!("{received} {crc32c}")).body(Empty::new()).expect("an answer"))
}
