import { membersOf, type Shape } from '../../../agent/http/ec2/notation.js';
import { OPERATIONS } from '../../../agent/http/ec2/shapes.js';
import type { Dice } from './budget.js';

/** Requests out of the API's own description: mostly well-formed and about things that exist, sometimes neither. */

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

type Schema = Record<string, any>;

/** Ids that earlier answers named, by prefix; others are made up. */
export class Ids {
  readonly #known = new Map<string, string[]>();

  learn(answer: string): void {
    for (const [id] of answer.matchAll(/\b[a-z]+(?:-[a-z]+)*-[0-9a-f]{17}\b/g)) {
      const prefix = id.slice(0, -18);
      const ids = this.#known.get(prefix) ?? [];
      if (!ids.includes(id)) this.#known.set(prefix, [...ids, id].slice(-12));
    }
  }

  pick(dice: Dice, prefix: string): string {
    const ids = this.#known.get(prefix);
    return ids && dice.chance(0.9) ? dice.pick(ids) : `${prefix}-${'0123456789abcdef0'}`;
  }

  any(dice: Dice): string {
    const prefixes = [...this.#known.keys()];
    return prefixes.length === 0 ? 'vpc-0123456789abcdef0' : this.pick(dice, dice.pick(prefixes));
  }

  forget(): void {
    this.#known.clear();
  }
}

/** None of them is a program: some end up in fields that instances run or files hold. */
const JUNK: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  65536,
  2 ** 53,
  1e308,
  0.1,
  '',
  ' ',
  '\0',
  '\ud800',
  'x'.repeat(300),
  'ä€😀',
  '../../../etc',
  '%s%n',
  '-1',
  'NaN',
  '0.0.0.0/0',
  '255.255.255.255',
  '10.0.1.4/33',
  '::ffff:10.0.0.1',
  '$0.vpcId',
  '$99999999999999999999.x',
  '__proto__',
  'constructor',
  '"; -A FORWARD -j ACCEPT',
  "a' b",
  'a\nb',
  [],
  {},
  [[[[[]]]]],
  { constructor: { prototype: {} } },
];

const TEXTS = [
  'a',
  'web',
  '10.0.0.0/16',
  '10.0.1.0/24',
  '10.0.2.0/24',
  '10.0.1.10',
  '10.0.1.20',
  'us-east-1a',
  'tcp',
  'fd00:1::/64',
  '203.0.113.9',
];
const CIDRS = ['10.0.0.0/16', '10.0.1.0/24', '10.0.2.0/24', '10.1.0.0/16', '0.0.0.0/0', '192.0.2.1/32'];

/** Values for names that a schema calls text, so that many requests get past the first check. */
function textFor(name: string, ids: Ids, dice: Dice): unknown {
  const lower = name.toLowerCase();
  if (/userdata|nexttoken|imageid|clienttoken/.test(lower)) return undefined;
  const prefix = PREFIXES.find(([pattern]) => pattern.test(lower))?.[1];
  if (prefix !== undefined) return ids.pick(dice, prefix);
  if (/cidr6|ipv6/.test(lower)) return dice.pick(['::/0', 'fd00:1::/64', '2001:db8::5']);
  if (/cidr|destination/.test(lower)) return dice.chance(0.5) ? `10.0.${dice.below(256)}.0/24` : dice.pick(CIDRS);
  if (/zone/.test(lower)) return dice.pick(['us-east-1a', 'us-east-1b']);
  if (/address|publicip/.test(lower)) return `10.0.1.${4 + dice.below(200)}`;
  if (/protocol/.test(lower)) return dice.pick(['tcp', 'udp', 'icmp', '-1', '47']);
  if (/instancetype/.test(lower)) return dice.pick(['t3.micro', 'm5.large', 'z9.huge']);
  if (/^command$/.test(lower)) return dice.pick(['createVpc', 'deleteVpc', 'createTags', 'attachNetworkInterface', 'reset']);
  if (/name$/.test(lower)) return `name-${dice.below(1000)}`;
  return dice.chance(0.1) ? ids.any(dice) : dice.pick(TEXTS);
}

const PREFIXES: readonly (readonly [RegExp, string])[] = [
  [/networkinterfaceid|^eniid/, 'eni'],
  [/attachmentid/, 'eni-attach'],
  [/natgatewayid/, 'nat'],
  [/egressonly/, 'eigw'],
  [/vpngatewayid/, 'vgw'],
  [/customergatewayid/, 'cgw'],
  [/vpnconnectionid/, 'vpn'],
  [/internetgatewayid|^gatewayid/, 'igw'],
  [/peeringconnectionid/, 'pcx'],
  [/instanceid/, 'i'],
  [/subnetid/, 'subnet'],
  [/routetableid/, 'rtb'],
  [/groupid|^group$/, 'sg'],
  [/ruleid/, 'sgr'],
  [/prefixlistid/, 'pl'],
  [/networkaclid/, 'acl'],
  [/dhcpoptionsid/, 'dopt'],
  [/allocationid/, 'eipalloc'],
  [/associationid/, 'eipassoc'],
  [/vpcid/, 'vpc'],
];

/** Launches stay small: a thousand instances are another test's. */
const isCount = (name: string): boolean => /count|maxresults|^port|index/i.test(name);

export class RestFuzzer {
  readonly operations: readonly { readonly method: string; readonly path: string; readonly operation: Schema }[];

  constructor(
    private readonly document: Schema,
    private readonly dice: Dice,
    private readonly ids: Ids,
    /** Paths that are left out. */
    leftOut: ReadonlySet<string> = new Set(['/v1/events']),
  ) {
    this.operations = Object.entries<Schema>(document.paths)
      .filter(([path]) => !leftOut.has(path))
      .flatMap(([path, methods]) =>
        Object.entries<Schema>(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
      );
  }

  request(each = this.dice.pick(this.operations)): FuzzRequest {
    const { dice } = this;
    const { method, path, operation } = each;
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      dice.chance(0.05) ? encodeURIComponent(toText(dice.pick(JUNK))) : String(textFor(name === 'id' ? 'any' : name, this.ids, dice)),
    );
    const query = (operation.parameters ?? [])
      .filter(({ in: place }: Schema) => place === 'query')
      .filter(({ name }: Schema) => dice.chance(name === 'nextToken' ? 0.02 : 0.4))
      .map(({ name, schema }: Schema) => `${name}=${encodeURIComponent(toText(this.value(name, schema ?? {})))}`);
    const schema = operation.requestBody?.content?.['application/json']?.schema;
    const body = schema ? this.bodyText(schema) : dice.chance(0.05) ? '{"x":1}' : undefined;
    return {
      method: dice.chance(0.01) ? dice.pick(['PUT', 'OPTIONS', 'DELETE', 'HEAD']) : method,
      path: query.length > 0 ? `${filled}?${query.join('&')}` : filled,
      headers: body === undefined ? {} : { 'content-type': dice.chance(0.02) ? 'text/plain' : 'application/json' },
      ...(body !== undefined && { body }),
    };
  }

  private bodyText(schema: Schema): string {
    const { dice } = this;
    const text = JSON.stringify(this.value('', schema)) ?? '';
    if (dice.chance(0.97)) return text;
    return dice.pick([
      text.slice(0, -1),
      `[${text}]`,
      `${text}${text}`,
      '',
      'null',
      '"x"',
      `{"__proto__":{"x":1},${text.slice(1)}`,
      '{"a":'.repeat(2000),
    ]);
  }

  private value(name: string, given: Schema, depth = 0): unknown {
    const { dice } = this;
    if (name !== '' && dice.chance(0.04) && !/userdata/i.test(name)) return dice.pick(JUNK);
    const schema = this.resolve(given);
    const choice = schema.anyOf ?? schema.oneOf;
    if (choice) return this.value(name, dice.pick(choice), depth + 1);
    if ('const' in schema) return schema.const;
    if (schema.enum) return dice.pick(schema.enum);
    switch (schema.type) {
      case 'object':
        return this.object(schema, depth);
      case 'array':
        return Array.from({ length: dice.below(3) + (schema.minItems ?? 0) }, () =>
          this.value(singular(name), schema.items ?? {}, depth + 1),
        );
      case 'boolean':
        return dice.chance(0.5);
      case 'integer':
      case 'number':
        return isCount(name)
          ? Math.max(1 + dice.below(3), schema.minimum ?? 0)
          : dice.pick([0, 1, 80, 443, 1500, 65535, schema.minimum ?? 0, schema.maximum ?? 100]);
      case 'null':
        return null;
      default:
        return textFor(name, this.ids, dice);
    }
  }

  private object(schema: Schema, depth: number): unknown {
    const { dice } = this;
    const required = new Set<string>(schema.required ?? []);
    const entries = Object.entries<Schema>(schema.properties ?? {})
      .filter(([name]) => !/userdata/i.test(name) && (required.has(name) ? dice.chance(0.98) : dice.chance(depth > 4 ? 0.05 : 0.3)))
      .map(([name, inner]) => [name, this.value(name, inner, depth + 1)]);
    if (dice.chance(0.02)) entries.push([String(dice.pick(JUNK)), dice.pick(JUNK)]);
    if (schema.additionalProperties && dice.chance(0.5)) entries.push(['Name', this.value('name', schema.additionalProperties, depth + 1)]);
    return Object.fromEntries(entries);
  }

  private resolve(schema: Schema): Schema {
    const name = /^#\/components\/schemas\/(.+)$/.exec(schema.$ref ?? '')?.[1];
    return name ? this.document.components.schemas[name] : schema;
  }
}

const singular = (name: string): string =>
  name.replace(/es$|s$/, (end) => (end === 'es' && /ddresses$/.test(name) ? '' : end === 'es' ? 'e' : ''));
const toText = (value: unknown): string =>
  typeof value === 'string' ? value.replaceAll(/\p{Surrogate}/gu, '') : (JSON.stringify(value) ?? '');

export class Ec2Fuzzer {
  readonly actions = Object.keys(OPERATIONS);

  constructor(
    private readonly dice: Dice,
    private readonly ids: Ids,
  ) {}

  request(action = this.dice.pick(this.actions)): FuzzRequest {
    const { dice } = this;
    const form: [string, string][] = [
      ['Action', dice.chance(0.01) ? toText(dice.pick(JUNK)) : action],
      ['Version', dice.chance(0.01) ? '2011-06-15' : '2016-11-15'],
    ];
    const structure = OPERATIONS[action]?.[0] ?? '';
    if (structure !== '') this.structure(structure, '', form, 0);
    if (dice.chance(0.03)) form.push([dice.pick(['Filter.0.Name', 'Filter.1', '.', 'A.'.repeat(30), '__proto__.1', 'Tag.99999.Key']), 'x']);
    const text = form.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
    const body = dice.chance(0.98) ? text : dice.pick([`${text}&${text}`, `${text}&%zz=1`, text.replaceAll('=', ''), '&&&', '']);
    if (dice.chance(0.1)) return { method: 'GET', path: `/?${body}`, headers: {} };
    return { method: 'POST', path: '/', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body };
  }

  private structure(structure: string, prefix: string, form: [string, string][], depth: number): void {
    const { dice } = this;
    for (const { name, query, shape } of membersOf(structure)) {
      const likely = /Id$|CidrBlock$|Name$|Protocol|AvailabilityZone|Value|Key/.test(name) ? 0.7 : 0.15;
      if (/UserData/i.test(name) || name === 'DryRun' || !dice.chance(depth > 3 ? 0.1 : likely)) continue;
      this.member(name, shape, prefix + query, form, depth);
    }
  }

  private member(name: string, shape: Shape, path: string, form: [string, string][], depth: number): void {
    const { dice } = this;
    if (shape.kind === 'structure') this.structure(shape.name, `${path}.`, form, depth + 1);
    else if (shape.kind === 'list')
      for (let i = 1; i <= 1 + dice.below(2); i++)
        this.member(singular(name), shape.item, `${path}.${dice.chance(0.02) ? i + 1 : i}`, form, depth + 1);
    else form.push([path, toText(dice.chance(0.04) ? dice.pick(JUNK) : this.scalar(name, shape.kind))]);
  }

  private scalar(name: string, kind: 'text' | 'number' | 'boolean' | 'time' | 'base64'): unknown {
    const { dice } = this;
    if (kind === 'number') return isCount(name) ? 1 + dice.below(3) : dice.pick([0, 1, 80, 443, 65535]);
    if (kind === 'boolean') return dice.chance(0.5);
    if (kind === 'time') return '2026-01-01T00:00:00Z';
    return kind === 'base64' ? 'eA==' : (textFor(name, this.ids, dice) ?? 'x');
  }
}

/** Something of every kind, for requests to be about. */
export const FURNITURE: readonly { readonly command: string; readonly input: Readonly<Record<string, unknown>> }[] = [
  { command: 'createVpc', input: { cidrBlock: '10.0.0.0/16' } },
  { command: 'createSubnet', input: { vpcId: '$0.vpcId', cidrBlock: '10.0.1.0/24', availabilityZone: 'us-east-1a' } },
  { command: 'runInstances', input: { subnetId: '$1.subnetId', count: 2, instanceType: 'm5.large' } },
  { command: 'createNetworkInterface', input: { subnetId: '$1.subnetId' } },
  { command: 'createNetworkInterface', input: { subnetId: '$1.subnetId' } },
  { command: 'createSecurityGroup', input: { vpcId: '$0.vpcId', groupName: 'one', description: 'one' } },
  { command: 'createRouteTable', input: { vpcId: '$0.vpcId' } },
  { command: 'createNetworkAcl', input: { vpcId: '$0.vpcId' } },
  { command: 'createInternetGateway', input: {} },
  { command: 'attachInternetGateway', input: { internetGatewayId: '$8.internetGatewayId', vpcId: '$0.vpcId' } },
  { command: 'allocateAddress', input: {} },
  { command: 'createNatGateway', input: { subnetId: '$1.subnetId', allocationId: '$10.allocationId' } },
  { command: 'createVpc', input: { cidrBlock: '10.9.0.0/16' } },
  { command: 'createVpcPeeringConnection', input: { vpcId: '$0.vpcId', peerVpcId: '$12.vpcId' } },
  { command: 'createPrefixList', input: { name: 'list', family: 4, maxEntries: 5 } },
  { command: 'createDhcpOptions', input: { domainName: 'example.internal' } },
  { command: 'createVpnGateway', input: {} },
  { command: 'createCustomerGateway', input: { ipAddress: '192.0.2.10' } },
  { command: 'createEgressOnlyInternetGateway', input: { vpcId: '$0.vpcId' } },
];

/** What is no HTTP, or nearly. */
export function rawBytes(dice: Dice): Buffer {
  const random = (length: number) => Buffer.from(Array.from({ length }, () => dice.below(256)));
  const head = 'GET /v1/vpcs HTTP/1.1\r\nhost: localhost\r\n';
  const post = 'POST /v1/vpcs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
  return dice.pick<() => Buffer>([
    () => random(1 + dice.below(2000)),
    () => Buffer.concat([Buffer.from('\x16\x03\x01\x02\x00\x01\x00'), random(500)]),
    () => Buffer.from(head.slice(0, dice.below(head.length))),
    () => Buffer.from(`${head}x: ${'a'.repeat(20_000)}\r\n\r\n`),
    () => Buffer.from(`${head}${'a: b\r\n'.repeat(3000)}\r\n`),
    () => Buffer.from(`${post}content-length: 99999999999999999999\r\n\r\n{}`),
    () => Buffer.from(`${post}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
    () => Buffer.from(`${post}transfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n{`),
    () => Buffer.concat([Buffer.from(`${post}content-length: 300\r\n\r\n`), random(300)]),
    () => Buffer.from(`${head}\r\n${head}\r\n${head}connection: upgrade\r\nupgrade: websocket\r\n\r\n`),
    () => Buffer.from(`GET /${'%2e%2e/'.repeat(50)}etc HTTP/1.1\r\nhost: localhost\r\n\r\n`),
    () =>
      Buffer.from(
        `GET /v1/events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: ${random(20)
          .toString('latin1')
          .replaceAll(/[\r\n]/g, '')}\r\n\r\n`,
      ),
    () => Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`),
    () => Buffer.from(`${head.replace('/v1/vpcs', '*')}\r\n`),
    () => Buffer.from(`CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n`),
    () => Buffer.from(`POST / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n`),
  ])();
}
