# What the stories of the labs share. Sourced by each `run`; needs a running agent ($ENID_ENDPOINT, or http://127.0.0.1:8780) and root.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
cd "$here/../../.."
export ENID_ENDPOINT=${ENID_ENDPOINT:-http://127.0.0.1:8780}
[ "$(id -u)" = 0 ] || { echo 'packets are sent from inside network namespaces: run it with sudo' >&2; exit 1; }
eni() { node dist/agent/cli/main.js "$@"; }
lab() { eni lab "$1" "$here/${2:-lab.yaml}"; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# The id of an instance by its name.
id_of() { eni describe instances --json | node -pe 'JSON.parse(require("fs").readFileSync(0)).find((i) => i.tags["enid:name"] === process.argv[1] && i.state !== "terminated").instanceId' "$1"; }
# Repeats a command until it succeeds, at most ten seconds.
until_ok() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "not within 10 s: $*" >&2; return 1; }
