//! What must hold on a real Kubernetes, whatever fails. One cluster for all, in the order of this
//! file: what stays in namespaces of its own is played side by side, the rest alone; the figures are at
//! the end. `cargo test -p e2e -- drain` plays those with that word in their name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a test"
)]

mod changes;
mod crashes;
mod database;
mod drains;
mod existing;
mod hand_over;
mod identity;
mod install;
mod isdn;
mod operator;
mod partitions;
mod refusals;
mod rights;
mod runner;
mod secrets;
mod uninstall;
mod upgrade;

use std::process::ExitCode;

use runner::{Scenario, scenarios};

fn main() -> ExitCode {
    runner::run(&[
        scenarios!(side by side install {
            the_samples_become_ready_as_the_documentation_says,
            two_instances_in_two_namespaces_exchange_files_both_ways_over_tls,
            install_yaml_is_another_way_to_the_same,
        }),
        scenarios!(side by side changes {
            a_long_transfer_goes_on_while_replicas_ports_listeners_and_partners_change,
        }),
        scenarios!(side by side crashes {
            active_pods_that_are_deleted_by_force_are_replaced_by_their_standbys,
            active_processes_that_are_killed_are_replaced_by_their_standbys,
            frozen_processes_are_replaced_and_end_when_thawed_without_another_write,
        }),
        scenarios!(side by side secrets {
            a_new_password_is_in_use_without_a_restart,
            a_renewed_certificate_is_served_without_a_restart,
        }),
        scenarios!(side by side hand_over {
            a_switchover_makes_the_standby_active,
            a_suspended_instance_keeps_its_files_until_it_is_resumed,
        }),
        scenarios!(side by side identity {
            what_is_not_one_instance_one_database_and_one_volume_is_refused,
        }),
        scenarios!(side by side isdn { two_companies_exchange_files_by_the_line_of_a_router }),
        scenarios!(side by side refusals {
            what_one_resource_can_decide_is_refused_with_a_sentence_that_names_the_cure,
            what_only_the_whole_can_decide_is_in_the_conditions,
        }),
        scenarios!(side by side operator { what_somebody_changes_by_hand_is_put_right }),
        scenarios!(alone crashes { a_node_that_loses_its_power_loses_no_file_and_its_pods_run_elsewhere }),
        scenarios!(alone partitions {
            daemons_that_are_cut_off_from_the_api_server_keep_working,
            daemons_that_are_cut_off_from_the_database_are_replaced,
            daemons_that_are_cut_off_from_everything_are_replaced,
        }),
        scenarios!(alone drains { every_node_is_drained_in_turn_and_no_transfer_is_aborted }),
        scenarios!(alone operator {
            a_failover_needs_no_operator,
            an_operator_that_is_killed_again_and_again_still_brings_about_what_is_wanted,
        }),
        scenarios!(alone database { a_database_that_restarts_is_waited_for }),
        scenarios!(alone isdn { a_daemon_follows_the_adapter_from_node_to_node }),
        scenarios!(alone upgrade { operator_and_daemons_are_upgraded_standby_first }),
        // What the others did is in the audit log.
        scenarios!(alone rights { every_right_is_used_and_none_is_missing }),
        scenarios!(alone uninstall { what_holds_data_outlives_the_operator }),
        // Nothing is left to run on after this one.
        scenarios!(alone existing { a_cluster_that_a_user_names_is_played_on_and_left_as_it_was }),
    ])
}
