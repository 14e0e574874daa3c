#!/usr/bin/env node
import { ConfigError, loadConfig, renderDefaultConfig, renderFlagHelp } from './config/load.js';
import { createLogger } from './lib/log.js';
import { keepSmallAtRest } from './lib/rest.js';
import { version as packageVersion } from './place.js';
import { start } from './start.js';
import { StoreFault } from './store/store.js';

/** Exit codes: 0 stopped as asked, 1 could not start or run, 2 wrong settings. */
async function main(): Promise<number> {
  const { config, help, version, positionals, warnings } = loadConfig({ argv: process.argv.slice(2), env: process.env });
  if (version) return print(packageVersion());
  if (help) return print(`usage: enid [FLAGS]\n       enid default-config\n\nRuns the agent in the foreground.\n\n${renderFlagHelp()}`);
  if (positionals[0] === 'default-config') return print(renderDefaultConfig());
  if (positionals[0] !== undefined) throw new ConfigError([`unknown argument "${positionals[0]}"; the command line is called eni`]);
  if (process.getuid?.() !== 0) throw new ConfigError(['enid needs root: it makes network namespaces and devices']);

  const log = createLogger({ format: config.log, level: config.logLevel });
  for (const warning of warnings) log.warn(warning);
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
  const daemon = await start(config, log);
  print(`listening ${daemon.url}`);
  keepSmallAtRest();
  log.info({ signal: await stopped }, 'stopping; the data plane stays as it is');
  await daemon.stop();
  return 0;
}

function print(text: string): 0 {
  process.stdout.write(`${text.trimEnd()}\n`);
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const expected = error instanceof ConfigError || error instanceof StoreFault;
    process.stderr.write(`enid: ${expected ? error.message : ((error as Error).stack ?? error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  },
);
