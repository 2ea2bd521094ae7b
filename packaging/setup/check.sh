#!/usr/bin/env bash
# Everything about the code that can be checked without running the shop. Goes on after a failure,
# so that one run shows all there is to mend.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

failed=()
check() {
  local name="$1" started=$SECONDS output
  shift
  if output="$("$@" 2>&1)"; then
    printf 'check: %-14s fine    %3d s\n' "$name" $((SECONDS - started))
  else
    printf 'check: %-14s FAILED  %3d s\n%s\n' "$name" $((SECONDS - started)) "$output"
    failed+=("$name")
  fi
}

places=(src tests)
[ -z "$(find benchmarks -name '*.py' -print -quit 2>/dev/null)" ] || places+=(benchmarks)

check lint          .venv/bin/ruff check .
check format        .venv/bin/ruff format --check .
check types         .venv/bin/mypy "${places[@]}"
check contracts     .venv/bin/lint-imports
check house         .venv/bin/python -m pytest -q tests/house

if [ ${#failed[@]} -gt 0 ]; then
  echo "check: failed: ${failed[*]}"
  exit 1
fi
echo "check: all fine"
