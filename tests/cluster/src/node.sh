#!/bin/sh
# The first process of a node: NAME DIRECTORY. When it is killed, so is everything on the node, as
# when a machine loses power; what is in the directory stays, as on a disk.
set -e
name=$1 directory=$2
# /proc is still the whole machine's, so this is our number as the test sees it.
read -r number _ </proc/self/stat

hostname "$name"
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$directory/var-lib" "$directory/var-log" "$directory/sysctl"
mount --bind "$directory/var-lib" /var/lib
mount --bind "$directory/var-log" /var/log
mkdir -p /run/netns /run/lock /var/lib/kubelet /var/log/pods /var/log/containers

# What a program reads there, and whatever it writes, is this node's and not the whole machine's.
own_sysctl() {
  [ -e "/proc/sys/$1" ] || return 0
  file=$directory/sysctl/$(echo "$1" | tr / _)
  echo "$2" >"$file"
  mount --bind "$file" "/proc/sys/$1"
}
own_sysctl vm/overcommit_memory 1
own_sysctl vm/panic_on_oom 0
own_sysctl kernel/panic 10
own_sysctl kernel/panic_on_oops 1
own_sysctl kernel/keys/root_maxkeys 1000000
own_sysctl kernel/keys/root_maxbytes 25000000
own_sysctl kernel/random/boot_id "$(cat /proc/sys/kernel/random/uuid)"

echo 1 >/proc/sys/net/ipv4/ip_forward
bridged=/proc/sys/net/bridge/bridge-nf-call-iptables
[ ! -e "$bridged" ] || echo 1 >"$bridged"

# Or containers do not see the volumes that are mounted for them.
mount --make-rshared /

echo "$number $(cat /proc/sys/kernel/random/boot_id)" >"$directory/started.new"
mv "$directory/started.new" "$directory/started"
while :; do
  sleep 3600 &
  wait $!
done
