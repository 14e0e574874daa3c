import type { FaultKind, KernelFault } from './port.js';

const KINDS: Readonly<Record<string, FaultKind>> = {
  ENOENT: 'not-found',
  ENODEV: 'not-found',
  ESRCH: 'not-found',
  ENXIO: 'not-found',
  EADDRNOTAVAIL: 'not-found',
  EEXIST: 'exists',
  EBUSY: 'busy',
  EAGAIN: 'busy',
  EPERM: 'denied',
  EACCES: 'denied',
  EROFS: 'denied',
  EOPNOTSUPP: 'unsupported',
  EPROTONOSUPPORT: 'unsupported',
  EAFNOSUPPORT: 'unsupported',
  ENOSYS: 'unsupported',
  ENOSPC: 'no-space',
  ENOMEM: 'no-space',
  ENOBUFS: 'no-space',
  EMFILE: 'no-space',
  ENFILE: 'no-space',
  EINVAL: 'invalid',
  ERANGE: 'invalid',
  ENETUNREACH: 'invalid',
  EHOSTUNREACH: 'invalid',
  ETIMEDOUT: 'timeout',
};

/** Kind of fault of an errno name. */
export function faultKindOf(errno: string | undefined): FaultKind {
  return (errno !== undefined && KINDS[errno]) || 'other';
}

/** Something the kernel, or a tool that speaks to it, refused. Branch on `kind` or `errno`, never on the text. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly kind: FaultKind;
  /** Errno name, e.g. `EEXIST`. */
  readonly errno?: string;

  constructor(message: string, details: { kind?: FaultKind; errno?: string; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = details.kind ?? faultKindOf(details.errno);
    if (details.errno !== undefined) this.errno = details.errno;
  }

  /** The same error with what was being tried before it: `create veth e12: EEXIST: File exists`. */
  during(what: string): KernelError {
    return new KernelError(`${what}: ${this.message}`, { kind: this.kind, ...(this.errno && { errno: this.errno }), cause: this });
  }
}

/** Any thrown value as a KernelError; Node's own system errors keep their code. */
export function toKernelError(error: unknown): KernelError {
  if (error instanceof KernelError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  return new KernelError(message, { ...(typeof code === 'string' && { errno: code }), cause: error });
}

/** A thrown value as the port reports it, with what was being tried. */
export function faultOf(error: unknown, what: string): KernelFault {
  const { kind, message, errno } = toKernelError(error).during(what);
  return errno === undefined ? { kind, message } : { kind, message, errno };
}

/** @throws {KernelError} the first of the results that is one. */
export function throwFirst(results: readonly (KernelError | null)[]): void {
  for (const error of results) if (error) throw error;
}

/** Results of removals: what was not there is removed. */
export function unlessGone(results: readonly (KernelError | null)[]): (KernelError | null)[] {
  return results.map((error) => (error?.kind === 'not-found' ? null : error));
}
