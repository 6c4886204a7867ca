#!/bin/sh
# Fails when the protocol core imports anything from the operating system.
# The core may use memory, strings, maths and formatted error text; nothing that reads a clock,
# opens a file, starts a thread, or draws a random number. Of maths, only what is exact: the last
# bits of other functions are each C library's own, and the core has its own (src/base/real.h). The
# reference kernels, which agree with themselves only, have three of the library's.
#
#   tools/check_sans_io.sh build/dev/src/base/libchoir_base.a ...
allowed='^(ch_.*|CH_.*|choir_.*|mem(cpy|set|cmp|chr|move)|bcmp|str(len|nlen|cmp|ncmp|cspn|spn|tod|tol|toul|toull|chr)|
vsnprintf|snprintf|newlocale|uselocale|freelocale|aligned_alloc|madvise|free|abort|fprintf|fwrite|stderr|sqrtf?|ldexp|nearbyint|floor|ceil|fmaf?|__cpu_(model|indicator_init)|
fabsf?|lround|lrint|llrint|__asan_.*|__ubsan_.*|__tsan_.*|__stack_chk_fail|__sanitizer_.*|__isoc99_.*|
_GLOBAL_OFFSET_TABLE_|__ctype_.*|__tls_get_addr)$'
allowed=$(printf %s "$allowed" | tr -d '\n')
[ "$#" -gt 0 ] || { echo "which libraries? name them: tools/check_sans_io.sh LIBRARY..."; exit 1; }
bad=""
for library in "$@"; do
  [ -f "$library" ] || { echo "there is no $library to look into: build it first"; exit 1; }
  listed=$(nm --undefined-only --format=posix "$library" 2>&1) ||
    { echo "nm cannot read $library: $listed"; exit 1; }
  found=$(printf '%s\n' "$listed" | awk 'NF >= 2 && $2 == "U" { print $1 }')
  [ -n "$found" ] || { echo "$library imports nothing at all: is it a library of the core?"; exit 1; }
  case $library in */libchoir_math.a) own='^(exp|log|tanh)$' ;; *) own='^$' ;; esac
  bad="$bad $(printf '%s\n' "$found" | grep -Ev "$allowed" | grep -Ev "$own")"
done
bad=$(printf '%s\n' $bad | sed '/^$/d' | sort -u)
if [ -n "$bad" ]; then
  echo "the protocol core reaches for the outside world:" $bad
  exit 1
fi
echo "the protocol core imports memory, text and exact maths only"
