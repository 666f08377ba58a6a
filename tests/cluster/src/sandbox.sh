#!/bin/sh
# The first process of a cluster's namespaces: DIRECTORY ADDRESS... Everything else there is started
# from outside; when this one dies, all of it does. The machines' network is a bridge.
set -e
directory=$1
shift
ip link set lo up
ip link add machines type bridge
for address in "$@"; do
  ip address add "$address" dev machines
done
ip link set machines up
echo 1 >/proc/sys/net/ipv4/ip_forward
# /proc is still the whole machine's, so this is our number as the test sees it.
read -r number _ </proc/self/stat
echo "$number" >"$directory/sandbox.new"
mv "$directory/sandbox.new" "$directory/sandbox"
# A shell also collects the orphans.
while :; do
  sleep 3600 &
  wait $!
done
