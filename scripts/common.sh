# Sourced by the other scripts: installs what a fresh Debian or Ubuntu lacks, then builds. Quiet when all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

need_root() { [ "$(id -u)" = 0 ] || { echo "$0 needs root: network namespaces and devices are its business. Run: sudo $0 $*" >&2; exit 1; }; }

# have COMMAND:PACKAGE … – installs the packages whose command is missing.
have() {
  local missing=() pair
  for pair in "$@"; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}"); done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# have_packages PACKAGE… – installs those that are missing and exist here; no service of theirs starts. Says which it could not install.
have_packages() {
  local missing=() known=() package
  for package in "$@"; do dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package"); done
  [ ${#missing[@]} = 0 ] && return
  if [ "$(id -u)" != 0 ]; then say "not root: without ${missing[*]}"; return; fi
  DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || true
  for package in "${missing[@]}"; do
    if [[ $(apt-cache policy "$package") == *'Candidate: '[!\(]* ]]; then known+=("$package"); else say "no package $package here"; fi
  done
  [ ${#known[@]} = 0 ] && return
  say "installing ${known[*]}"
  (
    # Debian's way to say that nothing may start now: https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      trap 'rm -f $policy' EXIT
      printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${known[@]}" >/dev/null
  ) || say "could not install ${known[*]}"
}

node_is_new_enough() { command -v node >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; }

ensure_node() {
  local earlier
  for earlier in "$PWD"/.node/node_modules/node-linux-*/bin; do [ -d "$earlier" ] && export PATH="$earlier:$PATH"; done
  node_is_new_enough && return
  have node:nodejs npm:npm
  node_is_new_enough && return
  # Distributions with an older Node: the registry carries the official builds as packages.
  local arch; case "$(uname -m)" in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
  say "installing Node 22 (the distribution's $(node --version) is too old)"
  npm install --silent --no-save --prefix .node "node-linux-$arch@22"
  export PATH="$PWD/.node/node_modules/node-linux-$arch/bin:$PATH"
}

ensure_tools() {
  have ip:iproute2 iptables:iptables ping:iputils-ping unshare:util-linux nsenter:util-linux pgrep:procps nft:nftables dnsmasq:dnsmasq-base
  (have wireguard-go:wireguard-go) || say 'no package wireguard-go here: VPN tunnels will be plain links'
}

# What tests drive or compare with: their tests are skipped by name where these are missing.
ensure_test_tools() {
  have_packages vagrant curl openssl wireguard-tools awscli python3-boto3 ansible mmdebstrap debian-archive-keyring docker.io busybox-static python3-scapy
}

ensure_packages() {
  [ node_modules/.package-lock.json -nt package-lock.json ] && return
  say 'installing npm packages'
  # Not `npm ci`: it refuses a lock file without packages for platforms that nobody here can install.
  npm install --silent --no-save
}

ensure_build() {
  if [ -e dist/.built ] && [ -z "$(find agent scripts/bundle.mjs package.json tsconfig.json -newer dist/.built -print -quit)" ]; then return; fi
  say 'building'
  npm run --silent build
  touch dist/.built
}

ensure_all() { ensure_tools; ensure_node; ensure_packages; ensure_build; }

# isolated COMMAND… – runs it in a network and a mount namespace of its own, where no packet can leave the machine.
isolated() {
  mkdir -p /run/netns /run/enid /etc/netns
  unshare --net --mount --fork --kill-child -- bash -c '
    mount --make-rprivate / && mount -t tmpfs none /run/netns && mount -t tmpfs none /run/enid && mount -t tmpfs none /etc/netns && mount -t sysfs none /sys 2>/dev/null
    ip link set lo up; exec "$@"' isolated "$@"
}

# Neighbour entries are counted over all namespaces together, and the kernel's default (1,024) ends at some hundred instances
# that talk to each other. Raised where it can be: in the initial network namespace.
raise_neighbour_limits() {
  local limit=/proc/sys/net/ipv4/neigh/default/gc_thresh value=16384 n
  for n in 3 2 1; do
    if [ -w $limit$n ] && [ "$(cat $limit$n)" -lt $value ]; then echo $value >$limit$n; fi
    if [ -w ${limit/ipv4/ipv6}$n ] && [ "$(cat ${limit/ipv4/ipv6}$n)" -lt $value ]; then echo $value >${limit/ipv4/ipv6}$n; fi
    value=$((value / 2))
  done
}
