//! LG's error codes with their HTTP statuses (`reference/lg-thinq.md` 6.1).

/// A refusal: code, and words that replace the table's where LG puts a state into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn with(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub fn status(&self) -> u16 {
        lookup(self.code).0
    }
}

impl From<&'static str> for Refusal {
    fn from(code: &'static str) -> Self {
        Self::with(code, lookup(code).1)
    }
}

/// Status and message of a code; what the table does not know is a 400 with words of its own.
pub fn lookup(code: &str) -> (u16, &'static str) {
    let row = TABLE.iter().find(|(known, ..)| *known == code);
    row.map_or((400, "Unknown error"), |(_, status, message)| {
        (*status, *message)
    })
}

pub const TABLE: &[(&str, u16, &str)] = &[
    ("0000", 500, "Unknown error"),
    ("1000", 400, "Bad request"),
    ("1101", 400, "Missing parameters"),
    ("1102", 400, "Unacceptable parameters"),
    ("1103", 400, "Invalid token"),
    ("1104", 400, "Invalid message ID"),
    ("1201", 404, "Not registered admin"),
    ("1202", 404, "Not registered user"),
    ("1203", 404, "Not registered service"),
    ("1204", 404, "Not subscribed event"),
    ("1205", 404, "Not exist device"),
    ("1206", 404, "Not subscribed push"),
    ("1207", 404, "Already subscribed push"),
    ("1208", 404, "Not registered service by admin"),
    ("1209", 404, "Not registered user in service"),
    ("1210", 404, "Not registered device in service"),
    ("1211", 404, "Not registered device by user"),
    ("1212", 404, "Not owned device"),
    ("1213", 404, "Not registered device"),
    ("1214", 404, "Not subscribable device"),
    ("1216", 400, "Incorrect header"),
    ("1217", 400, "Already device deleted"),
    ("1218", 400, "Invalid token"),
    ("1219", 406, "Not supported model"),
    ("1220", 406, "Not supported feature"),
    ("1221", 406, "Not supported product"),
    ("1222", 416, "Not connected device"),
    ("1223", 416, "Invalid status device"),
    ("1224", 404, "Invalid device ID"),
    ("1225", 400, "Duplicate device ID"),
    ("1301", 401, "Invalid service key"),
    ("1302", 401, "Not found token"),
    ("1303", 401, "Not found user"),
    ("1304", 401, "Not acceptable terms"),
    ("1305", 401, "Not allowed API"),
    ("1306", 401, "Exceeded API calls"),
    ("1307", 401, "Not supported country"),
    ("1308", 401, "No control authority"),
    ("1309", 401, "Not allowed API"),
    ("1310", 401, "Not supported domain"),
    ("1311", 401, "Bad request format"),
    ("1312", 400, "Exceeded number of event subscription"),
    ("1314", 401, "Exceeded User API calls"),
    ("2000", 500, "Internal server error"),
    ("2101", 503, "Not supported model"),
    ("2201", 503, "Not provided feature"),
    ("2202", 400, "Not supported product"),
    ("2203", 503, "Not existent model json"),
    ("2205", 400, "Invalid device status"),
    ("2207", 400, "Invalid command error"),
    ("2208", 400, "Fail device control"),
    ("2209", 400, "Device response delay"),
    ("2210", 400, "Retry request"),
    ("2212", 412, "Syncing"),
    ("2213", 412, "Retry after deleting device"),
    ("2214", 400, "Fail request"),
    ("2301", 400, "Command not supported in REMOTE_OFF"),
    ("2302", 400, "Command not supported in STATE"),
    ("2303", 400, "Command not supported in ERROR"),
    ("2304", 400, "Command not supported in POWER_OFF"),
    ("2305", 400, "Command not supported in MODE"),
    // LG's spelling.
    ("4001", 400, "Already Subscirbed Home Push"),
];
