#!/usr/bin/env bash
# Builds the kernels: out/native/libjesus_native.a and .so. With a preset's name as argument, that preset
# (release, sanitize); with --test as well, runs its tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../native"

preset=release
run_tests=no
for argument in "$@"; do
    case "$argument" in
        release | sanitize) preset=$argument ;;
        --test) run_tests=yes ;;
        *) echo "native.sh: unknown argument '$argument'; use release or sanitize, and --test" >&2; exit 2 ;;
    esac
done

for tool in cmake g++ make; do
    command -v "$tool" > /dev/null || { echo "native.sh: '$tool' is missing; install it with: apt-get install cmake g++ make" >&2; exit 1; }
done

mkdir -p ../out
log=../out/native-build.log
if ! { cmake --preset "$preset" && cmake --build --preset "$preset" --parallel "$(nproc)"; } > "$log" 2>&1; then
    cat "$log" >&2
    echo "native.sh: the kernels do not build; the first error stands above" >&2
    exit 1
fi
if [ "$run_tests" = yes ]; then
    ctest --preset "$preset"
fi
