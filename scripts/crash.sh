# Sourced by ./test: kills the real server again and again while it is driven over HTTP, and compares what was
# acknowledged with what is stored.
# shellcheck shell=bash disable=SC2154 # postgres_programs is set by postgres.sh

readonly CRASH_KILLS=20

crash_run_sqlite() {
    local folder status=0
    folder="$(mktemp -d "${TMPDIR:-/tmp}/neruba-crash.XXXXXX")"
    crash_run "sqlite://$folder/neruba.db" || status=$?
    rm -rf "$folder"
    return "$status"
}

# On a database of its own, beside the one of the tests.
crash_run_postgres() {
    "$postgres_programs/psql" --quiet --no-psqlrc --set=ON_ERROR_STOP=1 "$NERUBA_TEST_POSTGRES_URL" \
        --command='create database neruba_crash'
    crash_run "${NERUBA_TEST_POSTGRES_URL%/*}/neruba_crash"
}

# crash_run URL
crash_run() {
    cargo run --quiet --package neruba -- crashtest --kills "$CRASH_KILLS" --database "$1"
}
