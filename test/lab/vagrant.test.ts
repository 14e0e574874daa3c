import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { whyNoDocker, withDocker } from '../support/docker.js';
import { fullMatches } from '../support/labs.js';

const reason = whyNoDocker('vagrant');

describe.skipIf(reason !== '')(`Vagrant lab${reason && ` (${reason})`}`, { timeout: 600_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'enid-vagrant-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const env = {
    VAGRANT_HOME: join(directory, 'home'),
    VAGRANT_DOTFILE_PATH: join(directory, 'machines'),
    VAGRANT_DEFAULT_PROVIDER: 'docker',
    VAGRANT_NO_PLUGINS: '1',
    VAGRANT_CHECKPOINT_DISABLE: '1',
  };

  it.each([
    ['two machines', {}, 0, /host1: [\s\S]*host2: .*\nVagrantfile validated successfully/],
    ['as many machines as asked for', { ENID_MACHINES: '3' }, 0, /host3: /],
    ['a number that is none', { ENID_MACHINES: 'many' }, 1, /invalid value for Integer\(\): "many"/],
  ] as const)('Vagrantfile: %s', async (_name, machines, code, output) => {
    const { exitCode, all } = await execa('vagrant', ['validate', '-p'], { env: { ...env, ...machines }, all: true, reject: false });
    expect(all).toMatch(output);
    expect(exitCode).toBe(code);
  });

  it('two machines come up, prove a lab each, and go', async () => {
    const first = '/labs/first/lab.yaml';
    const { code, out } = await withDocker(
      `vagrant up
      for host in host1 host2; do vagrant ssh $host -c 'hostname; eni lab up ${first} && eni lab test ${first}'; done
      vagrant destroy --force
      echo "left: $(docker ps -aq)"`,
      env,
    );
    expect(code, out).toBe(0);
    for (const host of ['host1', 'host2']) expect(out).toMatch(new RegExp(`^${host}\r?$`, 'm'));
    expect(fullMatches(out.replaceAll('\r', ''))).toBe(2);
    expect(out).toMatch(/^left: *$/m);
  });
});
