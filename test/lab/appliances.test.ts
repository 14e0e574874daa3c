import { expect, it } from 'vitest';
import { fullMatches, useLab } from '../support/labs.js';

const lab = useLab('appliances');

it('NAT instance, load balancer and firewall work with the check off, and stop with the check on', async () => {
  const { code, out } = await lab.story();
  expect(code, out).toBe(0);
  expect(fullMatches(out)).toBe(2);
  // Whom the internet's server saw behind the NAT instance: its elastic address.
  const { items } = await lab.agent.ok('GET', '/v1/elastic-ips');
  const nat = items.find((each: any) => each.tags['enid:name'] === 'nat-public');
  expect(out).toMatch(new RegExp(`whom the internet sees.*\n${nat.publicIp.replaceAll('.', '\\.')}\n`));
  // The balancer's turns.
  const turns = [...out.matchAll(/^ip-10-0-2-2[12]$/gm)].map(([line]) => line);
  expect(turns).toHaveLength(4);
  expect(turns[0]).toBe(turns[2]);
  expect(turns[1]).toBe(turns[3]);
  expect(turns[0]).not.toBe(turns[1]);
  expect(out).toContain('14 checks, 6 as expected, 8 not');
  expect(out).toMatch(/destination check {2}[1-9]\d* packets dropped/);
  await lab.down();
});
