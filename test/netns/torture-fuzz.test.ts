import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { startAgent, type TestAgent } from '../support/agent.js';
import { budget, reports } from '../support/torture/budget.js';
import { Ec2Fuzzer, FURNITURE, type FuzzRequest, Ids, RestFuzzer, rawBytes } from '../support/torture/fuzz.js';

let agent: TestAgent;
afterEach(() => agent?.dispose());

const plan = budget('fuzz');
/** Requests after which everything is deleted, so that the state stays small. */
const CHAPTER = 150;
/** How much larger the daemon may be at the end than after the first fifth of the time, bytes. */
const GROWTH = 64 * 1024 * 1024;
const CONCURRENT = 4;

it('no request that the API describes, or anything like one, gets a fault, ends the daemon or makes it grow', {
  timeout: plan.timeout,
}, async () => {
  const { dice, facts } = plan;
  reports(plan, 'fuzz');
  agent = await startAgent({ args: ['--allow-reset', '--settle-timeout-ms', '300', '--log-level', 'warn'] });
  const ids = new Ids();
  const rest = new RestFuzzer(await agent.ok('GET', '/openapi.json'), dice, ids, new Set(['/v1/events', '/v1/reset']));
  const ec2 = new Ec2Fuzzer(dice, ids);
  const sizes: number[] = [];
  let requests = 0;
  let served = 0;
  const one = async () => {
    requests++;
    if (dice.chance(0.1)) return exchange(rawBytes(dice));
    const request = dice.chance(0.5) ? rest.request() : ec2.request();
    const { status, text } = await send(request);
    if (status >= 500) throw new Error(`${request.method} ${request.path} ${request.body ?? ''}: ${status} ${text}`);
    served += Number(status < 300);
    ids.learn(text);
  };
  while (plan.goesOn()) {
    plan.doing(`chapter ${sizes.length}`);
    ids.learn(JSON.stringify(await agent.ok('POST', '/v1/batch', { commands: FURNITURE })));
    for (let i = 0; i < CHAPTER && plan.goesOn(); i += CONCURRENT) await Promise.all(Array.from({ length: CONCURRENT }, one));
    await agent.ok('POST', '/v1/reset', {});
    ids.forget();
    sizes.push(residentBytes());
  }
  expect(agent.log.filter(({ level, msg }) => level >= 50 && msg !== 'observing the kernel failed, will retry at the next resync')).toEqual(
    [],
  );
  expect((await send({ method: 'GET', path: '/readyz', headers: {} })).status).toBe(200);
  const early = sizes[Math.floor(sizes.length / 5)] ?? 0;
  Object.assign(facts, { requests, served, chapters: sizes.length, earlyMiB: early >> 20, lateMiB: residentBytes() >> 20 });
  expect(residentBytes() - early).toBeLessThan(GROWTH);
  expect(served).toBeGreaterThan(requests / 20);
});

async function send({ method, path, headers, body }: FuzzRequest): Promise<{ status: number; text: string }> {
  // The client refuses a few things by itself: then there is nothing to answer.
  const init = {
    method,
    headers,
    ...(body !== undefined && method !== 'GET' && method !== 'HEAD' && { body }),
    signal: AbortSignal.timeout(30_000),
  };
  const answer = await fetch(`${agent.endpoint}${path}`, init);
  return { status: answer.status, text: await answer.text() };
}

/** Sends the bytes as they are and reads what comes for a moment. */
async function exchange(bytes: Buffer): Promise<void> {
  const socket = connect(Number(new URL(agent.endpoint).port), '127.0.0.1');
  let answer = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.write(bytes);
  await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, 100))]);
  socket.destroy();
  expect(answer.match(/^HTTP\/1\.1 5\d\d.*$/m)?.[0], JSON.stringify(bytes.toString('latin1'))).toBeUndefined();
}

function residentBytes(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1]) * 1024;
}
