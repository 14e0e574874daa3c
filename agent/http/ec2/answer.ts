import type { FastifyReply, FastifyRequest } from 'fastify';
import { apiError } from '../../model/errors.js';
import type { Credentials } from '../credentials.js';
import type { HttpDeps } from '../deps.js';
import { refuseReader } from '../guard.js';
import { settled } from '../rest/register.js';
import { refuseUnheeded, regionOf } from './action.js';
import { ACTIONS } from './actions/index.js';
import { brief, decodeParameters, parseForm } from './params.js';
import { isReading } from './reading.js';
import { OPERATIONS } from './shapes.js';
import { verifySignature } from './sigv4.js';
import { answerSts, isSts } from './sts.js';
import { answerXml } from './xml.js';

const VERSION = '2016-11-15';

/** The answer to one request, as XML. @throws {ApiError} */
export async function answerEc2(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: HttpDeps,
  { wantsSignature, accessKeys }: Credentials,
): Promise<string> {
  const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
  if (wantsSignature) {
    const signed = { method: request.method, url: request.url, headers: request.headers, body };
    const trust = { region: deps.config.region, secretOf: (id: string) => accessKeys.get(id)?.secret };
    request.principal = accessKeys.get(verifySignature(signed, trust, Date.now()))?.principal;
  }
  const parameters = parseForm([queryText(request.url), bodyText(body)].filter((text) => text !== '').join('&'));
  return answer(parameters, deps, request, reply);
}

async function answer(parameters: ReadonlyMap<string, string>, deps: HttpDeps, request: FastifyRequest, reply: FastifyReply) {
  const name = parameters.get('Action') ?? '';
  if (name === '') throw apiError('MissingAction', { reason: 'The request must contain the parameter Action' });
  const version = parameters.get('Version');
  if (isSts(version)) return answerSts(name, deps.config.accountId, request.id);
  if (version === undefined) throw apiError('MissingParameter', { name: 'Version' });
  if (version !== VERSION)
    throw apiError('NoSuchVersion', { reason: `The version '${brief(version)}' is not served; use ${VERSION} (EC2) or 2011-06-15 (STS)` });
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (!action)
    throw apiError('InvalidAction', { reason: `The action ${brief(name)} is not served here; docs/ec2.md lists those that are` });
  if (!isReading(name)) {
    refuseReader(request.principal);
    refuseBareGet(request);
  }
  const { DryRun: dryRun = false, ...input } = decodeParameters(parameters, OPERATIONS[name]?.[0] ?? '');
  refuseUnheeded(input, [...action.heeds, ...(action.ignores ?? [])]);
  const tree = await action.answer({
    input,
    deps,
    region: () => regionOf(deps),
    run: async (calls) => {
      const { results, after } = await deps.transact(calls, { dryRun });
      if (dryRun) throw apiError('DryRunOperation', {});
      await settled(deps, after, reply);
      return results;
    },
  });
  if (dryRun) throw apiError('DryRunOperation', {});
  return answerXml(name, tree, request.id);
}

/** A page of another origin can make old browsers send a GET that nothing betrays; an authorisation it cannot make them send. */
function refuseBareGet({ method, principal, headers }: FastifyRequest): void {
  if (method === 'GET' && principal?.kind !== 'access-key' && headers.authorization === undefined)
    throw apiError('UnauthorizedOperation', { reason: 'An unsigned request that changes something must be a POST' });
}

function queryText(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}

function bodyText(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw apiError('MalformedQueryString', { reason: 'The body is not UTF-8' });
  }
}
