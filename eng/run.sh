#!/usr/bin/env bash
# The main job: build, start the appliance with a throw-away state folder, run the triage example on the box's own model, stop.
. "$(dirname "$0")/common.sh"
eng/build.sh
state=$(mktemp -d "${TMPDIR:-/tmp}/jesus-run.XXXXXX")
daemon=
stop() {
  if [ -n "$daemon" ] && kill -0 "$daemon" 2>/dev/null; then
    kill -TERM "$daemon" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$daemon" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
  fi
  rm -rf "$state"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Port 0: the daemon takes a free one and writes its address into the state folder.
"$OUT/jesus" serve --state "$state" --models "$ROOT/models" --listen http://127.0.0.1:0 2>"$state/log" &
daemon=$!
for _ in $(seq 200); do
  [ -s "$state/url" ] && break
  kill -0 "$daemon" 2>/dev/null || { cat "$state/log" >&2; die "the daemon did not start"; }
  sleep 0.05
done
[ -s "$state/url" ] || { cat "$state/log" >&2; die "the daemon was not ready within 10 seconds"; }
url=$(cat "$state/url")

"$OUT/jesus" run examples/triage/triage.yaml --input log=examples/triage/system.log --url "$url" || {
  code=$?
  tail -20 "$state/log" >&2
  exit "$code"
}
