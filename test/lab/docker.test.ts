import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { whyNoDocker, withDocker } from '../support/docker.js';
import { fullMatches } from '../support/labs.js';

const reason = whyNoDocker();
const LAB = 'vagrant/docker/lab';

describe.skipIf(reason !== '')(`Docker lab${reason && ` (${reason})`}`, { timeout: 600_000 }, () => {
  it('two agent hosts in containers prove every lab, side by side, and again after a restart', async () => {
    const { code, out } = await withDocker(`
      ${LAB} up
      docker inspect -f '{{.Name}} privileged={{.HostConfig.Privileged}} ports={{.HostConfig.PortBindings}}' enid-host1 enid-host2 enid-web
      ${LAB} test
      docker stop enid-host1 enid-host2
      if ${LAB} test; then echo unnoticed; fi
      ${LAB} down
      echo "left: $(docker ps -aq) $(docker network ls -qf name=enid)"`);
    expect(code, out).toBe(0);
    for (const name of ['first', 'licensing', 'failover']) expect(out).toContain(`host1: lab ${name}\n`);
    for (const name of ['first', 'backnet', 'appliances', 'two-publics']) expect(out).toContain(`host2: lab ${name}\n`);
    expect(fullMatches(out)).toBe(8);
    expect(out).toContain('host1: as before its restart');
    for (const line of ['client asks web: from a workload', 'without the permission: no answer', 'with it: from a workload'])
      expect(out).toContain(`${line}\n`);
    expect(out).toContain('/enid-web privileged=false ports=map[]');
    for (const host of ['host1', 'host2']) {
      expect(out).toContain(`/enid-${host} privileged=false ports=map[]`);
      expect(out).toContain(`${host}: lab first failed`);
    }
    expect(out).not.toContain('unnoticed');
    expect(out).toMatch(/^left: *$/m);
  });

  it('leaves no process behind when it is killed', async () => {
    const argv = ['bash', '-c', 'readlink /proc/self/ns/pid; exec sleep infinity'];
    const child = spawn('vagrant/docker/private', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [namespace] = await once(createInterface({ input: child.stdout }), 'line');
    expect(await processesIn(namespace)).toContain('dockerd');
    child.kill('SIGKILL');
    await expect.poll(() => processesIn(namespace), { timeout: 30_000 }).toEqual([]);
  });
});

/** Names of the processes in a process namespace, such as `pid:[4026532242]`. */
async function processesIn(namespace: string): Promise<string[]> {
  const { stdout } = await execa('ps', ['-eo', 'pidns=,comm=']);
  const inode = /\d+/.exec(namespace)?.[0];
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  return rows.filter(([ns]) => ns === inode).map(([, name = '']) => name);
}
