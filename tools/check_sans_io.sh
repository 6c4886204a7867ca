#!/bin/sh
# Fails when the protocol core imports anything from the operating system.
# The core may use memory, strings, maths and formatted error text; nothing that reads a clock,
# opens a file, starts a thread, or draws a random number. Of maths, only what is exact: the last
# bits of other functions are each C library's own, and the core has its own (src/base/real.h). The
# reference kernels, which agree with themselves only, have three of the library's. Libraries after
# --maths may use the operating system, but their maths too are exact.
#
#   tools/check_sans_io.sh build/dev/src/base/libchoir_base.a ... [--maths LIBRARY...]
allowed='^(ch_.*|CH_.*|choir_.*|mem(cpy|set|cmp|chr|move)|bcmp|str(len|nlen|cmp|ncmp|cspn|spn|tod|tol|toul|toull|chr)|
vsnprintf|snprintf|newlocale|uselocale|freelocale|aligned_alloc|madvise|free|abort|fprintf|fwrite|stderr|sqrtf?|ldexp|nearbyint|floor|ceil|fmaf?|__cpu_(model|indicator_init)|
fabsf?|lround|lrint|llrint|__asan_.*|__ubsan_.*|__tsan_.*|__stack_chk_fail|__sanitizer_.*|__isoc99_.*|
_GLOBAL_OFFSET_TABLE_|__ctype_.*|__tls_get_addr)$'
allowed=$(printf %s "$allowed" | tr -d '\n')
[ "$#" -gt 0 ] || { echo "which libraries? name them: tools/check_sans_io.sh LIBRARY..."; exit 1; }
inexact='^((a?(sin|cos|tan)h?|atan2|sincos|exp(2|10|m1)?|log(2|10|1p)?|pow|cbrt|hypot|erfc?|[jy][01n])[fl]?|
[lt]?gamma[fl]?(_r)?)$'
inexact=$(printf %s "$inexact" | tr -d '\n')
bad="" bad_maths="" maths_only=""
for library in "$@"; do
  [ "$library" != --maths ] || { maths_only=1; continue; }
  [ -f "$library" ] || { echo "there is no $library to look into: build it first"; exit 1; }
  listed=$(nm --undefined-only --format=posix "$library" 2>&1) ||
    { echo "nm cannot read $library: $listed"; exit 1; }
  printf '%s\n' "$listed" | grep -q ' U ' ||
    { echo "$library imports nothing at all: is it a library of the core?"; exit 1; }
  # What a member imports, but for the three of reference kernels; "LIBRARY[MEMBER]:" comes before it.
  found=$(printf '%s\n' "$listed" | awk '
    /\[.*\]:$/ { is_reference = /libchoir_math\.a\[[a-z_]*_reference\.c\.o\]:$/ }
    NF >= 2 && $2 == "U" && !(is_reference && $1 ~ /^(exp|log|tanh)$/) { print $1 }')
  bad_maths="$bad_maths $(printf '%s\n' "$found" | grep -E "$inexact")"
  [ -n "$maths_only" ] || bad="$bad $(printf '%s\n' "$found" | grep -Ev "$allowed")"
done
names() { printf '%s\n' "$@" | sed '/^$/d' | sort -u; }
bad=$(names $bad)
if [ -n "$bad" ]; then
  echo "the protocol core reaches for the outside world:" $bad
  exit 1
fi
bad_maths=$(names $bad_maths)
if [ -n "$bad_maths" ]; then
  echo "the last bits of these are each C library's own:" $bad_maths
  exit 1
fi
echo "the protocol core imports memory, text and exact maths only"
