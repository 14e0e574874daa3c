import { expect, it } from 'vitest';
import { fullMatches, useLab } from '../support/labs.js';

const lab = useLab('failover');

/** Here and not among the labs, which run side by side: a stopwatch wants the machine for itself. */
it('moves a service in four ways under load, and by a health check of its own', { timeout: 300_000 }, async () => {
  const { code, out } = await lab.story('3');
  expect(code, out).toBe(0);
  expect(fullMatches(out)).toBe(2);
  const rows = [
    ...out.matchAll(/^(interface|secondary address|elastic address|route) +([\d.]+) ms +([\d.]+) ms +(\d+) +([\d.]+) ms +(\d+)$/gm),
  ];
  expect(rows.map(([, name]) => name)).toEqual(['interface', 'secondary address', 'elastic address', 'route']);
  // A planned switch loses nothing to speak of, even on a busy machine; a killed primary only until the call is through.
  for (const [, , , , lost, , killedLost] of rows) {
    expect(Number(lost)).toBeLessThanOrEqual(5);
    expect(Number(killedLost)).toBeLessThan(240);
  }
  expect(out).toMatch(/guard: 10\.0\.1\.10 answers\nprimary: killed\nguard: 10\.0\.1\.10 is silent, taking over\n/);
  const [, lost] = /client: [\d.]+ ms without an answer, (\d+) of 1500 packets lost/.exec(out) ?? [];
  expect(Number(lost)).toBeGreaterThan(0);
  expect(Number(lost)).toBeLessThan(1190);
  await lab.down();
});
