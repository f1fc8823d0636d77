//! The sockets, on loopback: HTTPS, and MQTT bare, over TLS, over WebSocket.

pub mod front;
pub mod http;
pub mod mqtt;
pub mod port;
pub mod web_socket;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Binds a port of this machine; 0 is any. Returns the address that it has become.
pub fn bind(port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
