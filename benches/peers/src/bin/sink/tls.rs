//! The same over TLS. rustls's buffered connection moves each byte so often that the sink, not the sender, was what took the time.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};

use crate::socket::Socket;

/// What is received at once, encrypted.
const INCOMING: usize = 1 << 20;

/// The plain text of a record, at the most, and what encryption adds.
const RECORD: usize = 16 << 10;
const OUTGOING: usize = RECORD + 1024;

type State<'c, 'i> = ConnectionState<'c, 'i, ServerConnectionData>;

pub(crate) fn config(cert: &str, key: &str) -> anyhow::Result<Arc<ServerConfig>> {
    let cert = CertificateDer::from_pem_file(cert)?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let builder = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into()).with_safe_default_protocol_versions()?;
    Ok(builder.with_no_client_auth().with_single_cert(vec![cert], key)?.into())
}

pub(crate) struct TlsStream {
    connection: UnbufferedServerConnection,
    incoming: Box<[u8]>,
    /// What of `incoming` is received and not decrypted yet.
    start: usize,
    end: usize,
    output: Output,
}

struct Output {
    socket: Socket,
    buffer: Box<[u8]>,
    /// What of the buffer the handshake has put there.
    queued: usize,
}

pub(crate) fn accept(config: Arc<ServerConfig>, socket: Socket) -> io::Result<TlsStream> {
    let connection = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
    let output = Output { socket, buffer: vec![0; OUTGOING].into(), queued: 0 };
    Ok(TlsStream { connection, incoming: vec![0; INCOMING].into(), start: 0, end: 0, output })
}

impl Output {
    /// Does what the handshake wants to be sent, or gives back what is something else.
    fn handshake<'c, 'i>(&mut self, state: State<'c, 'i>) -> io::Result<Option<State<'c, 'i>>> {
        match state {
            ConnectionState::EncodeTlsData(mut data) => {
                self.queued += data.encode(&mut self.buffer[self.queued..]).map_err(io::Error::other)?;
                Ok(None)
            }
            ConnectionState::TransmitTlsData(data) => {
                self.socket.write_all(&self.buffer[..self.queued])?;
                self.queued = 0;
                data.done();
                Ok(None)
            }
            state => Ok(Some(state)),
        }
    }
}

impl Read for TlsStream {
    /// Reads one record; the buffer has to have room for it.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() < RECORD {
            return Err(ErrorKind::InvalidInput.into());
        }
        loop {
            let UnbufferedStatus { discard, state, .. } = self.connection.process_tls_records(&mut self.incoming[self.start..self.end]);
            self.start += discard;
            match self.output.handshake(state.map_err(io::Error::other)?)? {
                None => {}
                Some(ConnectionState::ReadTraffic(mut traffic)) => {
                    let Some(record) = traffic.next_record() else { continue };
                    let payload = record.map_err(io::Error::other)?.payload;
                    buffer[..payload.len()].copy_from_slice(payload);
                    // A record may be empty, which is not the end.
                    if !payload.is_empty() {
                        return Ok(payload.len());
                    }
                }
                Some(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => {
                    self.incoming.copy_within(self.start..self.end, 0);
                    (self.start, self.end) = (0, self.end - self.start);
                    match self.output.socket.read(&mut self.incoming[self.end..])? {
                        0 => return Ok(0),
                        count => self.end += count,
                    }
                }
                Some(_) => return Ok(0),
            }
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(RECORD)];
        loop {
            let state = self.connection.process_tls_records(&mut []).state.map_err(io::Error::other)?;
            match self.output.handshake(state)? {
                None => {}
                Some(ConnectionState::WriteTraffic(mut traffic)) => {
                    let count = traffic.encrypt(bytes, &mut self.output.buffer).map_err(io::Error::other)?;
                    self.output.socket.write_all(&self.output.buffer[..count])?;
                    return Ok(bytes.len());
                }
                Some(_) => return Err(ErrorKind::NotConnected.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
