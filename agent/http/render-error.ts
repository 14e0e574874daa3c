import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiError, apiError, type ErrorCode } from '../model/errors.js';
import { StoreConflict, StoreFault } from '../store/store.js';
import { isEc2Request } from './ec2/request.js';
import { errorXml } from './ec2/xml-text.js';

/** Bytes that a request's body may have. */
export const BODY_LIMIT = 1024 * 1024;

export const ErrorEnvelope = z
  .strictObject({
    error: z.strictObject({
      code: z.string().describe('EC2 error code; branch on this, never on the message.'),
      message: z.string().describe('One sentence for people.'),
      requestId: z.string().describe('Also in the header x-request-id, and in the log.'),
    }),
  })
  .meta({ id: 'Error', description: 'Every answer with a status of 400 or above.' });

export function envelope(error: ApiError, requestId: string): z.output<typeof ErrorEnvelope> {
  return { error: { code: error.code, message: error.message, requestId } };
}

const malformed = (reason: string) => apiError('MalformedRequest', { reason });

/** Faults that the web framework finds, by its code. */
const FRAMEWORK_FAULTS: Readonly<Record<string, (error: Error) => ApiError>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: () => malformed('The body is not valid JSON'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => malformed('The body does not have the length that its header says'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    apiError('UnsupportedMediaType', { reason: 'The body must be JSON, with the header content-type: application/json' }),
  FST_ERR_CTP_BODY_TOO_LARGE: () => apiError('RequestEntityTooLarge', { reason: `The body must not be larger than ${BODY_LIMIT} bytes` }),
  FST_ERR_BAD_URL: () => malformed('The path is not a valid URL'),
  // Nobody is there to read the answer; but it is no fault of ours, in the log and in the metrics.
  ECONNRESET: () => malformed('The connection ended before the body did'),
  FST_ERR_MAX_PARAM_LENGTH: () => malformed('A part of the path is too long'),
};

/** Whatever was thrown, as the caller's fault or the server's. `undefined`: a fault of ours that nobody foresaw. */
export function asApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreFault)
    return apiError('ServiceUnavailable', { reason: 'The store does not take changes now; nothing was changed. The log tells why' });
  if (error instanceof StoreConflict)
    return apiError('ServiceUnavailable', { reason: 'Other changes came first; nothing was changed. Try again' });
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return FRAMEWORK_FAULTS[String(error.code)]?.(error);
}

/** The one place where a fault becomes a status and a body. Never shows a stack; logs what is ours, once. */
export function renderError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = asApiError(error);
  if (!known) request.log.error({ err: error, route: request.routeOptions.url }, 'request failed');
  else if (known.status >= 500) request.log.warn({ err: error, code: known.code }, 'request refused');
  return sendError(known ?? internalError(request.id), request, reply);
}

function internalError(requestId: string): ApiError {
  return apiError('InternalError', { reason: `An internal error occurred; the log tells more under request id ${requestId}` });
}

const HEADERS: { readonly [C in ErrorCode]?: readonly [name: string, value: string] } = {
  AuthFailure: ['www-authenticate', 'Bearer realm="enid"'],
  ServiceUnavailable: ['retry-after', '1'],
  RequestLimitExceeded: ['retry-after', '1'],
};

export function sendError(error: ApiError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Set here too: some faults come before any hook runs.
  void reply.header('x-request-id', request.id);
  if (isEc2Request(request))
    return reply
      .code(error.status)
      .type('text/xml;charset=UTF-8')
      .serializer(String)
      .send(errorXml(error.code, error.message, request.id));
  const header = HEADERS[error.code];
  if (header) void reply.header(...header);
  return reply
    .code(statusOf(error, request))
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(envelope(error, request.id));
}

/** What HTTP has a status for, and EC2 another. In EC2 an unknown id is a bad request, wherever it stands. In REST an unknown id in the path is a path that leads nowhere. */
function statusOf(error: ApiError, request: FastifyRequest): number {
  if (error.code === 'RequestLimitExceeded') return 429;
  const inPath = error.code.endsWith('NotFound') && Object.values(request.params ?? {}).includes(error.id);
  return inPath ? 404 : error.status;
}
