import { expect, it } from 'vitest';
import { fullMatches, useLab } from '../support/labs.js';

const lab = useLab('backnet');

it('port 80 only in front, port 22 only from the company through the VPN', async () => {
  const { code, out } = await lab.story();
  expect(code, out).toBe(0);
  expect(fullMatches(out)).toBe(1);
  // Up again does nothing; without the propagated route the company is cut off, and the lines that no longer hold are named.
  expect((await lab.eni('lab', 'up', lab.file())).out).toBe('lab backnet: nothing to do\n'.trim());
  const { items: tables } = await lab.agent.ok('GET', '/v1/route-tables');
  const table = tables.find((each: any) => each.tags['enid:name'] === 'management');
  const [gatewayId] = table.propagatingGatewayIds;
  await lab.agent.ok('DELETE', `/v1/route-tables/${table.routeTableId}/propagations/${gatewayId}`);
  const cut = await lab.eni('lab', 'test', lab.file());
  expect(cut.code).toBe(1);
  expect(cut.out).toMatch(/company -> web\/eth1 tcp\/22 passes, but it is dropped/);
  expect(cut.out).not.toMatch(/internet -> .* but/);
  expect((await lab.eni('lab', 'up', lab.file())).out).toMatch(/propagate routes of to-company/);
  expect((await lab.eni('lab', 'test', lab.file())).code).toBe(0);
  await lab.down();
});
