import type { Logger } from 'pino';
import type { Config } from './config/schema.js';
import type { Daemon } from './daemon.js';
import { assertListenIsSafe } from './http/listen.js';
import { keepDescriptorsFromChildren } from './kernel/libc.js';
import { createLinuxKernel } from './kernel/linux.js';
import { openEmbeddedStore } from './store/embedded.js';

/**
 * Readies the process and starts the daemon. Resolves when the API serves and the first pass over the kernel is done.
 * What has to be waited for is waited for together: children that try the kernel and the tools out, one that reads the store, and the loading
 * of the largest part of the program.
 */
export async function start(config: Config, log: Logger): Promise<Daemon> {
  assertListenIsSafe(config);
  keepDescriptorsFromChildren();
  // Whatever it was started with: nothing that it or its services make is for others to write.
  process.umask(process.umask() | 0o022);
  const kernel = createLinuxKernel({ log });
  const [features, store, { startDaemon }] = await Promise.all([
    kernel.probe(),
    openEmbeddedStore({ dataDir: config.dataDir }),
    import('./daemon.js'),
  ]);
  return startDaemon(config, log, { kernel, features, store });
}
