# The inside of `private`, process 1 of its namespaces: private.sh DATA COMMAND…
set -euo pipefail
data=$1
shift
trap 'exit 130' INT TERM
mount --make-rprivate /
ip link set lo up
# Docker keeps its containers in control groups. A fresh /sys over the machine's hides them.
[ -n "$(ls -A /sys/fs/cgroup)" ] || umount /sys
# Empty, once their processes are gone; those of a run that was killed are there yet.
drop_groups() { find /sys/fs/cgroup -depth -type d -path '*/enid-private*' -exec rmdir {} + 2>/dev/null || true; }
drop_groups
rm -rf "$data/run"
mkdir -p "$data/run"
export DOCKER_HOST=unix://$data/run/docker.sock
dockerd --data-root "$data/root" --exec-root "$data/run/exec" --host "$DOCKER_HOST" --pidfile "$data/run/pid" \
  --cgroup-parent /enid-private >"$data/log" 2>&1 9>&- &
daemon=$!
until docker version >/dev/null 2>&1; do
  [ -e "/proc/$daemon" ] || { tail "$data/log" >&2; echo "Docker did not start. If what it kept is damaged: rm -rf $data" >&2; exit 1; }
  sleep 0.1
done
drop_containers() { docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1 || true; }
drop_containers
status=0
"$@" || status=$?
drop_containers
kill "$daemon"
wait "$daemon" || true
drop_groups
exit "$status"
