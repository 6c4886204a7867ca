#!/bin/sh
# Trains a job through nginx with packaging/nginx.conf, but for its names, ports and folders, and compares its
# model with the simulation's. Needs nginx, openssl and curl; tools/check_long.sh runs it.
#
#   tools/check_nginx.sh [CHOIR]     CHOIR: else build/release/choir
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
choir=$(realpath "${1:-$root/build/release/choir}")
dir=$(mktemp -d)
pids=""
cleanup() {
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
cd "$dir"

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
inside=$(free_port)
outside=$(free_port)
url=https://127.0.0.1:$outside
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=choir \
  -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2>openssl.log
pin=sha256//$(openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform der |
  openssl dgst -sha256 -binary | openssl base64)

sed -e "s|127.0.0.1:8470|127.0.0.1:$inside|" -e "s|listen 443|listen 127.0.0.1:$outside|" -e '/listen \[::\]/d' \
  -e "s|/etc/ssl/choir/fullchain.pem|$dir/cert.pem|" -e "s|/etc/ssl/choir/privkey.pem|$dir/key.pem|" \
  -e "s|choir.example.org|127.0.0.1|" -e "s|/var/cache/nginx/choir|$dir/cache|" \
  "$root/packaging/nginx.conf" >site.conf
cat >nginx.conf <<EOF
pid $dir/nginx.pid;
error_log $dir/error.log;
events {}
http {
    access_log $dir/access.log combined;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    include $dir/site.conf;
}
EOF
[ "$(id -u)" -ne 0 ] || sed -i '1i user root;' nginx.conf
nginx -t -q -c "$dir/nginx.conf" -e "$dir/error.log"
nginx -c "$dir/nginx.conf" -e "$dir/error.log" -g 'daemon off;' &
pids="$pids $!"

cat >job.yaml <<EOF
name: proxied
model: mnist-2nn
data: {source: digits, partition: natural, clients: 4, examples: 40, test_examples: 200}
client: {epochs: 2, batch_size: 10, learning_rate: 0.1}
server: {sample_rate: 0.5, rounds: 5}
EOF
"$choir" serve --port "$inside" --plain --url "$url" --pin "$pin" >serve.out 2>serve.log &
pids="$pids $!"
tries=0
until "$choir" status >status.log 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { echo "check_nginx: no server behind nginx: $(cat status.log)" >&2; exit 1; }
  sleep 0.1
done
"$choir" host job.yaml 2>/dev/null
joined=""
for k in 0 1 2 3; do
  "$choir" join choir-server/join.json --job proxied --client "$k" >"join-$k.log" 2>&1 &
  joined="$joined $!"
  pids="$pids $!"
done
"$choir" watch proxied
for pid in $joined; do wait "$pid"; done
network=$("$choir" export proxied --out model.safetensors | cut -d' ' -f1)
simulation=$("$choir" sim job.yaml --quiet --json --no-report | sed 's/.*"model_hash": *"\([0-9a-f]*\)".*/\1/')
echo "network     $network"
echo "simulation  $simulation"
[ -n "$network" ] && [ "$network" = "$simulation" ] || { echo "check_nginx: the models differ" >&2; exit 1; }

# fetched PATH [OPTION...]: has the file got hold what nginx answers; ends the check where that is nothing.
fetched() {
  path=$1
  shift
  rm -f got
  curl -sSf --cacert cert.pem "$@" -o got "$url$path"
  [ -s got ] || { echo "check_nginx: $path is empty" >&2; exit 1; }
}

# A model twice: the second comes from the cache, whole and in part, packed and not.
fetched "/v1/models/$network"
fetched "/v1/models/$network" -H Accept-Encoding:zstd
fetched "/v1/models/$network" -r 8-15
[ "$(wc -c <got)" -eq 8 ] || { echo "check_nginx: a range of 8 bytes has $(wc -c <got)" >&2; exit 1; }
[ -n "$(find cache -type f)" ] || { echo "check_nginx: no model is in the cache" >&2; exit 1; }
fetched /metrics
grep -q 'choir_rounds_closed{job="proxied@1"} 5' got ||
  { echo "check_nginx: /metrics does not tell of five rounds" >&2; exit 1; }
echo "check_nginx: a job trained through nginx has the simulation's model"
