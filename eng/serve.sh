#!/usr/bin/env bash
# The daemon in the foreground, on the demonstration model, with its state in out/state. Further arguments go to `jesus serve`.
. "$(dirname "$0")/common.sh"
eng/build.sh
exec "$OUT/jesus" serve --state "$OUT/state" --models "$ROOT/models" "$@"
