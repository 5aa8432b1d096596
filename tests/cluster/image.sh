#!/bin/bash
# Images without a registry and without Docker, by Debian's buildah.
#   image.sh build TAG DIR [buildah options]   builds DIR's Dockerfile with the build argument BASE and prints the size
#   image.sh base                              makes BASE, which `build` does as well where it lacks
#   image.sh load TAG…                         puts images into the cluster
# BASE is a stand-in for python:3.13-slim-bookworm: Debian bookworm (debootstrap) and this machine's CPython (pyenv),
# in /usr/local as in the official image.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/env.sh"
[ "$(id -u)" = 0 ] || die "needs root"
umask 022
PYTHON=3.13
BASE=localhost/scim-base:python$PYTHON
B=$LIB/build; mkdir -p "$LIB" "$RUN" "$LOGS"; mkdir -pm 700 "$B"
want=(); for b in buildah debootstrap; do command -v $b >/dev/null || want+=($b); done
[ ${#want[@]} = 0 ] || { apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${want[@]}"; } >"$LOGS/apt.log" 2>&1 || die "apt failed; see $LOGS/apt.log"
export BUILDAH_ISOLATION=chroot
trap 'rm -f "$B/pip.conf" "$B/image.tar"; $BUILDAH rm -a >/dev/null 2>&1 || true' EXIT

rootfs() { # plain Debian bookworm tree, made once
  [ -e "$LIB/rootfs/.tc-done" ] && return 0
  local u; u=$(awk '/^URIs:/{print $2;exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
  [ -n "$u" ] || u=$(awk '/^deb /{print $2;exit}' /etc/apt/sources.list)
  rm -rf "$LIB/rootfs"
  debootstrap --variant=minbase --include=ca-certificates,netbase,tzdata,libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,libreadline8,zlib1g,libncursesw6,libuuid1,libexpat1,libgdbm6,libnsl2,libtirpc3 bookworm "$LIB/rootfs" "$u" >"$LOGS/debootstrap.log" 2>&1 || die "debootstrap failed; see $LOGS/debootstrap.log"
  rm -rf "$LIB"/rootfs/var/cache/apt/archives/*.deb "$LIB"/rootfs/var/cache/apt/*.bin "$LIB"/rootfs/var/lib/apt/lists/* "$LIB"/rootfs/var/log/*.log "$LIB"/rootfs/usr/share/{doc,man,locale}/* "$LIB/rootfs/etc/resolv.conf" "$LIB/rootfs/etc/hostname"
  # no package source stays inside; the machine's own is mounted while a build step runs
  rm -f "$LIB/rootfs/etc/apt/sources.list"; : >"$LIB/rootfs/etc/apt/sources.list.d/debian.sources"
  touch "$LIB/rootfs/.tc-done"; stage "debootstrap bookworm"
}
python_tree() { # minor version -> $LIB/py-<v>: the host's CPython moved to /usr/local, without its site-packages
  local v=$1 src dst=$LIB/py-$1; [ -e "$dst/.tc-done" ] && return 0
  src=$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$v".* 2>/dev/null | sort -V | tail -1); [ -n "$src" ] || die "no CPython $v on this machine (have: $(ls "${PYENV_ROOT:-$HOME/.pyenv}/versions" 2>/dev/null | tr '\n' ' '))"
  rm -rf "$dst"; mkdir -p "$dst/usr/local/bin" "$dst/usr/local/lib"
  cp -a "$src/bin/python$v" "$dst/usr/local/bin/"
  cp -a "$src"/lib/libpython"$v"*.so* "$dst/usr/local/lib/" 2>/dev/null || true
  tar -C "$src/lib" -c --exclude='site-packages/*' --exclude=__pycache__ --exclude='python*/test' --exclude=idlelib --exclude=tkinter --exclude=turtledemo --exclude='_tkinter*' --exclude='config-*' "python$v" | tar -x -C "$dst/usr/local/lib"
  [ -d "$src/include" ] && cp -a "$src/include" "$dst/usr/local/"
  ln -s "python$v" "$dst/usr/local/bin/python3"; ln -s python3 "$dst/usr/local/bin/python"
  basename "$src" >"$dst/.tc-done"
}
base() {
  local c m
  $BUILDAH images -q $BASE >/dev/null 2>&1 && return 0
  rootfs; python_tree $PYTHON
  c=$($BUILDAH from scratch); m=$($BUILDAH mount "$c")
  cp -a "$LIB/rootfs/." "$m/"; cp -a "$LIB/py-$PYTHON/usr" "$m"; rm -f "$m/.tc-done"
  chroot "$m" ldconfig; chroot "$m" /usr/local/bin/python3 -m ensurepip --default-pip >"$LOGS/ensurepip.log" 2>&1
  [ -e "$m/usr/local/bin/pip" ] || ln -s pip3 "$m/usr/local/bin/pip"
  $BUILDAH config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin --env LANG=C.UTF-8 --cmd python3 "$c"
  $BUILDAH umount "$c" >/dev/null
  $BUILDAH commit -q --rm "$c" $BASE >/dev/null
  stage "base image"
}

build() { # TAG DIR options
  local tag=$1 dir=$2; shift 2
  base
  # What a build step needs from this machine is mounted for the duration of RUN only: CA bundle, pip and apt settings.
  V=()
  /usr/bin/python3 -I - >"$B/pip.conf" <<'PY'
import configparser,os
out={}
for f in ('/etc/pip.conf',os.path.expanduser('~/.config/pip/pip.conf'),os.path.expanduser('~/.pip/pip.conf')):
    c=configparser.RawConfigParser()
    try: c.read(f); out.update(c['global'])
    except Exception: pass
for k,v in os.environ.items():
    if k.startswith('PIP_') and k not in ('PIP_CONFIG_FILE','PIP_FIND_LINKS','PIP_REQUIRE_VIRTUALENV','PIP_USER','PIP_TARGET','PIP_PREFIX','PIP_CACHE_DIR','PIP_BREAK_SYSTEM_PACKAGES'): out[k[4:].lower().replace('_','-')]=v
out['cert']='/etc/ssl/certs/ca-certificates.crt'
print('[global]'); print('\n'.join(f'{k} = {v}' for k,v in out.items()))
PY
  V+=(-v "$B/pip.conf:/etc/pip.conf:ro" -v /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro)
  for f in /etc/apt/sources.list.d/debian.sources /etc/apt/apt.conf.d/*; do [ -e $f ] && V+=(-v "$f:$f:ro"); done
  $BUILDAH bud --isolation chroot --network host --pull-never --layers "${V[@]}" --build-arg BASE=$BASE -t "$tag" "$@" "$dir" >"$LOGS/build.log" 2>&1 || { tail -25 "$LOGS/build.log" >&2; die "build failed; see $LOGS/build.log"; }
  archive "$tag"
  stage "$tag: $(($(stat -c %s "$B/image.tar") / 1000000)) MB, uncompressed"
}
archive() { rm -f "$B/image.tar"; $BUILDAH push -q "$1" "docker-archive:$B/image.tar:$1" >/dev/null; }

load() { # TAG
  [ -S "$CRI_SOCK" ] || die "cluster is not up: run up.sh"
  archive "$1"
  $CTR images import "$B/image.tar" >"$LOGS/import.log" 2>&1 || { cat "$LOGS/import.log" >&2; die "import failed"; }
  stage "$1 is in the cluster"
}

case "${1:-}" in
  build) [ $# -ge 3 ] || die "usage: $0 build TAG DIR [options]"; shift; build "$@" ;;
  base) base ;;
  load) shift; for tag in "$@"; do load "$tag"; done ;;
  *) die "usage: $0 base | build TAG DIR [options] | load TAG..." ;;
esac
