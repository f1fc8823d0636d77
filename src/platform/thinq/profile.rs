//! stub
use crate::domain::model::Model;
use serde_json::Value;
pub fn parse(_profile: &Value) -> Model {
    Model::default()
}
