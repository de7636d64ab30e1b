#!/usr/bin/env bash
# eng/Profile/request-path.txt anew: how often a call through the gateway takes each way, counted while bench/Load runs against the daemon under the just-in-time compiler. Two minutes.
# Worth running after work on the request path.
. "$(dirname "$0")/common.sh"
need_dotnet
eng/native.sh
folder=$OUT/profile
rm -rf "$folder" && mkdir -p "$folder"
say "building the daemon for the just-in-time compiler ($(aot_framework))"
# In a copy of the sources: with a runtime of its own the daemon has other packages, which its lock files would take in.
mkdir "$folder/tree"
tar -c --exclude=bin --exclude=obj src Directory.Build.props Directory.Packages.props global.json .editorconfig BannedSymbols.txt | tar -x -C "$folder/tree"
dotnet publish "$folder/tree/src/Appliance/Appliance.csproj" -c Release -f "$(aot_framework)" -r linux-x64 --self-contained -p:PublishAot=false -o "$folder/daemon" --nologo -v q
cp -f "$OUT"/native/libjesus_native.so "$folder/daemon/"

# Every method is counted from its first call, and optimised after 2,048 of them, so that what is warm is told well.
cat >"$folder/jesus" <<RUN
#!/bin/sh
export DOTNET_TieredPGO=1 DOTNET_TieredPGO_InstrumentOnlyHotCode=0 DOTNET_ReadyToRun=0 DOTNET_TC_CallCountThreshold=0x800
export DOTNET_WritePGOData=1 DOTNET_PGODataPath=$folder/dump.txt
exec "$folder/daemon/jesus" "\$@"
RUN
chmod +x "$folder/jesus"
say "counting under load"
dotnet run --project bench/Load -c Release -- --jesus "$folder/jesus" --only jesus --rounds 2 --seconds 3 >"$folder/load.txt"
[ -s "$folder/dump.txt" ] || die "the runtime wrote no dump; what the load saw is in $folder/load.txt"
dotnet "$(build_profile_tool)" take "$folder/dump.txt" eng/Profile/request-path.txt
