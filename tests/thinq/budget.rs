//! F30: however a person browses, LG's call limit is not reached by us, and when it is reached we rest.

use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use thingdeck::base::moment::{Moment, Timestamp};
use thingdeck::base::problem::Retry;
use thingdeck::domain::device::DeviceId;
use thingdeck::domain::fact::{Budget, Fact};
use thingdeck::domain::request::{Reply, Request};
use thingdeck::domain::subscription::Feed;
use thingdeck::platform::Platform;
use thingdeck::platform::io::Io;
use thingdeck::platform::thinq::HOURLY;

use crate::script::{Fault, Script, thinq};

fn state(i: usize) -> Request {
    Request::State {
        device: DeviceId::new(&format!("d{i:02}")),
    }
}

fn last_budget(script: &Script) -> Budget {
    let budgets = script.facts().into_iter().filter_map(|fact| match fact {
        Fact::Budget(budget) => Some(budget),
        _ => None,
    });
    budgets.last().expect("a budget was told")
}

#[test]
fn fifty_devices_browsed_for_ten_minutes_stay_within_the_budget() {
    let script = Script::with_devices(50);
    let thinq = thinq();
    let browsing = async {
        for second in 0..600_usize {
            script.sleep(Duration::from_secs(1)).await;
            let _older = thinq.request(&script, state(second % 50)).await;
            if second % 7 == 0 {
                let _list = thinq
                    .request(&script, Request::Devices { fresh: false })
                    .await;
            }
            if second % 11 == 0 {
                let _model = thinq
                    .request(
                        &script,
                        Request::Model {
                            device: DeviceId::new("d07"),
                        },
                    )
                    .await;
            }
        }
    };
    let both = async {
        match select(thinq.attend(&script), Box::pin(browsing)).await {
            Either::Left(_) => panic!("attending does not end"),
            Either::Right(((), _)) => {}
        }
    };
    script.run(both);
    let calls = script.calls().len();
    assert!(calls <= HOURLY, "{calls}");
    assert!(calls > 100, "{calls}");
}

#[test]
fn out_of_budget_a_person_sees_what_was_read_last() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    let mut answered = 0;
    for _ in 0..400 {
        script.run(script.sleep(Duration::from_secs(5)));
        let fresh = script.run(thinq.request(&script, Request::Devices { fresh: true }));
        answered += usize::from(fresh.is_ok());
        let state = script.run(thinq.request(&script, state(0)));
        assert!(matches!(state, Ok(Reply::State(_))), "{state:?}");
    }
    assert!(answered < 400);
    assert_eq!(script.calls().len(), HOURLY);
}

#[test]
fn identical_reads_under_way_become_one_call() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    let many = (0..20).map(|_| thinq.request(&script, state(0)));
    assert!(script.run(join_all(many)).iter().all(Result::is_ok));
    let many = (0..20).map(|_| thinq.request(&script, Request::Devices { fresh: true }));
    assert!(script.run(join_all(many)).iter().all(Result::is_ok));
    assert_eq!(script.calls(), ["GET devices/d00/state", "GET devices"]);
    script
        .run(thinq.request(&script, Request::Devices { fresh: true }))
        .expect("devices");
    assert_eq!(
        script.calls().len(),
        3,
        "a later refresh is a call of its own"
    );
}

#[test]
fn every_form_of_the_limit_makes_all_calls_rest_and_says_until_when() {
    let forms = [
        (Fault::Code(401, "1306"), 600),
        (Fault::Code(401, "1314"), 600),
        (Fault::TooMany(None), 600),
        (Fault::TooMany(Some(30)), 600),
        (Fault::TooMany(Some(2000)), 2000),
    ];
    for (fault, seconds) in forms {
        let script = Script::with_devices(2);
        let thinq = thinq();
        script.fault("GET devices/d00/state", 1, fault.clone());
        let problem = script
            .run(thinq.request(&script, state(0)))
            .expect_err("the limit");
        let wait = Duration::from_secs(seconds);
        assert_eq!(problem.retry, Retry::After(wait), "{fault:?}");
        let Moment { wall, .. } = script.now();
        assert_eq!(
            last_budget(&script).resting_until,
            Some(wall.plus(wait)),
            "{fault:?}"
        );

        let push = Request::Feed {
            device: DeviceId::new("d01"),
            feed: Feed::Push,
            on: true,
            hours: None,
        };
        let problem = script
            .run(thinq.request(&script, push))
            .expect_err("resting");
        assert!(
            problem.cause.contains(&wall.plus(wait).clock(0)),
            "{problem}"
        );
        assert_eq!(script.calls().len(), 1, "nothing is sent while calls rest");

        script.run(script.sleep(wait));
        script
            .run(thinq.request(&script, state(1)))
            .expect("rested");
        assert_eq!(last_budget(&script).resting_until, None);
    }
}

#[test]
fn a_limit_that_lasts_brings_no_storm() {
    let script = Script::with_devices(50);
    script.fault("", u32::MAX, Fault::Code(401, "1314"));
    let thinq = thinq();
    script.run_for(Duration::from_hours(6), thinq.attend(&script));
    let calls = script.calls().len();
    assert!((3..=12).contains(&calls), "{calls} calls in six hours");
    let told = script
        .facts()
        .into_iter()
        .filter(|f| matches!(f, Fact::Budget(b) if b.resting_until > Some(Timestamp(0))))
        .count();
    assert!(told >= 3);
}

#[test]
fn the_count_of_the_hour_goes_down_again() {
    let script = Script::with_devices(1);
    let thinq = thinq();
    for _ in 0..3 {
        script
            .run(thinq.request(&script, Request::Devices { fresh: true }))
            .expect("devices");
    }
    assert_eq!(last_budget(&script).calls_this_hour, 3);
    script.run(script.sleep(Duration::from_secs(3601)));
    script
        .run(thinq.request(&script, Request::Devices { fresh: true }))
        .expect("devices");
    assert_eq!(last_budget(&script).calls_this_hour, 1);
}
