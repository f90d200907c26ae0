//! Bodies arrive at some pace, or not at all; and what nobody read is read away.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use sealpost_api::Problem;
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::fault::respond;

/// A rest of a body that is read away, so that the connection can be used again.
const REST: u64 = 64 << 10;
const REST_TIME: Duration = Duration::from_secs(2);

/// How slow a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long may be waited for it in all, whatever arrived.
    pub(crate) grace: Duration,
    /// How many bytes buy another second.
    pub(crate) bytes_per_s: u32,
}

/// Middleware: ends requests whose bodies come too slowly, and keeps connections usable after early answers.
pub(crate) async fn paced(State(pace): State<Pace>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let fate = Arc::new(Fate::default());
    // Who asks before sending a body is spared it.
    let asks = request.headers().contains_key(header::EXPECT);
    let request = request.map(|body| Body::new(Paced::new(body, pace, fate.clone())));
    let mut response = next.run(request).await;
    if fate.slow.load(Ordering::Relaxed) {
        response = respond(
            &Problem::new(408, "too_slow", "The request did not arrive in time")
                .detail("Too little of its body came for too long.")
                .hint("Send it again over a better connection."),
        );
    }
    if !fate.is_over(asks).await {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What became of a body.
#[derive(Default)]
struct Fate {
    ended: AtomicBool,
    slow: AtomicBool,
    /// What nobody wanted to read.
    left: Mutex<Option<Body>>,
}

impl Fate {
    /// Whether all of the body has been read, by now.
    async fn is_over(&self, spared: bool) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
        match left {
            Some(_) if spared => false,
            Some(body) => timeout(REST_TIME, read_away(body)).await.unwrap_or(false),
            None => self.ended.load(Ordering::Relaxed),
        }
    }
}

/// Whether the rest was short enough.
async fn read_away(mut body: Body) -> bool {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > REST {
            return false;
        }
    }
    true
}

/// A body that may be waited for only so long. Time that its reader takes does not count.
struct Paced {
    body: Body,
    pace: Pace,
    received: u64,
    waited: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    fate: Arc<Fate>,
}

impl Paced {
    fn new(body: Body, pace: Pace, fate: Arc<Fate>) -> Self {
        Self { body, pace, received: 0, waited: Duration::ZERO, waiting: None, fate }
    }

    /// How long may still be waited for the next part.
    fn left(&self) -> Duration {
        let earned = Duration::from_secs(self.received / u64::from(self.pace.bytes_per_s.max(1)));
        (self.pace.grace + earned).saturating_sub(self.waited)
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if let Some((since, _)) = self.waiting.take() {
                self.waited += since.elapsed();
            }
            match &frame {
                Some(Ok(frame)) => self.received += frame.data_ref().map_or(0, |data| data.len() as u64),
                Some(Err(_)) => {}
                None => self.fate.ended.store(true, Ordering::Relaxed),
            }
            return Poll::Ready(frame);
        }
        let left = self.left();
        let (_, alarm) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(alarm.as_mut().poll(context));
        self.fate.slow.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(TooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        let fate = &self.fate;
        if self.body.is_end_stream() {
            fate.ended.store(true, Ordering::Relaxed);
        }
        if !fate.ended.load(Ordering::Relaxed) && !fate.slow.load(Ordering::Relaxed) {
            *fate.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::mem::take(&mut self.body));
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
struct TooSlow;

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};

    use super::*;

    const PACE: Pace = Pace { grace: Duration::from_secs(10), bytes_per_s: 100 };

    /// Parts of 100 bytes, each after so many seconds.
    fn body(seconds: &'static [u64]) -> (Body, Arc<Fate>) {
        let parts = stream::iter(seconds).then(async |seconds| {
            sleep(Duration::from_secs(*seconds)).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![0; 100]))
        });
        let fate = Arc::new(Fate::default());
        (Body::new(Paced::new(Body::from_stream(parts), PACE, fate.clone())), fate)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_be_waited_for_as_long_as_it_brings_something() {
        let (body, fate) = body(&[9, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 1000);
        assert!(fate.is_over(false).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up() {
        let (body, fate) = body(&[3, 3, 3, 3, 3, 3, 3]);
        let begun = Instant::now();
        assert!(body.collect().await.is_err());
        assert!(fate.slow.load(Ordering::Relaxed));
        assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
        assert!(!fate.is_over(false).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_not_the_senders_fault() {
        let (mut body, fate) = body(&[5, 1, 1, 1]);
        while body.frame().await.is_some() {
            sleep(Duration::from_secs(60)).await;
        }
        assert!(fate.is_over(false).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_read_is_read_away_unless_it_is_long() {
        let (short, fate) = body(&[0, 0]);
        drop(short);
        assert!(fate.is_over(false).await);
        let fate = Arc::new(Fate::default());
        drop(Body::new(Paced::new(Body::from(vec![0; 1 << 20]), PACE, fate.clone())));
        assert!(!fate.is_over(false).await);
    }
}
