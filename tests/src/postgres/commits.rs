//! A line to a database, on which the answer to a COMMIT can get lost: what was written is kept, and who wrote it cannot know.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result};
use memchr::memmem;
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// As the query of the client says it, and the server's word that it is done (PostgreSQL, "Message Formats": both are text with a
/// zero behind it).
const COMMIT: &[u8] = b"COMMIT\0";

/// The line; it ends when it is dropped.
#[derive(Debug)]
pub struct Line {
    /// The database's address on this line.
    pub url: String,
    fate: Arc<Fate>,
    _serving: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Fate {
    to_be_lost: AtomicBool,
    lost: AtomicU64,
}

impl Line {
    /// A line to the database at `url`.
    pub async fn to(url: &str) -> Result<Self> {
        let mut url = Url::parse(url)?;
        let port = url.port().context("a database of tests has a port")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        // A scheme that the standard does not know takes a port as well.
        let set = url.set_port(Some(listener.local_addr()?.port()));
        set.ok().context("a database of tests is somewhere on the network")?;
        let fate = Arc::new(Fate::default());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, SocketAddr::from(([127, 0, 0, 1], port)), Arc::clone(&fate)));
        Ok(Self { url: url.into(), fate, _serving: serving })
    }

    /// The next COMMIT is done, and its answer does not arrive.
    pub fn lose_next(&self) {
        self.fate.to_be_lost.store(true, Ordering::SeqCst);
    }

    /// Every answer arrives again.
    pub fn lose_nothing(&self) {
        self.fate.to_be_lost.store(false, Ordering::SeqCst);
    }

    /// How many answers were lost.
    pub fn lost(&self) -> u64 {
        self.fate.lost.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, database: SocketAddr, fate: Arc<Fate>) {
    let mut open = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let fate = Arc::clone(&fate);
        open.spawn(async move {
            // A connection that failed has ended, which tells both sides.
            let _ = lead(client, database, &fate).await;
        });
        while open.try_join_next().is_some() {}
    }
}

async fn lead(mut client: TcpStream, database: SocketAddr, fate: &Fate) -> io::Result<()> {
    let mut server = TcpStream::connect(database).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asked, mut answered) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = &asked[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                let commits = memmem::find(bytes, COMMIT).is_some();
                let doomed = commits && fate.to_be_lost.swap(false, Ordering::SeqCst);
                server.write_all(bytes).await?;
                if doomed {
                    swallow(&mut server).await?;
                    fate.lost.fetch_add(1, Ordering::SeqCst);
                    return client.set_zero_linger();
                }
            }
            read = server.read(&mut answered) => {
                let bytes = &answered[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}

/// Reads until the server said that it is done.
async fn swallow(server: &mut TcpStream) -> io::Result<()> {
    let (mut said, mut buffer) = (Vec::new(), vec![0; 4 << 10]);
    while memmem::find(&said, COMMIT).is_none() {
        let read = server.read(&mut buffer).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        said.extend_from_slice(&buffer[..read]);
    }
    Ok(())
}
