#!/usr/bin/env bash
# A pre-commit hook that runs the fast part of `make check`.
. "$(dirname "$0")/common.sh"
hook=$(git rev-parse --git-path hooks)/pre-commit
mkdir -p "$(dirname "$hook")"
cat >"$hook" <<'HOOK'
#!/usr/bin/env bash
exec "$(git rev-parse --show-toplevel)/eng/check.sh" --fast
HOOK
chmod +x "$hook"
say "installed $hook"
