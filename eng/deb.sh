#!/usr/bin/env bash
# out/jesus_VERSION_amd64.deb: binary, demonstration model, examples, default configuration, hardened systemd unit.
. "$(dirname "$0")/common.sh"
eng/build.sh
need dpkg-deb dpkg
package=$OUT/jesus_$(version)_amd64.deb
model=models/jesus-nano.gguf
[ -e "$model" ] || die "$model is missing: make model"
stamp=$OUT/.deb.stamp
now=$(fingerprint packaging examples "$model" README.md LICENSE THIRD-PARTY-NOTICES.md CHANGELOG.md eng/deb.sh)$(cat "$OUT/.jesus.stamp")
if [ -e "$package" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then
  exit 0
fi

tree=$(mktemp -d "${TMPDIR:-/tmp}/jesus-deb.XXXXXX")
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
file() { install -D -m "${3:-644}" "$1" "$tree/$2"; }

file "$OUT/jesus" usr/lib/jesus/jesus 755
for library in "$OUT"/*.so; do [ -e "$library" ] && file "$library" "usr/lib/jesus/$(basename "$library")"; done
mkdir -p "$tree/usr/bin" && ln -s ../lib/jesus/jesus "$tree/usr/bin/jesus"
file "$model" usr/share/jesus/models/jesus-nano.gguf
while IFS= read -r -d '' example; do file "$example" "usr/share/doc/jesus/$example"; done < <(git ls-files -z -co --exclude-standard examples)
file README.md usr/share/doc/jesus/README.md
file LICENSE usr/share/doc/jesus/copyright
file THIRD-PARTY-NOTICES.md usr/share/doc/jesus/THIRD-PARTY-NOTICES.md
gzip -9n <CHANGELOG.md >"$tree/usr/share/doc/jesus/changelog.gz"
file packaging/nats/fleet-config.sh usr/share/jesus/nats/fleet-config.sh 755
file packaging/deb/jesus.json etc/jesus/jesus.json
file packaging/systemd/jesus.service lib/systemd/system/jesus.service
file packaging/systemd/jesus.sysusers usr/lib/sysusers.d/jesus.conf
for script in postinst prerm postrm; do file "packaging/deb/$script" "DEBIAN/$script" 755; done
echo /etc/jesus/jesus.json >"$tree/DEBIAN/conffiles"
cat >"$tree/DEBIAN/control" <<CONTROL
Package: jesus
Version: $(version)
Architecture: amd64
Maintainer: The Jesus developers <maintainers@jesus.invalid>
Installed-Size: $(du -sk "$tree" | cut -f1)
Depends: libc6 (>= 2.35), libstdc++6 (>= 12), libgcc-s1, zlib1g, systemd
Recommends: ca-certificates, tzdata
Section: net
Priority: optional
Description: agent appliance: local models, durable agent runs, one API
 Serves an OpenAI-compatible API, runs language models on the box itself, runs
 durable agent workflows and accounts for every token. Comes with a small
 demonstration model; add a real one with 'jesus models add FILE.gguf'.
CONTROL
dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >/dev/null
echo "$now" >"$stamp"
say "built ${package#"$ROOT"/} ($(du -h "$package" | cut -f1))"
