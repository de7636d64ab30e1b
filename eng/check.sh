#!/usr/bin/env bash
# Format, analysers (the build, warnings as errors, locked packages), layering and tidiness, dead links. `--fast`: what a commit can wait for.
. "$(dirname "$0")/common.sh"
fast=0; [ "${1:-}" = --fast ] && fast=1
need_dotnet

say "shell scripts parse"
for script in eng/*.sh .ci/run packaging/*/*.sh; do [ -e "$script" ] && bash -n "$script"; done

say "links in the documentation"
eng/check-links.sh

say "locked packages"
JESUS_LOCKED=1 dotnet restore Jesus.sln --nologo -v q || die "packages.lock.json does not match: run dotnet restore and commit the lock files"

say "format"
dotnet format whitespace Jesus.sln --no-restore --verify-no-changes -v q || die "run make format"
[ "$fast" = 1 ] && exit 0

say "analysers (warnings are errors), both frameworks"
dotnet build Jesus.sln -c Release --no-restore --nologo -v q -clp:NoSummary >"$OUT/check.log" 2>&1 || {
  grep -E 'error|warning' "$OUT/check.log" | sort -u | head -40 >&2 || true
  die "the build is not clean"
}

say "layering and tidiness"
dotnet test tests/Architecture/Architecture.csproj -c Release --no-build --nologo --logger "console;verbosity=minimal"
say "all checks passed"
