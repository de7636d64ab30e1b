#!/usr/bin/env bash
# Every bench, each printing ours, the peer or the machine's limit, and the ratio. BENCH=Engine runs one.
. "$(dirname "$0")/common.sh"
need_dotnet
eng/native.sh
for project in bench/*/*.csproj; do
  name=$(basename "$(dirname "$project")")
  [ -n "${BENCH:-}" ] && [ "$BENCH" != "$name" ] && continue
  # The gateway is measured as published, with nginx beside it.
  if [ "$name" = Load ]; then need /usr/sbin/nginx nginx-light; eng/build.sh; fi
  if [ "$name" = Nats ] && [ ! -x /usr/sbin/nats-server ]; then install_nats_server; fi
  say "bench $name"
  dotnet run --project "$project" -c Release -- ${BENCH_ARGS:-}
done
