#!/usr/bin/env bash
# coverage.sh FOLDER: line coverage of src over all test projects together (a line counts as covered when any of them ran it).
# What only the published binary's end-to-end tests reach is not in it.
. "$(dirname "$0")/common.sh"
mapfile -t files < <(find "$1" -name 'coverage.cobertura.xml')
[ "${#files[@]}" -gt 0 ] || exit 0
awk '
  match($0, /<class [^>]*filename="[^"]*"/) { file = $0; sub(/.*filename="/, "", file); sub(/".*/, "", file); sub(/^.*src\//, "", file) }
  /<line number=/ {
    number = $0; sub(/.*<line number="/, "", number); sub(/".*/, "", number)
    hits = $0; sub(/.*hits="/, "", hits); sub(/".*/, "", hits)
    key = file ":" number
    if (!(key in seen)) { seen[key] = 1; room = file; sub(/\/.*/, "", room); valid[room]++; all++ }
    if (hits > 0 && !(key in hit)) { hit[key] = 1; room = file; sub(/\/.*/, "", room); covered[room]++; ran++ }
  }
  END {
    for (room in valid) printf "coverage %-12s %5.1f %% of %d lines\n", room, 100 * covered[room] / valid[room], valid[room] | "sort"
    close("sort")
    if (all) printf "coverage %-12s %5.1f %% of %d lines\n", "src", 100 * ran / all, all
  }' "${files[@]}"
