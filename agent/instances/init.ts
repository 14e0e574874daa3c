/**
 * The first process of an instance's PID namespace, as a POSIX shell script. Lies in the instance's directory.
 * Arguments: host name, key of the boot, command with its arguments. Standard output and error take its own complaints,
 * descriptor 3 hears one line when the command is about to start.
 *
 * What a shell as PID 1 has to be told:
 * - It reaps orphans only inside `wait`, and `wait` returns at once without a child: so there is always one that sleeps.
 * - Signals without a handler do not reach PID 1: so it handles TERM, passes it to all the others and leaves when they are gone.
 * - Its background commands ignore INT and QUIT for good, and so would the guest's: `env` undoes that.
 * It takes the boot's claim by renaming it: of two of these for one boot, the second stops there.
 *
 * `keep` writes what it reads to the console file, as it comes, and starts a new file every 512 KiB at most; the last two
 * are kept. When it can't write it reads on, for nobody shall block or fail on a full disk because of what it prints.
 */
export const INIT_SCRIPT = `#!/bin/sh
dir=\${0%/*} name=$1 key=$2
console=$dir/console.log
shift 2
umask 022

keep() {
  trap '' TERM
  while dd bs=1 count=1 of="$console.next" 2>/dev/null && [ -s "$console.next" ]; do
    [ ! -e "$console" ] || mv -f "$console" "$console.1"
    mv -f "$console.next" "$console"
    dd bs=256 count=2048 2>/dev/null >>"$console"
  done
  rm -f "$console.next"
  exec cat >/dev/null
}

read -r stat </proc/self/stat
mount -t proc proc /proc && echo "$name" >/proc/sys/kernel/hostname || exit 1
mv "$dir/$key.claim" "$dir/$key.started" || exit 1
echo "$stat" >"$dir/$key.started"
(echo started >&3)
exec 3>&-

ending=
trap 'ending=yes; kill -TERM -1' TERM
env --default-signal=INT --default-signal=QUIT true 2>/dev/null && set -- env --default-signal=INT --default-signal=QUIT "$@"
{
  trap : TERM
  "$@"
  echo "enid: user data ended with exit code $?"
} </dev/null 2>&1 | keep &

while [ -z "$ending" ]; do
  sleep 2147483647 &
  wait $!
done
wait
while kill -0 -1 2>/dev/null; do sleep 0.02 2>/dev/null || sleep 1; done
`;
