import { type EndpointRef, INTERNET, type Outcome, type Probe } from './expect.js';
import type { Lab } from './load.js';
import { interfaceIndex, isOutside } from './references.js';

/** Expectations of a lab file as single checks: one source, one target address, one probe. Pure. */

/** An instance as it is now, or what lies outside: the internet, a customer's network. */
export interface LabEndpoint {
  /** Namespace under /run/netns. */
  readonly namespace: string;
  readonly outside?: true;
  /** By device index; guests may have none at 0. */
  readonly interfaces: readonly (LabAddresses | undefined)[];
}
export interface LabAddresses {
  readonly ipv4: string;
  readonly ipv6?: string;
  /** Elastic address of the IPv4 one. */
  readonly publicIp?: string;
}

export interface Check {
  readonly source: string;
  /** Device index whose address is the source; absent: whatever the instance's routes choose. */
  readonly sourceIndex?: number;
  readonly target: string;
  readonly targetIndex: number;
  /** By its elastic address, as the file says; from the internet there is no other way over IPv4. */
  readonly targetPublic?: true;
  readonly probe: Probe;
  readonly expected: Outcome;
  /** Line of the lab file that says so. */
  readonly line: number;
}

export interface CheckIssue {
  readonly line: number;
  readonly message: string;
}

const DEFAULT_PROBES: readonly Omit<Probe, 'family'>[] = [
  { protocol: 'icmp' },
  { protocol: 'tcp', port: 22 },
  { protocol: 'tcp', port: 80 },
];

/**
 * Every check that the file asks for, in its order. `everything else` tries all other pairs of instances, each address of the target's
 * interfaces, with every probe that the file mentions and icmp, tcp/22 and tcp/80; over IPv6 too where both sides have it. The internet
 * and customers' networks that the file mentions are among the sources.
 */
export function planChecks(lab: Lab, endpoints: ReadonlyMap<string, LabEndpoint>): { checks: Check[]; issues: CheckIssue[] } {
  const checks = new Map<string, Check>();
  const issues: CheckIssue[] = [];
  const add = (check: Check): void => {
    const key = checkKey(check);
    const earlier = checks.get(key);
    if (!earlier) checks.set(key, check);
    else if (earlier.expected !== check.expected) issues.push({ line: check.line, message: `contradicts line ${earlier.line}` });
  };
  lab.expect.forEach((expectation, i) => {
    if (expectation.kind !== 'pairs') return;
    const line = lab.expectLines[i] ?? 0;
    const { sources, targets, probes, outcome } = expectation;
    for (const source of sources)
      for (const target of targets)
        for (const probe of probes) {
          if (source.instance === target.instance) continue;
          const targetIndex = indexIn(lab, target) ?? lab.instances[target.instance]?.index ?? 0;
          const sourceIndex = indexIn(lab, source);
          if (probe.family === 6 && !has6(endpoints, source.instance, sourceIndex))
            issues.push({ line, message: `${source.instance} has no IPv6 address` });
          if (probe.family === 6 && !has6(endpoints, target.instance, targetIndex))
            issues.push({ line, message: `${target.instance} has no IPv6 address` });
          const publicIp = endpoints.get(target.instance)?.interfaces[targetIndex]?.publicIp;
          const isPublic = target.public || (source.instance === INTERNET && isOutside(lab, INTERNET) && outcome === 'passes');
          if (isPublic && probe.family === 4 && publicIp === undefined && !isOutside(lab, target.instance))
            issues.push({ line, message: `${target.instance} has no elastic address` });
          const place = {
            source: source.instance,
            ...(sourceIndex !== undefined && { sourceIndex }),
            target: target.instance,
            targetIndex,
            ...(target.public && { targetPublic: true as const }),
          };
          add({ ...place, probe, expected: outcome, line });
        }
  });
  const rest = lab.expect.findIndex((expectation) => expectation.kind === 'everythingElse');
  const restExpectation = lab.expect[rest];
  if (restExpectation) {
    const line = lab.expectLines[rest] ?? 0;
    for (const check of everyPair(lab, endpoints, probesOf(lab))) {
      const full = { ...check, expected: restExpectation.outcome, line };
      if (!checks.has(checkKey(full))) checks.set(checkKey(full), full);
    }
  }
  return { checks: [...checks.values()], issues };
}

function checkKey({ source, sourceIndex, target, targetIndex, targetPublic, probe }: Omit<Check, 'expected' | 'line'>): string {
  return [source, sourceIndex ?? 'any', target, targetIndex, targetPublic ?? '', probe.protocol, probe.port ?? '', probe.family].join(' ');
}

function indexIn(lab: Lab, { instance, interface: name }: EndpointRef): number | undefined {
  const found = lab.instances[instance];
  return name === undefined || !found ? undefined : interfaceIndex(found, instance, name);
}

function has6(endpoints: ReadonlyMap<string, LabEndpoint>, instance: string, index: number | undefined): boolean {
  const interfaces = endpoints.get(instance)?.interfaces ?? [];
  return index === undefined ? interfaces.some((entry) => entry?.ipv6 !== undefined) : interfaces[index]?.ipv6 !== undefined;
}

/** All probes of the lab without their family, in the order of columns. */
function probesOf(lab: Lab): Omit<Probe, 'family'>[] {
  const mentioned = lab.expect.flatMap((expectation) => (expectation.kind === 'pairs' ? expectation.probes : []));
  const byText = new Map(
    [...DEFAULT_PROBES, ...mentioned].map(({ protocol, port }) => [
      `${protocol}/${port ?? 0}`,
      { protocol, ...(port !== undefined && { port }) },
    ]),
  );
  return [...byText.values()].sort(compareProbes);
}

export function compareProbes(a: Omit<Probe, 'family'>, b: Omit<Probe, 'family'>): number {
  return a.protocol.localeCompare(b.protocol) || (a.port ?? 0) - (b.port ?? 0);
}

function* everyPair(lab: Lab, endpoints: ReadonlyMap<string, LabEndpoint>, probes: readonly Omit<Probe, 'family'>[]) {
  for (const source of endpoints.keys())
    for (const [target, { interfaces }] of endpoints) {
      if (source === target || isOutside(lab, target)) continue;
      for (const [targetIndex, addresses] of interfaces.entries())
        for (const probe of addresses ? probes : []) {
          yield { source, target, targetIndex, probe: { ...probe, family: 4 as const } };
          if (addresses?.ipv6 !== undefined && has6(endpoints, source, undefined))
            yield { source, target, targetIndex, probe: { ...probe, family: 6 as const } };
        }
    }
}
