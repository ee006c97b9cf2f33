//! The published and 50-digit answers of `known/`, to 1e-12; those of `known/exact.py`, which reach
//! from 0.01 to 100,000 erlangs, and of `known/transient.py`, to 1e-10.
// Clippy takes helpers outside #[test] functions for production code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::excessive_precision)]

use csv::StringRecord;
use trunkline_workforce::erlang::{
    Behaviour, Bounds, Callers, Formula, Horizons, Measures, OccupancyCap, Period, Queue, blocking,
    least_agents, load_for_blocking, modified_offered_load, priority_waits, transient,
    with_redials,
};
use trunkline_workforce::exact::Exact;
use trunkline_workforce::people::{Pipeline, SpaceRule, floor_space, monthly_rates, plan};

/// The rows of one table, each cell by its column's name.
struct Row(StringRecord, StringRecord);

impl Row {
    fn text(&self, column: &str) -> &str {
        let at = self.0.iter().position(|name| name == column);
        &self.1[at.unwrap_or_else(|| panic!("no column {column}"))]
    }

    fn exact(&self, column: &str) -> Exact {
        self.text(column).parse().unwrap()
    }

    fn number(&self, column: &str) -> f64 {
        self.exact(column).to_f64()
    }
}

fn table(name: &str) -> Vec<Row> {
    let path = format!("{}/tests/known/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader
        .records()
        .map(|row| Row(header.clone(), row.unwrap()))
        .collect();
    assert!(!rows.is_empty(), "{name} has no rows");
    rows
}

#[track_caller]
fn agrees(what: &str, got: Option<f64>, known: f64) {
    agrees_to(1e-12, what, got, known);
}

#[track_caller]
fn agrees_to(tolerance: f64, what: &str, got: Option<f64>, known: f64) {
    let got = got.unwrap_or_else(|| panic!("{what} is missing"));
    let error = (got - known).abs() / known.abs().max(f64::MIN_POSITIVE);
    assert!(
        error <= tolerance,
        "{what}: {got} for {known}, off by {error:e}"
    );
}

fn queue(load: &Exact, aht: f64, callers: Callers) -> Queue {
    Queue {
        load: load.to_precise(),
        aht,
        callers,
    }
}

fn within(seconds: f64) -> Horizons {
    Horizons {
        within: Some(seconds),
        short: None,
    }
}

#[test]
fn erlang_b_gives_the_known_blocking() {
    for row in table("erlang_b") {
        let b = blocking(row.number("servers"), row.number("offered_erlangs"));
        agrees("B", Some(b), row.number("blocking_prob"));
    }
}

#[test]
fn erlang_b_solved_for_the_load_gives_the_known_loads() {
    for row in table("erlang_b_inverse") {
        let load = load_for_blocking(row.number("servers"), row.number("blocking_target"));
        agrees("load", load, row.number("offered_erlangs_exact"));
    }
}

#[test]
fn erlang_c_gives_the_known_waits() {
    for row in table("erlang_c") {
        let load = &(&row.exact("calls") * &row.exact("aht")) / &row.exact("period");
        agrees("load", Some(load.to_f64()), row.number("offered_erlangs"));
        let m = queue(&load, row.number("aht"), Callers::Patient)
            .measure(row.exact("agents").to_precise(), within(row.number("T")));
        agrees("p_wait", m.p_wait, row.number("p_wait"));
        agrees(
            "sl",
            m.service_level.answered_of_offered,
            row.number("sl_all_offered"),
        );
        agrees("asa", m.asa, row.number("asa"));
        agrees("queue", m.queue_length, row.number("lq"));
        agrees("occupancy", Some(m.occupancy), row.number("occupancy"));
    }
}

#[test]
fn erlang_a_gives_every_known_measure() {
    for row in table("erlang_a") {
        let aht = row.number("aht");
        let load = &row.exact("lambda") * &row.exact("aht");
        let m = queue(&load, aht, Callers::Impatient(row.number("patience")))
            .measure(row.exact("agents").to_precise(), within(row.number("T")));
        let levels = m.service_level;
        agrees("pw", m.p_wait, row.number("pw"));
        agrees("p_ab", m.p_abandon, row.number("p_ab"));
        agrees(
            "p_ab_given_wait",
            m.p_abandon.zip(m.p_wait).map(|(ab, wait)| ab / wait),
            row.number("p_ab_given_wait"),
        );
        agrees(
            "offered",
            levels.answered_of_offered,
            row.number("sl_answered_of_offered"),
        );
        agrees(
            "answered",
            levels.answered_of_answered,
            row.number("sl_answered_of_answered"),
        );
        agrees(
            "short",
            levels.excluding_short_abandons,
            row.number("sl_excl_short_ab"),
        );
        agrees("wait", levels.wait_within, row.number("sl_all_wait_le_T"));
        agrees("virtual", levels.virtual_wait, row.number("sl_virtual"));
        agrees("ew_all", m.mean_wait, row.number("ew_all"));
        agrees("asa", m.asa, row.number("ew_answered"));
        agrees("lq", m.queue_length, row.number("lq"));
        agrees("occ", Some(m.occupancy), row.number("occ"));
    }
}

/// The bound that the product promises over its whole range.
#[track_caller]
fn exactly(row: &Row, column: &str, got: Option<f64>) {
    /// Below it a double has fewer digits than are asked for.
    const NOTHING: f64 = 1e-290;
    let known = row.number(column);
    let what = format!("{column} of {:?}", row.1);
    if known < NOTHING {
        assert!(got.is_some_and(|got| got <= NOTHING), "{what}: {got:?}");
    } else {
        agrees_to(1e-10, &what, got, known);
    }
}

#[test]
fn erlang_b_is_exact_from_a_hundredth_of_an_erlang_to_a_hundred_thousand() {
    for row in table("exact_b") {
        let b = blocking(row.number("agents"), row.number("load"));
        exactly(&row, "blocking", Some(b));
    }
}

#[test]
fn erlang_c_is_exact_from_a_hundredth_of_an_erlang_to_a_hundred_thousand() {
    for row in table("exact_c") {
        let m = queue(&row.exact("load"), row.number("aht"), Callers::Patient).measure(
            row.exact("agents").to_precise(),
            within(row.number("within")),
        );
        exactly(&row, "p_wait", m.p_wait);
        exactly(&row, "asa", m.asa);
        let level = m.service_level.answered_of_offered;
        exactly(&row, "answered_of_offered", level);
    }
}

#[test]
fn erlang_a_is_exact_from_a_hundredth_of_an_erlang_to_a_hundred_thousand() {
    for row in table("exact_a") {
        let callers = Callers::Impatient(row.number("patience"));
        let m = queue(&row.exact("load"), row.number("aht"), callers).measure(
            row.exact("agents").to_precise(),
            within(row.number("within")),
        );
        let levels = m.service_level;
        for (column, got) in [
            ("p_wait", m.p_wait),
            ("p_abandon", m.p_abandon),
            ("answered_of_offered", levels.answered_of_offered),
            ("answered_of_answered", levels.answered_of_answered),
            ("excluding_short_abandons", levels.excluding_short_abandons),
            ("wait_within", levels.wait_within),
            ("virtual_wait", levels.virtual_wait),
            ("mean_wait", m.mean_wait),
            ("asa", m.asa),
            ("occupancy", Some(m.occupancy)),
        ] {
            exactly(&row, column, got);
        }
    }
}

#[test]
fn the_least_agents_of_large_loads_fit_and_one_fewer_does_not_by_fifty_digits() {
    for row in table("exact_least") {
        let target = row.number("target");
        let (fits, falls_short) = (row.number("level"), row.number("level_of_one_fewer"));
        assert!(fits >= target && falls_short < target, "{:?}", row.1);
        let callers = match row.text("patience") {
            "inf" => Callers::Patient,
            _ => Callers::Impatient(row.number("patience")),
        };
        let bounds = Bounds {
            service_level: Some((Formula::AllOffered, target)),
            ..Bounds::default()
        };
        let queue = queue(&row.exact("load"), row.number("aht"), callers);
        let horizons = within(row.number("within"));
        let least = least_agents(&queue, 0.0, &bounds, horizons).unwrap();
        assert_eq!(least.to_string(), row.text("least"), "{:?}", row.1);
        for (agents, column) in [(least, "level"), (least - 1, "level_of_one_fewer")] {
            let m = queue.measure((agents as f64).into(), horizons);
            exactly(&row, column, m.service_level.answered_of_offered);
        }
    }
}

#[test]
fn fractional_agents_interpolate_as_the_integral_says() {
    for row in table("erlang_fractional") {
        let (load, n) = (row.exact("offered_erlangs"), row.exact("servers_real"));
        let b = blocking(n.to_f64(), load.to_f64());
        agrees("B", Some(b), row.number("erlang_b_continuous"));
        let m = queue(&load, 1.0, Callers::Patient).measure(n.to_precise(), Horizons::default());
        agrees("C", m.p_wait, row.number("erlang_c_continuous"));
    }
}

#[test]
fn an_occupancy_cap_asks_for_the_exact_ceiling() {
    for row in table("occupancy_cap") {
        let (load, cap) = (row.exact("offered_erlangs"), row.exact("max_occupancy"));
        let bounds = Bounds {
            max_occupancy: OccupancyCap::new(&load, &cap),
            ..Bounds::default()
        };
        let queue = queue(&load, 1.0, Callers::Patient);
        let least = least_agents(&queue, 0.0, &bounds, Horizons::default()).unwrap();
        assert_eq!(least.to_string(), row.text("min_agents_from_cap"));
    }
}

#[test]
fn the_least_agents_are_the_known_ones_with_their_measures() {
    for row in table("required_agents") {
        let aht = row.number("aht_s");
        let load = &row.exact("lambda_per_s") * &row.exact("aht_s");
        let callers = match row.text("patience_s") {
            "inf" => Callers::Patient,
            _ => Callers::Impatient(row.number("patience_s")),
        };
        let given = |column: &str| (!row.text(column).is_empty()).then(|| row.number(column));
        let bounds = Bounds {
            service_level: given("sl_target").map(|share| (Formula::AllOffered, share)),
            max_blocking: None,
            max_occupancy: given("max_occ")
                .and_then(|_| OccupancyCap::new(&load, &row.exact("max_occ"))),
            max_abandon: given("max_abandon"),
            max_asa: given("max_asa_s"),
        };
        let queue = queue(&load, aht, callers);
        let horizons = within(row.number("T_s"));
        let least = least_agents(&queue, 0.0, &bounds, horizons).unwrap();
        assert_eq!(least.to_string(), row.text("min_agents"));
        let m: Measures = queue.measure((least as f64).into(), horizons);
        let levels = m.service_level;
        agrees(
            "sl",
            levels.answered_of_offered,
            row.number("sl_answered_of_offered"),
        );
        agrees("occ", Some(m.occupancy), row.number("occ"));
        agrees("asa", m.asa, row.number("asa_s"));
    }
}

#[test]
fn classes_wait_as_cobham_says() {
    for row in table("priority_cobham") {
        let rates: Vec<f64> = row
            .text("lambdas_high_to_low")
            .split('|')
            .map(|rate| rate.parse::<Exact>().unwrap().to_f64())
            .collect();
        let waits = priority_waits(&rates, row.number("aht"), row.number("agents")).unwrap();
        let class: usize = row.text("class").parse().unwrap();
        agrees("wait", waits[class], row.number("mean_wait"));
    }
}

#[test]
fn redials_settle_at_the_known_load() {
    for row in table("retrials_fixed_point") {
        let aht = row.number("aht_s");
        let fresh = &row.exact("lambda_fresh_per_s") * &row.exact("aht_s");
        let queue = queue(&fresh, aht, Callers::Impatient(row.number("patience_s")));
        let settled = with_redials(
            &queue,
            row.number("redial_prob"),
            row.exact("agents").to_precise(),
            within(20.0),
        );
        let Some(m) = settled else {
            panic!("redials did not settle");
        };
        agrees(
            "load",
            Some(m.offered_load / aht),
            row.number("lambda_total_per_s"),
        );
        agrees(
            "inflation",
            Some(m.offered_load / fresh.to_f64()),
            row.number("inflation"),
        );
        agrees("p_ab", m.p_abandon, row.number("p_ab_per_attempt"));
        agrees(
            "sl",
            m.service_level.answered_of_offered,
            row.number("sl20_per_attempt"),
        );
        agrees("asa", m.asa, row.number("asa_s"));
    }
}

#[test]
fn the_modified_offered_load_follows_the_rate_exactly() {
    let rows = table("mol_piecewise");
    let rates: Vec<f64> = rows
        .iter()
        .map(|row| row.number("calls") / row.number("interval_s"))
        .collect();
    let (interval, aht) = (rows[0].number("interval_s"), rows[0].number("aht_s"));
    for (moved, row) in modified_offered_load(&rates, interval, aht, 0.0)
        .iter()
        .zip(&rows)
    {
        assert!((moved.start - row.number("m_inf_start")).abs() < 1e-12);
        agrees(
            "mean",
            Some(moved.mean),
            row.number("m_inf_interval_average"),
        );
        agrees("end", Some(moved.end), row.number("m_inf_end"));
    }
}

/// The specification has it that after a rush of four times the calls the stationary formula says
/// 99.5 % and the truth is 84.5 %, and not for which station. Half hours with 40 calls of four
/// minutes, patience of five and twelve agents are the reading with the formula at 99.50 %; its
/// truth is 85.00 %, by uniformisation here, by Runge and Kutta in `known/transient.py` and by
/// the simulator (`simulate_theory.rs`). The half point is no error of ours that these could share; a
/// sum over steps of 20 s, each taken as it begins, loses as much (84.46 %). Quarters with 100 calls
/// are a reading that rounds to both figures as given, 99.45 and 84.53 %.
#[test]
fn after_a_rush_the_true_transient_is_what_runge_and_kutta_find_and_not_the_formulas_level() {
    let rows = table("transient");
    for (case, by_formula, in_truth) in [
        ("half_hours", 0.995_032, 0.850_015),
        ("quarters", 0.994_512, 0.845_338),
    ] {
        let of_case: Vec<&Row> = rows.iter().filter(|row| row.text("case") == case).collect();
        let period = |row: &&Row| Period {
            seconds: row.number("seconds"),
            arrivals: row.number("calls") / row.number("seconds"),
            agents: row.number("agents") as usize,
        };
        let periods: Vec<Period> = of_case.iter().map(period).collect();
        let first = of_case[0];
        let behaviour = Behaviour {
            aht: first.number("aht"),
            patience: first.number("patience"),
            within: first.number("within"),
        };
        let found = transient(&periods, behaviour).unwrap();
        for (row, passage) in of_case.iter().zip(&found) {
            let known = row.number("answered_of_offered");
            agrees_to(1e-10, case, Some(passage.answered_of_offered), known);
        }
        let queue = Queue {
            load: (periods[2].arrivals * behaviour.aht).into(),
            aht: behaviour.aht,
            callers: Callers::Impatient(behaviour.patience),
        };
        let agents = (periods[2].agents as f64).into();
        let formula = queue
            .measure(agents, within(behaviour.within))
            .service_level;
        agrees_to(1e-6, case, formula.answered_of_offered, by_formula);
        agrees_to(1e-6, case, Some(found[2].answered_of_offered), in_truth);
    }
}

#[test]
fn shrinkage_rounds_up_the_exact_quotient() {
    for row in table("shrinkage") {
        let share = &Exact::one() - &row.exact("shrinkage");
        let scheduled = row.exact("productive_agents").checked_div(&share).unwrap();
        assert_eq!(scheduled, row.exact("scheduled_exact"));
        assert_eq!(
            scheduled.ceil().unwrap().to_string(),
            row.text("scheduled_ceil")
        );
    }
}

#[test]
fn four_hundred_calls_at_eighty_in_thirty_need_twenty_four_not_twenty_three() {
    let load = "400/3600".parse::<Exact>().unwrap();
    let queue = queue(&(&load * &Exact::from(180)), 180.0, Callers::Patient);
    let bounds = Bounds {
        service_level: Some((Formula::AllOffered, 0.8)),
        ..Bounds::default()
    };
    let least = least_agents(&queue, 0.0, &bounds, within(30.0)).unwrap();
    assert_eq!(least, 24);
    let with_23 = queue.measure(23.0.into(), within(30.0)).service_level;
    agrees_to(1e-3, "SL of 23", with_23.answered_of_offered, 0.748);
}

#[test]
fn erlang_c_of_twenty_five_agents_at_twenty_erlangs_is_not_the_value_in_circulation() {
    let queue = queue(&Exact::from(20), 1.0, Callers::Patient);
    let m = queue.measure(25.0.into(), Horizons::default());
    agrees_to(1e-4, "C", m.p_wait, 0.2091);
}

#[test]
fn a_yearly_turnover_has_its_known_monthly_readings() {
    for row in table("attrition_rates") {
        let yearly = row.number("annual_rate_leavers_over_avg_headcount");
        let rates = monthly_rates(yearly).unwrap();
        let known = |column| row.number(column);
        agrees(
            "a/12",
            Some(rates.simple),
            known("monthly_simple_a_over_12"),
        );
        agrees(
            "cohort",
            rates.cohort,
            known("monthly_if_annual_is_cohort_loss_1-(1-a)^(1/12)"),
        );
        agrees(
            "hazard",
            Some(rates.hazard),
            known("monthly_hazard_1-exp(-a/12)"),
        );
        agrees(
            "gone",
            Some(rates.cohort_gone_after_a_year),
            known("share_of_a_cohort_gone_after_1y_constant_hazard_1-exp(-a)"),
        );
    }
}

#[test]
fn hiring_follows_the_known_pipeline_exactly() {
    let rows = table("hiring_pipeline");
    // The rows stop before the months that the last decisions are for; 104 and 106 are the
    // whole numbers that call for them.
    let mut required: Vec<Exact> = rows.iter().map(|row| row.exact("required_fte")).collect();
    required.extend([Exact::from(104), Exact::from(106)]);
    let exact = |text: &str| text.parse::<Exact>().unwrap();
    let pipeline = Pipeline {
        tenured: exact("104"),
        attrition: exact("0.03"),
        new_attrition: exact("0.06"),
        training_attrition: exact("0.10"),
        lead: 1,
        training: 1,
        ramp: vec![exact("1/2"), exact("3/4")],
    };
    let months = plan(&pipeline, &required).unwrap();
    for (month, row) in months.iter().zip(&rows) {
        assert_eq!(
            month.class_start.to_string(),
            row.text("class_start_this_month")
        );
        let decided = month.decide.unwrap();
        assert_eq!(decided.to_string(), row.text("decide_this_month(lead=1)"));
        assert_eq!(month.fte, row.exact("effective_fte_exact"));
        let beyond_cure = month.gap.is_some() && month.beyond_cure;
        assert_eq!(beyond_cure, row.text("note") == "GAP (lead time)");
    }
}

#[test]
fn floor_space_follows_the_rule() {
    for row in table("floor_space") {
        assert!(row.text("rule").starts_with("UK HSE 11 m3"), "another rule");
        let rule = SpaceRule::Volume {
            each: Exact::from(11),
            counted_height: Exact::from(3),
        };
        let people = row.text("people").parse().unwrap();
        let space = floor_space(people, &row.exact("ceiling_m"), &rule).unwrap();
        agrees_to(1e-7, "m2", Some(space.to_f64()), row.number("m2"));
    }
}
