#!/usr/bin/env bash
# test-native.sh JUNIT: every kernel against its generic version, and whole forward passes.
. "$(dirname "$0")/common.sh"
junit=$1
need_compiler
need_file /usr/include/simde/x86/avx512.h libsimde-dev
eng/native.sh
ctest --test-dir "$OUT/native" --output-junit "$junit" --output-on-failure
