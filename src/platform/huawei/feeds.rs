//! `p` and `e`: the device's system topics. IoTDA delivers them unasked; subscribed they come with a QoS of one's own
//! choice. v1 delivers what is subscribed (`reference/huawei-iot.md` 4, 5).

use super::Huawei;
use super::topics::{command_topic_v1, sys_topic};
use crate::base::problem::{Exit, Problem};
use crate::domain::device::DeviceId;
use crate::domain::message::Qos;
use crate::domain::profile::HuaweiDialect;
use crate::domain::request::FeedEntry;
use crate::domain::subscription::{Feed, FeedState, FilterWish};
use crate::domain::topic::TopicFilter;
use crate::platform::io::Io;

const ON: FeedState = FeedState::On { until: None };

impl Huawei {
    pub(super) async fn set_feed(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        feed: Feed,
        on: bool,
    ) -> Result<FeedState, Problem> {
        if device.as_str() != self.settings.device_id {
            let cause = format!(
                "all that concerns it comes under {}",
                self.settings.device_id
            );
            let what = format!("{device} has no topics of its own here");
            return Err(
                Problem::new(what, cause, "toggle the device that is connected").exit(Exit::Usage),
            );
        }
        let wishes = self.wishes(feed);
        if wishes.is_empty() {
            let cause = "the v1 interface has commands and reports only";
            let what = "there are no such topics";
            return Err(Problem::new(what, cause, "p toggles the commands").exit(Exit::Usage));
        }
        if !on {
            for wish in wishes {
                io.unsubscribe(wish.filter);
            }
            self.feeds().remove(&feed);
            return Ok(self.off());
        }
        for wish in &wishes {
            if let Err(problem) = io.subscribed(wish.clone()).await {
                for wish in wishes {
                    io.unsubscribe(wish.filter);
                }
                return Err(problem);
            }
        }
        self.feeds().insert(feed);
        Ok(ON)
    }

    pub(super) fn list_feeds(&self) -> Vec<FeedEntry> {
        let on = self.feeds();
        let entry = |feed| FeedEntry {
            device: DeviceId::new(&self.settings.device_id),
            feed,
            state: if on.contains(&feed) { ON } else { self.off() },
        };
        Feed::ALL.map(entry).to_vec()
    }

    /// What it means that nothing is subscribed.
    const fn off(&self) -> FeedState {
        match self.settings.dialect {
            HuaweiDialect::V1 => FeedState::Off,
            HuaweiDialect::Iotda => FeedState::Unasked,
        }
    }

    /// What of it the platform does not deliver by itself, for the connect plan.
    pub(super) fn wanted(&self) -> Vec<FilterWish> {
        let on = self.feeds().clone();
        on.into_iter().flat_map(|feed| self.wishes(feed)).collect()
    }

    fn wishes(&self, feed: Feed) -> Vec<FilterWish> {
        let id = &self.settings.device_id;
        let filters = match (self.settings.dialect, feed) {
            (HuaweiDialect::V1, Feed::Push) => vec![command_topic_v1(id)],
            (HuaweiDialect::V1, Feed::Event) => Vec::new(),
            (HuaweiDialect::Iotda, Feed::Push) => {
                ["commands/#", "properties/set/#", "properties/get/#"]
                    .map(|what| sys_topic(id, what))
                    .to_vec()
            }
            (HuaweiDialect::Iotda, Feed::Event) => ["messages/down", "events/down"]
                .map(|what| sys_topic(id, what))
                .to_vec(),
        };
        let wish = |text: String| {
            let filter = TopicFilter::parse(&text).ok()?;
            Some(FilterWish::new(filter, Qos::AtLeastOnce))
        };
        filters.into_iter().filter_map(wish).collect()
    }
}
