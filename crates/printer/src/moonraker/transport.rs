//! Frames of JSON: over a websocket, or over Moonraker's Unix socket where each ends with 0x03.

use std::{io, path::Path};

use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::Address;

/// Largest frame that is read.
const LIMIT: usize = 8 << 20;
const END: u8 = 0x03;

pub(super) enum Transport {
    Web(Box<WebSocketStream<TcpStream>>),
    Unix { reader: BufReader<OwnedReadHalf>, writer: OwnedWriteHalf, partial: Vec<u8> },
}

impl Transport {
    pub(super) async fn connect(address: &Address) -> io::Result<Self> {
        match &address.socket {
            Some(path) => Self::unix(path).await,
            None => Self::web(address).await,
        }
    }

    /// The next frame; `None` when the other side hung up. Nothing is lost when it is dropped half-way.
    pub(super) async fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Web(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Some(text.as_bytes().to_vec())),
                    Some(Ok(Message::Close(_))) | None => return Ok(None),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(io::Error::other(error)),
                }
            },
            Self::Unix { reader, partial, .. } => {
                let room = (LIMIT - partial.len().min(LIMIT)) as u64;
                let read = reader.take(room).read_until(END, partial).await?;
                if partial.last() == Some(&END) {
                    partial.pop();
                    return Ok(Some(std::mem::take(partial)));
                }
                if read == 0 && room > 0 {
                    return Ok(None);
                }
                Err(io::Error::other("a frame is too large"))
            }
        }
    }

    pub(super) async fn send(&mut self, text: String) -> io::Result<()> {
        match self {
            Self::Web(socket) => socket.send(Message::text(text)).await.map_err(io::Error::other),
            Self::Unix { writer, .. } => {
                let mut bytes = text.into_bytes();
                bytes.push(END);
                writer.write_all(&bytes).await
            }
        }
    }

    async fn unix(path: &Path) -> io::Result<Self> {
        let (reader, writer) = UnixStream::connect(path).await?.into_split();
        Ok(Self::Unix { reader: BufReader::new(reader), writer, partial: Vec::new() })
    }

    async fn web(address: &Address) -> io::Result<Self> {
        let url = &address.url;
        if url.scheme() != "http" {
            return Err(io::Error::other("Moonraker's address begins with http://"));
        }
        let host = url.host_str().unwrap_or("127.0.0.1");
        let port = url.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(LIMIT))
            .max_frame_size(Some(LIMIT))
            .read_buffer_size(16 << 10);
        let path = url.path().trim_end_matches('/');
        let target = format!("ws://{host}:{port}{path}/websocket");
        let (socket, _) =
            client_async_with_config(target, stream, Some(config)).await.map_err(io::Error::other)?;
        Ok(Self::Web(Box::new(socket)))
    }
}
