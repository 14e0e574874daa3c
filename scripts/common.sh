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

node_is_new_enough() { command -v node >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; }

ensure_node() {
  node_is_new_enough && return
  have node:nodejs npm:npm
  node_is_new_enough && return
  # Distributions with an older Node: the registry carries the official builds as packages.
  local arch; case "$(uname -m)" in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
  say "installing Node 20 (the distribution's $(node --version) is too old)"
  npm install --silent --no-save --prefix .node "node-linux-$arch@20"
  export PATH="$PWD/.node/node_modules/node-linux-$arch/bin:$PATH"
}

ensure_tools() { have ip:iproute2 iptables:iptables ipset:ipset ping:iputils-ping unshare:util-linux nsenter:util-linux pgrep:procps dnsmasq:dnsmasq-base; }

ensure_packages() {
  [ node_modules/.package-lock.json -nt package-lock.json ] && return
  say 'installing npm packages'
  npm ci --silent
}

ensure_build() {
  if [ -e dist/.built ] && [ -z "$(find agent package.json tsconfig.json -newer dist/.built -print -quit)" ]; then return; fi
  say 'building'
  npm run --silent build
  touch dist/.built
}

ensure_all() { ensure_tools; ensure_node; ensure_packages; ensure_build; }

# isolated COMMAND… – runs it in a network and a mount namespace of its own, where no packet can leave the machine.
isolated() {
  mkdir -p /run/netns /etc/netns
  unshare --net --mount --fork --kill-child -- bash -c '
    mount --make-rprivate / && mount -t tmpfs none /run/netns && mount -t tmpfs none /etc/netns && mount -t sysfs none /sys 2>/dev/null
    ip link set lo up; exec "$@"' isolated "$@"
}
