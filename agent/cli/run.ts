import { CommanderError } from 'commander';
import { z } from 'zod';
import { CliError, EXIT, ExitWith, RequestRefused } from './errors.js';
import { buildProgram, type ProgramDeps } from './program.js';

/** Runs one command line and returns its exit code (see `EXIT`). Failures are printed as `CODE: message` on standard error. */
export async function runCli(argv: readonly string[], deps: ProgramDeps): Promise<number> {
  const { io } = deps;
  try {
    await buildProgram(deps).parseAsync([...argv], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // Commander has printed its message itself. Help and version "fail" with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof ExitWith) return error.exitCode;
    if (io.signal.aborted) return INTERRUPTED;
    const failure = asCliError(error);
    if (!failure) throw error;
    io.err(`${failure.code}: ${failure.message}\n`);
    if (failure instanceof RequestRefused && failure.status >= 500 && failure.requestId !== undefined)
      io.err(`(request ${failure.requestId} in the agent's log)\n`);
    return failure.exitCode;
  }
}

/** What a shell shows for a command ended by ctrl-c. */
const INTERRUPTED = 130;

function asCliError(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (error instanceof z.ZodError) return new CliError('Protocol', `the agent's answer is not understood: ${z.prettifyError(error)}`);
  return undefined;
}
