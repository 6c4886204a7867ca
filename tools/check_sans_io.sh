#!/bin/sh
# Fails when the protocol core imports anything from the operating system.
# The core may use memory, strings, maths and formatted error text; nothing that reads a clock,
# opens a file, starts a thread, or draws a random number.
allowed='^(ch_.*|CH_.*|choir_.*|mem(cpy|set|cmp|chr|move)|bcmp|str(len|nlen|cmp|ncmp|cspn|spn|tod|tol|toul|toull|chr)|
vsnprintf|snprintf|newlocale|uselocale|freelocale|aligned_alloc|madvise|free|abort|fprintf|fwrite|stderr|sqrtf?|ldexp|nearbyint|floor|ceil|fmaf?|log2?|exp|tanh|sin|cos|pow|__cpu_(model|indicator_init)|
fabsf?|lround|lrint|llrint|__asan_.*|__ubsan_.*|__tsan_.*|__stack_chk_fail|__sanitizer_.*|__isoc99_.*|
_GLOBAL_OFFSET_TABLE_|__ctype_.*|__tls_get_addr)$'
allowed=$(printf %s "$allowed" | tr -d '\n')
for library in "$@"; do
  [ -f "$library" ] || { echo "there is no $library to look into: build it first"; exit 1; }
done
bad=$(for library in "$@"; do
  nm --undefined-only --format=posix "$library" 2>/dev/null | awk 'NF >= 2 && $2 == "U" { print $1 }'
done | sort -u | grep -Ev "$allowed")
if [ -n "$bad" ]; then
  echo "the protocol core reaches for the outside world:" $bad
  exit 1
fi
echo "the protocol core imports memory, text and maths only"
