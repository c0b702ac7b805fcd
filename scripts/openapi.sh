# Sourced by ./test: checks openapi.json against the OpenAPI specification.
# shellcheck shell=bash

readonly OPENAPI_VALIDATOR="openapi-spec-validator==0.9.0"

validate_openapi() {
    local venv=target/openapi-venv
    if [[ ! -x "$venv/bin/openapi-spec-validator" ]]; then
        if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$OPENAPI_VALIDATOR"; }; then
            rm -rf "$venv"
            cat >&2 <<TEXT
The OpenAPI document is checked by the Python package $OPENAPI_VALIDATOR, which could not be installed.
It needs python3 with venv (Debian: apt-get install python3-venv) and, once, a way to PyPI. By hand:
  python3 -m venv $venv && $venv/bin/pip install '$OPENAPI_VALIDATOR'
TEXT
            return 1
        fi
    fi
    "$venv/bin/openapi-spec-validator" openapi.json
}
