import { deriveParts } from './derive.js';
import type { LabFile } from './schema.js';

/** What the target of a route is, by its name. Pure. */

export type TargetPart = 'interfaces' | 'natGateways' | 'vpnGateways' | 'peerings' | 'internetGateways' | 'egressOnlyGateways';

export interface RouteTarget {
  readonly part: TargetPart;
  readonly name: string;
}

/** Field of the API that names a target of each part, in requests and in answers. */
export const TARGET_FIELD: Readonly<Record<TargetPart, string>> = {
  interfaces: 'networkInterfaceId',
  natGateways: 'natGatewayId',
  vpnGateways: 'gatewayId',
  peerings: 'vpcPeeringConnectionId',
  internetGateways: 'gatewayId',
  egressOnlyGateways: 'egressOnlyInternetGatewayId',
};

/** Stand for the VPC's own gateway, whatever it is called. */
const KEYWORDS: Readonly<Record<string, 'internetGateways' | 'egressOnlyGateways'>> = {
  internet: 'internetGateways',
  'egress-only': 'egressOnlyGateways',
};

type Named = Readonly<Record<string, unknown>>;
export interface Targets extends Readonly<Record<TargetPart, Named>> {
  readonly internetGateways: Readonly<Record<string, { readonly vpc: string }>>;
  readonly egressOnlyGateways: Readonly<Record<string, { readonly vpc: string }>>;
  readonly instances: Readonly<Record<string, { readonly interfaces: readonly unknown[]; readonly index: number }>>;
}

/** Interfaces written inside an instance get the name `<instance>-eth<device index>`. */
export const inlineName = (instance: string, index: number): string => `${instance}-eth${index}`;

/** All that a route of the VPC can mean by the name; an instance means its only interface. One, if the file is right. */
export function findTargets(lab: Targets, vpc: string, name: string): RouteTarget[] {
  const found: RouteTarget[] = [];
  for (const part of Object.keys(TARGET_FIELD) as TargetPart[]) if (name in lab[part]) found.push({ part, name });
  if (found.length > 0) return found;
  const instance = lab.instances[name];
  const [only] = instance?.interfaces ?? [];
  if (instance?.interfaces.length === 1)
    return [{ part: 'interfaces', name: typeof only === 'string' ? only : inlineName(name, instance.index) }];
  const keyword = KEYWORDS[name];
  if (!keyword) return [];
  return Object.entries(lab[keyword]).flatMap(([gateway, of]) => (of.vpc === vpc ? [{ part: keyword, name: gateway }] : []));
}

/** A lab file as `findTargets` wants it: with the interfaces that are written inside instances. */
export function targetsOf(file: LabFile): Targets {
  const inline = Object.entries(file.instances).flatMap(([instance, { interfaces, index }]) =>
    interfaces.flatMap((entry, place) => (typeof entry === 'string' ? [] : [[inlineName(instance, index + place), entry] as const])),
  );
  const interfaces = { ...file.interfaces, ...Object.fromEntries(inline) };
  return { ...file, ...deriveParts(file, interfaces), interfaces };
}
