# Sourced by ./test: starts a private PostgreSQL in a temporary folder and removes it again. It never touches a server
# that already runs on the machine.
# shellcheck shell=bash

readonly POSTGRES_VERSION_MIN=15

postgres_folder=""
postgres_programs=""

# Runs one of the server's programs in its folder, as a user it accepts: it refuses to run as root.
postgres_run() {
    local program="$postgres_programs/$1"
    shift
    (
        cd "$postgres_folder" || exit 1
        if [[ "$(id -u)" -eq 0 ]]; then
            runuser -u postgres -- "$program" "$@"
        else
            "$program" "$@"
        fi
    )
}

# Sets postgres_programs to the folder of the newest server found, or fails.
postgres_find() {
    local candidate version newest=0
    for candidate in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin \
        "$(dirname "$(command -v initdb || echo /nowhere/initdb)")"; do
        [[ -x "$candidate/initdb" && -x "$candidate/pg_ctl" && -x "$candidate/psql" ]] || continue
        version="$("$candidate/initdb" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')"
        if [[ "$version" -gt "$newest" ]]; then
            newest="$version"
            postgres_programs="$candidate"
        fi
    done
    [[ "$newest" -ge "$POSTGRES_VERSION_MIN" ]]
}

postgres_install() {
    if [[ "$(id -u)" -eq 0 ]] && command -v apt-get >/dev/null; then
        echo "No PostgreSQL server found: installing the package 'postgresql'."
        apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q postgresql
    else
        cat >&2 <<TEXT
No PostgreSQL server of version $POSTGRES_VERSION_MIN or newer was found. Install one and run this again:
  Debian, Ubuntu   sudo apt-get install postgresql
  Fedora           sudo dnf install postgresql-server
  macOS            brew install postgresql@17
Only its programs are used (initdb, pg_ctl, psql, from PATH or the usual places): the tests start a server of their own.
TEXT
        return 1
    fi
}

# Starts the server and exports NERUBA_TEST_POSTGRES_URL. The tests' user may create databases and roles but is no
# superuser: the guarantees about privileges would not hold for one.
postgres_start() {
    local password port attempt
    if ! postgres_find; then
        postgres_install && postgres_find || return 1
    fi
    # Not below the repository: the user `postgres` may not be allowed to enter the folders above it.
    postgres_folder="$(mktemp -d "${TMPDIR:-/tmp}/neruba-postgres.XXXXXX")"
    password="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    printf '%s\n' "$password" >"$postgres_folder/password"
    if [[ "$(id -u)" -eq 0 ]]; then
        chown -R postgres "$postgres_folder"
    fi
    postgres_run initdb --pgdata="$postgres_folder/data" --username=postgres --auth=scram-sha-256 \
        --pwfile="$postgres_folder/password" --encoding=UTF8 --locale=C >"$postgres_folder/initdb.log" || {
        cat "$postgres_folder/initdb.log" >&2
        return 1
    }

    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + RANDOM % 20000))
        if postgres_listen "$port"; then
            break
        elif [[ "$attempt" -eq 10 ]]; then
            cat "$postgres_folder/server.log" >&2
            return 1
        fi
    done
    PGPASSWORD="$password" "$postgres_programs/psql" --quiet --no-psqlrc --set=ON_ERROR_STOP=1 \
        "postgres://postgres@127.0.0.1:$port/postgres" <<SQL || return 1
create role neruba login createdb createrole password '$password';
create database neruba owner neruba;
SQL
    export NERUBA_TEST_POSTGRES_URL="postgres://neruba:$password@127.0.0.1:$port/neruba"
    echo "PostgreSQL $("$postgres_programs/postgres" --version | sed -E 's/.* ([0-9.]+).*/\1/') on port $port, in $postgres_folder"
}

# Fails if the port is taken.
postgres_listen() {
    local options="-c port=$1 -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
    options+=" -c shared_buffers=256MB -c log_min_messages=warning"
    postgres_run pg_ctl start --wait --timeout=60 --silent --pgdata="$postgres_folder/data" \
        --log="$postgres_folder/server.log" --options="$options" >/dev/null 2>&1
}

postgres_stop() {
    [[ -n "$postgres_folder" ]] || return 0
    if [[ -f "$postgres_folder/data/postmaster.pid" ]]; then
        postgres_run pg_ctl stop --mode=immediate --silent --pgdata="$postgres_folder/data" || true
    fi
    rm -rf "$postgres_folder"
    postgres_folder=""
}
