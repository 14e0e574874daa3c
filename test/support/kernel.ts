import { execaSync } from 'execa';
import pino from 'pino';
import { createLinuxKernel } from '../../agent/kernel/linux.js';
import {
  type Kernel,
  type KernelObject,
  type KernelOp,
  keyOf,
  type ObjectMap,
  type OpResult,
  type PlannedOp,
} from '../../agent/kernel/port.js';
import { ROUTER_LINK_LOCAL, ROUTER_MAC, SYSCTLS } from '../../agent/kernel/resources.js';
import { diff } from '../../agent/reconcile/diff.js';
import { order } from '../../agent/reconcile/order.js';

/** Kernel objects by hand, as small as can be: a router and instances at it, for tests of the kernel layer alone. */

const hex = (n: number, length: number): string => n.toString(16).padStart(length, '0');
export const vpc = (n: number): string => `vpc-${hex(n, 17)}`;
export const instance = (n: number): string => `i-${hex(n, 17)}`;
export const hostEnd = (n: number): string => `e${hex(n, 14)}`;

export const testKernel = (): Kernel => createLinuxKernel({ log: pino({ level: 'silent' }) });

export function routerObjects(netns: string, ranges: readonly string[] = ['10.0.0.0/16']): KernelObject[] {
  return [
    { kind: 'netns', netns },
    ...Object.entries(SYSCTLS.router).map(([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value })),
    { kind: 'address', netns, device: 'lo', address: '10.0.1.1/32' },
    { kind: 'address', netns, device: 'lo', address: 'fd00:1::1/128' },
    ...ranges.flatMap((range): KernelObject[] => [
      { kind: 'route', netns, table: 254, destination: range, type: 'blackhole' },
      { kind: 'rule', netns, family: 4, priority: 50, to: range, table: 254 },
    ]),
  ];
}

export function instanceObjects(netns: string): KernelObject[] {
  return [
    { kind: 'netns', netns },
    ...Object.entries(SYSCTLS.instance).map(([path, value]): KernelObject => ({ kind: 'sysctl', netns, path, value })),
  ];
}

export interface Plug {
  readonly n: number;
  readonly router: string;
  readonly instance: string;
  readonly index?: number;
  readonly group?: number;
}

export type Veth = Extract<KernelObject, { kind: 'veth' }>;

export const macOf = (n: number): string => `02:aa:00:00:${hex(n >> 8, 2)}:${hex(n & 255, 2)}`;
export const ipv4Of = (n: number): string => `10.0.${1 + (n >> 8)}.${n & 255}`;
export const ipv6Of = (n: number): string => `fd00:1::${hex(n, 1)}`;

export function veth({ n, router, instance: netns, index = 0, group = 0x1001 }: Plug): Veth {
  return {
    kind: 'veth',
    netns: router,
    name: hostEnd(n),
    alias: `eni-${hex(n, 17)}`,
    mac: ROUTER_MAC,
    group,
    rpFilter: 1,
    ipv6: true,
    mtu: 1500,
    peer: { netns, name: `eth${index}`, mac: macOf(n) },
  };
}

/** What the planner makes of an interface, without sets. `n` between 10 and 250 shares the subnet 10.0.1.0/24. */
export function interfaceObjects(plug: Plug): KernelObject[] {
  const { n, router, instance: netns, index = 0 } = plug;
  const device = `eth${index}`;
  const host = { netns: router, device: hostEnd(n) };
  return [
    veth(plug),
    { kind: 'neighbour', ...host, address: ipv4Of(n), mac: macOf(n) },
    { kind: 'neighbour', ...host, address: ipv6Of(n), mac: macOf(n) },
    { kind: 'route', ...host, table: 254, destination: `${ipv4Of(n)}/32`, type: 'unicast' },
    { kind: 'route', ...host, table: 254, destination: `${ipv6Of(n)}/128`, type: 'unicast' },
    { kind: 'address', netns, device, address: `${ipv4Of(n)}/24` },
    { kind: 'address', netns, device, address: `${ipv6Of(n)}/128` },
    { kind: 'route', netns, table: 254, destination: '0.0.0.0/0', type: 'unicast', device, gateway: '10.0.1.1' },
    { kind: 'route', netns, table: 254, destination: '::/0', type: 'unicast', device, gateway: ROUTER_LINK_LOCAL },
  ];
}

export const mapOf = (objects: readonly KernelObject[]): ObjectMap => new Map(objects.map((object) => [keyOf(object), object]));

/** What a kernel has to do so that the namespaces that are known hold just these objects. */
export async function differences(kernel: Kernel, objects: readonly KernelObject[], namespaces?: ReadonlySet<string>): Promise<KernelOp[]> {
  const relevant = objects.filter(({ netns }) => namespaces === undefined || namespaces.has(netns));
  // Rule texts are another suite's matter: every router has a fingerprint.
  const observed = [...(await kernel.observe(namespaces))].filter(([, { kind }]) => kind !== 'ruleset');
  return diff(mapOf(relevant), new Map(observed));
}

export const planned = (ops: readonly KernelOp[], unit = 'unit'): PlannedOp[] => order(ops.map((op) => ({ op, unit, needs: [] })));

/** Makes it so. @throws when an operation fails. */
export async function realise(kernel: Kernel, objects: readonly KernelObject[]): Promise<readonly OpResult[]> {
  const results = await kernel.apply(planned(await differences(kernel, objects)));
  for (const result of results) if (result.outcome !== 'done') throw new Error(JSON.stringify(result));
  return results;
}

export const failures = (results: readonly OpResult[]): string[] =>
  results.flatMap((result) => (result.outcome === 'failed' ? [result.error.message] : []));

/** `ip -n NETNS …`; output. */
export const ip = (netns: string, ...argv: string[]): string => execaSync('ip', ['-n', netns, ...argv]).stdout;
export const inNetns = (netns: string, ...argv: string[]) => execaSync('ip', ['netns', 'exec', netns, ...argv], { reject: false });
/** `nft …` in the namespace; output. @throws when it fails. */
export const nft = (netns: string, ...argv: string[]): string => execaSync('ip', ['netns', 'exec', netns, 'nft', ...argv]).stdout;
export const pings = (netns: string, address: string): boolean => inNetns(netns, 'ping', '-n', '-c1', '-W1', address).exitCode === 0;
