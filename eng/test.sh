#!/usr/bin/env bash
# Sets up, builds and runs every test. The last line alone is `N passed, N failed, N skipped`; the exit status is 0 only if none failed.
. "$(dirname "$0")/common.sh"
need_dotnet
need_compiler
results=$OUT/test-results
rm -rf "$results" && mkdir -p "$results"

eng/setup-tests.sh
eng/build.sh
eng/deb.sh
say "building the tests"
dotnet build Jesus.sln -c Release --nologo -v q -clp:NoSummary >"$results/build.log" 2>&1 || {
  grep -E 'error|warning' "$results/build.log" | sort -u | head -40 >&2 || true
  die "the tests do not build; the whole log is $results/build.log"
}

failed_runs=0
say "kernels"
eng/test-native.sh "$results/native.junit.xml" || failed_runs=$((failed_runs + 1))

for project in tests/*/*.csproj; do
  name=$(basename "$project" .csproj)
  say "$name"
  dotnet test "$project" -c Release --no-build --nologo \
    --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=minimal" \
    --blame-hang --blame-hang-timeout 10m --blame-hang-dump-type none \
    --collect:"XPlat Code Coverage" --settings eng/coverage.runsettings --results-directory "$results/$name" \
    || failed_runs=$((failed_runs + 1))
done

eng/coverage.sh "$results" || true
eng/count-tests.sh "$results" "$failed_runs"
