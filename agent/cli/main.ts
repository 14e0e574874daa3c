#!/usr/bin/env node
import { version } from '../place.js';
import { processIo } from './io.js';
import { runCli } from './run.js';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
// `eni … | head` closes the pipe: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  io: processIo(interrupted.signal),
  version: version(),
  local: {
    diagnose: async (known) => (await import('../host/doctor.js')).diagnose(known),
    teardown: async (options) => (await import('../teardown.js')).teardown(options),
  },
});
