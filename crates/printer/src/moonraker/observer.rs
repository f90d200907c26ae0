//! What is known of the printer, put together from answers and notifications.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use sealpost_api::printer::Statistics;
use serde_json::{Map, Value, json};

use crate::core::{Klipper, Observation};

/// The objects that are followed.
const OBJECTS: [&str; 3] = ["print_stats", "webhooks", "sealpost"];

/// The printer's objects as last heard.
#[derive(Debug, Default)]
pub(super) struct Observer {
    pub(super) klipper: Klipper,
    objects: Map<String, Value>,
}

/// What to ask for in a query or subscription.
pub(super) fn wanted() -> Value {
    let objects: Map<String, Value> = OBJECTS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    json!({"objects": objects})
}

impl Observer {
    /// The whole status of all objects; what is absent is gone.
    pub(super) fn replace(&mut self, status: &Value) {
        self.objects.clear();
        self.merge(status);
    }

    /// Changes since the last time.
    pub(super) fn merge(&mut self, status: &Value) {
        let Some(status) = status.as_object() else { return };
        for (name, fields) in status {
            let (true, Some(fields)) = (OBJECTS.contains(&name.as_str()), fields.as_object()) else {
                continue;
            };
            let known = self.objects.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Some(known) = known.as_object_mut() {
                known.extend(fields.clone());
            }
        }
        if let Some(state) = self.objects.get("webhooks").and_then(|webhooks| webhooks["state"].as_str()) {
            self.klipper = klipper(state);
        }
    }

    /// Klipper went away.
    pub(super) fn lose(&mut self, state: Klipper) {
        self.klipper = state;
        if state == Klipper::Disconnected {
            self.objects.clear();
        } else if let Some(webhooks) = self.objects.get_mut("webhooks") {
            webhooks["state"] = state.as_str().into();
        }
    }

    pub(super) fn observation(&self) -> Observation {
        let print = self.objects.get("print_stats").unwrap_or(&Value::Null);
        let text = |field: &str| print[field].as_str().unwrap_or_default().to_owned();
        let sealpost = self.objects.get("sealpost").filter(|extra| extra["state"].is_string());
        Observation {
            moonraker: true,
            klipper: self.klipper,
            print_state: text("state"),
            print_message: text("message"),
            statistics: Statistics {
                filament_used: print["filament_used"].as_f64(),
                print_duration: print["print_duration"].as_f64(),
                total_duration: print["total_duration"].as_f64(),
            },
            layer: print["info"]["current_layer"].as_u64().and_then(|layer| u32::try_from(layer).ok()),
            session: sealpost.and_then(|extra| session(Path::new(extra["socket"].as_str()?))),
            extra: sealpost.and_then(|extra| serde_json::from_value(extra.clone()).ok()),
        }
    }
}

/// The extra makes its socket anew whenever it starts.
fn session(socket: &Path) -> Option<String> {
    let made = fs::symlink_metadata(socket).ok()?;
    Some(format!("{}-{}.{:09}", made.ino(), made.ctime(), made.ctime_nsec()))
}

/// Klipper's word for its state.
pub(super) fn klipper(state: &str) -> Klipper {
    match state {
        "ready" => Klipper::Ready,
        "startup" => Klipper::Startup,
        "shutdown" => Klipper::Shutdown,
        "error" => Klipper::Error,
        _ => Klipper::Disconnected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_laid_over_what_was_known() {
        let mut observer = Observer::default();
        observer.replace(&json!({
            "webhooks": {"state": "ready"},
            "print_stats": {"state": "printing", "filament_used": 1.5, "info": {"current_layer": 3}},
            "sealpost": {"state": "printing", "job": "j_1", "position": 5, "size": 10, "last": null},
        }));
        observer.merge(&json!({"sealpost": {"position": 7}, "print_stats": {"filament_used": 2.0}}));

        let seen = observer.observation();
        assert_eq!(seen.klipper, Klipper::Ready);
        assert_eq!(seen.statistics.filament_used, Some(2.0));
        assert_eq!(seen.layer, Some(3));
        let extra = seen.extra.unwrap();
        assert_eq!((extra.state.as_str(), extra.position, extra.size), ("printing", 7, 10));
    }

    #[test]
    fn an_object_that_klipper_does_not_have_is_no_extra() {
        let mut observer = Observer::default();
        observer.replace(&json!({"webhooks": {"state": "ready"}, "sealpost": {}}));
        assert_eq!(observer.observation().extra, None);
    }
}
