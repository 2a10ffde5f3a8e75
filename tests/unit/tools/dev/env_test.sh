#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests tools/dev/env against fakes of the programs it calls: making a second root would take minutes.
# Usage: env_test.sh [NAME...]   runs the tests of these names, or all.
set -uo pipefail

env_script=$(cd "$(dirname "$0")/../../../.." && pwd)/tools/dev/env
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() { echo "FAILED $test_name: $*" >&2; sed 's/^/    /' "$work/err" >&2; failures=$((failures + 1)); }
expect() { "$@" || fail "not: $*"; }
err_has() { grep -qF -- "$1" "$work/err"; }
no_partial() { ! compgen -G "$work/cache/chasqui/partial.*" >/dev/null; }
made_roots() { compgen -G "$work/cache/chasqui/root-*" | wc -l; }

fake() { printf '#!/bin/bash\n%s\n' "$2" >"$work/bin/$1"; chmod +x "$work/bin/$1"; }

# A Debian host of root's, with a mirror, without the packages, and with both tools.
set_up() {
  rm -rf "${work:?}"/*
  mkdir -p "$work/bin" "$work/cache"
  touch "$work/err"
  fake dpkg-query 'exit 1'
  fake id 'echo 0'
  fake apt-get 'case "$*" in *indextargets*) echo "Debian mirror://here";; esac'
  # Its last arguments are suite, target and mirror.
  fake mmdebstrap "echo made >>$work/made; sleep 0.3; target=\${@: -2:1}; mkdir -p \$target/usr"
  # Says which process it starts, as bubblewrap does, and starts what comes after "--".
  # shellcheck disable=SC2016
  fake bwrap '[[ "$*" == *" -- "* ]] || exit 0
    while [ "$1" != -- ]; do shift; done; shift
    "$@" & pid=$!; echo "{ \"child-pid\": $pid }" >&7; wait $pid; exit $?'
}

run_env() {
  (exec_env "$@")
}

# For the background: the job's process id is then the script's own.
exec_env() {
  exec env -u CHASQUI_ENV HOME="$work" XDG_CACHE_HOME="$work/cache" PATH="$work/bin:$PATH" \
    "$env_script" "$@" 2>"$work/err"
}

test_without_a_command_it_shows_its_usage() {
  run_env; local status=$?
  expect [ $status = 64 ]
  expect err_has "tools/dev/env CMD"
}

test_it_makes_the_root_once_and_passes_arguments_and_status() {
  local out
  # shellcheck disable=SC2016  # not to be expanded is the point
  out=$(run_env printf '%s|' 'a b' '$x "y"' "it's"); expect [ $? = 0 ]
  # shellcheck disable=SC2016
  expect [ "$out" = 'a b|$x "y"|it'"'"'s|' ]
  run_env bash -c 'exit 7'; local status=$?
  expect [ $status = 7 ]
  expect [ "$(wc -l <"$work/made")" = 1 ]
  expect no_partial
}

test_two_at_once_make_one_root() {
  run_env true & local first=$!
  run_env true & local second=$!
  wait $first; expect [ $? = 0 ]
  wait $second; expect [ $? = 0 ]
  expect [ "$(wc -l <"$work/made")" = 1 ]
  expect [ "$(made_roots)" = 1 ]
}

test_a_failure_leaves_nothing_half_made() {
  # shellcheck disable=SC2016
  fake mmdebstrap 'echo "E: no space"; mkdir -p "${@: -2:1}/usr"; exit 1'
  run_env true; local status=$?
  expect [ $status = 69 ]
  expect err_has "E: no space"
  expect err_has "mmdebstrap failed"
  expect [ "$(made_roots)" = 0 ]
  expect no_partial
}

test_what_a_killed_run_left_is_removed() {
  mkdir -p "$work/cache/chasqui/partial.dead/root/usr"
  run_env true; expect [ $? = 0 ]
  expect no_partial
  expect [ "$(made_roots)" = 1 ]
}

test_an_interrupt_while_making_leaves_nothing() {
  # No child that could end well in the moment of the interrupt: the shell would go on then.
  fake mmdebstrap "mkdir -p \${@: -2:1}; : >$work/started; exec sleep 30"
  # A process group of its own, as a terminal gives it: Ctrl-C reaches all of it.
  set -m
  run_env true & local job=$!
  set +m
  until [ -e "$work/started" ]; do sleep 0.05; done
  kill -INT -- -$job
  wait $job; expect [ $? != 0 ]
  expect [ "$(made_roots)" = 0 ]
  expect no_partial
}

test_termination_is_handed_on_and_waited_for() {
  exec_env bash -c "trap 'sleep 0.3; echo drained >$work/drained; exit 5' TERM
    touch $work/started; while :; do sleep 0.05; done" & local job=$!
  until [ -e "$work/started" ]; do sleep 0.05; done
  kill -TERM $job
  wait $job; local status=$?
  expect [ -e "$work/drained" ]
  expect [ $status = 5 ]
}

test_inside_the_root_it_runs_directly() {
  fake bwrap 'exit 99'
  CHASQUI_ENV=/x HOME="$work" PATH="$work/bin:$PATH" "$env_script" true 2>"$work/err"
  expect [ $? = 0 ]
}

test_a_host_with_all_packages_runs_directly() {
  # shellcheck disable=SC2016
  fake dpkg-query 'shift 3; for package in "$@"; do echo installed; done'
  fake bwrap 'exit 99'
  expect [ "$(run_env --root)" = / ]
  run_env true; expect [ $? = 0 ]
}

test_who_is_not_root_is_told_what_to_run_as_root() {
  fake id 'echo 1000'
  run_env true; expect [ $? = 69 ]
  expect err_has "only root can make the development root; run once: sudo"
  expect [ "$(wc -l <"$work/err")" = 1 ]
}

test_a_host_without_a_debian_mirror_is_told() {
  fake apt-get 'case "$*" in *indextargets*) echo "Ubuntu mirror://there";; esac'
  run_env true; expect [ $? = 69 ]
  expect err_has "no Debian mirror in this host's apt sources"
  expect [ "$(wc -l <"$work/err")" = 1 ]
}

test_a_mirror_is_found_after_the_first_update() {
  fake apt-get "case \"\$*\" in update) touch $work/updated;;
    *indextargets*) [ ! -e $work/updated ] || echo 'Debian mirror://here';; esac"
  run_env true; expect [ $? = 0 ]
}

test_a_host_without_namespaces_is_told() {
  fake bwrap 'echo "bwrap: No permissions to create new namespace" >&2; exit 1'
  run_env true; expect [ $? = 69 ]
  expect err_has "lets bubblewrap make no namespaces"
  expect [ "$(wc -l <"$work/err")" = 1 ]
}

mapfile -t tests < <(compgen -A function test_)
[ $# -eq 0 ] || tests=("$@")
for test_name in "${tests[@]}"; do
  set_up
  "$test_name"
done
echo "${#tests[@]} tests, $failures failed"
[ "$failures" = 0 ]
