#!/usr/bin/env bash
# deb-in-systemd.sh X.deb ROOTFS-CACHE: boots a real systemd in a container without a network, installs the package, asks the appliance a question,
# kills it with -9, asks again, purges it. Prints `key=value` lines; the test asserts on them. Needs root, systemd-nspawn and mmdebstrap.
set -u
deb=${1:?package} base=${2:?cache folder of the base tree} machine=jesus-deb-$$
work=$(mktemp -d "${TMPDIR:-/tmp}/jesus-nspawn.XXXXXX")
nspawn=
finish() {
  if [ -n "$nspawn" ] && kill -0 "$nspawn" 2>/dev/null; then
    inbox systemctl poweroff >/dev/null 2>&1
    for _ in $(seq 100); do kill -0 "$nspawn" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$nspawn" 2>/dev/null
    wait "$nspawn" 2>/dev/null
  fi
  rm -rf --one-file-system "$work"
}
trap finish EXIT

if [ ! -x "$base/usr/bin/systemctl" ]; then
  rm -rf --one-file-system "$base" && mkdir -p "$(dirname "$base")"
  mmdebstrap --quiet --variant=minbase \
    --include=systemd,systemd-sysv,dbus,curl,procps,libpam-systemd,libstdc++6,zlib1g bookworm "$base.new" >&2 &&
    mv "$base.new" "$base" || { echo "error=the base tree could not be made"; exit 1; }
fi

cp -a --reflink=auto "$base"/. "$work"/ && cp "$deb" "$work/root/x.deb"
systemd-nspawn -q -D "$work" -M "$machine" --register=no --keep-unit --private-network --boot </dev/null >"$work.log" 2>&1 &
nspawn=$!
for _ in $(seq 100); do leader=$(pgrep -P $nspawn | head -1); [ -n "$leader" ] && break; sleep 0.1; done
inbox() {
  nsenter -t "$leader" -m -u -i -n -p -C -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}
for _ in $(seq 300); do
  state=$(inbox systemctl is-system-running 2>/dev/null)
  case $state in running | degraded) break ;; esac
  sleep 0.1
done
echo "booted=$state"

main_pid() { inbox systemctl show jesus -p MainPID --value; }
ask() {
  for _ in $(seq 100); do
    answer=$(inbox jesus ask "Who are you?" --json 2>"$work.err") && { printf '%s' "$answer" | tr '\n' ' '; return 0; }
    sleep 0.1
  done
  tr '\n' ' ' <"$work.err"
  return 1
}

begun=$(date +%s%N)
inbox apt-get install -y /root/x.deb >"$work.apt" 2>&1 && echo "installed=yes" || { echo "installed=no"; tail -5 "$work.apt" >&2; }
echo "answer=$(ask)"
echo "install_to_answer_ms=$((($(date +%s%N) - begun) / 1000000))"
echo "active=$(inbox systemctl is-active jesus)"
echo "enabled=$(inbox systemctl is-enabled jesus)"
pid=$(main_pid)
echo "user=$(inbox ps -o user= -p "$pid" | tr -d ' ')"
echo "no_new_privileges=$(inbox grep -E '^NoNewPrivs' "/proc/$pid/status" | tr -dc 0-9)"
echo "capabilities=$(inbox grep -E '^CapBnd' "/proc/$pid/status" | awk '{print $2}')"
echo "verify=$(inbox systemd-analyze verify /lib/systemd/system/jesus.service 2>&1 | grep -c jesus)"
echo "exposure=$(inbox systemd-analyze security --offline=true /lib/systemd/system/jesus.service 2>/dev/null | awk '/Overall exposure/ {print $(NF-2)}')"
echo "tcp_without_key=$(inbox curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:7470/v1/models)"
echo "health=$(inbox curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:7470/healthz)"

inbox jesus run /usr/share/doc/jesus/examples/triage/triage.yaml --input log=/usr/share/doc/jesus/examples/triage/system.log >"$work.run" 2>&1
echo "run_exit=$?"

inbox kill -9 "$pid"
for _ in $(seq 100); do
  again=$(main_pid)
  [ "$again" != "$pid" ] && [ "$again" != 0 ] && [ "$(inbox systemctl is-active jesus)" = active ] && break
  sleep 0.1
done
echo "after_kill=$(inbox systemctl is-active jesus)"
echo "new_pid=$([ "$again" != "$pid" ] && echo yes || echo no)"
echo "answer_after_kill=$(ask)"
echo "runs_after_kill=$(inbox jesus runs list --json 2>/dev/null | tr '\n' ' ')"

inbox apt-get purge -y jesus >"$work.apt" 2>&1 && echo "purged=yes" || { echo "purged=no"; tail -5 "$work.apt" >&2; }
echo "unit_after_purge=$(inbox systemctl is-active jesus 2>/dev/null)"
for path in /usr/bin/jesus /usr/lib/jesus /var/lib/jesus /etc/jesus /lib/systemd/system/jesus.service; do
  [ -e "$work$path" ] && echo "left_behind=$path"
done
inbox journalctl -u jesus --no-pager -n 30 >&2 2>/dev/null
rm -f "$work.log" "$work.err" "$work.apt" "$work.run"
exit 0
