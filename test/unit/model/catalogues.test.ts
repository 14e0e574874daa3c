import { describe, expect, it } from 'vitest';
import { ApiError, apiError, ERRORS, type ErrorCode, invalidValue } from '../../../agent/model/errors.js';
import { ID_PREFIX, type IdKind, idKindOf, idKindOfPattern, idSchema, isId, mintId } from '../../../agent/model/ids.js';
import { INSTANCE_TYPES, MAX_ADDRESSES_PER_INTERFACE } from '../../../agent/model/instance-types.js';
import { ID_ERRORS, taggedKindOf } from '../../../agent/model/resource.js';

describe('instance types', () => {
  it.each([
    ['t3.micro', 2, 2],
    ['t3.small', 3, 4],
    ['t3.medium', 3, 6],
    ['t3.large', 3, 12],
    ['m5.large', 3, 10],
    ['c5.large', 3, 10],
    ['m5.xlarge', 4, 15],
    ['c5.4xlarge', 8, 30],
    ['t2.micro', 2, 2],
    ['t3a.small', 2, 4],
    ['t4g.nano', 2, 2],
    ['m6i.32xlarge', 15, 50],
    ['c5n.18xlarge', 15, 50],
    ['r5.metal', 15, 50],
  ])('%s takes %i interfaces of %i addresses', (name, interfaces, addresses) => {
    expect(INSTANCE_TYPES.get(name)).toMatchObject({
      instanceType: name,
      maxNetworkInterfaces: interfaces,
      ipv4AddressesPerInterface: addresses,
      ipv6AddressesPerInterface: addresses,
    });
  });

  it('cover ten families; the largest interface holds 50 addresses', () => {
    const families = new Set([...INSTANCE_TYPES.keys()].map((name) => name.split('.')[0]));
    expect([...families].sort()).toEqual(['c5', 'c5n', 'c6i', 'm5', 'm6i', 'r5', 't2', 't3', 't3a', 't4g']);
    expect(MAX_ADDRESSES_PER_INTERFACE).toBe(50);
  });
});

describe('errors', () => {
  it.each(Object.entries(ERRORS))('%s has a sentence and a fitting status', (code, { status, message }) => {
    const text = (message as (params: object) => string)({ id: 'x-1', reason: 'because', name: 'field', token: 't', address: '10.0.0.1' });
    expect(text.length).toBeGreaterThan(5);
    expect(text).not.toContain('undefined');
    expect(status >= 500).toBe(['InternalError', 'ServiceUnavailable', 'RequestLimitExceeded'].includes(code));
  });

  it('carry code, status and sentence', () => {
    const error = apiError('InvalidVpcID.NotFound', { id: 'vpc-1' });
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      code: 'InvalidVpcID.NotFound',
      status: 400,
      message: "The vpc ID 'vpc-1' does not exist",
      name: 'ApiError',
    });
    expect(invalidValue('no').code satisfies ErrorCode).toBe('InvalidParameterValue');
  });
});

describe('ids', () => {
  const kinds = Object.keys(ID_PREFIX) as IdKind[];

  it.each(kinds)('%s: minted, recognised, not taken for another kind', (kind) => {
    const id = mintId(kind, (digits) => '0123456789abcdef0'.slice(0, digits));
    expect(id).toBe(`${ID_PREFIX[kind]}-0123456789abcdef0`);
    expect(kinds.filter((other) => isId(other, id))).toEqual([kind]);
    expect(idKindOf(id)).toBe(kind);
    expect(idSchema(kind).parse(id)).toBe(id);
    for (const wrong of [`${id}0`, id.slice(1), id.toUpperCase(), `${id}\n`, ` ${id}`, 7, null])
      expect(idSchema(kind).safeParse(wrong).success).toBe(false);
    const issue = idSchema(kind).safeParse('x').error?.issues[0];
    expect(issue?.code === 'invalid_format' && issue.pattern && idKindOfPattern(issue.pattern)).toBe(kind);
  });

  it('every kind that has codes has both', () => {
    for (const codes of Object.values(ID_ERRORS))
      expect(Object.hasOwn(ERRORS, codes.malformed) && Object.hasOwn(ERRORS, codes.notFound)).toBe(true);
  });

  it.each([
    ['vpc-0123456789abcdef0', 'vpc'],
    ['sgr-0123456789abcdef0', 'securityGroupRule'],
    ['eni-attach-0123456789abcdef0', undefined],
    ['r-0123456789abcdef0', undefined],
    ['vpc', undefined],
  ])('tags of %s: %s', (id, kind) => expect(taggedKindOf(id)).toBe(kind));
});
