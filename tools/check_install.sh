#!/bin/sh
# Fails when `make install` does not work where nothing was built before: in a copy of the tracked files.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$folder"
make -C "$folder" install PREFIX="$folder/prefix" >"$folder/log" 2>&1 || {
  tail -20 "$folder/log" >&2
  echo "make install failed where nothing was built before" >&2
  exit 1
}
for file in bin/choir share/man/man1/choir-sim.1 share/man/man5/choir-job.5 include/choir/sim.h; do
  [ -f "$folder/prefix/$file" ] || {
    echo "make install left no $file" >&2
    exit 1
  }
done
for library in libchoir.a libchoir-job.a libchoir-client.a libchoir-engine.a; do
  find "$folder/prefix" -name "$library" | grep -q . || {
    echo "make install left no $library" >&2
    exit 1
  }
done
"$folder/prefix/bin/choir" version
