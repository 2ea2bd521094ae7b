#!/usr/bin/env bash
# Runs the benchmarks one after the other: each measures ours and the floor interleaved in one run
# and prints its own short table. A word as argument chooses those whose name holds it.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export PYTHONPATH=.
shopt -s nullglob
failed=0 ran=0
for script in benchmarks/*"${1:-}"*.py; do
  case "$(basename "$script")" in _*) continue ;; esac
  ran=$((ran + 1))
  echo "== $(basename "$script" .py)"
  .venv/bin/python "$script" || failed=$((failed + 1))
done
[ "$ran" -gt 0 ] || { echo "bench: no benchmark named *${1:-}* in benchmarks/" >&2; exit 2; }
[ "$failed" = 0 ] || { echo "bench: $failed of $ran failed" >&2; exit 1; }
