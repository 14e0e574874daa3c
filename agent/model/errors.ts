/**
 * The catalogue of the caller's faults: EC2 code → HTTP status and a sentence that tells the remedy.
 * Codes and statuses: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
export interface ErrorEntry<P> {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 431 | 500 | 503;
  readonly message: (params: P) => string;
}

const entry = <P>(message: (params: P) => string, status: ErrorEntry<P>['status'] = 400): ErrorEntry<P> => ({ status, message });
const notFound = (noun: string) => entry<{ id: string }>(({ id }) => `The ${noun} ID '${id}' does not exist`);
const malformed = (noun: string) => entry<{ id: string }>(({ id }) => `Invalid id: "${id}" (expecting a ${noun} id)`);
/** For codes whose sentence depends on the place that throws. */
const said = (status?: ErrorEntry<never>['status']) => entry<{ reason: string }>(({ reason }) => reason, status);

export const ERRORS = {
  MissingParameter: entry<{ name: string }>(({ name }) => `The request must contain the parameter ${name}`),
  UnknownParameter: entry<{ name: string }>(({ name }) => `The parameter ${name} is not recognized`),
  InvalidParameterValue: said(),
  InvalidParameterCombination: said(),
  'InvalidVpcID.NotFound': notFound('vpc'),
  'InvalidSubnetID.NotFound': notFound('subnet'),
  'InvalidNetworkInterfaceID.NotFound': notFound('networkInterface'),
  'InvalidAttachmentID.NotFound': notFound('network interface attachment'),
  'InvalidInstanceID.NotFound': notFound('instance'),
  'InvalidInstanceID.Malformed': malformed('instance'),
  'InvalidGroup.NotFound': entry<{ id: string }>(({ id }) => `The security group '${id}' does not exist`),
  DependencyViolation: said(),
  IncorrectState: said(),
  OperationNotPermitted: said(),
  // Faults of the request as such, before any command sees it, and of the server.
  MalformedRequest: said(),
  InvalidAction: said(),
  'InvalidPath.NotFound': entry<{ path: string }>(({ path }) => `The path ${path} does not exist; /docs lists those that do`, 404),
  MethodNotAllowed: entry<{ method: string; path: string; allowed: string }>(
    ({ method, path, allowed }) => `${path} does not take ${method}; it takes ${allowed}`,
    405,
  ),
  UnsupportedMediaType: entry<object>(() => 'The body must be JSON, with the header content-type: application/json', 415),
  RequestEntityTooLarge: entry<{ limit: number }>(({ limit }) => `The body must not be larger than ${limit} bytes`, 413),
  RequestHeaderFieldsTooLarge: entry<object>(() => 'The headers of the request are too large', 431),
  AuthFailure: entry<object>(() => 'The request must carry the header Authorization: Bearer and the token of the configuration', 401),
  UnauthorizedOperation: said(403),
  RequestLimitExceeded: said(503),
  Unavailable: said(503),
  InternalError: entry<{ requestId: string }>(
    ({ requestId }) => `An internal error occurred; the log tells more under request id ${requestId}`,
    500,
  ),
} satisfies Record<string, ErrorEntry<never>>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorParams<C extends ErrorCode> = Parameters<(typeof ERRORS)[C]['message']>[0];

/** The caller's fault. `code` is the EC2 code; nothing was changed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly code: ErrorCode,
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export function apiError<C extends ErrorCode>(code: C, params: ErrorParams<C>): ApiError {
  const { status, message } = ERRORS[code];
  return new ApiError(code, status, (message as (params: ErrorParams<C>) => string)(params));
}
