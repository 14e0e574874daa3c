# Life of the Debian package on a machine without a running systemd: installed, looked over, run, removed, purged.
set -eu
trap 'echo "failed at line $LINENO: $BASH_COMMAND"; tail -n 20 /tmp/log' ERR
list() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/lib/dpkg -o -path /var/log \) -prune -o -print | LC_ALL=C sort; }
step() { echo "== $*"; }
ip link set lo up
list >/tmp/before
step install
dpkg --install /tmp/enid.deb
step doctor
eni doctor || [ $? = 1 ]
enid --version
systemd-analyze verify --man=no /usr/lib/systemd/system/enid.service
step run
# There before somebody reads it.
: >/tmp/log
enid --config /etc/enid/config.yaml >>/tmp/log &
daemon=$!
timeout 60 grep -qm1 '^listening ' <(tail --pid=$daemon -n +1 -f /tmp/log)
eni lab up /tmp/lab.yaml
eni lab test /tmp/lab.yaml
step 'reinstall'
dpkg --install /tmp/enid.deb
test "$(ip netns | wc -l)" -gt 3
kill $daemon
wait $daemon
step remove
dpkg --remove enid
test -z "$(ip netns)"
test -e /var/lib/enid
step purge
dpkg --purge enid
list >/tmp/after
diff /tmp/before /tmp/after
step 'nothing is left'
ip -br link
