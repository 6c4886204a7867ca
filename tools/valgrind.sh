#!/bin/sh
# Runs every test program under valgrind: errors and leaks of memory fail it, and so does taking too
# long. Says how long each took, and names those that were skipped.
#
#   tools/valgrind.sh build/release          all of them
#   tools/valgrind.sh build/release PASSED   but those that the folder PASSED holds the names of; what
#                                            passes is added to it
#
# CHOIR_VALGRIND tells tests that work takes fifty times longer here; CHOIR_VALGRIND_LIMIT is how many
# seconds each program has (default 900).
set -u
build=$1
passed_in=${2:-$(mktemp -d)}
limit=${CHOIR_VALGRIND_LIMIT:-900}
mkdir -p "$passed_in"
[ $# -gt 1 ] || trap 'rm -rf "$passed_in"' EXIT
passed=0
failed=0
before=0
skipped=""
for program in "$build"/tests/unit/*/*_test "$build"/tests/system/*_test; do
  name=$(basename "$program")
  if [ ! -x "$program" ]; then
    echo "valgrind: there is no test program $program; build it first" >&2
    exit 1
  elif [ -e "$passed_in/$name" ]; then
    before=$((before + 1))
    continue
  fi
  started=$(date +%s)
  code=0
  CHOIR_VALGRIND=1 timeout --kill-after=10 "$limit" \
    valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
    --trace-children=no "$program" >/dev/null 2>"$build/valgrind.log" </dev/null || code=$?
  took=$(($(date +%s) - started))
  case $code in
  0)
    passed=$((passed + 1))
    : >"$passed_in/$name"
    echo "valgrind: $name passed, $took s"
    ;;
  77)
    skipped="$skipped $name"
    echo "valgrind: $name skipped"
    ;;
  124 | 137)
    failed=$((failed + 1))
    echo "valgrind: $name was not done after $limit s"
    ;;
  *)
    failed=$((failed + 1))
    echo "valgrind: $name failed (exit $code), $took s"
    tail -n 20 "$build/valgrind.log"
    ;;
  esac
done
echo "valgrind: $passed passed, $before passed before, $failed failed, skipped:${skipped:- none}"
[ "$failed" -eq 0 ] && [ $((passed + before)) -gt 0 ]
