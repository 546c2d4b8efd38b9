//! Logs and traces: JSON lines on stderr, and spans to an OTLP receiver where one is configured.
//!
//! Fields are codes and our own ids. Nothing of a request, a certificate's subject or a record is ever one.

use std::panic::Location;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer};

/// What to log and where to send traces.
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Base URL of an OTLP receiver, `http://127.0.0.1:4318`.
    pub otlp: Option<String>,
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is none of the five.
    #[error("the level is not error, warn, info, debug or trace")]
    Level,
    /// No exporter could be made for the URL.
    #[error("the exporter of traces cannot be made")]
    Exporter(#[source] ExporterBuildError),
    /// Another subscriber is in force in this process.
    #[error("logging is set up already")]
    Twice(#[source] TryInitError),
}

/// Sends what is left when it is dropped or told to.
#[derive(Debug)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sets up logging and tracing for the whole process.
    ///
    /// # Errors
    /// A level or a URL that cannot be used, or logging that is set up already.
    pub fn start(options: &TelemetryOptions) -> Result<Self, TelemetryError> {
        let provider = options.otlp.as_deref().map(provider).transpose()?;
        let spans = provider
            .as_ref()
            .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("sluis")).with_filter(spans()));
        tracing_subscriber::registry()
            .with(lines(&options.level, std::io::stderr)?)
            .with(spans)
            .try_init()
            .map_err(TelemetryError::Twice)?;
        std::panic::set_hook(Box::new(|panic| panicked(panic.location())));
        Ok(Self { provider })
    }

    /// Sends the spans that are left. Blocks until they are sent or the exporter gives up, so it is not for a worker.
    pub fn stop(self) {
        let Some(provider) = self.provider else { return };
        if provider.shutdown().is_err() {
            tracing::warn!("spans could not be sent at the end");
        }
    }
}

/// Says where, not what: the message of a panic may quote the value that caused it.
fn panicked(location: Option<&Location<'_>>) {
    let (file, line) = location.map_or(("unknown", 0), |location| (location.file(), location.line()));
    tracing::error!(file, line, "panicked");
}

/// Only our own spans: those of libraries carry addresses and paths.
fn spans() -> EnvFilter {
    EnvFilter::new("off,sluis=info")
}

/// The level holds for our own lines. Of libraries only what is wrong is logged, and of those that see requests nothing:
/// their messages quote paths and header values.
fn lines<S, W>(level: &str, writer: W) -> Result<impl Layer<S> + use<S, W>, TelemetryError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let level: LevelFilter = match level {
        "error" | "warn" | "info" | "debug" | "trace" => level.parse().map_err(|_| TelemetryError::Level)?,
        _ => return Err(TelemetryError::Level),
    };
    let filter = EnvFilter::new(format!(
        "error,actix_http=off,actix_web=off,actix_server=off,async_nats=off,h2=off,hyper=off,hyper_util=off,reqwest=off,sluis={level}"
    ));
    Ok(tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer)
        .with_filter(filter))
}

/// Spans are sent by a thread of the exporter with a blocking client: the asynchronous one needs a reactor that this
/// thread has not, and loses every span without a word (opentelemetry-rust #3125).
fn provider(base: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", base.trim_end_matches('/')))
        .build()
        .map_err(TelemetryError::Exporter)?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name("sluis").build())
        .build())
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, log: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::registry().with(lines(level, move || writer.clone()).unwrap());
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_is_one_json_object_with_its_fields() {
        let text = logged("info", || tracing::warn!(reason = "expired", "handshake failed"));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "handshake failed");
        assert_eq!(line["reason"], "expired");
    }

    #[test]
    fn what_is_below_the_level_is_not_logged() {
        assert_eq!(logged("warn", || tracing::info!("quiet")), "");
    }

    #[test]
    fn libraries_that_see_requests_are_not_logged() {
        let text = logged("trace", || {
            tracing::error!(target: "actix_http::h1::decoder", "bad path /fhir/Patient/1");
            tracing::error!(target: "hyper_util::client", "bad url");
        });
        assert_eq!(text, "");
    }

    #[test]
    fn a_panic_is_logged_by_its_place() {
        let text = logged("error", || panicked(Some(Location::caller())));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["message"], &line["file"]), (&"panicked".into(), &file!().into()));
    }

    #[test]
    fn a_level_of_another_name_is_refused() {
        let refused = Telemetry::start(&TelemetryOptions { level: "loud".to_owned(), otlp: None });
        assert!(matches!(refused, Err(TelemetryError::Level)));
    }

    #[test]
    fn spans_reach_an_otlp_receiver_at_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let received = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            let mut bytes = Vec::new();
            let mut chunk = [0; 4096];
            while let Ok(n) = stream.read(&mut chunk) {
                bytes.extend_from_slice(&chunk[..n]);
                if n == 0 || String::from_utf8_lossy(&bytes).contains("an exchange") {
                    break;
                }
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let provider = provider(&base).unwrap();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("sluis")).with_filter(spans());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info_span!("an exchange").in_scope(|| ());
        });
        Telemetry { provider: Some(provider) }.stop();
        let request = received.join().unwrap();
        assert!(request.starts_with("POST /v1/traces"), "{request}");
        assert!(request.contains("an exchange"));
    }
}
