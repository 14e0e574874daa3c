import { expect, it } from 'vitest';
import { fullMatches, useLab } from '../support/labs.js';

const lab = useLab('licensing');

it('the program starts only on its MAC, dies with its instance, and runs again on the replacement', async () => {
  const { code, out } = await lab.story();
  expect(out).toMatch(/licensed to 02:4c:49:43:00:01: serving on /);
  expect(out).toMatch(
    /no licence for 0[26]:[0-9a-f:]+: this program is licensed to 02:4c:49:43:00:01\nenid: user data ended with exit code 1/,
  );
  expect(out.match(/^licensed product on /gm)).toHaveLength(2);
  expect(fullMatches(out)).toBe(1);
  expect(code).toBe(0);
  const instances = (await lab.agent.ok('GET', '/v1/instances')).items.filter((each: any) => each.state === 'running');
  expect(instances.map((each: any) => each.tags['enid:name']).sort()).toEqual(['replacement', 'unlicensed', 'user']);
  await lab.down();
});
