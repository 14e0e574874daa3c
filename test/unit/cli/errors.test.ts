import { describe, expect, it } from 'vitest';
import { cliOver } from '../../support/cli.js';

const answering = (status: number, body: string) => cliOver({ fetch: async () => new Response(body, { status }) });
const refusing = (code: string, status = 400) =>
  answering(status, JSON.stringify({ error: { code, message: 'said so', requestId: 'r-1' } }));
const unreachable = cliOver({
  fetch: () => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) })),
});

describe('exit codes and messages', () => {
  it.each([
    ['done', answering(200, '{"items":[]}'), ['describe', 'vpcs'], 0, ''],
    ['refused by the agent', refusing('DependencyViolation'), ['delete', 'vpc-00000000000000000'], 1, 'DependencyViolation: said so\n'],
    [
      'a fault of the agent',
      refusing('InternalError', 500),
      ['describe', 'vpcs'],
      1,
      "InternalError: said so\n(request r-1 in the agent's log)\n",
    ],
    ['an unknown command', unreachable, ['explode'], 2, "error: unknown command 'explode'"],
    ['a near miss', unreachable, ['atach'], 2, '(Did you mean attach?)'],
    ['a missing argument', unreachable, ['start'], 2, "error: missing required argument 'instances'"],
    ['a missing option', unreachable, ['attach', 'eni-0', 'i-0'], 2, "error: required option '--index <n>' not specified"],
    ['a bad option', unreachable, ['attach', 'eni-0', 'i-0', '--index', 'x'], 2, 'must be a device index'],
    ['a bad filter', unreachable, ['describe', 'vpcs', '--filter', 'x'], 2, 'Usage: --filter takes name=value'],
    ['a bad topic', unreachable, ['describe', 'clouds'], 2, "Usage: 'clouds' is neither an id nor one of"],
    ['a bad rule', unreachable, ['authorize', 'sg-00000000000000000', 'tcp/80'], 2, "Usage: 'tcp/80' is no rule"],
    ['a bad endpoint', unreachable, ['--endpoint', 'nowhere', 'describe'], 2, 'Usage: --endpoint must be a URL'],
    [
      'no daemon',
      unreachable,
      ['describe', 'vpcs'],
      3,
      'Unreachable: no agent answers at http://127.0.0.1:8780 (ECONNREFUSED). Is it running',
    ],
    ['something else answers', answering(404, '<html>'), ['describe', 'vpcs'], 3, 'and not as an agent does'],
    ['something else answers well', answering(200, '<html>'), ['describe', 'vpcs'], 3, 'the answer is not JSON'],
    [
      'an answer that is not understood',
      answering(200, '{"items":[{"vpcId":7}]}'),
      ['describe', 'vpcs'],
      1,
      "Protocol: the agent's answer is not understood",
    ],
  ])('%s', async (_name, eni, argv, code, err) => {
    const run = await eni(...argv);
    expect(run.err).toContain(err);
    expect(run.code).toBe(code);
    expect(run.out).not.toContain('error');
  });

  it('help is no failure, and every command has some', async () => {
    const help = await unreachable('--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('Exit codes: 0 done');
    const section = help.out.slice(help.out.indexOf('Commands:'), help.out.indexOf('Resources are named'));
    const commands = [...section.matchAll(/^ {2}([a-z-]+) /gm)].map((match) => match[1] ?? '').filter((name) => name !== 'help');
    expect(commands.length).toBeGreaterThan(20);
    for (const command of commands) expect(await unreachable(command, '--help')).toMatchObject({ code: 0, err: '' });
  });

  it('takes endpoint and token from the environment, flags first', async () => {
    const calls: [string, string | null][] = [];
    const recording = async (input: unknown, init?: RequestInit) => {
      calls.push([String(input), new Headers(init?.headers).get('authorization')]);
      return new Response('{"items":[]}');
    };
    const eni = cliOver({ fetch: recording as typeof fetch, environment: { endpoint: 'http://from-env:1', token: 'env' } });
    await eni('describe', 'vpcs');
    await eni('describe', 'vpcs', '--endpoint', 'http://from-flag:2', '--token', 'flag');
    expect(calls).toEqual([
      ['http://from-env:1/v1/vpcs', 'Bearer env'],
      ['http://from-flag:2/v1/vpcs', 'Bearer flag'],
    ]);
  });

  it('teardown refuses while an agent answers', async () => {
    if (process.getuid?.() !== 0)
      return expect(await unreachable('teardown')).toMatchObject({ code: 1, err: expect.stringContaining('NotRoot') });
    const local = { teardown: async () => ({ namespaces: ['vpc-1', 'i-1'] }) };
    const alive = cliOver({ fetch: async () => new Response('{}'), local });
    expect(await alive('teardown')).toMatchObject({ code: 1, err: expect.stringContaining('AgentRunning: an agent answers at') });
    expect(await alive('teardown', '--force')).toMatchObject({ code: 0, out: 'removed 2 network namespaces\n' });
    const dead = cliOver({ fetch: () => Promise.reject(new TypeError('fetch failed')), local });
    expect(await dead('teardown')).toMatchObject({ code: 0, out: 'removed 2 network namespaces\n' });
  });

  it("doctor tells the agent's ids to the diagnosis, prints findings, and fails on a problem", async () => {
    let known: ReadonlySet<string> | undefined;
    const doctor = (level: 'note' | 'problem', body: string) =>
      cliOver({
        fetch: async () => new Response(body),
        local: {
          diagnose: async (ids) => {
            known = ids;
            return [{ level, subject: 'iptables', message: 'legacy', remedy: 'use nft' }];
          },
        },
      });
    expect(await doctor('note', '{"items":[{"vpcId":"vpc-1"}]}')('doctor')).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing is wrong'),
    });
    expect([...(known ?? [])]).toContain('vpc-1');
    expect(await doctor('problem', '{"items":[]}')('doctor')).toMatchObject({ code: 1, out: expect.stringContaining('use nft') });
  });
});
