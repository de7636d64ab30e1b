#!/usr/bin/env bash
# A NATS server's configuration for boxes that trust each other no further than they must, and what each box needs to come in:
#
#     fleet-config.sh [OPTION]... FOLDER CLUSTER SERVER BOX...
#
#     --durable          permissions for federation.durable and shared caps (JetStream) too
#     --founder BOX      with --durable: the box that may create the streams; the others only use them. Default: the first; `nobody` once they are there
#     --boxes-at DIR     where a box will find its folder; default /etc/jesus/nats. {} stands for the box's name
#     --server-at DIR    where the NATS server will find its folder; default FOLDER/server
#
# SERVER is the name or address by which the boxes reach the server, with :PORT if that is not 4222. FOLDER gets
#     server/      nats.conf, one file a cluster, the server's certificate and key: for the NATS server
#     boxes/BOX/   the box's nkey seed, certificate and key, and jesus.json, the section for its configuration: for that box and nobody else
#     ca.key       signs certificates of boxes: for a drawer
# Run again with more boxes or another CLUSTER, it keeps the keys that are there and adds what is new. docs/federation.md explains the permissions.
# Needs openssl and coreutils.
set -euo pipefail
umask 077
die() { printf 'error: %s\n' "$*" >&2; exit 2; }
usage() { sed -n '2,17s/^# \{0,1\}//p' "$0"; exit "$1"; }

durable=0 founder='' boxes_at=/etc/jesus/nats server_at=''
while [ $# -gt 0 ]; do
  case $1 in
    --durable) durable=1; shift ;;
    --founder) founder=${2:?--founder wants a box}; shift 2 ;;
    --boxes-at) boxes_at=${2:?--boxes-at wants a folder}; shift 2 ;;
    --server-at) server_at=${2:?--server-at wants a folder}; shift 2 ;;
    -h|--help) usage 0 ;;
    -*) die "unknown option $1 (--help)" ;;
    *) break ;;
  esac
done
[ $# -ge 4 ] || usage 2
folder=$1 cluster=$2 server=$3 port=4222; shift 3
[[ $server =~ ^([^:]+):([0-9]+)$ ]] && server=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}
for name in "$cluster" "$@"; do
  [[ $name =~ ^[A-Za-z0-9_-]{1,64}$ ]] || die "'$name' is no name: a cluster and a box have 1 to 64 letters, digits, hyphens and underscores"
done
mkdir -p "$folder/server" "$folder/boxes"
folder=$(cd "$folder" && pwd)
server_at=${server_at:-$folder/server}

# certificate FILE SUBJECT NAME USAGE: a key and a certificate of our authority, once. NAME is an address or a DNS name.
certificate() {
  local at=$1 subject=$2 name=$3 usage=$4 kind=DNS
  [ ! -e "$at.pem" ] || return 0
  [[ $name =~ ^[0-9.]+$|: ]] && kind=IP
  openssl ecparam -name prime256v1 -genkey -noout -out "$at.key"
  openssl req -new -key "$at.key" -subj "/CN=$subject" |
    openssl x509 -req -days 825 -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -out "$at.pem" \
      -extfile <(printf 'subjectAltName=%s:%s\nextendedKeyUsage=%s\nbasicConstraints=CA:FALSE\n' "$kind" "$name" "$usage") 2>/dev/null
}

# encode HEX: base32 of the bytes and their CRC-16 (XMODEM, low byte first), as nkeys are written.
encode() {
  local hex=$1 crc=0 i bit
  for ((i = 0; i < ${#hex}; i += 2)); do
    crc=$((crc ^ (16#${hex:i:2} << 8)))
    for bit in 1 2 3 4 5 6 7 8; do crc=$(((crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xFFFF)); done
  done
  printf '%s%02X%02X' "$hex" $((crc & 255)) $((crc >> 8)) | basenc --base16 -d | base32 -w0 | tr -d =
}

# nkey FILE: the seed of a user's key there, once, and its public half in FILE.pub. A seed begins with S and U (18<<3 | 160>>5, then (160 & 31)<<3), a public key with U (160).
nkey() {
  [ ! -e "$1" ] || return 0
  local key hex
  key=$(mktemp)
  openssl genpkey -algorithm ed25519 -out "$key"
  hex=$(openssl pkey -in "$key" -outform DER | tail -c 32 | basenc --base16 -w0)
  encode "9500${hex^^}" >"$1"
  hex=$(openssl pkey -in "$key" -pubout -outform DER | tail -c 32 | basenc --base16 -w0)
  encode "A0${hex^^}" >"$1.pub"
  rm -f "$key"
}

# quote SUBJECT...: a list as a configuration file has it, one a line.
list() { printf '            "%s"\n' "$@"; }

# What a box may send: only where its own id stands in the speaker's place; in another's inbox too, where whoever asks puts the id of whom it asks. (Not NATS's
# allow_responses: a box that asks itself, with any subject to reply to, may then publish there.)
publishes() {
  local c=$cluster q=$1
  list "jesus.$c.peer.$q.status" "jesus.$c.peer.*.welcome.$q" "jesus.$c.telemetry.$q" "jesus.$c.alert.$q" \
    "jesus.$c.infer.*.$q" "jesus.$c.peer.*.infer.$q" "jesus.$c.peer.*.credit.$q" "jesus.$c.peer.*.cancel.$q" "_INBOX.jesus.*.$q.>"
  [ "$durable" = 0 ] || durable_publishes "$q"
}

# JetStream: read and write the four stores of the cluster, make and drop readers of the buckets, and nothing of any other stream. A loan or an ask of the shared caps
# is written by its own box only. \$JS, \$KV and \$O are NATS's own names.
durable_publishes() {
  local c=$cluster q=$1 queue=jesus_${cluster}_submits store
  list "jesus.$c.run.submit.$q" "\$KV.jesus_${c}_budget.ask.$q.>" "\$KV.jesus_${c}_budget.loan.$q.>" "\$KV.jesus_${c}_runs.>" "\$O.jesus_${c}_artifacts.>" \
    "\$JS.ACK.$queue.>" "\$JS.API.STREAM.INFO.$queue" "\$JS.API.CONSUMER.INFO.$queue.*" "\$JS.API.CONSUMER.MSG.NEXT.$queue.*"
  for store in "KV_jesus_${c}_budget" "KV_jesus_${c}_runs" "OBJ_jesus_${c}_artifacts"; do
    list "\$JS.API.STREAM.INFO.$store" "\$JS.API.STREAM.MSG.GET.$store" "\$JS.API.CONSUMER.CREATE.$store.>" "\$JS.API.CONSUMER.INFO.$store.*" \
      "\$JS.API.CONSUMER.MSG.NEXT.$store.*" "\$JS.API.CONSUMER.DELETE.$store.*"
  done
  list "\$JS.API.STREAM.PURGE.KV_jesus_${c}_runs" "\$JS.API.STREAM.PURGE.OBJ_jesus_${c}_artifacts"
  # Who may create a stream chooses its subjects, and so hears everything: one box, or nobody once the streams are there.
  if [ "$q" = "$founder" ]; then
    for store in "$queue" "KV_jesus_${c}_budget" "KV_jesus_${c}_runs" "OBJ_jesus_${c}_artifacts"; do list "\$JS.API.STREAM.CREATE.$store"; done
    list "\$JS.API.CONSUMER.CREATE.$queue.*"
  fi
}

# What a box may hear: all that everybody may know, what is meant for it, and work for any box (only as one of the group that shares it).
hears() {
  local c=$cluster p=$1
  list "_INBOX.jesus.$p.>" "jesus.$c.peer.*.status" "jesus.$c.peer.$p.welcome.*" "jesus.$c.telemetry.*" \
    "jesus.$c.infer.*.* infer" "jesus.$c.peer.$p.infer.*" "jesus.$c.peer.$p.credit.*" "jesus.$c.peer.$p.cancel.*"
}

account() {
  printf '# The cluster %s: an account of its own, so that no subject of another is even seen. Made by fleet-config.sh.\n%s: {\n' "$cluster" "$cluster"
  [ "$durable" = 0 ] || printf '  jetstream: enabled\n'
  printf '  users: [\n'
  for box in "$@"; do
    cat <<USER
    {
      nkey: $(cat "$folder/boxes/$box/nkey.pub")  # $box
      permissions: {
        publish: { allow: [
$(publishes "$box")
        ] }
        subscribe: { allow: [
$(hears "$box")
        ] }
      }
    }
USER
  done
  printf '  ]\n}\n'
}

server_config() {
  cat <<CONF
# A NATS server for boxes of Jesus. Made by fleet-config.sh; nats-server -c $server_at/nats.conf
listen: 0.0.0.0:$port
server_name: $server
max_payload: 1MB
# Nobody without a certificate of this authority comes in; who comes in is told by its nkey.
tls {
  cert_file: "$server_at/server.pem"
  key_file: "$server_at/server.key"
  ca_file: "$server_at/ca.pem"
  verify: true
  timeout: 5
}
CONF
  [ "$durable" = 0 ] || printf 'jetstream { store_dir: "%s/jetstream", max_memory_store: 256MB, max_file_store: 10GB }\n' "$server_at"
  printf 'accounts {\n'
  local file
  for file in "$folder"/server/cluster-*.conf; do printf '  include "%s"\n' "$(basename "$file")"; done
  printf '}\n'
}

box_config() {
  local at=${boxes_at//\{\}/$1} more=''
  [ "$durable" = 0 ] || more=$',\n    "durable": true'
  cat <<JSON
{
  "federation": {
    "cluster": "$cluster",
    "peer": "$1",
    "nats": {
      "urls": ["tls://$server:$port"],
      "nkey": "file:$at/nkey.seed",
      "tls": { "caFile": "$at/ca.pem", "certificateFile": "$at/box.pem", "keyFile": "$at/box.key" }
    }$more
  }
}
JSON
}

if [ ! -e "$folder/ca.key" ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out "$folder/ca.key"
  openssl req -x509 -new -key "$folder/ca.key" -days 3650 -subj "/CN=Jesus fleet" -out "$folder/ca.pem" \
    -addext 'keyUsage=critical,keyCertSign,cRLSign' -addext 'basicConstraints=critical,CA:TRUE'
fi
certificate "$folder/server/server" "$server" "$server" serverAuth
cp "$folder/ca.pem" "$folder/server/ca.pem"

# Boxes of earlier runs stay in the cluster's file.
known=$folder/server/cluster-$cluster.boxes
touch "$known"
mapfile -t everyone < <(cat "$known"; printf '%s\n' "$@")
founder=${founder:-${everyone[0]}}
[[ $founder = nobody || " ${everyone[*]} " = *" $founder "* ]] || die "the founder $founder is none of the boxes"
for box in "$@"; do
  grep -qx -- "$box" "$known" || echo "$box" >>"$known"
  mkdir -p "$folder/boxes/$box"
  nkey "$folder/boxes/$box/nkey.seed"
  mv -f "$folder/boxes/$box/nkey.seed.pub" "$folder/boxes/$box/nkey.pub" 2>/dev/null || true
  certificate "$folder/boxes/$box/box" "$box" "$box" clientAuth
  cp "$folder/ca.pem" "$folder/boxes/$box/ca.pem"
  box_config "$box" >"$folder/boxes/$box/jesus.json"
done
mapfile -t all <"$known"
account "${all[@]}" >"$folder/server/cluster-$cluster.conf"
server_config >"$folder/server/nats.conf"
echo "$folder/server is for the NATS server, each folder of $folder/boxes for its box; keep $folder/ca.key to yourself"
