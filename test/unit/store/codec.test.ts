import { describe, expect, it } from 'vitest';
import { decodeMeta, decodeRecord, encode, newestFormat, recordKey, SetDigest, toChange } from '../../../agent/store/codec.js';
import { StoreFault } from '../../../agent/store/store.js';

const meta = { format: 1, revision: 7, records: 2, digest: 'ab' };

describe('meta record', () => {
  it('is read back', () => {
    expect(decodeMeta(encode(meta), 1)).toEqual(meta);
  });

  it.each([
    ['no JSON', '{"format":1', /damaged/],
    ['null', 'null', /damaged/],
    ['no revision', encode({ ...meta, revision: undefined }), /damaged/],
    ['a revision that is no whole number', encode({ ...meta, revision: 1.5 }), /damaged/],
    ['no digest', encode({ ...meta, digest: 1 }), /damaged/],
    ['a newer format', encode({ ...meta, format: 3 }), /has format 3, this version of enid reads up to 2: install the newer version/],
  ])('is refused with %s', (_name, text, message) => {
    expect(() => decodeMeta(text, 2)).toThrow(message);
    expect(() => decodeMeta(text, 2)).toThrow(StoreFault);
  });

  it('has one format more for each migration', () => {
    const migration = { summary: '', run: () => [] };
    expect([newestFormat([]), newestFormat([migration, migration])]).toEqual([1, 3]);
  });
});

describe('record keys', () => {
  it.each([
    ['vpc', 'vpc-0'],
    ['clientToken', 'createVpc a/b desired/ \u0000 \n ☃'],
  ])('of a %s carry kind and id', (kind, id) => {
    expect(decodeRecord(recordKey(kind, id), '{"a":1}')).toEqual({ kind, id, record: { a: 1 } });
  });

  it.each(['desired/vpc/', 'desired/vpc', 'other/vpc/x', ''])('%j is refused', (key) => {
    expect(() => decodeRecord(key, '{}')).toThrow(/unknown/);
  });

  it.each(['spaceship', 'constructor', '__proto__'])('kind %s is refused', (kind) => {
    expect(() => toChange({ kind, id: 'x', record: {} })).toThrow(/newer version/);
  });
});

describe('set digest', () => {
  const rows = [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ] as const;
  const sum = (list: readonly (readonly [string, string])[]) => list.reduce((digest, [key, text]) => digest.add(key, text), SetDigest.zero);

  it('does not depend on the order and undoes by subtraction', () => {
    expect(`${sum(rows)}`).toBe(`${sum([...rows].reverse())}`);
    expect(`${sum(rows).subtract('b', '2')}`).toBe(`${sum([rows[0], rows[2]])}`);
    expect(
      `${SetDigest.parse(`${sum(rows)}`)
        .subtract('a', '1')
        .subtract('b', '2')
        .subtract('c', '3')}`,
    ).toBe('0');
  });

  it.each([
    [
      'a value',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '4'],
      ],
    ],
    [
      'a key',
      [
        ['a', '1'],
        ['b', '2'],
        ['d', '3'],
      ],
    ],
    [
      'two values that changed places',
      [
        ['a', '2'],
        ['b', '1'],
        ['c', '3'],
      ],
    ],
    [
      'a row left out',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
  ] as [string, [string, string][]][])('sees %s', (_name, other) => {
    expect(`${sum(other)}`).not.toBe(`${sum(rows)}`);
  });

  it('of garbage matches nothing', () => {
    expect(`${SetDigest.parse('no digest')}`).not.toBe(`${SetDigest.parse('0')}`);
  });
});
