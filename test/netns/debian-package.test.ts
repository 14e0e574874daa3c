import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { GUEST_ROOT, newMachine } from '../support/machine.js';

/** Fetched before the tests run: they have no network. */
const hasNode = spawnSync('scripts/bundled-node', ['--cached']).status === 0;

describe.skipIf(!GUEST_ROOT || !hasNode)('the Debian package (needs what scripts/guest-root and scripts/bundled-node fetch)', () => {
  it('is installed, runs a lab, and leaves nothing when it is purged', async () => {
    const machine = await newMachine();
    const { stdout } = await execa('scripts/deb', [join(machine.root, 'tmp')], { timeout: 200_000 });
    expect(stdout).toMatch(/enid_[\d.]+_\w+\.deb$/);
    await execa('mv', [stdout, join(machine.root, 'tmp/enid.deb')]);
    copyFileSync('vagrant/labs/first/lab.yaml', join(machine.root, 'tmp/lab.yaml'));
    copyFileSync('test/support/guest/install.sh', join(machine.root, 'tmp/install.sh'));
    const { exitCode, all } = await machine.run('. /tmp/install.sh');
    expect(exitCode, all).toBe(0);
    expect(all).toContain('== nothing is left');
  }, 300_000);
});
