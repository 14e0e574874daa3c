import { createInstanceRuntime } from '../../agent/instances/linux.js';
import type { InstanceBoot } from '../../agent/instances/runtime.js';

/** `instance-starter.js DIR BOOT-AS-JSON`: a daemon's part of a start, in a process that a test can kill. Says `started`, then idles. */
const [dataDir = '', boot = ''] = process.argv.slice(2);
const runtime = createInstanceRuntime({ dataDir, log: { info: () => undefined }, userDataTimeoutMs: 0 });
setInterval(() => undefined, 60_000);
console.log('ready');
await runtime.start(JSON.parse(boot) as InstanceBoot);
console.log('started');
