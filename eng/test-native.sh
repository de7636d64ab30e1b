#!/usr/bin/env bash
# test-native.sh JUNIT: every kernel against its generic version.
. "$(dirname "$0")/common.sh"
junit=$1
need_compiler
cmake -S native -B "$OUT/native/build" -DCMAKE_BUILD_TYPE=Release >"$OUT/native-test.log" 2>&1 &&
  cmake --build "$OUT/native/build" -j"$(nproc)" >>"$OUT/native-test.log" 2>&1 || { tail -40 "$OUT/native-test.log" >&2; die "the kernels' tests do not build"; }
ctest --test-dir "$OUT/native/build" --output-junit "$junit" --output-on-failure
