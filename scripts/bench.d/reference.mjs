// The same device work without enid: by raw netlink messages in process, by two `ip -batch` forks, by one `ip` per command.
import { execFileSync } from 'node:child_process';
import { msSince, now } from './support.mjs';

const run = (...argv) => execFileSync(argv[0], argv.slice(1), { stdio: ['pipe', 'ignore', 'inherit'] });

/** Names a router and an instance namespace and prepares both; `attach` and `detach` do what one attach does to the kernel. */
export function reference() {
  const [router, instance] = ['bench-router', 'bench-instance'];
  for (const netns of [router, instance]) run('ip', 'netns', 'add', netns);
  run('ip', '-n', router, 'link', 'set', 'lo', 'up');
  const address = '10.99.0.9';
  const mac = '02:99:00:00:00:09';
  const outside = [
    `link add bh0 address 02:00:00:00:00:01 type veth peer name eth1 netns ${instance} address ${mac}`,
    'link set bh0 group 4097',
    'link set bh0 up',
    `route replace ${address}/32 dev bh0`,
    `neigh replace ${address} lladdr ${mac} dev bh0 nud permanent`,
  ];
  const within = [
    'link set eth1 up',
    `addr add ${address}/24 dev eth1`,
    'route add default via 10.99.0.1 dev eth1',
    `rule add from ${address} lookup 1001`,
  ];
  const undo = () => {
    run('ip', '-n', router, 'link', 'del', 'bh0');
    run('ip', '-n', instance, 'rule', 'del', 'from', address);
  };
  const timed = (work) => {
    const start = now();
    work();
    const took = msSince(start);
    undo();
    return took;
  };
  return {
    batch: () =>
      timed(() => {
        execFileSync('ip', ['-n', router, '-batch', '-'], { input: outside.join('\n') });
        execFileSync('ip', ['-n', instance, '-batch', '-'], { input: within.join('\n') });
      }),
    single: () =>
      timed(() => {
        for (const line of outside) run('ip', '-n', router, ...line.split(' '));
        for (const line of within) run('ip', '-n', instance, ...line.split(' '));
      }),
    dispose: () => {
      for (const netns of [router, instance]) run('ip', 'netns', 'del', netns);
    },
  };
}

/** The kernel part of one attach through enid's own netlink layer, without HTTP, store, planning: the floor. */
export async function rawNetlink() {
  const { createLinuxKernel } = await import('../../dist/agent/kernel/linux.js');
  const { groupWord, ROUTER_MAC } = await import('../../dist/agent/kernel/resources.js');
  const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error: console.error };
  const kernel = createLinuxKernel({ log: quiet });
  const [router, instance] = ['bench-raw-router', 'bench-raw-instance'];
  const [name, address, mac] = ['e00000000000bec', '10.99.0.9', '02:99:00:00:00:09'];
  const apply = async (verb, objects) => {
    const results = await kernel.apply(objects.map((object) => ({ op: { verb, object }, unit: 'bench', needs: [] })));
    const failed = results.find((result) => result.outcome !== 'done');
    if (failed) throw new Error(JSON.stringify(failed));
  };
  const namespaces = [router, instance].map((netns) => ({ kind: 'netns', netns }));
  await apply('create', namespaces);
  const objects = [
    {
      kind: 'veth',
      netns: router,
      name,
      alias: 'eni-bench',
      mac: ROUTER_MAC,
      rpFilter: 1,
      mtu: 1500,
      group: groupWord({ check: true, routeTableIndex: 1, combinationIndex: 1 }),
      peer: { netns: instance, name: 'eth1', mac },
    },
    { kind: 'address', netns: instance, device: 'eth1', address: `${address}/24` },
    { kind: 'neighbour', netns: router, device: name, address, mac },
    { kind: 'route', netns: router, table: 254, destination: `${address}/32`, type: 'unicast', device: name },
    { kind: 'route', netns: instance, table: 254, destination: '0.0.0.0/0', type: 'unicast', gateway: '10.99.0.1', device: 'eth1' },
    { kind: 'rule', netns: instance, family: 4, priority: 1001, table: 1001, from: `${address}/32` },
  ];
  return {
    attach: async () => {
      const start = now();
      await apply('create', objects);
      const took = msSince(start);
      await apply('delete', objects.slice(0, 1));
      await apply('delete', objects.slice(-1));
      return took;
    },
    dispose: async () => {
      await apply('delete', namespaces);
      kernel.close();
    },
  };
}
