#!/usr/bin/env bash
# What the tests need beyond the build: a real Prometheus, a real nats-server, a real systemd in a container, the official npm clients of OpenAI and
# Anthropic, and the emulation headers that let kernels for newer processors be tested on older ones. Where something cannot be installed, the
# tests that need it say so and are skipped.
. "$(dirname "$0")/common.sh"
install_packages_or_warn() { (install_packages "$@") || say "tests that need $* will be skipped"; }
[ -e /usr/include/simde/simde-common.h ] || install_packages_or_warn libsimde-dev
command -v promtool >/dev/null 2>&1 || install_packages_or_warn prometheus
[ -x /usr/sbin/nats-server ] || (install_nats_server) || say "tests that need nats-server will be skipped"
command -v systemd-nspawn >/dev/null 2>&1 || install_packages_or_warn systemd-container
command -v mmdebstrap >/dev/null 2>&1 || install_packages_or_warn mmdebstrap
command -v dpkg-deb >/dev/null 2>&1 || install_packages_or_warn dpkg-dev
command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || install_packages_or_warn nodejs npm

# The clients as their lock file pins them; again only when it changed.
install_clients() {
  local folder=tests/EndToEnd/Sdk/Npm
  if ! command -v npm >/dev/null 2>&1; then
    say "the tests of the npm clients will be skipped: node and npm are missing"
  elif [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
    return
  elif ! (cd "$folder" && npm ci --loglevel=error --no-progress >"$OUT/npm.log" 2>&1); then
    say "the tests of the npm clients will be skipped: npm ci failed, see $OUT/npm.log"
    rm -rf "$folder/node_modules"
  fi
}
install_clients
