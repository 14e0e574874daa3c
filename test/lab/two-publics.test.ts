import { expect, it } from 'vitest';
import { fullMatches, useLab } from '../support/labs.js';

const lab = useLab('two-publics');

it('the second public interface is dead without source-based rules, and alive with them', async () => {
  const { code, out } = await lab.story();
  expect(code, out).toBe(0);
  expect(fullMatches(out)).toBe(2);
  expect(out).toMatch(/198\.51\.100\.80 from 10\.0\.2\.10 via 10\.0\.1\.1 dev eth0/);
  expect(out).toMatch(/source check {7}[1-9]\d* packets dropped/);
  expect(out).toMatch(/198\.51\.100\.80 from 10\.0\.2\.10 via 10\.0\.2\.1 dev eth1 table 1001/);
  await lab.down();
});
