#!/usr/bin/env bash
# count-tests.sh FOLDER FAILED_RUNS: prints `N passed, N failed, N skipped` over every result file there, as the last line alone.
# A run that failed without a failed test in its file (a crash of the host) counts as one failure.
. "$(dirname "$0")/common.sh"
results=$1 failed_runs=$2
total=0 passed=0 failed=0
while IFS= read -r file; do
  counters=$(grep -oE '<Counters [^>]*' "$file" | head -1)
  attribute() { sed -E "s/.* $1=\"([0-9]+)\".*/\1/" <<<"$counters"; }
  total=$((total + $(attribute total)))
  passed=$((passed + $(attribute passed)))
  failed=$((failed + $(attribute failed)))
done < <(find "$results" -name '*.trx' | sort)
# VSTest leaves notExecuted at 0, so what neither passed nor failed was skipped.
skipped=$((total - passed - failed))

if [ -s "$results/native.junit.xml" ]; then
  suite=$(tr '\n' ' ' <"$results/native.junit.xml" | grep -oE '<testsuite [^>]*' | head -1)
  native() { sed -E "s/.*[[:space:]]$1=\"([0-9]+)\".*/\1/" <<<"$suite"; }
  native_skipped=$(($(native skipped) + $(native disabled)))
  failed=$((failed + $(native failures)))
  skipped=$((skipped + native_skipped))
  passed=$((passed + $(native tests) - $(native failures) - native_skipped))
fi

[ "$failed_runs" -gt 0 ] && [ "$failed" -eq 0 ] && failed=$failed_runs
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
