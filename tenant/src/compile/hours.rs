//! A calendar's windows as sorted minutes of each weekday.

use trunkline_crds::Calendar;

use crate::model::OpeningHours;
use crate::rules::{minutes, parse_date};

/// Windows that touch or overlap become one; a window that ends before it starts is left out.
pub(super) fn opening_hours(calendar: &Calendar) -> OpeningHours {
    let mut hours = OpeningHours::default();
    for window in &calendar.open {
        if let (Some(from), Some(to)) = (minutes(&window.from), minutes(&window.to))
            && from < to
        {
            for day in &window.days {
                hours.week[*day as usize].push((from, to));
            }
        }
    }
    for windows in &mut hours.week {
        windows.sort_unstable();
        windows.dedup_by(|later, earlier| {
            let joins = later.0 <= earlier.1;
            if joins {
                earlier.1 = earlier.1.max(later.1);
            }
            joins
        });
    }
    hours.closed = calendar.closed.iter().filter_map(parse_date).collect();
    hours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_touch_or_overlap_become_one() {
        let calendar: Calendar = serde_json::from_value(serde_json::json!({"name": "c", "open": [
            {"days": ["Mon"], "from": "12:00", "to": "18:00"},
            {"days": ["Mon", "Tue"], "from": "08:00", "to": "12:00"},
            {"days": ["Mon"], "from": "09:00", "to": "10:00"}
        ]}))
        .unwrap();
        let hours = opening_hours(&calendar);
        assert_eq!(hours.week[0], [(480, 1080)]);
        assert_eq!(hours.week[1], [(480, 720)]);
        assert!(hours.week[2].is_empty());
    }
}
