#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Says which C++ files are not as clang-format would write them; --fix rewrites them.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t files < <(git ls-files -co --exclude-standard '*.h' '*.cc' | while read -r file; do [ ! -f "$file" ] || echo "$file"; done)
if [ "${1:-}" = --fix ]; then
  printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P "$(nproc)" clang-format -i
  exit
fi
# One line for each file, not one for each replacement.
unformatted=$(printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P "$(nproc)" clang-format --dry-run 2>&1 |
  sed -n 's/^\([^:]*\):[0-9]*:.*\[-Wclang-format-violations\]$/\1/p' | sort -u)
if [ -n "$unformatted" ]; then
  echo "$unformatted"
  echo "not formatted; run: make format" >&2
  exit 1
fi
