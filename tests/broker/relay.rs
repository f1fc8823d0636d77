//! A piece of wire between a client and the broker that can be cut, and joined again.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub struct Relay {
    pub port: u16,
    cut: Arc<Notify>,
}

impl Relay {
    pub async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let cut = Arc::new(Notify::new());
        let waiting = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let cut = Arc::clone(&waiting);
                tokio::spawn(async move {
                    let Ok(mut broker) = TcpStream::connect(("127.0.0.1", broker)).await else {
                        return;
                    };
                    tokio::select! {
                        _ended = tokio::io::copy_bidirectional(&mut client, &mut broker) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        Self { port, cut }
    }

    /// Ends every connection through it without a word; new ones are let through.
    pub fn cut(&self) {
        self.cut.notify_waiters();
    }
}
