#!/usr/bin/env bash
# What the tests need beyond the build: a real Prometheus, a real systemd in a container, and the emulation headers that let kernels for
# newer processors be tested on older ones. Where something cannot be installed, the tests that need it say so and are skipped.
. "$(dirname "$0")/common.sh"
install_packages_or_warn() { (install_packages "$@") || say "tests that need $* will be skipped"; }
[ -e /usr/include/simde/simde-common.h ] || install_packages_or_warn libsimde-dev
command -v promtool >/dev/null 2>&1 || install_packages_or_warn prometheus
command -v systemd-nspawn >/dev/null 2>&1 || install_packages_or_warn systemd-container
command -v mmdebstrap >/dev/null 2>&1 || install_packages_or_warn mmdebstrap
command -v dpkg-deb >/dev/null 2>&1 || install_packages_or_warn dpkg-dev
