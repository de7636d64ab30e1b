#!/usr/bin/env bash
# Every bench, each printing ours, the peer or the machine's limit, and the ratio. BENCH=Engine runs one.
. "$(dirname "$0")/common.sh"

nats_bench() {
  [ -x /usr/sbin/nats-server ] || install_nats_server
  need gcc gcc libc6-dev
  mkdir -p "$OUT/bench"
  gcc -O2 -Wall -Wextra -pthread -o "$OUT/bench/nats-raw" bench/Nats/raw.c
  say "publishing bench Nats (Native AOT, $(aot_framework))"
  dotnet publish bench/Nats/Nats.csproj -c Release -f "$(aot_framework)" -r linux-x64 -o "$OUT/bench/nats" --nologo -v q
  say "bench Nats"
  "$OUT/bench/nats/Jesus.Bench.Nats" "$@"
}

need_dotnet
eng/native.sh
for project in bench/*/*.csproj; do
  name=$(basename "$(dirname "$project")")
  [ -n "${BENCH:-}" ] && [ "$BENCH" != "$name" ] && continue
  # The gateway is measured as published, with nginx beside it.
  if [ "$name" = Load ]; then need /usr/sbin/nginx nginx-light; eng/build.sh; fi
  # Serving is measured through the daemon as published.
  if [ "$name" = Serving ]; then eng/build.sh; fi
  # The NATS client is measured with Native AOT as well, beside plain sockets in C.
  if [ "$name" = Nats ]; then nats_bench ${BENCH_ARGS:-}; continue; fi
  say "bench $name"
  dotnet run --project "$project" -c Release -- ${BENCH_ARGS:-}
done
