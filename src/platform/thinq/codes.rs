//! LG's error codes, each with what it means, what to do, and whom it concerns (`reference/lg-thinq.md` 6).

use super::codes::Concern::{Ask, Bug, Device, Harmless, Wait};

/// Whom an error concerns: the one thing that callers decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// The whole account, until a person acts.
    Ask,
    /// The whole account, for a while.
    Wait,
    /// One device or one request to it; never disturbs the others.
    Device,
    /// What was wanted is already so.
    Harmless,
    /// We sent what the API does not understand.
    Bug,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub code: &'static str,
    pub concern: Concern,
    /// Ends the sentence `LG answered 1222: …`.
    pub meaning: &'static str,
    /// What a person can do.
    pub remedy: &'static str,
}

const fn row(
    code: &'static str,
    concern: Concern,
    meaning: &'static str,
    remedy: &'static str,
) -> Row {
    Row {
        code,
        concern,
        meaning,
        remedy,
    }
}

const NEW_TOKEN: &str = "make a new token at https://connect-pat.lgthinq.com (sign in by id and password, not by QR code) and check \
                         the profile's country";
const RELOAD: &str = "refresh the device list (r)";
const REPORT: &str = "this is a fault of thingdeck: please report it with the log";
const LATER: &str = "try again in a moment";
const SCOPE: &str = "make a token with all scopes ticked at https://connect-pat.lgthinq.com";
const NOTHING: &str = "nothing needs to be done";
const NOT_OFFERED: &str = "LG does not offer this for the appliance";

/// Sorted by code.
pub const TABLE: &[Row] = &[
    row("0000", Wait, "an error that LG does not classify", LATER),
    row("1000", Bug, "the request is malformed", REPORT),
    row("1101", Bug, "a required parameter is missing", REPORT),
    row(
        "1102",
        Device,
        "a value is not acceptable to the device",
        "choose a value that the device's profile allows",
    ),
    row("1103", Ask, "the token is malformed", NEW_TOKEN),
    row("1104", Bug, "the message id is malformed", REPORT),
    row("1201", Bug, "there is no such administrator", REPORT),
    row(
        "1202",
        Ask,
        "there is no such user",
        "check the LG account in the ThinQ app",
    ),
    row("1203", Bug, "there is no such service", REPORT),
    row(
        "1204",
        Harmless,
        "events of this device were not subscribed",
        NOTHING,
    ),
    row("1205", Device, "the device does not exist", RELOAD),
    row(
        "1206",
        Harmless,
        "push of this device was not subscribed",
        NOTHING,
    ),
    row(
        "1207",
        Harmless,
        "push of this device is already subscribed",
        NOTHING,
    ),
    row(
        "1208",
        Bug,
        "the service belongs to another administrator",
        REPORT,
    ),
    row(
        "1209",
        Device,
        "this client is not registered with the service",
        "start thingdeck again: it registers anew",
    ),
    row(
        "1210",
        Device,
        "the service may not use this device",
        "the device cannot be used through the open API",
    ),
    row(
        "1211",
        Device,
        "the device is not registered by this user",
        RELOAD,
    ),
    row(
        "1212",
        Device,
        "the device is not owned by this user",
        RELOAD,
    ),
    row("1213", Device, "the device is not registered", RELOAD),
    row(
        "1214",
        Device,
        "the device cannot be subscribed for events",
        "look at its state now and then (s): it does not report changes",
    ),
    row("1216", Bug, "a header is incorrect", REPORT),
    row("1217", Device, "the device is already deleted", RELOAD),
    row("1218", Ask, "the token is invalid", NEW_TOKEN),
    row("1219", Device, "the model is not supported", NOT_OFFERED),
    row(
        "1220",
        Device,
        "the model does not support this feature",
        NOT_OFFERED,
    ),
    row(
        "1221",
        Device,
        "the product does not support this",
        NOT_OFFERED,
    ),
    row(
        "1222",
        Device,
        "the device is not connected",
        "check its power and its Wi-Fi; what is shown is its last known state",
    ),
    row(
        "1223",
        Device,
        "the device's state is invalid at the moment",
        LATER,
    ),
    row("1224", Device, "the device id is invalid", RELOAD),
    row(
        "1225",
        Device,
        "the device id is registered twice",
        "remove the device in the ThinQ app and add it again",
    ),
    row(
        "1301",
        Ask,
        "the service key is invalid",
        "LG may have rotated it: set `api_key` in the profile",
    ),
    row(
        "1302",
        Ask,
        "the token is unknown or has expired",
        NEW_TOKEN,
    ),
    row("1303", Ask, "the token's user is unknown", NEW_TOKEN),
    row(
        "1304",
        Ask,
        "the terms of service are not accepted",
        "open the LG ThinQ app and accept them",
    ),
    row("1305", Device, "the token does not allow this call", SCOPE),
    row(
        "1306",
        Wait,
        "too many API calls",
        "wait; the stream goes on meanwhile",
    ),
    row(
        "1307",
        Ask,
        "the country is not supported",
        "check the profile's country: it is the LG account's, not where you are",
    ),
    row(
        "1308",
        Device,
        "no authority to control the device",
        "older (ThinQ v1) appliances are read-only; else leave the control to this program in the app",
    ),
    row(
        "1309",
        Device,
        "the token does not allow this call, or the product does not offer it",
        SCOPE,
    ),
    row(
        "1310",
        Ask,
        "the account does not belong to this host",
        "check the profile's country: it picks the region",
    ),
    row("1311", Bug, "the request's format is bad", REPORT),
    row(
        "1312",
        Device,
        "too many event subscriptions",
        "turn events off for a device that needs them less",
    ),
    row(
        "1314",
        Wait,
        "the user's API calls are used up",
        "wait; the stream goes on meanwhile. Does another program use the same token?",
    ),
    row("2000", Wait, "an internal error of LG's server", LATER),
    row(
        "2101",
        Device,
        "the appliance model is not supported",
        NOT_OFFERED,
    ),
    row("2201", Device, "the feature is not provided", NOT_OFFERED),
    row("2202", Device, "the product is not supported", NOT_OFFERED),
    row(
        "2203",
        Device,
        "LG has no description of this model",
        NOT_OFFERED,
    ),
    row(
        "2205",
        Device,
        "the device's status was not delivered or cannot be read",
        LATER,
    ),
    row(
        "2207",
        Device,
        "the device does not know this command",
        "its profile may have changed: look at it again",
    ),
    row(
        "2208",
        Device,
        "the device did not carry out the command",
        "look at the appliance, then try again",
    ),
    row(
        "2209",
        Device,
        "the device responds too slowly",
        "the command may still arrive: look at the state before you repeat it",
    ),
    row("2210", Device, "LG asks to repeat the request", LATER),
    row(
        "2212",
        Device,
        "LG is syncing the model's description",
        "try again in a minute",
    ),
    row(
        "2213",
        Device,
        "syncing the model's description failed",
        "remove the appliance in the ThinQ app and add it again",
    ),
    row(
        "2214",
        Device,
        "the request failed at the appliance",
        "check that the values go together, or set one at a time",
    ),
    row(
        "2301",
        Device,
        "not possible while remote control is off",
        "switch on Remote Start at the appliance",
    ),
    row(
        "2302",
        Device,
        "not possible in its present state",
        "it may be so already, or it has to be switched on first: one step at a time",
    ),
    row(
        "2303",
        Device,
        "not possible while the appliance reports an error",
        "clear the error at the appliance",
    ),
    row(
        "2304",
        Device,
        "not possible while the power is off",
        "switch it on first",
    ),
    row(
        "2305",
        Device,
        "not possible in its present mode",
        "change its mode first",
    ),
    row(
        "4001",
        Harmless,
        "account changes are already subscribed",
        NOTHING,
    ),
];

/// The row of a code, if LG or anybody else has documented it.
pub fn find(code: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.code == code)
}

/// Whom an unknown code concerns, by its first two digits.
pub fn concern(code: &str) -> Concern {
    match find(code) {
        Some(row) => row.concern,
        None if code.starts_with("10") || code.starts_with("11") => Bug,
        None => Device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_whole_and_every_row_says_what_to_do() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code));
        assert_eq!(TABLE.len(), 62);
        for row in TABLE {
            assert!(
                !row.meaning.is_empty() && !row.remedy.is_empty(),
                "{}",
                row.code
            );
        }
    }

    #[test]
    fn the_classes_are_those_of_the_reference() {
        let of = |wanted: Concern| -> Vec<_> {
            TABLE
                .iter()
                .filter(|r| r.concern == wanted)
                .map(|r| r.code)
                .collect()
        };
        assert_eq!(
            of(Ask),
            [
                "1103", "1202", "1218", "1301", "1302", "1303", "1304", "1307", "1310"
            ]
        );
        assert_eq!(of(Wait), ["0000", "1306", "1314", "2000"]);
        assert_eq!(of(Harmless), ["1204", "1206", "1207", "4001"]);
    }

    #[test]
    fn an_unknown_code_concerns_one_device_only() {
        assert_eq!(concern("2399"), Device);
        assert_eq!(concern("1290"), Device);
    }
}
