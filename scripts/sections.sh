# Sourced by ./test: runs named sections, goes on after a failure, closes with a table of results and times.
# shellcheck shell=bash

# A section that cannot run here says so with this status; it counts as skipped, not as failed.
readonly SKIPPED=77

section_names=()
section_results=()
section_seconds=()
sections_failed=0

# section NAME COMMAND [ARGUMENT…]: runs the command in a subshell with `set -e` and remembers how it ended.
section() {
    local name="$1" started status
    shift
    printf '\n=== %s ===\n' "$name"
    started="$(date +%s)"
    # Not in an `if`: bash switches `set -e` off inside conditions.
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    record_section "$name" "$status" "$started"
}

# record_section NAME STATUS STARTED: for work that has to run in the shell itself.
record_section() {
    local result=ok
    if [[ "$2" -eq "$SKIPPED" ]]; then
        result=skipped
    elif [[ "$2" -ne 0 ]]; then
        result=FAILED
        sections_failed=$((sections_failed + 1))
    fi
    section_names+=("$1")
    section_results+=("$result")
    section_seconds+=("$(($(date +%s) - $3))")
}

# Prints the table; fails if a section failed.
summarize_sections() {
    local index total=0
    printf '\n=== summary ===\n'
    for index in "${!section_names[@]}"; do
        printf '%-8s %5d s  %s\n' "${section_results[index]}" "${section_seconds[index]}" "${section_names[index]}"
        total=$((total + section_seconds[index]))
    done
    if [[ "$sections_failed" -gt 0 ]]; then
        printf '%d of %d sections failed, %d s\n' "$sections_failed" "${#section_names[@]}" "$total"
        return 1
    fi
    printf 'all %d sections passed, %d s\n' "${#section_names[@]}" "$total"
}
