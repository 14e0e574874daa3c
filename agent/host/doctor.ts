import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { KernelError } from '../kernel/errors.js';
import { run } from '../kernel/exec.js';
import { probeFeatures } from '../kernel/features.js';
import { type Link, listLinks } from '../kernel/netlink/link.js';
import { nftTables } from '../kernel/netlink/nft-tables.js';
import { NETLINK, NetlinkSocket } from '../kernel/netlink/socket.js';
import { insideNetns, netnsIdentity, netnsNames } from '../kernel/netns.js';
import { readHostNft } from '../kernel/nft.js';
import { HOST_NAMESPACE, isOurNamespace, isRouterNamespace } from '../kernel/resources.js';
import { readSysctlHere } from '../kernel/sysctl.js';
import { isId } from '../model/ids.js';
import { type Finding, type HostReading, judge, type LegacyTables, lackingCapabilities, SETTINGS } from './diagnosis.js';

export type { Finding } from './diagnosis.js';

/** Services that configure devices: a directory that is there while they run, directories of their settings. */
const MANAGERS = {
  NetworkManager: { runs: '/run/NetworkManager', settings: ['/etc', '/run', '/usr/lib'].map((each) => `${each}/NetworkManager/conf.d`) },
  'systemd-networkd': { runs: '/run/systemd/netif', settings: ['/etc', '/run', '/usr/lib'].map((each) => `${each}/systemd/network`) },
} as const;

/**
 * Looks this machine over: privileges, kernel features, tools, what else filters or configures, limits, leftovers. Changes nothing.
 * @param known ids of VPCs, instances and network interfaces that the store knows; without it leftovers cannot be told.
 */
export async function diagnose(known?: ReadonlySet<string>): Promise<Finding[]> {
  return judge(await readHost(known));
}

async function readHost(known: ReadonlySet<string> | undefined): Promise<HostReading> {
  const capabilities = effectiveCapabilities();
  const uid = process.getuid?.() ?? -1;
  const namespaces = netnsNames().filter((name) => isOurNamespace(name) && netnsIdentity(name) !== undefined);
  const routers = namespaces.filter(isRouterNamespace);
  const reading = {
    uid,
    capabilities,
    settings: readSettings(),
    namespaces,
    instanceDirectories: directory('/etc/netns').filter((name) => isId('instance', name)),
    managers: Object.entries(MANAGERS).flatMap(([name, { runs, settings }]) =>
      existsSync(runs) ? [{ name, isTold: settings.some(namesOurDevices) }] : [],
    ),
    ...(known && { known }),
  };
  if (lackingCapabilities(capabilities).length > 0) return { ...reading, hostRules: '', firewalld: false, legacyTables: [], devices: [] };
  const uplink = (await readHostNft())?.uplink;
  return {
    ...reading,
    ...(uplink !== undefined && { uplink }),
    firewalld: nftTables(HOST_NAMESPACE, 'inet').includes('firewalld'),
    features: await probeFeatures(),
    hostRules: await hostRules(),
    legacyTables: routers.flatMap((netns) => whileItExists(() => legacyTablesOf(netns))),
    devices: ['', ...routers].flatMap((netns) => whileItExists(() => devicesOf(netns))),
  };
}

/** Whether a file in the directory speaks of devices that are named as ours are. */
function namesOurDevices(path: string): boolean {
  return directory(path).some((name) => lines(`${path}/${name}`).some((line) => !line.startsWith('#') && line.includes('enid-*')));
}

/** A namespace may go away while it is being read: then it has nothing. */
function whileItExists<T>(read: () => T[]): T[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof KernelError && error.kind === 'not-found') return [];
    throw error;
  }
}

function effectiveCapabilities(): bigint {
  const [, digits = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return BigInt(`0x${digits}`);
}

function readSettings(): Map<string, number> {
  return new Map(
    Object.values(SETTINGS).flatMap((path) => {
      const value = Number(readSysctlHere(path));
      return Number.isInteger(value) ? [[path, value] as const] : [];
    }),
  );
}

/** Saving looks at no table that is not there already, so it loads and makes none. Empty without the tool. */
async function hostRules(): Promise<string> {
  try {
    return (await run('iptables-save', [], { timeoutMs: 10_000, maxOutput: 64 * 1024 * 1024 })).stdout;
  } catch (error) {
    if (error instanceof KernelError) return '';
    throw error;
  }
}

/** What rules of legacy iptables are in: the agent's own are in nft tables, and nft does not show these. */
function legacyTablesOf(netns: string): LegacyTables[] {
  const tables = insideNetns(netns, () =>
    ['ip_tables_names', 'ip6_tables_names'].flatMap((file) => lines(`/proc/thread-self/net/${file}`)),
  );
  return tables.length > 0 ? [{ netns, tables }] : [];
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    // The kernel was built without this flavour.
    return [];
  }
}

/** Devices with the id of a network interface as their alias. */
function devicesOf(netns: string) {
  const links = withSocket(NETLINK.route, netns, (socket): Link[] => listLinks(socket));
  return links.flatMap(({ name, alias }) => (isId('networkInterface', alias) ? [{ netns, name, networkInterfaceId: alias }] : []));
}

/** `netns` empty: the namespace of this process. */
function withSocket<T>(protocol: number, netns: string, use: (socket: NetlinkSocket) => T): T {
  const socket = new NetlinkSocket(protocol, netns === '' ? {} : { netns });
  try {
    return use(socket);
  } finally {
    socket.close();
  }
}

function directory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
