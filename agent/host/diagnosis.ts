import { missingParts } from '../kernel/feature-table.js';
import type { KernelFeatures } from '../kernel/port.js';
import { judgeForwarding, judgeManagers, judgeReversePath } from './coexistence.js';

/** One thing that was looked at, and what was found. */
export interface Finding {
  /** `note`: worth knowing, nothing to do. `warning`: works, but may not for long or not for all. `problem`: something does not work. */
  readonly level: 'ok' | 'note' | 'warning' | 'problem';
  readonly subject: string;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** Tables of legacy iptables in a namespace. */
export interface LegacyTables {
  readonly netns: string;
  readonly tables: readonly string[];
}

/** What `diagnose` reads from the machine. */
export interface HostReading {
  readonly uid: number;
  /** Effective capabilities as bits (`CapEff` of /proc/self/status). */
  readonly capabilities: bigint;
  /** Absent without the privileges to try them. */
  readonly features?: KernelFeatures;
  /** Rules of the host's own namespace as `iptables-save` prints them. */
  readonly hostRules: string;
  /** Of router namespaces that have some. */
  readonly legacyTables: readonly LegacyTables[];
  /** Numbers below `/proc/sys`, by path; those that do not exist are left out. */
  readonly settings: ReadonlyMap<string, number>;
  /** Namespaces with a name that enid gives. */
  readonly namespaces: readonly string[];
  /** Devices that bear the id of a network interface, with the namespace that they are in; `''` is the host's own. */
  readonly devices: readonly { readonly netns: string; readonly name: string; readonly networkInterfaceId: string }[];
  /** Instances with a directory under `/etc/netns`. */
  readonly instanceDirectories: readonly string[];
  /** Services of the host that configure devices and are running; whether a file of theirs tells them to leave ours alone. */
  readonly managers: readonly { readonly name: string; readonly isTold: boolean }[];
  /** Whether firewalld has its table in the host's own namespace. */
  readonly firewalld: boolean;
  /** Device by which the lab reaches the real network at this moment. */
  readonly uplink?: string;
  /** Ids of VPCs, instances and network interfaces that the store knows; absent when nobody could be asked. */
  readonly known?: ReadonlySet<string>;
}

/** Settings that are looked at. */
export const SETTINGS = {
  bridgeFilter: 'net/bridge/bridge-nf-call-iptables',
  reversePath: 'net/ipv4/conf/all/rp_filter',
  conntrackMax: 'net/netfilter/nf_conntrack_max',
  neighbours4: 'net/ipv4/neigh/default/gc_thresh3',
  neighbours6: 'net/ipv6/neigh/default/gc_thresh3',
  namespacesMax: 'user/max_net_namespaces',
} as const;

const CAPABILITIES = { CAP_KILL: 5, CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21 } as const;

/** Flows that one interface may have at once before the table of its VPC is called small. */
const FLOWS_PER_INTERFACE = 256;
const CONNTRACK_AT_LEAST = 65_536;
/** Entries that an interface's instance makes for its neighbours, and the router for it. */
const NEIGHBOURS_PER_INTERFACE = 8;
const NEIGHBOURS_AT_LEAST = 1024;
const NEARLY_FULL = 0.8;
const MANY = 5;

/** Judges what was read. Pure. */
export function judge(reading: HostReading): Finding[] {
  const privileges = judgePrivileges(reading);
  return [
    privileges,
    ...(privileges.level === 'ok' ? [judgeFeatures, judgeTools, judgeLegacyTables, judgeForwarding].flatMap((look) => look(reading)) : []),
    ...judgeSizes(reading),
    ...judgeReversePath(reading),
    ...judgeManagers(reading),
    ...judgeLeftovers(reading),
  ];
}

/** Names of the capabilities that enid needs and the process does not have. */
export function lackingCapabilities(effective: bigint): string[] {
  return Object.entries(CAPABILITIES).flatMap(([name, bit]) => ((effective >> BigInt(bit)) & 1n ? [] : [name]));
}

function judgePrivileges({ uid, capabilities }: HostReading): Finding {
  const lacking = lackingCapabilities(capabilities);
  const subject = 'privileges';
  if (lacking.length === 0)
    return { level: 'ok', subject, message: uid === 0 ? 'root' : `user ${uid} with the capabilities that are needed` };
  const names = lacking.join(', ');
  return uid === 0
    ? {
        level: 'problem',
        subject,
        message: `root, but without ${names}`,
        remedy: 'give the container or unit these capabilities (docker: --privileged)',
      }
    : { level: 'problem', subject, message: `no ${names}; kernel features and tools were not tried`, remedy: 'run it with sudo' };
}

function judgeFeatures({ features }: HostReading): Finding[] {
  if (!features) return [];
  // Without namespaces nothing else could be tried.
  const tried = features.features.netns ? features.features : { netns: false };
  const missing = missingParts({ features: tried, tools: {} });
  const count = Object.keys(features.features).length;
  if (missing.length === 0) return [{ level: 'ok', subject: 'kernel features', message: `all ${count} on Linux ${features.kernel}` }];
  return missing.map(({ feature, needed, disables }) => ({
    level: needed ? 'problem' : 'warning',
    subject: `kernel feature ${feature}`,
    message: `missing on Linux ${features.kernel}; disables ${disables}`,
    remedy:
      feature === 'netns'
        ? 'allow unshare(2) for this process (docker: --privileged)'
        : 'load its module, or install the package with the extra modules of this kernel (Ubuntu: linux-modules-extra-$(uname -r))',
  }));
}

const PACKAGES: Readonly<Record<string, string>> = {
  iptables: 'iptables',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  ip: 'iproute2',
  nft: 'nftables',
};

function judgeTools({ features }: HostReading): Finding[] {
  if (!features) return [];
  const { tools } = features;
  const missing = missingParts({ features: {}, tools }).map(({ feature, needed, disables }): Finding => {
    const name = feature.split(' ')[0] ?? '';
    return {
      level: needed ? 'problem' : 'warning',
      subject: `tool ${name}`,
      message: `not installed; disables ${disables}`,
      remedy: `apt-get install ${PACKAGES[name] ?? name}`,
    };
  });
  const present = Object.entries(tools).filter(([, version]) => version !== null);
  const versions = present.map(([name, version]) => `${name} ${version}`).join(', ');
  return [...missing, ...(missing.length === 0 ? [{ level: 'ok', subject: 'tools', message: versions } as const] : [])];
}

/** Packets in a router must pass them too, and the agent does not see them. */
function judgeLegacyTables({ legacyTables }: HostReading): Finding[] {
  const subject = 'rules of others';
  if (legacyTables.length === 0) return [{ level: 'ok', subject, message: 'none in routers' }];
  const routers = legacyTables.map(({ netns }) => netns);
  return [
    {
      level: 'problem',
      subject,
      message: `${some(routers)} ${routers.length > 1 ? 'hold' : 'holds'} rules of legacy iptables, which packets must pass too`,
      remedy: 'for each of them: ip netns delete NAME; the agent makes it anew',
    },
  ];
}

function judgeSizes({ settings, devices, namespaces }: HostReading): Finding[] {
  const perRouter = new Map<string, number>();
  for (const { netns } of devices) perRouter.set(netns, (perRouter.get(netns) ?? 0) + 1);
  const largest = Math.max(0, ...perRouter.values());
  const neighbours = Math.max(NEIGHBOURS_AT_LEAST, devices.length * NEIGHBOURS_PER_INTERFACE);
  const flows = Math.max(CONNTRACK_AT_LEAST, largest * FLOWS_PER_INTERFACE);
  const tooSmall = (path: string, atLeast: number, what: string): Finding[] => {
    const value = settings.get(path);
    if (value === undefined) return [];
    const subject = path.replaceAll('/', '.');
    if (value >= atLeast) return [{ level: 'ok', subject, message: String(value) }];
    return [{ level: 'warning', subject, message: `${value}: ${what}`, remedy: `sysctl -w ${subject}=${atLeast}` }];
  };
  const interfaces = `${devices.length} interface${devices.length === 1 ? '' : 's'}`;
  return [
    ...tooSmall(SETTINGS.conntrackMax, flows, `few tracked flows for a VPC with ${largest} interfaces; new flows are dropped beyond`),
    ...tooSmall(SETTINGS.neighbours4, neighbours, `few neighbours for ${interfaces}; the limit counts all namespaces together`),
    ...tooSmall(SETTINGS.neighbours6, neighbours, `few neighbours for ${interfaces}; the limit counts all namespaces together`),
    ...tooSmall(
      SETTINGS.namespacesMax,
      Math.ceil(namespaces.length / NEARLY_FULL),
      `${namespaces.length} namespaces are in use by enid alone`,
    ),
  ];
}

function judgeLeftovers({ namespaces, devices, instanceDirectories, known }: HostReading): Finding[] {
  const subject = 'leftovers';
  const stray = devices.filter(({ netns }) => netns === '').map(({ name }) => name);
  const lost: Finding[] =
    stray.length === 0
      ? []
      : [
          {
            level: 'warning',
            subject,
            message: `in the host's own namespace: ${some(stray)}`,
            remedy: `ip link delete ${stray.length > 1 ? 'NAME' : stray[0]}`,
          },
        ];
  if (!known) {
    if (namespaces.length === 0) return [...lost, { level: 'ok', subject, message: 'no namespace of enid is here' }];
    const message = `${count(namespaces.length, 'namespace')} of enid ${namespaces.length > 1 ? 'are' : 'is'} here; no agent was asked whether they are in use`;
    return [...lost, { level: 'note', subject, message, remedy: 'a running agent removes what is not; without one: eni teardown' }];
  }
  const unknown = [
    ...namespaces.filter((name) => !known.has(name)),
    ...devices
      .filter(({ netns, networkInterfaceId }) => known.has(netns) && !known.has(networkInterfaceId))
      .map(({ netns, name }) => `${name} in ${netns}`),
    ...instanceDirectories.filter((name) => !known.has(name)).map((name) => `/etc/netns/${name}`),
  ];
  if (unknown.length > 0)
    return [
      ...lost,
      {
        level: 'warning',
        subject,
        message: `nobody knows of ${some(unknown)}`,
        remedy: 'the agent removes them in its next pass; without one: eni teardown',
      },
    ];
  return [...lost, { level: 'ok', subject, message: `none among ${count(namespaces.length, 'namespace')}` }];
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** The names, or the first of them and how many more. */
function some(names: readonly string[]): string {
  return names.length <= MANY ? names.join(', ') : `${names.slice(0, MANY).join(', ')} and ${names.length - MANY} more`;
}
