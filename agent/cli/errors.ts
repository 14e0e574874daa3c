/** Exit codes of `eni`; `eni exec` passes the command's own code through, `eni lab test` exits 1 on a mismatch. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure that is told to the user as `CODE: message`, with the exit code that belongs to it. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  constructor(
    readonly code: string,
    message: string,
    readonly exitCode: number = EXIT.failed,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The agent refused the request; `code` is the EC2 code, `requestId` names the request in the agent's log. */
export class RequestRefused extends CliError {
  override readonly name = 'RequestRefused';
  constructor(
    code: string,
    message: string,
    readonly status: number,
    readonly requestId?: string,
  ) {
    super(code, message, EXIT.failed);
  }
}

/** Nothing answers at the endpoint, or what answers is no agent. */
export class AgentUnreachable extends CliError {
  override readonly name = 'AgentUnreachable';
  constructor(endpoint: string, reason: string, cause?: unknown) {
    super(
      'Unreachable',
      `no agent answers at ${endpoint} (${reason}). Is it running (systemctl status enid, or sudo enid)? Name another with --endpoint or ENID_ENDPOINT.`,
      EXIT.unreachable,
      { cause },
    );
  }
}

/** The command line, or a file named on it, is wrong. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';
  constructor(message: string, code = 'Usage') {
    super(code, message, EXIT.usage);
  }
}

/** Ends the command with a code of its own, after it has printed all there is to say. */
export class ExitWith extends Error {
  override readonly name = 'ExitWith';
  constructor(readonly exitCode: number) {
    super(`exit code ${exitCode}`);
  }
}
