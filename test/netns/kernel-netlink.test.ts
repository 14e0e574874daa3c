import { readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { execaSync } from 'execa';
import { describe, expect, it } from 'vitest';
import { KernelError } from '../../agent/kernel/errors.js';
import { unmount } from '../../agent/kernel/libc.js';
import { address, attributesOf, text, textOf } from '../../agent/kernel/netlink/attributes.js';
import { getLink, parseLink } from '../../agent/kernel/netlink/link.js';
import { FLAG, message, NETLINK, type NetlinkMessage, NetlinkSocket } from '../../agent/kernel/netlink/socket.js';
import { createNetns, deleteNetns, insideNetns, netnsIdentity, netnsNames, netnsPath } from '../../agent/kernel/netns.js';

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const IFLA_IFNAME = 3;

const linkNames = (netns?: string): string[] =>
  (JSON.parse(execaSync('ip', [...(netns ? ['-n', netns] : []), '-j', 'link']).stdout) as { ifname: string }[]).map((link) => link.ifname);
function threadNamespace(): string {
  return execaSync('readlink', ['/proc/self/ns/net']).stdout;
}
const loopbackAddress = (host: string) => {
  const header = Buffer.from([2, 32, 0, 0, 1, 0, 0, 0]);
  return message(RTM_NEWADDR, FLAG.create | FLAG.excl, header, address(2, host));
};

describe('namespaces', () => {
  it('are made, entered for the length of a call, and deleted', async () => {
    const home = threadNamespace();
    expect(createNetns('one')).toBe(true);
    expect(createNetns('one')).toBe(false);
    expect(execaSync('ip', ['netns', 'list']).stdout).toContain('one');
    const inside = insideNetns('one', threadNamespace);
    expect(inside).not.toBe(home);
    expect(() =>
      insideNetns('one', (): void => {
        throw new Error('within');
      }),
    ).toThrow('within');
    expect(threadNamespace()).toBe(home);

    await deleteNetns('one');
    await deleteNetns('one');
    expect(netnsNames()).toEqual([]);
    expect(() => insideNetns('one', threadNamespace)).toThrow(expect.objectContaining({ kind: 'not-found' }));
  });

  it('have another identity when made anew, none when only the name is there', async () => {
    createNetns('again');
    const first = netnsIdentity('again');
    await deleteNetns('again');
    writeFileSync(netnsPath('again'), '');
    expect(netnsIdentity('again')).toBeUndefined();
    expect(createNetns('again')).toBe(true);
    expect(netnsIdentity('again')).not.toBe(first);
    await deleteNetns('again');
    writeFileSync(netnsPath('again'), '');
    await deleteNetns('again');
    expect(netnsNames()).toEqual([]);
    rmSync(netnsPath('again'), { force: true });
  });

  it('go away although a mount namespace made meanwhile has seen them', async () => {
    createNetns('seen');
    const holder = execaSync('sh', ['-c', 'unshare -m sleep 30 >/dev/null 2>&1 & echo $!']).stdout;
    try {
      await expect
        .poll(() => execaSync('readlink', [`/proc/${holder}/ns/mnt`]).stdout)
        .not.toBe(execaSync('readlink', ['/proc/self/ns/mnt']).stdout);
      await deleteNetns('seen');
      expect(execaSync('grep', ['-c', 'netns/seen', `/proc/${holder}/mounts`], { reject: false }).stdout).toBe('0');
    } finally {
      process.kill(Number(holder));
    }
  });
});

/** UV_THREADPOOL_SIZE, unless set. */
const POOL_THREADS = 4;

describe('threads', () => {
  it('of the pool stay at home, whenever the main thread is elsewhere', async () => {
    createNetns('away');
    const away = insideNetns('away', () => readlinkSync('/proc/thread-self/ns/net'));
    const home = readlinkSync('/proc/thread-self/ns/net');
    // Those that ran before the test moved into its namespace are elsewhere, too.
    const namespaces = readdirSync('/proc/self/task').map((task) => readlinkSync(`/proc/self/task/${task}/ns/net`));
    expect(namespaces).not.toContain(away);
    expect(namespaces.filter((one) => one === home).length).toBeGreaterThanOrEqual(1 + POOL_THREADS);
    await deleteNetns('away');
  });

  it('of the pool report their own errno', async () => {
    await expect(unmount('/etc/passwd', 0)).rejects.toMatchObject({ errno: 'EINVAL' });
    await expect(unmount('/no/such/path', 0)).rejects.toMatchObject({ errno: 'ENOENT' });
  });
});

describe('netlink socket', () => {
  it('works in the namespace in which it was opened, and says in words what failed', async () => {
    createNetns('sock');
    const netlink = new NetlinkSocket(NETLINK.route, { netns: 'sock' });
    const errors = netlink.batch([loopbackAddress('10.9.9.1'), loopbackAddress('10.9.9.1'), loopbackAddress('10.9.9.2')]);
    expect(errors.map((error) => error?.errno ?? null)).toEqual([null, 'EEXIST', null]);
    expect(netlink.batch([loopbackAddress('10.9.9.3'), loopbackAddress('10.9.9.2')]).map((error) => error?.errno ?? null)).toEqual([
      null,
      'EEXIST',
    ]);
    const replies: NetlinkMessage[] = [];
    expect(netlink.batch([loopbackAddress('10.9.9.4'), getLink({ name: 'lo' }), getLink({ name: 'none' })], replies)).toEqual([
      null,
      null,
      expect.objectContaining({ errno: 'ENODEV' }),
    ]);
    expect(replies.map(({ body }) => parseLink(body).name)).toEqual(['lo']);
    expect(errors[1]).toBeInstanceOf(KernelError);
    expect(errors[1]?.message).toMatch(/^EEXIST: File exists/);
    const [refused] = await netlink.batchAsync([
      message(RTM_NEWLINK, FLAG.create, Buffer.alloc(16), text(IFLA_IFNAME, 'a name that is too long')),
    ]);
    expect(refused?.kind).toBe('invalid');
    expect(refused?.message).toContain('Attribute failed policy validation');
    expect(
      netlink.dump(RTM_GETLINK, Buffer.alloc(16)).map((link) => textOf(attributesOf(link.body, 16).get(IFLA_IFNAME) ?? Buffer.alloc(0))),
    ).toEqual(linkNames('sock'));
    netlink.close();
    await deleteNetns('sock');
  });

  it('acknowledges more messages than one send holds', async () => {
    createNetns('many');
    const netlink = new NetlinkSocket(NETLINK.route, { netns: 'many' });
    const messages = Array.from({ length: 3000 }, (_, n) => loopbackAddress(`10.8.${n >> 8}.${n & 255}`));
    expect(netlink.batch(messages).filter((error) => error !== null)).toEqual([]);
    expect(netlink.dump(22, Buffer.alloc(8)).length).toBe(3000);
    netlink.close();
    await deleteNetns('many');
  });

  it('leaves no descriptor behind', async () => {
    createNetns('fds');
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 50; round++) {
      const netlink = new NetlinkSocket(NETLINK.route, { netns: 'fds' });
      netlink.listen(() => {});
      netlink.close();
      expect(() => new NetlinkSocket(NETLINK.route, { netns: 'absent' })).toThrow();
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    await deleteNetns('fds');
  });
});
