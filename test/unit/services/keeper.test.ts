import { describe, expect, it } from 'vitest';
import { ServiceKeeper } from '../../../agent/services/keeper.js';
import { isServiceName, type ServiceSpec, type Supervisor, unitOfService } from '../../../agent/services/service.js';

/** Services that exist as entries of a map: true when they live. */
function world(wanted: Record<string, readonly string[]>, running: Record<string, boolean>) {
  const alive = new Map(Object.entries(running));
  const done: string[] = [];
  const supervisor: Supervisor = {
    ensure: async ({ name }) => {
      if (name.endsWith('.broken')) throw new Error(`${name} is broken`);
      done.push(`ensure ${name}`);
      alive.set(name, true);
    },
    remove: async (name) => {
      done.push(`remove ${name}`);
      alive.delete(name);
    },
    list: () => [...alive.keys()],
    pid: (name) => (alive.get(name) ? 1 : undefined),
    endIn: async () => {},
    close: () => {},
  };
  const plan = (unit: string): ServiceSpec[] => (wanted[unit] ?? []).map((name) => ({ name, netns: unit, argv: ['true'] }));
  return { keeper: new ServiceKeeper(supervisor, plan), done };
}

describe('keeping services', () => {
  it('starts what the unit wants and ends what it does not', async () => {
    const { keeper, done } = world({ a: ['a.one', 'a.two'] }, { 'a.two': true, 'a.three': true, b: true });
    await keeper.keep('a');
    expect(done.sort()).toEqual(['ensure a.one', 'ensure a.two', 'remove a.three']);
  });

  it('ends all of a unit that wants none', async () => {
    const { keeper, done } = world({}, { a: true, 'a.x': false, ab: true });
    await keeper.keep('a');
    expect(done.sort()).toEqual(['remove a', 'remove a.x']);
  });

  it('one fault does not stop the others, and is told', async () => {
    const { keeper, done } = world({ a: ['a.broken', 'a.two'] }, {});
    await expect(keeper.keep('a')).rejects.toThrow('a.broken is broken');
    expect(done).toEqual(['ensure a.two']);
  });

  it('drifted: the dead and the unwanted', () => {
    const { keeper } = world({ a: ['a.one'], b: ['b'], c: ['c'] }, { 'a.one': false, b: true, 'd.x': true });
    expect(keeper.drifted()).toEqual(new Set(['a', 'd']));
  });

  it('concerned: those that have some, and those that want some', () => {
    const { keeper } = world({ a: ['a'], b: [] }, { 'c.x': true });
    expect(keeper.concerned(['a', 'b', 'c', 'e'])).toEqual(['a', 'c']);
  });
});

it.each([
  ['internet.dns', true, 'internet'],
  ['dns-0123456789abcdef0', true, 'dns-0123456789abcdef0'],
  ['../etc', false, undefined],
  ['a/b', false, undefined],
  ['', false, undefined],
  ['a.b.c', false, undefined],
])('name %s', (name, valid, unit) => {
  expect(isServiceName(name)).toBe(valid);
  if (unit !== undefined) expect(unitOfService(name)).toBe(unit);
});
