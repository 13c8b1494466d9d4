//! The API, the storage and the CDN in one, as far as an upload and a download need them: `sink [--crc] [--tls CERT KEY]`.
//!
//! A thread for each connection, blocking sockets and no more of HTTP than the senders speak, so that the sink is not what is
//! measured. It prints its address, and runs until it is killed.

mod answers;
mod http;
mod socket;
mod storage;
mod tls;

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use crate::http::Connection;
use crate::socket::Socket;
use crate::storage::Storage;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tls = match arguments.iter().position(|word| word == "--tls") {
        Some(at) => {
            let files = arguments.get(at + 1).zip(arguments.get(at + 2));
            let (cert, key) = files.ok_or_else(|| anyhow::anyhow!("--tls needs a certificate and a key"))?;
            Some(tls::config(cert, key)?)
        }
        None => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base = format!("{}://{}", if tls.is_some() { "https" } else { "http" }, listener.local_addr()?);
    let storage = Arc::new(Storage::new(base.clone(), arguments.iter().any(|word| word == "--crc")));
    println!("{base}");
    for socket in listener.incoming() {
        let (socket, tls, storage) = (socket?, tls.clone(), Arc::clone(&storage));
        thread::spawn(move || {
            let served = Socket::new(socket).and_then(|socket| match tls {
                Some(config) => serve(tls::accept(config, socket)?, &storage),
                None => serve(socket, &storage),
            });
            if let Err(error) = served {
                eprintln!("sink: {error}");
            }
        });
    }
    Ok(())
}

fn serve(stream: impl Read + Write, storage: &Storage) -> io::Result<()> {
    let mut connection = Connection::new(stream);
    while let Some(request) = connection.request()? {
        answers::answer(&mut connection, &request, storage)?;
    }
    Ok(())
}
