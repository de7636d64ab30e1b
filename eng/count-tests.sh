#!/usr/bin/env bash
# count-tests.sh FOLDER FAILED_RUNS: prints `N passed, N failed, N skipped` over every result file there, as the last line alone.
# What failed is named just above it, so that the end of a long log says enough.
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

# failures FILE: the name and the first line of the message of each test of a result file that failed.
failures() {
  awk '/<UnitTestResult / { name = /outcome="Failed"/ ? $0 : ""; sub(/.* testName="/, "", name); sub(/".*/, "", name) }
    name != "" && /<Message>/ { sub(/.*<Message>/, ""); sub(/<\/Message>.*/, ""); print "failed: " name ": " $0; name = "" }' "$1"
}
while IFS= read -r file; do
  failures "$file" | head -20
done < <(find "$results" -name '*.trx' | sort)

[ "$failed_runs" -gt 0 ] && [ "$failed" -eq 0 ] && failed=$failed_runs
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
