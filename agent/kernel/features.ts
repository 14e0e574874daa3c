import { closeSync, existsSync, openSync, promises } from 'node:fs';
import { release } from 'node:os';
import { KernelError } from './errors.js';
import { run } from './exec.js';
import {
  FEATURES,
  type Feature,
  missingParts,
  RULE_FEATURES,
  type RuleFeature,
  TOOLS,
  type Tool,
  trialText,
  versionIn,
} from './feature-table.js';
import { listAddresses, newAddress } from './netlink/address.js';
import { nested, text, u32 } from './netlink/attributes.js';
import { RTM_LINK } from './netlink/link.js';
import { HEADER_BYTES, NFT } from './netlink/nft-message.js';
import { newRule } from './netlink/rule.js';
import { FLAG, message, NETLINK, NetlinkSocket } from './netlink/socket.js';
import { insideNewNetns } from './netns.js';
import type { Family, KernelFeatures } from './port.js';
import { PROTOCOL } from './resources.js';

const TIMEOUT_MS = 5000;
const LOOPBACK = 1;
/** Index of the device on which others are put. */
const PARENT = 1000;

/**
 * What this kernel and these tools offer, found by trying: in network namespaces that have no name and end with the call.
 * Loads the modules it finds, so later use does not wait for that. About 50 ms.
 */
export async function probeFeatures(): Promise<KernelFeatures> {
  // Threads of the pool must be born in the daemon's own namespace, and this may be the first to use the pool.
  await promises.stat('/');
  const [objects, rules4, rules6, tools] = await Promise.all([probeObjects(), probeRules(4), probeRules(6), probeTools()]);
  const found: Partial<Record<Feature, boolean>> = {
    ...objects,
    ...rules4,
    ...rules6,
    'conntrack settings': existsSync('/proc/sys/net/netfilter/nf_conntrack_max'),
    tun: works(() => closeSync(openSync('/dev/net/tun', 'r+'))),
  };
  const features = Object.fromEntries(Object.keys(FEATURES).map((name) => [name, found[name as Feature] === true]));
  const missing = missingParts({ features, tools }).map(({ feature, disables }) => ({ feature, disables }));
  return { kernel: release(), features, tools, missing };
}

/** Devices, addresses and rules of routing: all by netlink, all at once. */
function probeObjects(): Partial<Record<Feature, boolean>> {
  try {
    return insideNewNetns(() => {
      const route = new NetlinkSocket(NETLINK.route);
      const netfilter = new NetlinkSocket(NETLINK.netfilter);
      try {
        return {
          netns: true,
          ipv6: existsSync('/proc/sys/net/ipv6'),
          ...probeRoute(route),
          nftables: works(() => netfilter.request(message(NFT.getGeneration, 0, Buffer.alloc(HEADER_BYTES)))),
        };
      } finally {
        route.close();
        netfilter.close();
      }
    });
  } catch (error) {
    if (error instanceof KernelError) return { netns: false };
    throw error;
  }
}

function probeRoute(socket: NetlinkSocket): Partial<Record<Feature, boolean>> {
  const mark = { value: 1, mask: 0xffff };
  const [veth, macvlan, vxlan, rule, address] = socket.batch([
    newDevice('veth', 'probe0', PARENT),
    newDevice('macvlan', 'probe1', 0, [u32(IFLA.link, PARENT)]),
    newDevice('vxlan', 'probe2', 0, [], [u32(VXLAN_ID, 1)]),
    newRule({ family: 4, priority: 100, table: 1001, mark }),
    newAddress(LOOPBACK, '10.255.255.1/32'),
  ]);
  return {
    veth: veth === null,
    macvlan: macvlan === null,
    vxlan: vxlan === null,
    'policy routing': rule === null,
    'address protocol': address === null && listAddresses(socket).some(({ protocol }) => protocol === PROTOCOL),
  };
}

const IFLA = { name: 3, link: 5, linkInfo: 18 } as const;
const INFO = { kind: 1, data: 2 } as const;
const VXLAN_ID = 1;

/** A device with the given index, or one that the kernel picks for 0. */
function newDevice(kind: string, name: string, index: number, attributes: readonly Buffer[] = [], data: readonly Buffer[] = []): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  const info = nested(IFLA.linkInfo, text(INFO.kind, kind), ...(data.length > 0 ? [nested(INFO.data, ...data)] : []));
  return message(RTM_LINK.new, FLAG.create | FLAG.excl, header, text(IFLA.name, name), ...attributes, info);
}

/** Rules of one family: all at once, and one by one only when that fails. */
async function probeRules(family: Family): Promise<Partial<Record<Feature, boolean>>> {
  const names = Object.keys(RULE_FEATURES) as RuleFeature[];
  const all = await loads(family, names);
  const results = await Promise.all(
    names.map(async (name) => [`nft ${family === 4 ? 'ip' : 'ip6'} ${name}`, all || (await loads(family, [name]))] as const),
  );
  return Object.fromEntries(results);
}

async function loads(family: Family, features: readonly RuleFeature[]): Promise<boolean> {
  try {
    // The child keeps its namespace alive; wrapped, as nothing may be awaited inside.
    const { loaded } = insideNewNetns(() => ({
      loaded: run('nft', ['-f', '-'], { input: trialText(family, features), timeoutMs: TIMEOUT_MS }),
    }));
    await loaded;
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

async function probeTools(): Promise<Record<string, string | null>> {
  const names = Object.keys(TOOLS) as Tool[];
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await toolVersion(name)] as const)));
}

/** Version of an installed tool; `null` when it is not installed. */
async function toolVersion(name: Tool): Promise<string | null> {
  try {
    return versionIn((await run(name, [TOOLS[name].argument], { timeoutMs: TIMEOUT_MS })).stdout) ?? 'unknown';
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.kind === 'unsupported' ? null : 'unknown';
  }
}

function works(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
