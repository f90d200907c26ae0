//! Listening.

use std::future::Future;
use std::net::SocketAddr;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::{Config, Error, Store};

/// Opens the store and serves it until `shutdown` is done; requests under way are finished first.
///
/// # Errors
/// As [`Store::open`], and when the address cannot be listened on.
pub async fn serve(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let store = Store::open(config).await?;
    let address = store.state.config.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    store.run(listener, shutdown).await
}

impl Store {
    /// Serves on a listener that is open already, until `shutdown` is done; waiting printers are let go then.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        let address = self.state.config.listen;
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        // An event for a printer leaves when it is written, whatever the printer has not acknowledged yet.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let hub = self.state.hub.clone();
        let let_go = async move {
            shutdown.await;
            hub.close();
        };
        axum::serve(listener, service)
            .with_graceful_shutdown(let_go)
            .await
            .map_err(|source| Error::Listen { address, source })
    }
}
