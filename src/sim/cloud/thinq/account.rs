//! What the cloud remembers: clients, their certificates, their subscriptions, and the calls of the hour.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::codes::Refusal;
use crate::base::moment::Mono;

const HOUR: Duration = Duration::from_secs(3600);

/// One registered client.
#[derive(Debug, Default)]
pub struct Client {
    /// Devices whose notifications it wants.
    pub push: BTreeSet<String>,
    /// Devices whose state changes it wants, and until when.
    pub event: BTreeMap<String, Mono>,
    /// Whether it wants to hear of new, removed and renamed devices.
    pub home: bool,
}

/// A certificate that was issued, by its DER.
#[derive(Debug)]
pub struct Certificate {
    pub client: String,
    pub refused: bool,
}

#[derive(Debug)]
pub struct Accounts {
    pub clients: BTreeMap<String, Client>,
    pub certificates: BTreeMap<Vec<u8>, Certificate>,
    pub call_limit: usize,
    pub event_limit: usize,
    calls: VecDeque<Mono>,
}

impl Default for Accounts {
    /// LG publishes neither limit; these are far from what a decent client needs for 1,000 devices.
    fn default() -> Self {
        Self {
            clients: BTreeMap::new(),
            certificates: BTreeMap::new(),
            call_limit: 20_000,
            event_limit: 2_000,
            calls: VecDeque::new(),
        }
    }
}

impl Accounts {
    /// Counts a call against the limit of the user, over the hour that just passed.
    ///
    /// 1314 is what the live service says, though its table has 1306.
    pub fn count_call(&mut self, now: Mono) -> Result<(), Refusal> {
        while self.calls.front().is_some_and(|at| now.since(*at) >= HOUR) {
            self.calls.pop_front();
        }
        if self.calls.len() >= self.call_limit {
            return Err("1314".into());
        }
        self.calls.push_back(now);
        Ok(())
    }

    /// The client, if it is registered. The code for one that is not is undocumented; 1209 says "register again".
    pub fn client(&mut self, id: &str) -> Result<&mut Client, Refusal> {
        self.clients.get_mut(id).ok_or_else(|| "1209".into())
    }

    pub fn register(&mut self, id: &str) {
        self.clients.entry(id.to_owned()).or_default();
    }

    /// Removes a client with its subscriptions and certificates.
    pub fn forget(&mut self, id: &str) {
        self.clients.remove(id);
        self.certificates
            .retain(|_, certificate| certificate.client != id);
    }

    /// Whether a certificate may still finish a handshake.
    pub fn accepts(&self, der: &[u8]) -> bool {
        self.certificates
            .get(der)
            .is_none_or(|certificate| !certificate.refused)
    }

    pub fn subscribe_push(&mut self, client: &str, device: &str) -> Result<(), Refusal> {
        if self.client(client)?.push.insert(device.to_owned()) {
            Ok(())
        } else {
            Err("1207".into())
        }
    }

    pub fn unsubscribe_push(&mut self, client: &str, device: &str) -> Result<(), Refusal> {
        let known = self.clients.get_mut(client);
        if known.is_some_and(|client| client.push.remove(device)) {
            Ok(())
        } else {
            Err("1206".into())
        }
    }

    /// Subscribes, or begins the time anew: a second POST is no error (5.6).
    pub fn subscribe_event(
        &mut self,
        client: &str,
        device: &str,
        hours: u32,
        now: Mono,
    ) -> Result<(), Refusal> {
        let taken: usize = self.clients.values().map(|c| c.event.len()).sum();
        let limit = self.event_limit;
        let client = self.client(client)?;
        if !client.event.contains_key(device) && taken >= limit {
            return Err("1312".into());
        }
        client
            .event
            .insert(device.to_owned(), now.plus(HOUR * hours));
        Ok(())
    }

    pub fn unsubscribe_event(&mut self, client: &str, device: &str) -> Result<(), Refusal> {
        let known = self.clients.get_mut(client);
        match known.and_then(|client| client.event.remove(device)) {
            Some(_) => Ok(()),
            None => Err("1204".into()),
        }
    }

    /// Lets event subscriptions end; says which.
    pub fn expire(&mut self, now: Mono) -> Vec<(String, String)> {
        let mut ended = Vec::new();
        for (id, client) in &mut self.clients {
            client.event.retain(|device, end| {
                let lives = *end > now;
                if !lives {
                    ended.push((id.clone(), device.clone()));
                }
                lives
            });
        }
        ended
    }

    pub fn forget_device(&mut self, device: &str) {
        for client in self.clients.values_mut() {
            client.push.remove(device);
            client.event.remove(device);
        }
    }
}
