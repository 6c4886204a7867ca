#!/bin/sh
# What needs longer than `make check`: part after part, with how long each took.
#
#   tools/check_long.sh [PART...]   all of them, unless some are named
#
#   fuzz      every decoder and reader under libFuzzer, CHOIR_FUZZ_SECONDS each (150)
#   clang     every test program under clang's address and undefined-behaviour sanitizers
#   kills     runs that are killed and go on, CHOIR_KILLS times (100); a server and its
#             store, ten times that; and a fifth as many schedules of an unkind network
#   install   `make install` where nothing was built before
#   valgrind  every test program under valgrind
#   nginx     a job through nginx with packaging/nginx.conf; skipped without nginx, openssl or curl
#   service   packaging/choir.service within its walls; skipped without systemd-analyze, or root
#
# What is skipped has not passed, and is named at the end.
#
# What passed is not run again while no tracked file changes: a check that was interrupted, or failed
# for another reason than the sources, goes on where it stopped. `make clean` forgets it all.
set -u
cd "$(dirname "$0")/.." || exit 1
all="fuzz clang kills install valgrind nginx service"
skip=77
seconds=${CHOIR_FUZZ_SECONDS:-150}
kills=${CHOIR_KILLS:-100}

say() {
  echo "check-long: $*"
}

# built PRESET [OPTION...]: builds that preset, tests included.
built() {
  preset=$1
  shift
  cmake --preset "$preset" --log-level=WARNING -DCHOIR_TESTS=ON "$@" >/dev/null &&
    cmake --build --preset "$preset"
}

fuzz_passed() {
  sed -n 's/.* fuzz\/\([a-z_]*\) .*Passed .*/\1/p' "$state/fuzz-$seconds.log" 2>/dev/null
}

# Targets of $2 that are not in $1, separated by |.
without() {
  for target in $2; do
    echo "$1" | grep -qx "$target" || printf '%s|' "$target"
  done
}

# Each target that passed is known by its line in the log.
part_fuzz() {
  built fuzz "-DCHOIR_FUZZ_SECONDS=$seconds" || return 1
  targets=$(ctest --test-dir build/fuzz -N -L '^fuzz$' | sed -n 's/.*: fuzz\///p')
  left=$(without "$(fuzz_passed)" "$targets")
  if [ -n "$left" ]; then
    ctest --test-dir build/fuzz --output-on-failure -j 2 -R "^fuzz/(${left%|})\$" 2>&1 |
      tee -a "$state/fuzz-$seconds.log"
  fi
  [ -n "$targets" ] && [ -z "$(without "$(fuzz_passed)" "$targets")" ]
}

part_clang() {
  built fuzz && ctest --test-dir build/fuzz --output-on-failure --no-tests=error -j 2 -L 'unit|system'
}

part_kills() {
  built release || return 1
  export CHOIR="$PWD/build/release/choir" CHOIR_SOURCE_DIR="$PWD"
  CHOIR_KILLS="$kills" python3 -B tests/cli/kill_test.py &&
    CHOIR_KILLS=$((kills * 10)) build/release/tests/unit/store/hosting_kill_test &&
    CHOIR_KILLS=$((kills * 10)) python3 -B tests/cli/network_test.py AKilledServer &&
    CHOIR_KILLS="$kills" python3 -B tests/cli/offline_test.py KilledClients &&
    CHOIR_SCHEDULES=$((kills / 5)) python3 -B tests/cli/faults_test.py UnkindNetwork
}

part_install() {
  tools/check_install.sh
}

part_valgrind() {
  built release && tools/valgrind.sh build/release "$state/valgrind"
}

# needs PROGRAM...: skips the part that runs where one of them is not installed.
needs() {
  for program in "$@"; do
    command -v "$program" >/dev/null || { echo "there is no $program here"; return $skip; }
  done
}

part_nginx() {
  needs nginx openssl curl && built release && tools/check_nginx.sh
}

part_service() {
  needs systemd-analyze || return
  [ "$(id -u)" -eq 0 ] || { echo "only root can be somebody else"; return $skip; }
  built release && tools/check_service.py
}

# Runs the part $1 unless it passed before; false when it fails, $skip when it is skipped.
run_part() {
  mark="$state/$1"
  case $1 in
  fuzz) mark="$mark-$seconds" ;;
  kills) mark="$mark-$kills" ;;
  esac
  if [ -e "$mark.passed" ]; then
    say "$1 passed before, on the same files"
    return 0
  fi
  say "$1 begins, $(date +%H:%M:%S)"
  started=$(date +%s)
  code=0
  "part_$1" || code=$?
  took=$(($(date +%s) - started))
  if [ "$code" -eq 0 ]; then
    : >"$mark.passed"
    say "$1 passed, $took s"
  elif [ "$code" -eq "$skip" ]; then
    say "$1 skipped"
  else
    say "$1 FAILED, $took s"
  fi
  return "$code"
}

for part in "$@"; do
  case " $all " in
  *" $part "*) ;;
  *)
    echo "check-long: '$part' is not one of: $all" >&2
    exit 2
    ;;
  esac
done
trap 'say "interrupted; the next check goes on from here"; exit 130' INT TERM
[ -n "$(git ls-files)" ] || { say "git names no files here, so what passed before cannot be known"; exit 1; }
files=$(git ls-files -z | xargs -0 sha256sum 2>/dev/null | sha256sum | cut -c 1-16)
state=build/check-long/$files
mkdir -p "$state"
passed="" skipped="" failed=""
for part in ${*:-$all}; do
  code=0
  run_part "$part" || code=$?
  case $code in
  0) passed="$passed $part" ;;
  "$skip") skipped="$skipped $part" ;;
  *) failed="$failed $part" ;;
  esac
done
[ -z "$skipped" ] || say "skipped:$skipped"
if [ -n "$failed" ]; then
  say "failed:$failed"
  exit 1
fi
[ -n "$passed" ] || exit 1
say "passed:$passed"
