#!/usr/bin/env bash
# Every relative link of every Markdown file leads to something in the repository.
. "$(dirname "$0")/common.sh"
bad=0
while IFS= read -r -d '' page; do
  while IFS= read -r target; do
    target=${target%%#*}
    case $target in ''|http:*|https:*|mailto:*) continue ;; esac
    if [ ! -e "$(dirname "$page")/$target" ]; then
      echo "$page: dead link: $target" >&2
      bad=1
    fi
  done < <(grep -oE '\]\([^) ]+\)' "$page" | sed -E 's/^\]\((.*)\)$/\1/')
done < <(git ls-files -z -co --exclude-standard '*.md')
[ "$bad" = 0 ] || die "dead links in the documentation"
