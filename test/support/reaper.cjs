// Outlives the test process that started it just long enough to end what that one left running in its network namespaces,
// however it ended: services and instances are made to survive their daemon. Waits for the other end of its standard input to close.
const fs = require('node:fs');

const inodeOf = (path) => {
  try {
    return fs.statSync(path).ino;
  } catch {
    return undefined;
  }
};

process.stdin.resume();
process.stdin.on('close', () => {
  const ours = new Set([inodeOf('/proc/self/ns/net'), ...fs.readdirSync('/run/netns').map((name) => inodeOf(`/run/netns/${name}`))]);
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const inode = inodeOf(`/proc/${pid}/ns/net`);
    if (inode === undefined || !ours.has(inode)) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  process.exit();
});
