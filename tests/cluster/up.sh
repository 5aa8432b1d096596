#!/bin/bash
# Brings up a single-node Kubernetes cluster (etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
# containerd + runc, kubelet, kube-proxy in nftables mode, CoreDNS).
# Safe to call again: what runs is left alone, what has died is started again. Prints KUBECONFIG=<path> last.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/env.sh"
[ "$(id -u)" = 0 ] || die "needs root"
umask 022
cd "$ROOT"
mkdir -p "$LIB" "$RUN"/{pids,pki,cni/net.d,kubelet,podlogs,containerd} "$LOGS"
exec 9>"$TC/.lock"; flock -n 9 || die "another up.sh/down.sh is running"

# --- 0. what must be on the machine
PROGRAMS=$("$ROOT/.venv/bin/python" -m tests.cluster.build) || die "the programs don't build"
export PATH=$PROGRAMS:$PATH:/usr/sbin
stage "programs"
want=(); have() { command -v "$1" >/dev/null || [ -e "$1" ] || want+=("$2"); }
have containerd containerd; have runc runc; have /usr/lib/cni/bridge containernetworking-plugins; have conntrack conntrack
have nft nftables; have iptables iptables; have socat socat; have ethtool ethtool; have gcc gcc; have openssl openssl
if [ ${#want[@]} -gt 0 ]; then
  { apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${want[@]}"; } >"$LOGS/apt.log" 2>&1 || die "apt failed; see $LOGS/apt.log"
  stage "apt: ${want[*]}"
fi

# --- 1. network: bridge, forwarding inside the bridge only, kernel settings (old values kept for down.sh)
if [ ! -e "$RUN/sysctl.before" ]; then
  for s in net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables kernel.panic kernel.panic_on_oops vm.overcommit_memory vm.panic_on_oom kernel.keys.root_maxkeys kernel.keys.root_maxbytes net.netfilter.nf_conntrack_max fs.inotify.max_user_instances net.netfilter.nf_conntrack_tcp_timeout_established net.netfilter.nf_conntrack_tcp_timeout_close_wait; do
    echo "$s=$(sysctl -n $s 2>/dev/null || true)"; done >"$RUN/sysctl.before"
fi
ip link show $BR >/dev/null 2>&1 || { ip link add $BR type bridge; ip addr add $NODE_IP/16 dev $BR; ip link set $BR up; }
ip route replace $SVC_CIDR dev $BR src $NODE_IP   # a service address without rules must not leave by the default route
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
sysctl -qw fs.inotify.max_user_instances=1024 || true
# nothing of the cluster is ever forwarded to a real interface
nft -f - <<N
table inet tc_cluster { }
delete table inet tc_cluster
table inet tc_cluster {
  chain forward { type filter hook forward priority 10; policy accept;
    iifname "$BR" oifname != "$BR" drop
    oifname "$BR" iifname != "$BR" drop
  }
}
N
cat >"$RUN/cni/net.d/10-tc.conflist" <<J
{"cniVersion":"0.4.0","name":"tc","plugins":[
 {"type":"bridge","bridge":"$BR","isGateway":true,"isDefaultGateway":true,"forceAddress":false,"ipMasq":false,"hairpinMode":true,
  "ipam":{"type":"host-local","dataDir":"$RUN/cni/ipam","ranges":[[{"subnet":"$POD_CIDR","rangeStart":"10.88.1.1","rangeEnd":"10.88.255.250","gateway":"$NODE_IP"}]]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
J
echo "search tc.invalid" >"$RUN/resolv.conf"
stage "bridge, nftables, sysctl"

# --- 2. containerd
cat >"$RUN/containerd.toml" <<C
version = 2
root = "$LIB/containerd"
state = "$RUN/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs","io.containerd.snapshotter.v1.zfs","io.containerd.snapshotter.v1.aufs","io.containerd.snapshotter.v1.devmapper","io.containerd.internal.v1.opt"]
[grpc]
  address = "$CRI_SOCK"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  restrict_oom_score_adj = true   # this machine withholds CAP_SYS_RESOURCE: oom_score_adj cannot be lowered
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$RUN/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
C
# no registry: every pull ends at a closed local port at once instead of going out
start containerd env HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY= no_proxy= containerd -c "$RUN/containerd.toml" -l info
wait_for 30 containerd ctr -a "$CRI_SOCK" version
stage "containerd"

# --- 3. keys and certificates
P=$RUN/pki
if [ ! -e "$P/done" ]; then
  ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$P/$1.key" 2>/dev/null; }
  ec ca; openssl req -x509 -new -key "$P/ca.key" -subj /CN=tc-ca -days 3650 -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature -out "$P/ca.crt"
  issue() { # name subject usage [san]
    ec "$1"
    openssl req -new -key "$P/$1.key" -subj "$2" -out "$P/$1.csr"
    { echo "basicConstraints=critical,CA:FALSE"; echo "keyUsage=critical,digitalSignature"; echo "extendedKeyUsage=$3"; [ -z "${4:-}" ] || echo "subjectAltName=$4"; } >"$P/$1.ext"
    openssl x509 -req -in "$P/$1.csr" -CA "$P/ca.crt" -CAkey "$P/ca.key" -CAcreateserial -days 3650 -extfile "$P/$1.ext" -out "$P/$1.crt" 2>/dev/null
    rm -f "$P/$1.csr" "$P/$1.ext"
  }
  issue apiserver /CN=kube-apiserver serverAuth "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$NODE_IP,IP:$SVC_API"
  issue kubelet-server "/O=system:nodes/CN=system:node:$NODE" serverAuth "DNS:$NODE,IP:$NODE_IP,IP:127.0.0.1"
  issue apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
  issue admin /O=system:masters/CN=admin clientAuth
  issue kubelet "/O=system:nodes/CN=system:node:$NODE" clientAuth
  issue kcm /CN=system:kube-controller-manager clientAuth
  issue scheduler /CN=system:kube-scheduler clientAuth
  issue proxy /CN=system:kube-proxy clientAuth
  ec sa; openssl pkey -in "$P/sa.key" -pubout -out "$P/sa.pub"
  kc() { # name file
    cat >"$2" <<Y
apiVersion: v1
kind: Config
clusters: [{name: tc, cluster: {server: "https://127.0.0.1:$API_PORT", certificate-authority-data: $(base64 -w0 "$P/ca.crt")}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$P/$1.crt"), client-key-data: $(base64 -w0 "$P/$1.key")}}]
contexts: [{name: tc, context: {cluster: tc, user: $1}}]
current-context: tc
Y
    chmod 600 "$2"; }
  kc admin "$KUBECONFIG_OUT"; for u in kubelet kcm scheduler proxy; do kc $u "$P/$u.kubeconfig"; done
  chmod 600 "$P"/*.key; touch "$P/done"
  stage "keys and certificates"
fi

# --- 4. control plane
start etcd etcd --data-dir="$RUN/etcd" --listen-peer-urls=http://127.0.0.1:$ETCD_PEER --initial-advertise-peer-urls=http://127.0.0.1:$ETCD_PEER --initial-cluster=default=http://127.0.0.1:$ETCD_PEER \
  --listen-client-urls=http://127.0.0.1:$ETCD_PORT --advertise-client-urls=http://127.0.0.1:$ETCD_PORT --unsafe-no-fsync=true
wait_for 30 etcd curl -fs --noproxy '*' http://127.0.0.1:$ETCD_PORT/health
stage etcd
start apiserver kube-apiserver --etcd-servers=http://127.0.0.1:$ETCD_PORT --bind-address=127.0.0.1 --secure-port=$API_PORT --advertise-address=$NODE_IP --cert-dir="$P" \
  --tls-cert-file="$P/apiserver.crt" --tls-private-key-file="$P/apiserver.key" --client-ca-file="$P/ca.crt" --service-cluster-ip-range=$SVC_CIDR --allow-privileged=true \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file="$P/sa.pub" --service-account-signing-key-file="$P/sa.key" \
  --kubelet-client-certificate="$P/apiserver-kubelet.crt" --kubelet-client-key="$P/apiserver-kubelet.key" --kubelet-certificate-authority="$P/ca.crt" --kubelet-preferred-address-types=InternalIP
# pods reach the API server at the bridge address (endpoint of service default/kubernetes)
start api-forward socat TCP-LISTEN:$API_PORT,bind=$NODE_IP,reuseaddr,fork TCP:127.0.0.1:$API_PORT
api() { curl -fs --noproxy '*' --cacert "$P/ca.crt" --cert "$P/admin.crt" --key "$P/admin.key" "https://127.0.0.1:$API_PORT$1"; }
wait_for 90 apiserver api /readyz
stage kube-apiserver
start controller-manager kube-controller-manager --kubeconfig="$P/kcm.kubeconfig" --authentication-kubeconfig="$P/kcm.kubeconfig" --authorization-kubeconfig="$P/kcm.kubeconfig" \
  --bind-address=127.0.0.1 --service-account-private-key-file="$P/sa.key" --root-ca-file="$P/ca.crt" --use-service-account-credentials=true --leader-elect=false --cert-dir="$P/kcm" \
  --cluster-signing-cert-file="$P/ca.crt" --cluster-signing-key-file="$P/ca.key"
start scheduler kube-scheduler --kubeconfig="$P/scheduler.kubeconfig" --authentication-kubeconfig="$P/scheduler.kubeconfig" --authorization-kubeconfig="$P/scheduler.kubeconfig" --bind-address=127.0.0.1 --leader-elect=false --cert-dir="$P/scheduler"

# --- 5. pause image (static C program, made here), before the kubelet asks for it
image_tar() { # rootdir name entrypoint user out : docker-archive of one layer
  /usr/bin/python3 -I - "$@" <<'PY'
import hashlib,io,json,os,sys,tarfile
root,name,ep,user,out=sys.argv[1:6]
lp=out+'.layer'
with tarfile.open(lp,'w') as t:
    for e in sorted(os.listdir(root)):
        t.add(os.path.join(root,e),e,filter=lambda i:(setattr(i,'uid',0),setattr(i,'gid',0),setattr(i,'uname',''),setattr(i,'gname',''),setattr(i,'mtime',0),i)[-1])
h=hashlib.sha256(open(lp,'rb').read()).hexdigest()
cfg=json.dumps({'architecture':'amd64','os':'linux','config':{'Entrypoint':[ep],'User':user,'Env':['PATH=/usr/sbin:/usr/bin:/sbin:/bin']},'rootfs':{'type':'layers','diff_ids':['sha256:'+h]},'history':[{'created_by':'tc'}]}).encode()
ch=hashlib.sha256(cfg).hexdigest()
with tarfile.open(out,'w') as t:
    for n,b in ((ch+'.json',cfg),('manifest.json',json.dumps([{'Config':ch+'.json','RepoTags':[name],'Layers':[h+'.tar']}]).encode())):
        i=tarfile.TarInfo(n); i.size=len(b); t.addfile(i,io.BytesIO(b))
    t.add(lp,h+'.tar')
os.unlink(lp)
PY
}
has_image() { $CTR images ls -q | grep -qxF "$1"; }
if ! has_image $PAUSE_IMAGE; then
  mkdir -p "$LIB/pause"
  printf '#include <signal.h>\n#include <unistd.h>\n#include <sys/wait.h>\nstatic void r(int s){(void)s;while(waitpid(-1,0,WNOHANG)>0);}\nstatic void q(int s){(void)s;_exit(0);}\nint main(void){signal(SIGINT,q);signal(SIGTERM,q);signal(SIGCHLD,r);for(;;)pause();}\n' >"$LIB/pause.c"
  gcc -static -O2 -s -o "$LIB/pause/pause" "$LIB/pause.c"
  image_tar "$LIB/pause" $PAUSE_IMAGE /pause 65535:65535 "$RUN/pause.tar"; $CTR images import "$RUN/pause.tar" >/dev/null; rm "$RUN/pause.tar"
  stage "pause image"
fi

# --- 6. kubelet and kube-proxy
cat >"$RUN/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_IP
port: 10250
readOnlyPort: 0
healthzBindAddress: 127.0.0.1
healthzPort: 10248
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $P/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $P/kubelet-server.crt
tlsPrivateKeyFile: $P/kubelet-server.key
containerRuntimeEndpoint: unix://$CRI_SOCK
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
clusterDNS: [$SVC_DNS]
clusterDomain: cluster.local
resolvConf: $RUN/resolv.conf
podLogsDir: $RUN/podlogs
volumePluginDir: $RUN/kubelet/volume-plugins
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
makeIPTablesUtilChains: false
evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
serializeImagePulls: true
Y
start kubelet kubelet --config="$RUN/kubelet.yaml" --kubeconfig="$P/kubelet.kubeconfig" --root-dir="$RUN/kubelet" --cert-dir="$P/kubelet" --hostname-override=$NODE --node-ip=$NODE_IP
cat >"$RUN/proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
bindAddress: $NODE_IP
clusterCIDR: $POD_CIDR
hostnameOverride: $NODE
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
nodePortAddresses: ["$POD_CIDR"]
clientConnection: {kubeconfig: $P/proxy.kubeconfig}
Y
node_ready() { [ "$(api /api/v1/nodes/$NODE | /usr/bin/python3 -I -c 'import json,sys; print([c["status"] for c in json.load(sys.stdin)["status"]["conditions"] if c["type"]=="Ready"][0])')" = True ]; }
wait_for 60 kubelet api /api/v1/nodes/$NODE
start proxy kube-proxy --config="$RUN/proxy.yaml"
kubelet_ok() { [ "$(curl -fs --noproxy '*' http://127.0.0.1:10248/healthz)" = ok ]; }
wait_for 60 kubelet kubelet_ok
wait_for 120 kubelet node_ready
stage "kubelet registered, node Ready"
sa_ready() { api /api/v1/namespaces/default/serviceaccounts/default; }
wait_for 60 controller-manager sa_ready
vip_ready() { curl -fs --noproxy '*' --max-time 1 --cacert "$P/ca.crt" --cert "$P/admin.crt" --key "$P/admin.key" https://$SVC_API:443/version; }
wait_for 60 proxy vip_ready
stage "default ServiceAccount, service address $SVC_API answers (kube-proxy)"

# --- 7. cluster DNS
dns_ready() { api /apis/apps/v1/namespaces/kube-system/deployments/coredns | grep -q '"availableReplicas": *1'; }
if ! dns_ready 2>/dev/null; then
  if ! has_image $DNS_IMAGE; then
    mkdir -p "$RUN/dnsroot"; cp "$(command -v coredns)" "$RUN/dnsroot/coredns"
    image_tar "$RUN/dnsroot" $DNS_IMAGE /coredns 65532:65532 "$RUN/dns.tar"; $CTR images import "$RUN/dns.tar" >/dev/null; rm -rf "$RUN/dns.tar" "$RUN/dnsroot"
  fi
  kubectl --kubeconfig "$KUBECONFIG_OUT" apply -f - >/dev/null <<Y
{apiVersion: v1, kind: ServiceAccount, metadata: {name: coredns, namespace: kube-system}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: tc:coredns}
rules:
- {apiGroups: [""], resources: [services, namespaces, pods], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: tc:coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: tc:coredns}
subjects: [{kind: ServiceAccount, name: coredns, namespace: kube-system}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data:
  Corefile: |
    .:1053 {
        errors
        health :8080
        ready :8181
        kubernetes cluster.local in-addr.arpa {
            pods insecure
        }
        cache 5
        reload
        loadbalance
    }
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      serviceAccountName: coredns
      dnsPolicy: Default
      containers:
      - name: coredns
        image: $DNS_IMAGE
        imagePullPolicy: Never
        args: [-conf, /etc/coredns/Corefile]
        securityContext: {runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        readinessProbe: {httpGet: {path: /ready, port: 8181}, periodSeconds: 1}
        volumeMounts: [{name: c, mountPath: /etc/coredns}]
      volumes: [{name: c, configMap: {name: coredns}}]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: $SVC_DNS
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP, targetPort: 1053}, {name: dns-tcp, port: 53, protocol: TCP, targetPort: 1053}]
Y
  kubectl --kubeconfig "$KUBECONFIG_OUT" -n kube-system rollout status deploy/coredns --timeout=90s >/dev/null || die "CoreDNS did not become available"
  stage "CoreDNS available"
fi
# --- 8. volumes: there is no provisioner, and a hostPath doesn't follow fsGroup
for v in a b; do
  mkdir -p "$RUN/volumes/$v"; chmod 777 "$RUN/volumes/$v"
  kubectl --kubeconfig "$KUBECONFIG_OUT" apply -f - >/dev/null <<Y
apiVersion: v1
kind: PersistentVolume
metadata: {name: tc-$v}
spec: {capacity: {storage: 8Gi}, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: Retain, hostPath: {path: $RUN/volumes/$v, type: Directory}}
Y
done
total up
echo "KUBECONFIG=$KUBECONFIG_OUT"
