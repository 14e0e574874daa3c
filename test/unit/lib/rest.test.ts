import { expect, it } from 'vitest';
import { collectAtRest } from '../../../agent/lib/rest.js';

const MB = 2 ** 20;

it('garbage is collected when the process rests and the heap has grown, and not otherwise', async () => {
  let [cpu, heap, live] = [0, 100 * MB, 60 * MB];
  let collections = 0;
  const look = collectAtRest({
    cpuUs: () => cpu,
    heapBytes: () => heap,
    collect: async () => {
      collections++;
      heap = live;
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
  heap = 68 * MB;
  expect(await after(0)).toBe(1);
  heap = 90 * MB;
  expect(await after(200)).toBe(1);
  expect(await after(20)).toBe(2);
  // More is in use now.
  [heap, live] = [120 * MB, 110 * MB];
  expect(await after(0)).toBe(3);
  expect(await after(0)).toBe(3);
});
