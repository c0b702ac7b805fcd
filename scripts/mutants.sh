# Sourced by ./test: builds the program with a planted fault and demands that the check made for it fails.
# shellcheck shell=bash

mutants_are_caught() {
    crash_run_catches_ack_before_commit && matrix_catches_key_opens_any_project && race_catches_wallet_not_locked &&
        build_catches_fold_forgets_epoch \
        && lease_catches_fence_not_checked && races_catch_what_is_not_looked_at_again \
        && nodes_catch_charge_key_dropped
}

# Usage acknowledged before it is committed must show as lost.
crash_run_catches_ack_before_commit() {
    local folder mutant report status=0
    folder="$(mktemp -d "${TMPDIR:-/tmp}/neruba-mutant.XXXXXX")"
    mutant="$folder/neruba-mutant"
    cargo build --quiet --package neruba --features mutant_ack_before_commit
    cp "${CARGO_TARGET_DIR:-target}/debug/neruba" "$mutant"
    report="$(cargo run --quiet --package neruba -- crashtest --kills "$CRASH_KILLS" --executable "$mutant" \
        --database "sqlite://$folder/neruba.db" --folder "$folder" 2>&1)" || status=$?
    rm -rf "$folder"
    if [[ "$status" -eq 0 ]] || ! grep -Eq 'acknowledged .* [1-9][0-9]* lost' <<<"$report"; then
        printf '%s\nThe crash run did not notice that usage is acknowledged before it is committed.\n' "$report" >&2
        return 1
    fi
    echo "caught: acknowledge before commit: $(grep -Eo '[0-9]+ lost' <<<"$report" | head -n 1)"
}

# A key that opens every project must show in the matrix of routes and callers.
matrix_catches_key_opens_any_project() {
    test_fails_with mutant_key_opens_any_project server api matrix
}

# A wallet that is decided on without being held must show when many charge it at once.
race_catches_wallet_not_locked() {
    test_fails_with mutant_wallet_not_locked engine engine of_256_charges_of_a_hundredth_exactly_100_succeed::postgres
}

# A chunk of a node that lost its lease must show as done twice.
lease_catches_fence_not_checked() {
    test_fails_with mutant_fence_not_checked engine engine a_node_that_comes_back_after_its_lease_stores_nothing
}

# Days of fees that several workers book without holding them must show as booked by two; a true-up of a sum that late usage changed
# meanwhile must show as a sum that is not what is committed; what is folded while a draft or late usage is rated must show as counted beyond
# the cut; late usage that another worker holds must show as held because it is held.
races_catch_what_is_not_looked_at_again() {
    test_fails_with mutant_fees_not_locked engine engine many_workers_at_once_earn_each_day_once::postgres &&
        test_fails_with mutant_true_ups_not_recounted engine engine \
            late_usage_that_is_settled_while_a_run_decides_is_counted_by_it &&
        test_fails_with mutant_counting_not_held engine engine what_is_folded_while &&
        test_fails_with mutant_held_is_decided_again engine engine what_another_node_held_keeps_its_reason
}

# Two nodes that store what both decided, with nothing to keep them from it, must show as billed twice.
nodes_catch_charge_key_dropped() {
    test_fails_with mutant_charge_key_dropped simulation simulation \
        a_node_that_wakes_in_the_middle_of_a_run_bills_nothing_twice "billed twice"
}

# Sums from memory that do not know a new series must show as rows that lack events.
build_catches_fold_forgets_epoch() {
    test_fails_with mutant_fold_forgets_epoch engine engine sums_that_were_made_before_a_version_began_are_not_stored
}

# test_fails_with FEATURE PACKAGE TEST_BINARY FILTER [WORDS]
# Only a test that ran and failed counts, for the reason that it gives in these words: a build that breaks or a run that hangs proves nothing.
test_fails_with() {
    local report status=0
    report="$(timeout 600 cargo test --quiet --package "$2" --test "$3" --features "$1" -- "$4" 2>&1)" || status=$?
    if [[ "$status" -eq 0 ]] || ! grep -Eq '^test result: FAILED\. .* [1-9][0-9]* failed' <<<"$report" ||
        ! grep -q -- "${5:-}" <<<"$report"; then
        tail -n 20 <<<"$report" >&2
        echo "The fault $1 was not shown by a failing test in $2/$3 (exit status $status)." >&2
        return 1
    fi
    echo "caught: $1: $(grep -Eo '[0-9]+ failed' <<<"$report" | head -n 1)"
}
