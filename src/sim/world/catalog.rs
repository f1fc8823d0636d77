//! The kinds of devices: profile and state as LG's schema has them (`assets/thinq`), and how each kind lives.

use std::fmt;

use serde_json::Value;

use super::life::{self, Life};

/// One kind of appliance.
pub struct Kind {
    /// `washer`: the name of its asset.
    pub name: &'static str,
    pub device_type: &'static str,
    pub model: &'static str,
    /// For numbered aliases.
    pub english: &'static str,
    pub has_energy: bool,
    /// Milliseconds between two steps of its life, least and most.
    pub pace: (u64, u64),
    pub(super) live: fn(&mut Life<'_>),
    profile: &'static str,
    state: &'static str,
}

impl Kind {
    pub fn profile(&self) -> Value {
        parse(self.profile)
    }

    pub fn state(&self) -> Value {
        parse(self.state)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn parse(asset: &str) -> Value {
    serde_json::from_str(asset).expect("the assets are JSON; a test reads them all")
}

macro_rules! kinds {
    ($($name:literal $device_type:literal $model:literal $english:literal $energy:literal ($least:literal, $most:literal) $live:path;)*) => {
        /// Every kind there is.
        pub static KINDS: &[Kind] = &[$(Kind {
            name: $name,
            device_type: $device_type,
            model: $model,
            english: $english,
            has_energy: $energy,
            pace: ($least, $most),
            live: $live,
            profile: include_str!(concat!("../../../assets/thinq/profiles/", $name, ".json")),
            state: include_str!(concat!("../../../assets/thinq/state/", $name, ".json")),
        },)*];
    };
}

kinds! {
    "air_conditioner" "DEVICE_AIR_CONDITIONER" "RAC_056905_WW" "Air conditioner" true (1500, 3000) life::air::conditioner;
    "washer" "DEVICE_WASHER" "F_R8_W9X_KR" "Washer" true (1500, 2500) life::laundry::washer;
    "refrigerator" "DEVICE_REFRIGERATOR" "REF_2ND_M874" "Refrigerator" true (2000, 3500) life::kitchen::refrigerator;
    "robot_cleaner" "DEVICE_ROBOT_CLEANER" "R9_MAPPING_KR" "Robot cleaner" false (1500, 2500) life::cleaner::robot;
    "air_purifier" "DEVICE_AIR_PURIFIER" "AIR_910604_KR" "Air purifier" true (1500, 3000) life::air::purifier;
    "washtower" "DEVICE_WASHTOWER" "WT_WL21_KR" "Wash tower" true (1800, 3000) life::laundry::tower;
    "oven" "DEVICE_OVEN" "OVEN_WDEP9427" "Oven" false (1500, 3000) life::kitchen::oven;
    "dehumidifier" "DEVICE_DEHUMIDIFIER" "DHUM_056905_KR" "Dehumidifier" true (1500, 3500) life::air::dehumidifier;
    "dryer" "DEVICE_DRYER" "RH9V_DRYER_KR" "Dryer" true (1500, 3000) life::laundry::dryer;
    "dish_washer" "DEVICE_DISH_WASHER" "D3210_DW_KR" "Dish washer" true (1500, 3000) life::kitchen::dish_washer;
    "styler" "DEVICE_STYLER" "STYLER_KR_1" "Styler" true (1500, 3000) life::laundry::styler;
    "water_purifier" "DEVICE_WATER_PURIFIER" "WPA_WD502_KR" "Water purifier" false (2000, 4000) life::kitchen::water_purifier;
    "wine_cellar" "DEVICE_WINE_CELLAR" "WINE_W715_KR" "Wine cellar" false (2500, 5000) life::kitchen::wine_cellar;
    "humidifier" "DEVICE_HUMIDIFIER" "HUM_HW300_KR" "Humidifier" false (1500, 3500) life::air::humidifier;
    "cooktop" "DEVICE_COOKTOP" "COOK_BEI3_KR" "Cooktop" false (2000, 3500) life::kitchen::cooktop;
    "air_purifier_fan" "DEVICE_AIR_PURIFIER_FAN" "AFAN_FS061_KR" "Purifier fan" false (1500, 3000) life::air::purifier_fan;
    "ceiling_fan" "DEVICE_CEILING_FAN" "FAN_CF54_WW" "Ceiling fan" false (4000, 8000) life::air::ceiling_fan;
    "home_brew" "DEVICE_HOME_BREW" "BREW_BB051_KR" "Home brew" false (3000, 5000) life::kitchen::home_brew;
    "hood" "DEVICE_HOOD" "HOOD_HCED3_US" "Hood" false (2000, 4000) life::kitchen::hood;
    "kimchi_refrigerator" "DEVICE_KIMCHI_REFRIGERATOR" "KIM_K336_KR" "Kimchi refrigerator" true (3000, 6000) life::kitchen::kimchi_refrigerator;
    "microwave_oven" "DEVICE_MICROWAVE_OVEN" "MWO_MVEL20_US" "Microwave" false (1500, 3000) life::kitchen::microwave;
    "plant_cultivator" "DEVICE_PLANT_CULTIVATOR" "TIIUN_L061_KR" "Plant cultivator" false (3000, 6000) life::air::plants;
    "stick_cleaner" "DEVICE_STICK_CLEANER" "A9_STICK_KR" "Stick cleaner" false (1500, 3000) life::cleaner::stick;
    "system_boiler" "DEVICE_SYSTEM_BOILER" "BOILER_HN091_EU" "Boiler" true (2000, 4000) life::air::boiler;
    "ventilator" "DEVICE_VENTILATOR" "VENT_Z250_KR" "Ventilator" true (1500, 3000) life::air::ventilator;
    "washcombo_main" "DEVICE_WASHCOMBO_MAIN" "WM6998_COMBO" "Wash combo" true (1800, 3000) life::laundry::combo;
    "water_heater" "DEVICE_WATER_HEATER" "WH_27S_EU" "Water heater" true (2000, 4000) life::air::water_heater;
}

/// The kind with this name or device type.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| kind.name == name || kind.device_type == name)
}

/// A place in the home.
#[derive(Debug, Clone)]
pub struct Entry {
    pub kind: &'static Kind,
    pub alias: String,
    pub reportable: bool,
    pub online: bool,
}

/// Alias, kind, whether it reports, whether it is online.
const HOME: [(&str, &str, bool, bool); 16] = [
    ("거실 에어컨", "air_conditioner", true, true),
    ("세탁기", "washer", true, true),
    ("Kitchen fridge", "refrigerator", true, true),
    ("로봇청소기", "robot_cleaner", true, true),
    ("침실 공기청정기", "air_purifier", true, true),
    ("워시타워", "washtower", true, true),
    ("Double oven", "oven", true, true),
    ("제습기", "dehumidifier", true, true),
    ("건조기", "dryer", true, true),
    ("Dish washer", "dish_washer", true, true),
    ("드레스룸 스타일러", "styler", true, true),
    ("정수기", "water_purifier", true, true),
    (
        "할머니 댁 안방 창가 쪽 가습기, the one with the blue lamp",
        "humidifier",
        true,
        true,
    ),
    ("인덕션", "cooktop", true, true),
    ("Wine cellar", "wine_cellar", false, true),
    ("Guest room air conditioner", "air_conditioner", true, false),
];

/// The home, or its first devices, or the home and as many numbered devices of all kinds as are missing.
pub fn home(count: Option<usize>) -> Vec<Entry> {
    let named = HOME.iter().map(|(alias, name, reportable, online)| Entry {
        kind: kind(name).expect("the home's kinds exist; a test builds it"),
        alias: (*alias).to_owned(),
        reportable: *reportable,
        online: *online,
    });
    let numbered = KINDS.iter().cycle().enumerate().map(|(at, kind)| Entry {
        kind,
        alias: format!("{} {}", kind.english, HOME.len() + at + 1),
        reportable: true,
        online: true,
    });
    named
        .chain(numbered)
        .take(count.unwrap_or(HOME.len()))
        .collect()
}
