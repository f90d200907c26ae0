//! Listening.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::Service;

use crate::{Config, Error, Store};

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
    pub async fn run(self, mut listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) {
        let router = self.router();
        let (stop, stopped) = watch::channel(());
        let mut shutdown = pin!(shutdown);
        loop {
            // It waits by itself when connections fail or files run out.
            let (stream, peer) = tokio::select! {
                accepted = Listener::accept(&mut listener) => accepted,
                () = &mut shutdown => break,
            };
            tokio::spawn(answer(stream, peer, router.clone(), stopped.clone()));
        }
        drop((listener, stopped));
        self.state.hub.close();
        stop.send_replace(());
        stop.closed().await;
    }
}

/// Answers the requests of one connection; after the stop, the one under way is the last.
async fn answer(stream: TcpStream, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<()>) {
    // An event for a printer leaves when it is written, whatever the printer has not acknowledged yet.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
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
