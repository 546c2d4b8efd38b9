//! A real NATS server with JetStream, on loopback.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context, consumer, stream};
use futures_util::StreamExt as _;

/// The server; what it stored stays while it is down.
pub(crate) struct Nats {
    address: SocketAddr,
    store: PathBuf,
    arguments: Vec<String>,
    options: ConnectOptions,
    scheme: &'static str,
    child: Option<Child>,
}

/// A message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) id: String,
    pub(crate) payload: String,
}

impl Nats {
    pub(crate) fn up(dir: &Path, arguments: &[&str]) -> Self {
        Self::with(dir, arguments, "nats", ConnectOptions::new())
    }

    /// A server that asks for a token.
    pub(crate) fn guarded(dir: &Path, token: &str) -> Self {
        Self::with(dir, &["--auth", token], "nats", ConnectOptions::new().token(token.to_owned()))
    }

    /// A server with the certificate of a gateway, which takes callers of the test PKI alone.
    pub(crate) fn over_tls(dir: &Path, pki: &Path, caller: &str) -> Self {
        let trusted: String = std::fs::read_dir(pki.join("trust"))
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        std::fs::write(dir.join("clients.pem"), trusted).unwrap();
        let [certificate, key, clients] = [pki.join("server.pem"), pki.join("server.key"), dir.join("clients.pem")];
        let files = [certificate, key, clients].map(|path| path.to_str().unwrap().to_owned());
        let [certificate, key, clients] = &files;
        let arguments = ["--tlsverify", "--tlscert", certificate, "--tlskey", key, "--tlscacert", clients];
        let own = |end: &str| pki.join(format!("callers/{caller}.{end}"));
        let options = ConnectOptions::new()
            .add_root_certificates(pki.join("server-ca.pem"))
            .add_client_certificate(own("pem"), own("key"));
        Self::with(dir, &arguments, "tls", options)
    }

    fn with(dir: &Path, arguments: &[&str], scheme: &'static str, options: ConnectOptions) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut nats = Self { address, store: dir.join("nats"), arguments, options, scheme, child: None };
        nats.start();
        nats
    }

    pub(crate) fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.store.with_extension("log")).unwrap();
        // Debian keeps it where not everybody's PATH leads.
        let place = Path::new("/usr/sbin/nats-server");
        let child = Command::new(if place.is_file() { place } else { Path::new("nats-server") })
            .args(["--jetstream", "--store_dir", self.store.to_str().unwrap(), "--addr", "127.0.0.1"])
            .args(["--port", &self.address.port().to_string()])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nats-server is a package of Debian: tools/setup test installs it");
        self.child = Some(child);
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(self.address).is_err() {
            assert!(Instant::now() < until, "the NATS server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn wipe(&self) {
        std::fs::remove_dir_all(&self.store).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    async fn context(&self) -> Context {
        jetstream::new(self.options.clone().connect(self.url()).await.unwrap())
    }

    /// Makes a stream of everything below `sluis`.
    pub(crate) async fn make(&self) {
        let subjects = vec!["sluis.>".to_owned()];
        let config = stream::Config { name: "RECORD".to_owned(), subjects, ..stream::Config::default() };
        self.context().await.create_stream(config).await.unwrap();
    }

    /// Everything in it, in order.
    pub(crate) async fn messages(&self) -> Vec<Message> {
        let context = self.context().await;
        let mut stream = context.get_stream("RECORD").await.unwrap();
        let count = stream.info().await.unwrap().state.messages;
        let config = consumer::pull::OrderedConfig::default();
        let messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
        let count = usize::try_from(count).unwrap();
        messages
            .take(count)
            .map(|message| {
                let message = message.unwrap();
                let id = message.headers.as_ref().unwrap().get("Nats-Msg-Id").unwrap().as_str().to_owned();
                let payload = String::from_utf8(message.payload.to_vec()).unwrap();
                Message { subject: message.subject.to_string(), id, payload }
            })
            .collect()
            .await
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap_or_default();
            child.wait().map(drop).unwrap_or_default();
        }
    }
}
