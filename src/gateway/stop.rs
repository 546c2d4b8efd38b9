//! Being told to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Spreads the news that the gateway stops; the news comes from a signal or from [`Stop::now`].
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Returns a stop that nobody asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Asks to stop when SIGTERM or SIGINT comes. Needs a runtime.
    ///
    /// # Errors
    /// When the signals cannot be listened to.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => (),
                _ = interrupt.recv() => (),
            }
            stop.now();
            tracing::info!("told to stop");
        });
        Ok(())
    }

    /// Asks to stop.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Ready once somebody asked to stop.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut told = self.0.subscribe();
        async move {
            // An error means that nobody is left who could ask; then nobody will.
            if told.wait_for(|stopping| *stopping).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[actix_web::test]
    async fn everybody_hears_of_it_before_and_after() {
        let stop = Stop::new();
        let early = stop.asked();
        assert!(timeout(Duration::from_millis(10), stop.asked()).await.is_err());
        stop.clone().now();
        early.await;
        stop.asked().await;
    }
}
