//! Which events a line counts, as the query that lists exactly them.

use crate::metering::DimensionValues;
use crate::time::Instant;

/// A query of `GET …/ingest/events`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsQuery {
    pub metric_key: String,
    pub customer_key: String,
    #[serde(flatten)]
    pub naming: Naming,
    pub from: Instant,
    pub to: Instant,
    #[serde(default, skip_serializing_if = "DimensionValues::is_empty")]
    pub dimensions: DimensionValues,
}

/// Which events are meant, by the subscription that they name: all of them, unless a subscription is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Naming {
    /// Events that name this subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_key: Option<String>,
    /// Beside them also those that name none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unnamed: bool,
}

impl Naming {
    /// Events that name this subscription, and no others.
    pub fn only(subscription_key: &str) -> Naming {
        Naming { subscription_key: Some(subscription_key.to_owned()), unnamed: false }
    }

    /// Whether an event is meant that names `named`.
    pub fn holds(&self, named: Option<&str>) -> bool {
        match (self.subscription_key.as_deref(), named) {
            (None, _) => true,
            (Some(own), Some(named)) => own == named,
            (Some(_), None) => self.unnamed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_name_another_subscription_are_meant_only_where_none_is_told() {
        let only = Naming::only("s1");
        let with_unnamed = Naming { unnamed: true, ..only.clone() };
        let answers = |naming: &Naming| [Some("s1"), Some("s2"), None].map(|named| naming.holds(named));
        assert_eq!(answers(&Naming::default()), [true, true, true]);
        assert_eq!(answers(&only), [true, false, false]);
        assert_eq!(answers(&with_unnamed), [true, false, true]);
    }

    #[test]
    fn a_query_is_written_as_it_is_sent() {
        let query = EventsQuery {
            metric_key: "calls".to_owned(),
            customer_key: "acme".to_owned(),
            naming: Naming { unnamed: true, ..Naming::only("s1") },
            from: Instant::parse("2026-03-01T00:00:00Z").unwrap(),
            to: Instant::parse("2026-04-01T00:00:00Z").unwrap(),
            dimensions: DimensionValues::new(),
        };
        let text = serde_json::to_string(&query).unwrap();
        let expected = r#"{"metricKey":"calls","customerKey":"acme","subscriptionKey":"s1","unnamed":true,"from":"2026-03-01T00:00:00.000Z","to":"2026-04-01T00:00:00.000Z"}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<EventsQuery>(&text).unwrap(), query);
        // What was written before there was a choice.
        let plain = r#"{"metricKey":"m","customerKey":"c","from":"2026-03-01T00:00:00Z","to":"2026-03-01T00:00:00Z"}"#;
        assert_eq!(serde_json::from_str::<EventsQuery>(plain).unwrap().naming, Naming::default());
    }
}
