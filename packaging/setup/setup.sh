#!/usr/bin/env bash
# Sets up .venv from the hash-locked requirements.
#
#   packaging/setup/setup.sh run    what agent, central and the demo need
#   packaging/setup/setup.sh dev    that, and what the tests and checks need
#
# Repeating it costs milliseconds: a stamp holds the checksum of everything it would install from.
# What the installers print goes to .venv/setup.log and is shown only when something fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stage="${1:-run}"
case "$stage" in
  run) locks=(requirements.lock) ;;
  dev) locks=(requirements-dev.lock) ;;
  *) echo "setup: no stage '$stage'; there are run and dev" >&2; exit 2 ;;
esac

python="${PYTHON:-python3}"
log=.venv/setup.log

under_way=
fail() {
  [ -z "$under_way" ] || echo failed
  echo "setup: $1" >&2
  [ -z "${2:-}" ] || echo "  hint: $2" >&2
  exit 3
}

# Where the installers looked is of no use to a reader and may hold passwords: addresses are cut out.
show_log() {
  echo failed
  under_way=
  tail -n 25 "$log" | sed -E 's#[a-z+]+://[^[:space:]"'"'"')]*#(address)#g' >&2
}

checksum() { cat "${locks[@]}" requirements.lock pyproject.toml | sha256sum | cut -d ' ' -f 1; }
wanted="$(checksum)"
stamp=".venv/.stamp-$stage"
if [ -x .venv/bin/tessera ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi

command -v "$python" >/dev/null \
  || fail "there is no '$python'" "apt-get install python3 python3-venv, or name one with PYTHON=…"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || fail "$("$python" --version) is too old" "Python 3.11 or later is needed; name one with PYTHON=…"

step() { printf 'setup: %s … ' "$1"; started=$SECONDS; under_way=yes; }
done_step() { echo "$((SECONDS - started)) s"; under_way=; }

if ! .venv/bin/python -c '' 2>/dev/null; then
  "$python" -c 'import ensurepip, venv' 2>/dev/null \
    || fail "$python cannot make virtual environments" "apt-get install python3-venv"
  step "virtual environment"
  rm -rf .venv
  "$python" -m venv .venv || fail "could not make .venv" "is this folder writable?"
  done_step
fi

locked_uv="$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)"
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d ' ' -f 2)" != "$locked_uv" ]; then
  step "installer"
  # The lock's own lines for uv, hashes included.
  sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^    --hash/p}' requirements.lock > .venv/uv.lock.txt
  .venv/bin/python -m pip install --quiet --no-deps --require-hashes -r .venv/uv.lock.txt \
    > "$log" 2>&1 || { show_log; fail "could not install uv" "is the package registry in reach? see $log"; }
  done_step
fi

# Compiled now, not at each start: uncompiled packages cost every start two thirds of its time.
install() {
  VIRTUAL_ENV="$PWD/.venv" .venv/bin/uv pip install --quiet --compile-bytecode "$@" >> "$log" 2>&1
}

step "packages ($stage)"
: > "$log"
install --require-hashes -r "${locks[0]}" \
  || { show_log; fail "could not install the packages of ${locks[0]}" "see $log"; }
done_step

step "tessera itself"
install --no-deps --no-build-isolation --editable . \
  || { show_log; fail "could not install tessera" "see $log"; }
done_step
echo "$wanted" > "$stamp"
# The development lock holds all of the other one.
if [ "$stage" = dev ]; then
  locks=(requirements.lock)
  checksum > .venv/.stamp-run
fi
