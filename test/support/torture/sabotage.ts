import { execa } from 'execa';
import type { KernelObject, ObjectKind } from '../../../agent/kernel/port.js';
import { guardTable, HOST_NAMESPACE, NFT_TABLE, setFamily } from '../../../agent/kernel/resources.js';
import type { Dice } from './budget.js';

type Argv = readonly [string, ...string[]];

/**
 * How to destroy or distort an object of each kind with the tools that anybody has. A kind without a line here does not compile. `undefined`: nobody can take
 * such a thing away alone.
 */
const SABOTAGE: { readonly [K in ObjectKind]: (object: Extract<KernelObject, { kind: K }>, dice: Dice) => Argv | undefined } = {
  netns: ({ netns }) => ['ip', 'netns', 'del', netns],
  sysctl: ({ path, value }) => ['sysctl', '-qw', `${path.replaceAll('/', '.')}=${value === '1' ? '0' : '1'}`],
  set: ({ name, family }) => ['nft', `flush set ${filterTable(family)} ${name}`],
  member: ({ set, entry }) => ['nft', `delete element ${filterTable(setFamily(set))} ${set} { ${elementOf(entry)} }`],
  ruleset: ({ family }, dice) => {
    const table = filterTable(family);
    return dice.pick<Argv>([
      ['nft', 'flush ruleset'],
      ['nft', `delete table ${table}`],
      ['nft', `flush table ${table}`],
      ['nft', `flush chain ${table} forward`],
      ['nft', `flush chain ${table} prerouting`],
      ['nft', `insert rule ${table} forward accept`],
      ['nft', `add chain ${table} forward { policy accept; }`],
      ['nft', `add chain ${table} spy { type filter hook prerouting priority -400; policy drop; }`],
      ['nft', 'add table inet theirs'],
      [family === 4 ? 'iptables-nft' : 'ip6tables-nft', '-I', 'FORWARD', '-j', 'ACCEPT'],
    ]);
  },
  nft: () => ['nft', 'flush', 'ruleset'],
  veth: ({ name, mtu }, dice) =>
    dice.pick<Argv>([
      ['ip', 'link', 'del', name],
      ['ip', 'link', 'set', name, 'down'],
      ['ip', 'link', 'set', name, 'group', '0'],
      ['ip', 'link', 'set', name, 'mtu', String(mtu - 100)],
      ['ip', 'link', 'set', name, 'address', '02:00:00:00:00:66'],
    ]),
  macvlan: ({ name, mtu }, dice) =>
    dice.pick<Argv>([
      ['ip', 'link', 'del', name],
      ['ip', 'link', 'set', name, 'down'],
      ['ip', 'link', 'set', name, 'mtu', String(mtu - 100)],
    ]),
  parent: ({ device }, dice) =>
    dice.pick<Argv>([
      ['nft', 'delete', 'table', 'netdev', guardTable(device)],
      ['nft', 'flush', 'set', 'netdev', guardTable(device), 'own4'],
      ['nft', 'insert', 'rule', 'netdev', guardTable(device), 'source', 'accept'],
    ]),
  tun: ({ name }) => ['ip', 'link', 'del', name],
  wireguard: ({ device }) => ['wg', 'set', device, 'listen-port', '1'],
  address: ({ device, address }) => ['ip', 'addr', 'del', address, 'dev', device],
  neighbour: ({ device, address }, dice) =>
    dice.pick<Argv>([
      ['ip', 'neigh', 'del', address, 'dev', device],
      ['ip', 'neigh', 'replace', address, 'lladdr', '02:00:00:00:00:66', 'dev', device, 'nud', 'permanent'],
    ]),
  route: ({ table, destination, type }, dice) => {
    const which = type === 'unicast' ? [destination] : [type, destination];
    const family = destination.includes(':') ? '-6' : '-4';
    return dice.pick<Argv>([
      ['ip', family, 'route', 'del', ...which, 'table', String(table)],
      ['ip', family, 'route', 'replace', 'unreachable', destination, 'table', String(table)],
    ]);
  },
  rule: ({ family, priority }) => ['ip', `-${family}`, 'rule', 'del', 'pref', String(priority)],
};

const filterTable = (family: 4 | 6): string => `${family === 4 ? 'ip' : 'ip6'} ${NFT_TABLE}`;

/** An entry in nft's words. */
function elementOf(entry: string): string {
  const [first = '', device] = entry.split(',');
  if (device !== undefined) return `${first} . "${device}"`;
  return /[.:]/.test(first) ? first : `"${first}"`;
}

/** Destroys the object; the command in words, `undefined` when it was not possible. */
export async function destroy(object: KernelObject, dice: Dice): Promise<string | undefined> {
  const argv = (SABOTAGE[object.kind] as (object: unknown, dice: Dice) => Argv | undefined)(object, dice);
  const isHosts = object.netns === HOST_NAMESPACE;
  if (!argv || (isHosts && object.kind !== 'parent')) return undefined;
  const [file, ...rest] = isHosts || object.kind === 'netns' ? argv : (['ip', 'netns', 'exec', object.netns, ...argv] as const);
  const { exitCode } = await execa(file, rest, { reject: false, timeout: 20_000 });
  return exitCode === 0 ? `${argv.join(' ')} in ${object.netns}` : undefined;
}
