import { expect, it } from 'vitest';
import { collectAtRest } from '../../../agent/lib/rest.js';

const MB = 2 ** 20;

it('garbage is collected when the process rests and what it holds has grown, and not otherwise', async () => {
  let [cpu, held, live] = [0, 100 * MB, 60 * MB];
  let collections = 0;
  const look = collectAtRest({
    cpuUs: () => cpu,
    heldBytes: () => held,
    collect: async () => {
      collections++;
      held = live;
      // Collecting takes time too, which does not count as work.
      cpu += 400_000;
    },
  });
  const after = async (usedMs: number) => {
    cpu += usedMs * 1000;
    await look(5000);
    return collections;
  };
  expect(await after(2000)).toBe(0);
  expect(await after(10)).toBe(1);
  expect(await after(0)).toBe(1);
  held = 68 * MB;
  expect(await after(0)).toBe(1);
  held = 90 * MB;
  expect(await after(200)).toBe(1);
  expect(await after(20)).toBe(2);
  // More is in use now.
  [held, live] = [120 * MB, 110 * MB];
  expect(await after(0)).toBe(3);
  expect(await after(0)).toBe(3);
});
