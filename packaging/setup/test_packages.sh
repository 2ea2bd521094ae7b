#!/usr/bin/env bash
# Installs, where that is allowed, what the tests need from Debian: PostgreSQL's server, Chromium,
# strace and a C compiler.
# Where it is not, it says so in one line and leaves: the tests that need them then do not run, and
# pytest's last line names them.
set -uo pipefail

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null \
  || missing+=(postgresql)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
  || command -v google-chrome >/dev/null || missing+=(chromium)
command -v strace >/dev/null || missing+=(strace)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "test: ${missing[*]} missing and not installable here; tests that need them will not run"
  exit 0
fi

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
echo "test: installing ${missing[*]} from Debian (a few minutes the first time) …"
started=$SECONDS
export DEBIAN_FRONTEND=noninteractive
apt_get() { apt-get -q -o DPkg::Lock::Timeout=300 "$@" >> "$log" 2>&1 < /dev/null; }
apt_get update
for package in "${missing[@]}"; do
  if apt_get install -y --no-install-recommends "$package"; then
    echo "test: $package installed ($((SECONDS - started)) s)"
  else
    echo "test: could not install $package; tests that need it will not run"
    tail -n 3 "$log" | sed -E 's#[a-z+]+://[^[:space:]]*#(address)#g' | sed 's/^/  /'
  fi
done
exit 0
