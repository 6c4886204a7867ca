#!/bin/sh
# Runs every test program under valgrind: errors and leaks of memory fail it.
#
#   tools/valgrind.sh build/release
set -eu
failed=0
passed=0
for program in "$1"/tests/unit/*/*_test "$1"/tests/system/*_test; do
  code=0
  valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
    --trace-children=no "$program" >/dev/null 2>"$1/valgrind.log" || code=$?
  case $code in
  0 | 77) passed=$((passed + 1)) ;;
  *)
    failed=$((failed + 1))
    echo "valgrind: $program (exit $code)"
    tail -n 20 "$1/valgrind.log"
    ;;
  esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
