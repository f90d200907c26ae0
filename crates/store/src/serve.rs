//! Listening.

mod seats;
mod stuck;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use self::seats::{Seat, Seats};
use self::stuck::Unstuck;
pub use self::tls::Certificate;
use crate::{Config, Error, Store};

/// Most bytes of a request's head, and what is read or written at once.
const BUFFER: usize = 64 << 10;
/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Opens the store and serves it until `shutdown` is done; requests under way are finished first.
///
/// # Errors
/// As [`Store::open`], and when the address cannot be listened on.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let store = Store::open(config).await?;
    let address = store.state.config.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    store.run(listener, shutdown).await;
    Ok(())
}

impl Store {
    /// Serves on a listener that is open already, until `shutdown` is done; waiting printers are let go then.
    ///
    /// It speaks HTTP/1.1 and nothing else: looking for HTTP/2 first would double what each waiting printer costs to read.
    ///
    /// It ends by itself, too, when the database is not the store any more that was opened ([`Store::replaced`]).
    pub async fn run(self, mut listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) {
        let door = Arc::new(Door::new(&self));
        let config = &self.state.config;
        let seats = Seats::new(config.max_connections, config.max_connections_per_address, config.proxies());
        let (stop, stopped) = watch::channel(());
        let mut look = interval(tls::LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shutdown = pin!(shutdown);
        let mut lost = self.hold.lost();
        loop {
            // It waits by itself when connections fail or files run out.
            let (stream, peer) = tokio::select! {
                accepted = Listener::accept(&mut listener) => accepted,
                _ = look.tick(), if self.certificate.is_some() => {
                    self.certificate.iter().for_each(Certificate::renew_if_changed);
                    continue;
                }
                () = &mut shutdown => break,
                Ok(_) = lost.wait_for(|lost| *lost) => {
                    tracing::error!("another store took the place of this one in the database");
                    break;
                }
            };
            match seats.take(peer.ip()) {
                Some(seat) => drop(tokio::spawn(door.clone().answer(stream, peer, seat, stopped.clone()))),
                None => tracing::debug!("a connection was refused: there are too many"),
            }
        }
        drop((listener, stopped));
        self.state.hub.close();
        self.state.live.close();
        stop.send_replace(());
        stop.closed().await;
    }

    /// Becomes true when another store took the place of this one in the database: a restore.
    pub fn replaced(&self) -> watch::Receiver<bool> {
        self.hold.lost()
    }

    /// The certificate that the store speaks TLS with, if it does.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }
}

/// What all connections share.
struct Door {
    router: Router,
    tls: Option<TlsAcceptor>,
    http: http1::Builder,
}

impl Door {
    fn new(store: &Store) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(store.state.config.header_timeout_s))
            .max_buf_size(BUFFER);
        Self { router: store.router(), tls: store.certificate.as_ref().map(Certificate::acceptor), http }
    }

    /// Answers the requests of one connection; after the stop, the one under way is the last.
    async fn answer(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        _seat: Seat,
        stopped: watch::Receiver<()>,
    ) {
        // An event for a printer leaves when it is written, whatever the printer has not acknowledged yet.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.converse(stream, peer, stopped).await };
        match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, peer, stopped).await,
            Ok(Err(error)) => tracing::trace!(%error, "no TLS"),
            Err(_) => tracing::trace!("no TLS in time"),
        }
    }

    async fn converse<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        &self,
        stream: S,
        peer: SocketAddr,
        mut stopped: watch::Receiver<()>,
    ) {
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().call(request)
        });
        let stream = TokioIo::new(Unstuck::new(stream));
        let mut connection = pin!(self.http.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%error, "a connection ended early");
        }
    }
}
