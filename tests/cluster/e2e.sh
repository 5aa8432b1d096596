#!/bin/bash
# The end-to-end tests on a node that is made on this machine and stopped again: what `make e2e` runs.
# E2E_FROM is the commit to upgrade from; the one before this, unless said otherwise. E2E_KEEP=1 leaves the node running.
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
cd "$HERE/../.."
NOT_HERE=.local/e2e-not-here   # says to .ci/run that it isn't the tests that failed
mkdir -p .local; rm -f $NOT_HERE
not_here() { echo "$1" | tee $NOT_HERE; exit 1; }

why_not() {
  local cgroup=/sys/fs/cgroup
  [ "$(id -u)" = 0 ] || { echo "it needs root"; return; }
  [ "$(. /etc/os-release && echo "$ID $VERSION_CODENAME")" = "debian bookworm" ] || { echo "it needs Debian 12"; return; }
  ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.* >/dev/null 2>&1 || { echo "it needs a CPython 3.13 of pyenv, for the images"; return; }
  unshare --mount --net sh -c 'mount -t tmpfs tmpfs /mnt' 2>/dev/null || { echo "this machine lets nobody mount or make network namespaces"; return; }
  grep -qw overlay /proc/filesystems || { echo "this machine has no overlay file system"; return; }
  [ -e $cgroup/cgroup.controllers ] || cgroup=$cgroup/memory
  { mkdir $cgroup/scim-e2e-probe && rmdir $cgroup/scim-e2e-probe; } 2>/dev/null || { echo "this machine lets nobody make control groups"; return; }
}
reason=$(why_not)
[ -z "$reason" ] || not_here "$reason"

. "$HERE/env.sh"
began=$SECONDS
down() { "$HERE/down.sh" >"$LOGS/down.log" 2>&1 || echo "the node didn't stop in order: see $LOGS/down.log"; }
finish() {
  local status=$?
  [ -n "${E2E_KEEP:-}" ] || down
  rm -rf "$TC/previous"
  exit $status
}
mkdir -p "$LOGS"
trap finish EXIT

.venv/bin/python -m tests.cluster.build >/dev/null
[ -n "${E2E_KEEP:-}" ] || down   # what a run that was killed has left
"$HERE/up.sh" || { down; "$HERE/up.sh"; } || not_here "the node doesn't start on this machine: its output is above"
"$HERE/image.sh" base || not_here "this machine can't make the images' base: its output is above"
tools/images dev
"$HERE/image.sh" build localhost/scim-test-postgres:dev . -f tests/cluster/postgres/Dockerfile
images=(localhost/scim-{server,operator,test-postgres}:dev)
from=${E2E_FROM:-HEAD~1}
# An earlier commit without images, or whose images don't build, keeps no later one from being tested.
rm -rf "$TC/previous"; mkdir "$TC/previous"
if git cat-file -e "$from:Dockerfile" 2>/dev/null && git archive "$from" | tar -x -C "$TC/previous" \
   && tools/images previous "$TC/previous"; then
  images+=(localhost/scim-{server,operator}:previous)
  export E2E_PREVIOUS=$TC/previous
  echo "upgrades come from $(git log -1 --format='%h %s' "$from")"
else
  echo "there are no images of $from: upgrades come from this commit"
fi
"$HERE/image.sh" load "${images[@]}"
echo "node and images after $((SECONDS - began)) s"

# With what the tests print: it has the figures.
E2E_KUBECONFIG=$KUBECONFIG_OUT E2E_TAG=dev E2E_CRASH=$HERE/crash.sh \
  .venv/bin/python -m pytest -q -s -p no:cacheprovider tests/e2e ${ARGS:-}
echo "end-to-end tests on a node: passed after $((SECONDS - began)) s in all"
