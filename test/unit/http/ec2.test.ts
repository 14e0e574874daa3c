import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { refuseUnheeded } from '../../../agent/http/ec2/action.js';
import { ACTIONS } from '../../../agent/http/ec2/actions/index.js';
import { membersOf } from '../../../agent/http/ec2/notation.js';
import { decodeParameters, parseForm } from '../../../agent/http/ec2/params.js';
import { OPERATIONS, STRUCTURES } from '../../../agent/http/ec2/shapes.js';
import { verifySignature } from '../../../agent/http/ec2/sigv4.js';
import { answerXml } from '../../../agent/http/ec2/xml.js';
import { escapeXml } from '../../../agent/http/ec2/xml-text.js';

const codeOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return 'none';
};

describe('shapes', () => {
  it('are of the served actions, no more and no fewer', () => {
    expect(Object.keys(OPERATIONS).sort()).toEqual(Object.keys(ACTIONS).sort());
  });

  it('can all be read', () => {
    for (const name of Object.keys(STRUCTURES)) expect(membersOf(name).length).toBeGreaterThanOrEqual(0);
  });

  it.each(Object.keys(ACTIONS))('%s heeds and ignores parameters that it has', (name) => {
    const { heeds = [], ignores = [] } = ACTIONS[name] ?? {};
    const members = membersOf(OPERATIONS[name]?.[0] ?? '').map((member) => member.name);
    expect([...heeds, ...ignores].filter((each) => !members.includes(each))).toEqual([]);
  });
});

describe('parameters', () => {
  it('become a tree: lists, structures, numbers, booleans', () => {
    const form = 'Action=X&Version=1&Filter.1.Name=vpc-id&Filter.1.Value.1=a%20b&Filter.1.Value.2=c+d&MaxResults=5&DryRun=TRUE';
    expect(decodeParameters(parseForm(form), 'DescribeSubnetsRequest')).toEqual({
      Filters: [{ Name: 'vpc-id', Values: ['a b', 'c d'] }],
      MaxResults: 5,
      DryRun: true,
    });
  });

  it.each([
    ['a name twice', 'SubnetId.1=a&SubnetId.1=b', 'InvalidParameterCombination'],
    ['an unknown name', 'Nonsense=1', 'UnknownParameter'],
    ['an unknown name inside', 'Filter.1.Nonsense=1', 'UnknownParameter'],
    ['a missing index', 'SubnetId.2=a', 'InvalidParameterValue'],
    ['index 0', 'SubnetId.0=a', 'InvalidParameterValue'],
    ['an index that is no number', 'SubnetId.x=a', 'InvalidParameterValue'],
    ['a huge index', 'SubnetId.99999999=a', 'InvalidParameterValue'],
    ['a list with a value of its own', 'SubnetId=a', 'InvalidParameterValue'],
    ['parts of a text', 'NextToken.1=a', 'UnknownParameter'],
    ['no number', 'MaxResults=five', 'InvalidParameterValue'],
    ['no boolean', 'DryRun=maybe', 'InvalidParameterValue'],
    ['a name of the prototype', '__proto__.x=1', 'UnknownParameter'],
    ['a deep name', `${'a.'.repeat(40)}b=1`, 'UnknownParameter'],
    ['bad encoding', 'NextToken=%ff', 'MalformedQueryString'],
    ['half an encoding', 'NextToken=%f', 'MalformedQueryString'],
  ] as const)('with %s are refused', (_name, form, code) => {
    expect(codeOf(() => decodeParameters(parseForm(form), 'DescribeSubnetsRequest'))).toBe(code);
  });

  it('that ask for something nobody heeds are refused, those that ask for nothing are not', () => {
    expect(codeOf(() => refuseUnheeded({ A: 1, B: false, C: [], D: { E: false } }, ['A']))).toBe('none');
    expect(codeOf(() => refuseUnheeded({ A: 1, B: { C: true } }, ['A']))).toBe('UnsupportedOperation');
  });
});

describe('answers', () => {
  it('have lists as items, empty ones too, and leave out what has no value', () => {
    const xml = answerXml('DescribeSubnets', { Subnets: [{ SubnetId: 'a<b', Tags: [], DefaultForAz: false }] }, 'r');
    expect(xml).toContain(
      '<subnetSet><item><subnetId>a&lt;b</subnetId><tagSet></tagSet><defaultForAz>false</defaultForAz></item></subnetSet>',
    );
    expect(xml).toContain('<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>');
  });

  it('with a member that the API does not know are a bug, and told as one', () => {
    expect(() => answerXml('DescribeSubnets', { Subnets: [{ SubnetId: 'a', Nonsense: 1 }] }, 'r')).toThrow(/Subnet\.Nonsense/);
    expect(answerXml('DescribeSubnets', { Subnets: [{ SubnetId: 'a', Nonsense: undefined }] }, 'r')).toContain('<subnetId>a</subnetId>');
  });

  it('say true where the action has no output', () => {
    expect(answerXml('DeleteVpc', {}, 'r')).toContain('<return>true</return>');
  });

  it('cannot be broken by characters that XML does not carry', () => {
    expect(escapeXml('a\u0000\u000b\ud800"&\r\ud83d\ude00')).toBe('a\ufffd\ufffd\ufffd&quot;&amp;&#13;\ud83d\ude00');
  });
});

describe('signatures', () => {
  const secrets = new Map([['AKIDEXAMPLEAKIDEX', 'secretsecretsecret']]);
  const trust = { secretOf: (id: string) => secrets.get(id), region: 'us-east-1' };
  const at = Date.parse('2026-01-01T00:00:00Z');
  const signed =
    (authorization: string, date = '20260101T000000Z') =>
    () =>
      verifySignature(
        { method: 'POST', url: '/', headers: { host: 'localhost', 'x-amz-date': date, authorization }, body: new Uint8Array() },
        trust,
        at,
      );
  const text = (key: string, day = '20260101', service = 'ec2') =>
    `AWS4-HMAC-SHA256 Credential=${key}/${day}/us-east-1/${service}/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`;

  it.each([
    ['no algorithm', signed('Basic abc'), 'IncompleteSignature'],
    ['parts missing', signed('AWS4-HMAC-SHA256 Credential=x'), 'IncompleteSignature'],
    ['an unknown key', signed(text('AKIDOTHERAKIDOTHR')), 'InvalidClientTokenId'],
    ['a wrong signature', signed(text('AKIDEXAMPLEAKIDEX')), 'SignatureDoesNotMatch'],
    ['another service', signed(text('AKIDEXAMPLEAKIDEX', '20260101', 's3')), 'SignatureDoesNotMatch'],
    ['another day', signed(text('AKIDEXAMPLEAKIDEX', '20251231')), 'SignatureDoesNotMatch'],
    ['a time long past', signed(text('AKIDEXAMPLEAKIDEX', '20251231'), '20251231T234400Z'), 'RequestExpired'],
    ['a time to come', signed(text('AKIDEXAMPLEAKIDEX'), '20260101T001600Z'), 'RequestExpired'],
  ] as const)('with %s are refused', (_name, run, code) => {
    expect(codeOf(run)).toBe(code);
  });

  it('are asked for', () => {
    const bare = { method: 'POST', url: '/', headers: { host: 'localhost' }, body: new Uint8Array() };
    expect(codeOf(() => verifySignature(bare, trust, at))).toBe('MissingAuthenticationToken');
  });
});

describe('docs/ec2.md', () => {
  const text = readFileSync('docs/ec2.md', 'utf8');

  it.each(Object.keys(ACTIONS))('tells of %s, and of what it takes without effect', (name) => {
    const words = new Set(text.match(/\w+/g));
    expect([name, ...(ACTIONS[name]?.ignores ?? [])].filter((each) => !words.has(each))).toEqual([]);
  });
});
