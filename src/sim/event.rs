//! What happens in a simulator, for tests that wait for it instead of sleeping.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast;

use super::broker::Happening;

/// One HTTP call as the simulator saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    pub method: String,
    pub path: String,
    pub client_id: String,
    /// 0 when the connection was cut instead of answered.
    pub status: u16,
    /// The cloud's own code of a refusal.
    pub code: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SimEvent {
    /// An HTTP call was answered (or struck by a fault).
    Call(CallRecord),
    /// The broker's side: connected, subscribed, acknowledged ...
    Broker(Happening),
    /// The cloud published to a topic.
    Published {
        topic: String,
    },
    /// An accepted control has reached its device.
    Controlled {
        device: String,
    },
    /// An event subscription ran out.
    EventEnded {
        client: String,
        device: String,
    },
    /// What the cloud had asked of a device is answered, or will not be: its time is over.
    DeviceAnswered {
        device: String,
        request: String,
        payload: Option<Bytes>,
    },
    BrokerStarted,
    BrokerStopped,
}

/// A view on the events from the moment it was made.
pub struct SimEvents(pub(super) broadcast::Receiver<SimEvent>);

impl SimEvents {
    /// The next event; none when the simulator has stopped. What a slow reader missed is skipped.
    pub async fn next(&mut self) -> Option<SimEvent> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// Waits until an event is as wanted, at most `limit`.
    pub async fn until(
        &mut self,
        limit: Duration,
        mut wanted: impl FnMut(&SimEvent) -> bool,
    ) -> Option<SimEvent> {
        let search = async {
            loop {
                let event = self.next().await?;
                if wanted(&event) {
                    return Some(event);
                }
            }
        };
        tokio::time::timeout(limit, search).await.ok().flatten()
    }
}
