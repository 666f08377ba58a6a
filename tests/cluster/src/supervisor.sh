#!/bin/sh
# Holds the namespaces of one cluster: DIRECTORY CGROUP COMMAND... It ends them and removes what they
# leave behind on this machine, when the test asks it to, when the kernel tells it that the test has
# died, or when its time is over: SIGTERM each time.
directory=$1 cgroup=$2
shift 2

clean_up() {
  trap '' TERM
  # The shell would report what it kills.
  exec 2>/dev/null
  # With unshare ends the first process of its PID namespace, and with that every other one there.
  kill -KILL "$sandbox"
  wait "$sandbox"
  rounds=0
  while [ "$rounds" -lt 200 ] && ! remove_cgroups; do
    sleep 0.05
    rounds=$((rounds + 1))
  done
  [ -n "$SEON_TEST_KEEP" ] || rm -rf "$directory"
  exit
}

remove_cgroups() {
  left=0
  for folder in /sys/fs/cgroup/"$cgroup" /sys/fs/cgroup/*/"$cgroup"; do
    [ -d "$folder" ] || continue
    find "$folder" -depth -type d -exec rmdir {} +
    [ ! -d "$folder" ] || left=1
  done
  return "$left"
}

trap clean_up TERM
setpriv --pdeathsig KILL unshare --net --pid --fork --kill-child "$@" &
sandbox=$!
wait "$sandbox"
clean_up
