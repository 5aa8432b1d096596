#!/bin/bash
# Kills every container of the pods in the namespace $1, as a crash of the node's processes would.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/env.sh"
for c in $($CTR containers ls -q "labels.\"io.kubernetes.pod.namespace\"==$1,labels.\"io.cri-containerd.kind\"==container"); do
  $CTR tasks kill -s SIGKILL "$c" 2>/dev/null || true   # one of an earlier start has ended
done
