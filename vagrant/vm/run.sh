# The inside of `run`, process 1 of its namespaces: run.sh IMAGE
set -euo pipefail
image=$1
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
mount --make-rprivate /
trap 'exit 130' INT TERM
# Nobody else sees it, and it goes with this process.
work=/mnt
mount -t tmpfs none $work
ip link add br0 type bridge
ip addr add 10.99.0.1/24 dev br0
ip link set br0 up
[ ! -e /proc/sys/net/bridge ] || echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
cp "$image/key" "$work/key"
# One connection for all: to make one takes seconds in there.
on() {
  ssh -n -F /dev/null -i "$work/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes \
    -o ConnectTimeout=60 -o ServerAliveInterval=10 -o ControlMaster=auto -o ControlPersist=yes -o "ControlPath=$work/ssh$1" "root@10.99.0.1$1" "${@:2}"
}

boot() {
  ip tuntap add "tap$1" mode tap
  ip link set "tap$1" master br0 up
  # Forced: a /dev/kvm may be there and hang. What is written to the disk is forgotten.
  qemu-system-x86_64 -accel tcg,thread=multi -cpu Westmere -smp 1 -m 1024 -display none -monitor none -serial "file:$work/console$1" \
    -kernel "$image/kernel" -initrd "$image/initrd" -append "root=/dev/vda rw console=ttyS0 systemd.hostname=host$1" \
    -drive "file=$image/disk,if=virtio,format=raw,snapshot=on" \
    -netdev "tap,id=net,ifname=tap$1,script=no,downscript=no" -device "virtio-net-pci,netdev=net,mac=52:54:00:00:00:0$1" &
}

# Until the agent of machine N serves; at most fifteen minutes.
ready() {
  local since=$SECONDS
  while [ $((SECONDS - since)) -lt 900 ]; do
    on "$1" 'curl -fsS -m 10 -o /dev/null http://127.0.0.1:8780/readyz' 2>/dev/null && return
    sleep 2
  done
  tail -n 40 "$work/console$1"
  on "$1" 'systemctl status --no-pager enid; journalctl --no-pager -u enid | tail -n 40' || true
  return 1
}

prove() { on "$1" "eni lab up /labs/$2/lab.yaml | tail -n 1 && eni lab test /labs/$2/lab.yaml"; }

say 'Two machines boot'
for number in 1 2; do boot $number; done
for number in 1 2; do
  ready $number
  on $number 'echo "$(hostname): Linux $(uname -r), enid.service $(systemctl is-active enid), $(systemd-analyze | sed -n "s/.*= \(.*\)/up in \1/p")"'
done
on 1 'ping -q -c 3 10.99.0.12' | grep received

for lab in '1 first' '2 failover' '2 backnet'; do
  say "Lab ${lab#* } on host${lab% *}"
  # shellcheck disable=SC2086
  prove $lab
done

say 'What this kernel has and others may lack: a dummy device and netem in an instance'
on 2 'i=$(eni describe instances --json | node -pe "JSON.parse(require(\"fs\").readFileSync(0)).find((i) => i.tags[\"enid:lab\"] === \"failover\" && i.tags[\"enid:name\"] === \"client\" && i.state === \"running\").instanceId")
  ip -n $i link add extra type dummy && ip -n $i addr add 192.0.2.1/32 dev extra && ip -n $i -brief link show extra
  ip netns exec $i ping -q -c 5 10.0.1.10 | tail -n 1
  tc -n $i qdisc add dev eth0 root netem delay 300ms && ip netns exec $i ping -q -c 5 10.0.1.10 | tail -n 1
  tc -n $i qdisc del dev eth0 root'

say 'The service restarts, and the machine: everything is there again'
on 1 'systemctl restart enid'
ready 1
on 1 'eni lab up /labs/first/lab.yaml && eni lab test /labs/first/lab.yaml | tail -n 1'
boot_id=$(on 1 cat /proc/sys/kernel/random/boot_id)
on 1 'systemctl reboot' || true
until now=$(on 1 cat /proc/sys/kernel/random/boot_id 2>/dev/null) && [ "$now" != "$boot_id" ]; do sleep 2; done
ready 1
on 1 'eni lab up /labs/first/lab.yaml && eni lab test /labs/first/lab.yaml | tail -n 1'
say 'Both machines are as expected'
