import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PersistentMap } from '../../../agent/model/persistent-map.js';
import { Table } from '../../../agent/model/table.js';

const key = fc.oneof(fc.string(), fc.nat(60).map(String));
const op = fc.record({ key, value: fc.option(fc.nat()) });

describe('persistent map', () => {
  it('holds what a Map holds, whatever is set and deleted', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 300, size: 'max' }), (ops) => {
        let map = PersistentMap.empty<number>();
        const model = new Map<string, number>();
        for (const { key, value } of ops) {
          map = value === null ? map.delete(key) : map.set(key, value);
          if (value === null) model.delete(key);
          else model.set(key, value);
        }
        expect(map.size).toBe(model.size);
        expect(new Map(map.entries())).toEqual(model);
        expect(map.keys().sort()).toEqual([...model.keys()].sort());
        expect(map.values().sort()).toEqual([...model.values()].sort());
        for (const { key } of ops) expect(map.get(key)).toBe(model.get(key));
      }),
    );
  });

  it('made at once is as if its entries had been set one by one, and changes like that', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.nat()), { maxLength: 600, size: 'max' }), (entries) => {
        const one = entries.reduce((map, [name, value]) => map.set(name, value), PersistentMap.empty<number>());
        const all = PersistentMap.from(entries);
        expect(all.size).toBe(one.size);
        expect(new Map(all.entries())).toEqual(new Map(one.entries()));
        for (const [name] of entries) expect(all.get(name)).toBe(one.get(name));
        const [first] = entries;
        if (!first) return;
        expect(new Map(all.delete(first[0]).entries())).toEqual(new Map(one.delete(first[0]).entries()));
        expect(new Map(all.set('other', -1).entries())).toEqual(new Map(one.set('other', -1).entries()));
      }),
    );
  });

  it('leaves older versions as they were', () => {
    const versions = [PersistentMap.empty<number>()];
    for (let i = 0; i < 500; i++) versions.push((versions.at(-1) ?? PersistentMap.empty<number>()).set(`key-${i}`, i));
    let last = versions.at(-1) ?? PersistentMap.empty<number>();
    for (let i = 0; i < 500; i += 2) last = last.delete(`key-${i}`);
    expect(last.size).toBe(250);
    versions.forEach((version, size) => {
      expect(version.size).toBe(size);
      expect(version.get(`key-${size}`)).toBeUndefined();
      if (size > 0) expect(version.get(`key-${size - 1}`)).toBe(size - 1);
    });
  });

  it('keeps keys whose hashes are equal', () => {
    // FNV-1a, 32 bits, gives these pairs one value.
    const pairs = [
      ['costarring', 'liquid'],
      ['declinate', 'macallums'],
      ['altarage', 'zinke'],
    ] as const;
    let map = PersistentMap.empty<string>();
    for (const word of pairs.flat()) map = map.set(word, word.toUpperCase());
    for (let i = 0; i < 1000; i++) map = map.set(String(i), '');
    expect(new Map(PersistentMap.from(map.entries()).entries())).toEqual(new Map(map.entries()));
    for (const [a, b] of pairs) {
      expect([map.get(a), map.get(b)]).toEqual([a.toUpperCase(), b.toUpperCase()]);
      expect(map.delete(a).get(b)).toBe(b.toUpperCase());
    }
  });
});

describe('table', () => {
  interface Row {
    readonly id: string;
    readonly colours: readonly string[];
  }
  const empty = Table.empty<Row>({ colour: (row) => row.colours, size: (row) => [String(row.colours.length)] });
  const row = (id: string, ...colours: string[]): [string, Row] => [id, { id, colours }];
  const found = (table: Table<Row>, key: string) =>
    table
      .by('colour', key)
      .map((one) => one.id)
      .sort();

  it('follows its indexes through changes', () => {
    const first = empty.with([row('a', 'red', 'blue'), row('b', 'red')]);
    const second = first.with([row('a', 'blue'), ['b', undefined], row('c', 'red')]);
    expect([found(first, 'red'), found(first, 'blue')]).toEqual([['a', 'b'], ['a']]);
    expect([found(second, 'red'), found(second, 'blue'), found(second, 'green')]).toEqual([['c'], ['a'], []]);
    expect([second.count('colour', 'red'), second.count('size', '1'), second.count('size', '9'), second.count('none', 'x')]).toEqual([
      1, 2, 0, 0,
    ]);
    expect([first.size, second.size, second.ids().sort()]).toEqual([2, 2, ['a', 'c']]);
    expect(second.get('b')).toBeUndefined();
  });

  it('takes several changes of one record in turn', () => {
    const table = empty.with([row('a', 'red'), row('a', 'blue'), ['a', undefined], row('a', 'green')]);
    expect([found(table, 'red'), found(table, 'blue'), found(table, 'green')]).toEqual([[], [], ['a']]);
  });
});
