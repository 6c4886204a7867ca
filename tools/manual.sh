#!/bin/sh
# Prints the manual pages and the completion that `make install` installs.
#   tools/manual.sh CHOIR FOLDER
set -eu
choir=$1
folder=$2
mkdir -p "$folder/man1" "$folder/man5"
"$choir" help --man >"$folder/man1/choir.1"
"$choir" help --names | while read -r name; do
  # A name may be two words, which are two operands.
  # shellcheck disable=SC2086
  "$choir" help --man $name >"$folder/man1/choir-$(echo "$name" | tr ' ' -).1"
done
"$choir" job keys --man >"$folder/man5/choir-job.5"
"$choir" help --completion >"$folder/choir.bash"
