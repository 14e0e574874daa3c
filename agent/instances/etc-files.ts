import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { InstanceBoot } from './runtime.js';

/** `ip netns exec` mounts each file below `/etc/netns/<name>` over its namesake in `/etc`, see ip-netns(8). */
const ETC_NETNS = '/etc/netns';

/**
 * Afterwards the instance has its own hosts, resolv.conf and hostname. Written in place and only when they differ: a
 * running instance has these very files mounted, so it sees the change. Synchronous, as a start looks at those of all instances and they are small.
 */
export function writeEtcFiles(boot: InstanceBoot): void {
  const dir = `${ETC_NETNS}/${boot.instanceId}`;
  const files = { hosts: boot.hosts, 'resolv.conf': boot.resolvConf, hostname: `${boot.hostname}\n` };
  for (const [name, content] of Object.entries(files)) {
    if (contentOf(`${dir}/${name}`) === content) continue;
    mkdirSync(dir, { recursive: true, mode: 0o755 });
    writeFileSync(`${dir}/${name}`, content, { mode: 0o644 });
  }
}

/** `undefined` when it cannot be read, for whatever reason. */
function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

export async function removeEtcFiles(instanceId: string): Promise<void> {
  await rm(`${ETC_NETNS}/${instanceId}`, { recursive: true, force: true });
}
