import { expect, it } from 'vitest';
import { fullMatches, useLab } from '../support/labs.js';

const lab = useLab('first');

it('is as its file expects', async () => {
  expect((await lab.eni('lab', 'up', lab.file())).code).toBe(0);
  const { code, out } = await lab.eni('lab', 'test', lab.file());
  expect(code, out).toBe(0);
  expect(fullMatches(out)).toBe(1);
  await lab.down();
});
