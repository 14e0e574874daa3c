import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { InstanceBoot } from './runtime.js';

/** `ip netns exec` mounts each file below `/etc/netns/<name>` over its namesake in `/etc`, see ip-netns(8). */
const ETC_NETNS = '/etc/netns';

/**
 * Afterwards the instance has its own hosts, resolv.conf and hostname. Written in place and only when they differ: a
 * running instance has these very files mounted, so it sees the change.
 */
export async function writeEtcFiles(boot: InstanceBoot): Promise<void> {
  const dir = `${ETC_NETNS}/${boot.instanceId}`;
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const files = { hosts: boot.hosts, 'resolv.conf': boot.resolvConf, hostname: `${boot.hostname}\n` };
  for (const [name, content] of Object.entries(files)) {
    const current = await readFile(`${dir}/${name}`, 'utf8').catch(() => undefined);
    if (current !== content) await writeFile(`${dir}/${name}`, content, { mode: 0o644 });
  }
}

export async function removeEtcFiles(instanceId: string): Promise<void> {
  await rm(`${ETC_NETNS}/${instanceId}`, { recursive: true, force: true });
}
