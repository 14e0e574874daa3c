import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ACTIONS } from '../../agent/http/ec2/actions/index.js';
import { membersOf, type Shape } from '../../agent/http/ec2/notation.js';
import { OPERATIONS } from '../../agent/http/ec2/shapes.js';
import { type Ec2Api, startEc2 } from '../support/ec2.js';

/** Requests that are well formed by the shapes and senseless otherwise: each is answered, or refused with a code; never a fault of ours. */
let aws: Ec2Api;
const known: string[] = [];
beforeAll(async () => {
  aws = await startEc2({ expectsFaults: true });
  for (const form of [
    'Action=CreateDefaultVpc',
    'Action=RunInstances&ImageId=ami-12345678&MinCount=2&MaxCount=2',
    'Action=AllocateAddress',
  ]) {
    const { status, xml } = await aws.post(form);
    expect(status).toBe(200);
    known.push(...(xml.match(/[a-z-]+-[0-9a-f]{17}/g) ?? []));
  }
});
afterAll(() => aws.close());

const id = () => fc.constantFrom(...new Set(known));
const texts = fc.oneof(
  { weight: 4, arbitrary: fc.nat().chain(id) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '10.0.0.0/16',
      '172.31.1.0/24',
      '::/0',
      '172.31.0.9',
      'fd00::1',
      '0.0.0.0/0',
      'tcp',
      '-1',
      'ipsec.1',
      'vpc',
      'IPv4',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'vpc-0123456789abcdef0',
      'us-east-1a',
      't3.small',
      'allow',
      'instance',
      'x'.repeat(300),
      '__proto__',
      'a=b&c',
      '\u0000',
      '\ud83d\ude00',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 40 }) },
);
const numbers = fc.oneof(fc.integer({ min: -2, max: 70 }), fc.constantFrom(65_535, 65_536, 4_294_967_295, 1e15 - 1, 0.5));

/** Pairs of a form for a value of a shape, at most three structures deep. */
function parameters(shape: Shape, name: string, depth: number): fc.Arbitrary<[string, string][]> {
  if (shape.kind === 'structure') return depth > 3 ? nothing : structure(shape.name, `${name}.`, depth + 1);
  if (shape.kind === 'list')
    return fc
      .integer({ min: 1, max: 2 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => parameters(shape.item, `${name}.${i + 1}`, depth))))
      .map((parts) => parts.flat());
  const value = shape.kind === 'number' ? numbers.map(String) : shape.kind === 'boolean' ? fc.boolean().map(String) : texts;
  return value.map((text) => [[name, text]]);
}

const nothing: fc.Arbitrary<[string, string][]> = fc.constant([]);

function structure(type: string, prefix: string, depth: number, favoured: readonly string[] = []): fc.Arbitrary<[string, string][]> {
  const members = membersOf(type).filter((member) => member.name !== 'DryRun');
  const parts = members.map((member) => {
    const likely = favoured.length === 0 || favoured.includes(member.name) ? 2 : 0;
    return fc
      .integer({ min: 0, max: 3 })
      .chain((dice) => (dice < likely ? parameters(member.shape, `${prefix}${member.query}`, depth) : nothing));
  });
  return parts.length === 0 ? nothing : fc.tuple(...parts).map((all) => all.flat() as [string, string][]);
}

it.each(Object.keys(ACTIONS))(
  '%s',
  async (name) => {
    const action = ACTIONS[name];
    const request = fc.nat().chain(() => structure(OPERATIONS[name]?.[0] ?? '', '', 0, action?.heeds ?? []));
    await fc.assert(
      fc.asyncProperty(request, async (pairs) => {
        const form = new URLSearchParams([['Action', name], ...pairs]).toString();
        const { status, code, xml } = await aws.post(form);
        if (status >= 500) throw new Error(`${form}: ${code} ${JSON.stringify(aws.api.log.findLast((line) => line.err)?.err)}`);
        if (status !== 200 && code === undefined) throw new Error(`${form}: ${status} without a code: ${xml}`);
      }),
      // Of which one makes RSA keys, which takes its time.
      { seed: 20_261_124, numRuns: name === 'CreateKeyPair' ? 5 : 25, endOnFailure: true },
    );
  },
  60_000,
);
