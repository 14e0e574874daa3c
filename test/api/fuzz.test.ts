import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';
import { dice } from '../support/torture/budget.js';
import { Ec2Fuzzer, type FuzzRequest, Ids, RestFuzzer } from '../support/torture/fuzz.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const SEED = 7;
const ROUNDS = 4;

/** The harness fails on an internal error, and on an answer of REST that is not as its route documents. */
async function send({ method, path, headers, body }: FuzzRequest, ids: Ids): Promise<void> {
  const request = {
    method: method as 'GET',
    url: path,
    headers: { host: 'localhost', ...headers },
    ...(body !== undefined && { payload: body }),
  };
  const what = `${method} ${path} ${body ?? ''}`;
  const isRest = path.startsWith('/v1') && method !== 'HEAD' && method !== 'OPTIONS';
  const answer = await (isRest ? api.raw(request) : inject(request)).catch((cause: unknown) => {
    throw new Error(what, { cause });
  });
  expect(answer.status, `${what} ${JSON.stringify(api.log.at(-1))}`).toBeLessThan(500);
  ids.learn(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
}

async function inject(request: InjectOptions): Promise<{ status: number; body: unknown }> {
  const { statusCode, payload } = await api.app.inject(request);
  return { status: statusCode, body: payload };
}

it('every operation of REST, with good and bad input, answers as it documents', { timeout: 60_000 }, async () => {
  const ids = new Ids();
  const fuzzer = new RestFuzzer(await api.ok('GET', '/openapi.json'), dice(SEED), ids);
  for (let round = 0; round < ROUNDS; round++) for (const operation of fuzzer.operations) await send(fuzzer.request(operation), ids);
});

it('every action of EC2, with good and bad input, answers without a fault', { timeout: 60_000 }, async () => {
  const ids = new Ids();
  const fuzzer = new Ec2Fuzzer(dice(SEED), ids);
  await send(
    {
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Action=CreateDefaultVpc&Version=2016-11-15',
    },
    ids,
  );
  for (let round = 0; round < ROUNDS; round++) for (const action of fuzzer.actions) await send(fuzzer.request(action), ids);
});
