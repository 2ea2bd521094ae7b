#!/usr/bin/env bash
# Chooses the newest versions that pyproject.toml allows and writes both locks, with hashes and
# without addresses. Needs uv in .venv (make setup) or on the path.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

uv=.venv/bin/uv
[ -x "$uv" ] || uv="$(command -v uv)" || {
  echo "lock: there is no uv" >&2
  echo "  hint: make setup, or python3 -m pip install uv" >&2
  exit 3
}

compile() {
  local lock="$1"; shift
  echo "lock: $lock"
  "$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header --output-file "$lock" "$@" pyproject.toml
}

run_extras=(--extra agent --extra central --extra cards --extra evdev --extra build)
compile requirements.lock "${run_extras[@]}"
compile requirements-dev.lock --constraint requirements.lock "${run_extras[@]}" --extra parquet --extra dev
