#!/usr/bin/env bash
# out/jesus: the kernels, then the Native-AOT daemon with them linked in. Does nothing when no source has changed.
. "$(dirname "$0")/common.sh"
stamp=$OUT/.jesus.stamp
now=$(fingerprint src native Directory.Build.props Directory.Packages.props global.json eng/build.sh eng/native.sh eng/Profile)
if [ -x "$OUT/jesus" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then
  exit 0
fi

need_dotnet
eng/native.sh
profile_tool=$(build_profile_tool)
say "publishing the daemon (Native AOT, $(aot_framework))"
log=$OUT/publish.log
if ! dotnet publish src/Appliance/Appliance.csproj -c Release -f "$(aot_framework)" -r linux-x64 -o "$OUT/publish" \
    -p:ProfileTool="$profile_tool" --nologo -v q >"$log" 2>&1; then
  grep -E 'error|warning' "$log" | sort -u | head -40 >&2 || true
  die "publishing failed; the whole log is $log"
fi
# One file beside SQLite's library; symbols stay apart.
cp -f "$OUT/publish/jesus" "$OUT/jesus.new"
mv -f "$OUT/jesus.new" "$OUT/jesus"
for library in "$OUT"/publish/*.so; do [ -e "$library" ] && cp -f "$library" "$OUT/"; done
echo "$now" >"$stamp"
say "built out/jesus ($(du -h "$OUT/jesus" | cut -f1))"
