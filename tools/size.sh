#!/bin/sh
# What a device costs: memory for each model, and the size of programs with the device library. Run by `make size`.
#     tools/size.sh BUILD
set -eu
build=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$folder" -name choir.pc)")
export PKG_CONFIG_PATH
"$build/bench/device_sizes"
printf '\n%-42s %8s %8s %8s\n' '' text data bss
for example in "device choir-client choir-engine" "own_trainer choir-client"; do
  set -- $example
  program=$1
  shift
  # shellcheck disable=SC2046
  ${CC:-cc} -std=c17 -O2 -o "$folder/$program" "examples/$program.c" $(pkg-config --cflags --libs "$@") -lm
  strip "$folder/$program"
  bytes=$(wc -c <"$folder/$program")
  size "$folder/$program" | awk -v name="examples/$program, stripped: $bytes bytes" 'NR == 2 {
    printf "%-42s %8d %8d %8d\n", name, $1, $2, $3 }'
done
for library in choir-client choir-engine; do
  size -t "$(find "$folder" -name "lib$library.a")" | awk -v name="lib$library.a" 'END {
    printf "%-42s %8d %8d %8d\n", name, $1, $2, $3 }'
done
