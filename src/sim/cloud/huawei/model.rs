//! What a product's devices can report and be told: services, properties, commands.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Property {
    pub name: &'static str,
    /// `int`, `decimal`, `string`, `boolean`.
    pub kind: &'static str,
    /// Whether it can be set.
    pub writable: bool,
    pub unit: &'static str,
    /// Least and most, of numbers.
    pub range: Option<(&'static str, &'static str)>,
    /// Of strings that have only these.
    pub choices: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Command {
    pub name: &'static str,
    pub paras: &'static [Property],
    pub response: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Service {
    pub id: &'static str,
    pub properties: &'static [Property],
    pub commands: &'static [Command],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    pub id: &'static str,
    pub name: &'static str,
    pub device_type: &'static str,
    pub services: &'static [Service],
    /// What may follow `$oc/devices/ID/user/`.
    pub custom: &'static [&'static str],
    /// Devices speak v1 only.
    pub is_older: bool,
}

impl Product {
    pub fn service(&self, id: &str) -> Option<&'static Service> {
        self.services.iter().find(|service| service.id == id)
    }

    pub fn json(&self) -> Value {
        json!({
            "product_id": self.id,
            "name": self.name,
            "device_type": self.device_type,
            "protocol_type": "MQTT",
            "data_format": "json",
            "manufacturer_name": "thingdeck",
            "app_id": super::APP,
            "app_name": "DefaultApp",
            "create_time": "20260105T010000Z",
            "service_capabilities": self.services.iter().map(Service::json).collect::<Vec<_>>(),
        })
    }
}

impl Service {
    pub fn property(&self, name: &str) -> Option<&'static Property> {
        self.properties.iter().find(|known| known.name == name)
    }

    pub fn command(&self, name: &str) -> Option<&'static Command> {
        self.commands.iter().find(|known| known.name == name)
    }

    fn json(&self) -> Value {
        let commands = self.commands.iter().map(|command| {
            let paras: Vec<_> = command.paras.iter().map(|p| p.json("para_name")).collect();
            json!({
                "command_name": command.name,
                "paras": paras,
                "responses": [{"response_name": command.response, "paras": []}],
            })
        });
        let properties = self.properties.iter().map(|property| {
            let mut json = property.json("property_name");
            json["method"] = json!(if property.writable { "RW" } else { "R" });
            json
        });
        json!({
            "service_id": self.id,
            "service_type": self.id,
            "properties": properties.collect::<Vec<_>>(),
            "commands": commands.collect::<Vec<_>>(),
        })
    }
}

impl Property {
    fn json(&self, name: &str) -> Value {
        let mut json = json!({name: self.name, "data_type": self.kind, "required": false});
        if !self.unit.is_empty() {
            json["unit"] = json!(self.unit);
        }
        if let Some((least, most)) = self.range {
            json["min"] = json!(least);
            json["max"] = json!(most);
        }
        if !self.choices.is_empty() {
            json["enum_list"] = json!(self.choices);
        }
        json
    }
}

const fn number(
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    range: (&'static str, &'static str),
) -> Property {
    Property {
        name,
        kind,
        writable: false,
        unit,
        range: Some(range),
        choices: &[],
    }
}

const fn choice(name: &'static str, choices: &'static [&'static str]) -> Property {
    Property {
        name,
        kind: "string",
        writable: true,
        unit: "",
        range: None,
        choices,
    }
}

const INTERVAL: Property = Property {
    writable: true,
    ..number("reportInterval", "int", "s", ("1", "3600"))
};

const METER: Service = Service {
    id: "Meter",
    properties: &[
        number("voltage", "decimal", "V", ("0", "400")),
        number("current", "decimal", "A", ("0", "100")),
        number("power", "int", "W", ("0", "40000")),
        number("energy", "decimal", "kWh", ("0", "999999")),
        choice("relay", &["ON", "OFF"]),
        INTERVAL,
    ],
    commands: &[
        Command {
            name: "SWITCH",
            paras: &[choice("value", &["ON", "OFF"])],
            response: "SWITCH_RESPONSE",
        },
        Command {
            name: "READ",
            paras: &[],
            response: "READ_RESPONSE",
        },
    ],
};

const ROOM: Service = Service {
    id: "Environment",
    properties: &[
        number("temperature", "decimal", "°C", ("-40", "85")),
        number("humidity", "int", "%", ("0", "100")),
        INTERVAL,
    ],
    commands: &[Command {
        name: "CALIBRATE",
        paras: &[number("offset", "decimal", "°C", ("-5", "5"))],
        response: "CALIBRATE_RESPONSE",
    }],
};

const GATEWAY: Service = Service {
    id: "Gateway",
    properties: &[
        number("signal", "int", "dBm", ("-120", "0")),
        number("uptime", "int", "s", ("0", "2147483647")),
    ],
    commands: &[Command {
        name: "REBOOT",
        paras: &[number("delay", "int", "s", ("0", "60"))],
        response: "REBOOT_RESPONSE",
    }],
};

pub const METERS: Product = Product {
    id: "6560a1b2c3d4e5f601234567",
    name: "智能电表",
    device_type: "SmartMeter",
    services: &[METER, ROOM],
    custom: &["config", "log"],
    is_older: false,
};

pub const OLDER: Product = Product {
    id: "5f3b9c0d1e2f3a4b5c6d7e8f",
    name: "NB 电表 (v1)",
    device_type: "SmartMeter",
    services: &[METER],
    custom: &[],
    is_older: true,
};

pub const GATEWAYS: Product = Product {
    id: "6560a1b2c3d4e5f60123aaaa",
    name: "楼宇网关",
    device_type: "Gateway",
    services: &[GATEWAY],
    custom: &["config"],
    is_older: false,
};

pub const SENSORS: Product = Product {
    id: "6560a1b2c3d4e5f60123bbbb",
    name: "온습도 센서",
    device_type: "Sensor",
    services: &[ROOM],
    custom: &[],
    is_older: false,
};

pub const ALL: [Product; 4] = [METERS, OLDER, GATEWAYS, SENSORS];

pub fn find(id: &str) -> Option<Product> {
    ALL.into_iter().find(|product| product.id == id)
}
