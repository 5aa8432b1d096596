# What up.sh, down.sh and image.sh share.
SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$SRC/../.." && pwd)
TC=${TC:-${XDG_CACHE_HOME:-$HOME/.cache}/scim-operator/cluster}   # all state of the cluster
mkdir -p "$TC"
LIB=$TC/lib                          # kept by down.sh: image store, build store, base root file systems
RUN=$TC/run                          # removed by down.sh: etcd data, keys, kubelet, pids
LOGS=$TC/logs
NODE=${NODE:-tc-node}
BR=tc-cni0; NODE_IP=10.88.0.1; POD_CIDR=10.88.0.0/16; SVC_CIDR=10.96.0.0/16; SVC_API=10.96.0.1; SVC_DNS=10.96.0.10
ETCD_PORT=22379; ETCD_PEER=22380; API_PORT=26443
PAUSE_IMAGE=localhost/tc-pause:1; DNS_IMAGE=localhost/tc-coredns:1
CRI_SOCK=$RUN/containerd/containerd.sock
KUBECONFIG_OUT=$RUN/kubeconfig
CTR="ctr -a $CRI_SOCK -n k8s.io"
BUILDAH="buildah --root $LIB/buildah --runroot $RUN/buildah --storage-driver ${TC_STORAGE:-overlay}"
now() { date +%s.%N; }
T_ALL=$(now); T_LAST=$T_ALL
stage() { local n; n=$(now); awk -v a="$T_LAST" -v b="$n" -v s="$*" 'BEGIN{printf "%7.2fs  %s\n", b-a, s}'; T_LAST=$n; }
total() { awk -v a="$T_ALL" -v b="$(now)" -v s="$*" 'BEGIN{printf "%7.2fs  TOTAL %s\n", b-a, s}'; }
die() { echo "ERROR: $*" >&2; exit 1; }
# a pid file holds "pid starttime": a recycled pid is never taken for ours
starttime() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
alive() { # name
  local p s; [ -e "$RUN/pids/$1" ] && read -r p s <"$RUN/pids/$1" || return 1
  [ -n "$p" ] && [ "$(starttime "$p")" = "$s" ] && [ "$(sed 's/.*) //' /proc/$p/stat 2>/dev/null | cut -c1)" != Z ]
}
start() { # name command...
  local n=$1; shift
  alive "$n" && return 0
  setsid "$@" >>"$LOGS/$n.log" 2>&1 </dev/null 9>&- &
  local p=$! i
  for i in 1 2 3 4 5 6 7 8 9 10; do [ -n "$(starttime $p)" ] && break; sleep .02; done
  echo "$p $(starttime $p)" >"$RUN/pids/$n"
}
stop() { # name [signal] [seconds]
  local p s i; alive "$1" || { rm -f "$RUN/pids/$1"; return 0; }
  read -r p s <"$RUN/pids/$1"
  kill -"${2:-TERM}" "$p" 2>/dev/null
  for ((i=0; i<${3:-10}*20; i++)); do alive "$1" || break; sleep .05; done
  alive "$1" && { kill -KILL "$p"; sleep .2; }
  rm -f "$RUN/pids/$1"
}
wait_for() { # seconds name command...
  local t=$1 n=$2 i; shift 2
  for ((i=0; i<t*10; i++)); do "$@" >/dev/null 2>&1 && return 0; [ "$n" = - ] || alive "$n" || die "$n exited; see $LOGS/$n.log"; sleep .1; done
  die "timed out after ${t}s: $*"
}
