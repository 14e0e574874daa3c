import { readdirSync } from 'node:fs';
import { execaSync } from 'execa';
import { expect, it } from 'vitest';

it('a netns test starts with no named namespace and no device but loopback', () => {
  expect(readdirSync('/run/netns')).toEqual([]);
  const links = JSON.parse(execaSync('ip', ['-j', 'link']).stdout) as { ifname: string }[];
  expect(links.map((link) => link.ifname).filter((name) => !/^ifb\d+$/.test(name))).toEqual(['lo']);
});
