//! One connection's MQTT between its stream of bytes and the broker's core.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::sim::broker::{ConnectionId, Identity};
use crate::sim::hub::{Hub, Outbox};
use crate::sim::wire::{Incoming, Reader};

/// A last word is given this long to be written, and the peer as long to leave.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves one connection to its end.
pub async fn converse(hub: &Hub, stream: impl AsyncRead + AsyncWrite, identity: Identity) {
    converse_inside(hub, stream, identity, &AtomicBool::new(false)).await;
}

/// The same inside of something that can be closed in good order, which is then true of `goodbye`.
pub async fn converse_inside(
    hub: &Hub,
    stream: impl AsyncRead + AsyncWrite,
    identity: Identity,
    goodbye: &AtomicBool,
) {
    let (id, outbox) = hub.open(identity);
    let (mut reader, mut writer) = tokio::io::split(stream);
    // Both at once: a peer that writes while it should read must not stop us from reading.
    tokio::select! {
        () = listen(hub, id, &mut reader) => drop(write_last(&outbox, &mut writer).await),
        () = speak(hub, &outbox, &mut writer) => {}
    }
    if goodbye.load(Ordering::Relaxed) {
        hub.goodbye(id);
    }
    hub.lost(id);
    let linger = async {
        drop(writer.shutdown().await);
        // What is not read turns the end into a reset, which may overtake the last words.
        let mut rest = [0; 4096];
        while matches!(reader.read(&mut rest).await, Ok(1..)) {}
    };
    drop(tokio::time::timeout(FAREWELL, linger).await);
}

async fn listen(hub: &Hub, id: ConnectionId, reader: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = BytesMut::with_capacity(8 * 1024);
    let mut packets = Reader::new(hub.packet_limit());
    while let Ok(count @ 1..) = reader.read_buf(&mut buffer).await {
        hub.count_received(count);
        loop {
            match packets.next(&mut buffer) {
                Incoming::Packet(packet) => hub.receive(id, packet),
                Incoming::Incomplete => break,
                Incoming::Wrong(wrong) => return hub.wrong(id, packets.version(), wrong),
            }
        }
    }
}

/// Writes what waits, until the connection is to end. A peer that does not read can still be cut off.
async fn speak(hub: &Hub, outbox: &Outbox, writer: &mut (impl AsyncWrite + Unpin)) {
    loop {
        outbox.changed.notified().await;
        let delay = *hub.delay.borrow();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if outbox.is_closed() {
            drop(write_last(outbox, writer).await);
            return;
        }
        tokio::select! {
            written = write(outbox, writer) => {
                if written.is_err() {
                    return;
                }
            }
            () = outbox.closed.notified() => {
                drop(write_last(outbox, writer).await);
                return;
            }
        }
    }
}

async fn write(outbox: &Outbox, writer: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    let bytes = outbox.take();
    writer.write_all(&bytes).await?;
    writer.flush().await
}

async fn write_last(
    outbox: &Outbox,
    writer: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    tokio::time::timeout(FAREWELL, write(outbox, writer))
        .await
        .unwrap_or(Ok(()))
}
