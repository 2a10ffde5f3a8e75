#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lints the schemas by proto/buf.yaml. Needs `npm ci` in this folder, which `make lint` does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../proto"

buf=$here/node_modules/.bin/buf
[ -x "$buf" ] || { echo "buf is missing: run make npm" >&2; exit 1; }
# Only what stands here: no plug-in, no registry.
"$buf" lint
