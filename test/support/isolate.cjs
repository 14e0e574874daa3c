// Loaded before anything else in a test process: moves it into a network and a mount namespace of its own, with private
// tmpfs on /run/netns, /run/enid and /etc/netns, so that a killed test leaves nothing behind. Must run before libuv starts a pool thread.
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const koffi = require('koffi');

if (process.getuid() === 0) {
  const libc = koffi.load('libc.so.6');
  const unshare = libc.func('int unshare(int flags)');
  const mount = libc.func('int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)');
  const CLONE_NEWNS = 0x20000;
  const CLONE_NEWNET = 0x40000000;
  const MS_REC_PRIVATE = 0x4000 | 0x40000;
  const check = (result, what) => {
    if (result < 0) throw new Error(`isolate: ${what} failed, errno ${koffi.errno()}`);
  };
  for (const dir of ['/run/netns', '/run/enid', '/etc/netns']) fs.mkdirSync(dir, { recursive: true });
  check(unshare(CLONE_NEWNS | CLONE_NEWNET), 'unshare');
  check(mount('none', '/', null, MS_REC_PRIVATE, null), 'make / private');
  for (const dir of ['/run/netns', '/run/enid', '/etc/netns']) check(mount('none', dir, 'tmpfs', 0, 'mode=0755'), `tmpfs on ${dir}`);
  check(mount('sysfs', '/sys', 'sysfs', 0, null), 'sysfs');
  check(spawnSync('ip', ['link', 'set', 'lo', 'up']).status === 0 ? 0 : -1, 'loopback up');
  // In the new namespaces, in a session of its own: what is sent to the test's group does not reach it.
  spawn(process.execPath, [require.resolve('./reaper.cjs')], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] }).unref();
}
