import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditEntry, idsIn } from '../../../agent/audit/entry.js';
import { type AuditPosition, openAuditLog } from '../../../agent/audit/log.js';

let dir: string;
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'enid-audit-')), 'audit');
});
afterEach(() => rmSync(join(dir, '..'), { recursive: true }));

const entry = (requestId: string): AuditEntry => ({
  time: '2026-01-01T00:00:00.000Z',
  requestId,
  kind: 'local',
  who: 'uid 0',
  peer: '127.0.0.1',
  request: 'POST /v1/vpcs',
  commands: ['createVpc'],
  ids: [],
  outcome: 'done',
});

async function readAll(log: ReturnType<typeof openAuditLog>, before?: AuditPosition) {
  const found: { id: string; position: AuditPosition }[] = [];
  for await (const { entry, position } of log.read(before)) found.push({ id: entry.requestId, position });
  return found;
}
const ids = async (log: ReturnType<typeof openAuditLog>) => (await readAll(log)).map(({ id }) => id);

describe('the audit log', () => {
  it('is read from the newest on, also by the next daemon, and from any place in it', async () => {
    const first = openAuditLog({ dir });
    for (const id of ['a', 'b']) first.append(entry(id));
    first.close();
    const second = openAuditLog({ dir });
    second.append(entry('c'));
    expect(await ids(second)).toEqual(['c', 'b', 'a']);
    const [, b] = await readAll(second);
    expect((await readAll(second, b?.position)).map(({ id }) => id)).toEqual(['a']);
    second.close();
  });

  it('starts a new file past its size, and keeps so many', async () => {
    const log = openAuditLog({ dir, fileBytes: 2 * Buffer.byteLength(`${JSON.stringify(entry('0'))}\n`), files: 2 });
    for (const id of ['0', '1', '2', '3', '4', '5', '6']) log.append(entry(id));
    expect(readdirSync(dir)).toHaveLength(2);
    expect(await ids(log)).toEqual(['6', '5', '4']);
    log.close();
  });

  it('is for its owner only', () => {
    openAuditLog({ dir }).close();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, 'audit-000001.jsonl')).mode & 0o777).toBe(0o600);
  });

  it('leaves out what a crash cut off, and nothing after it', async () => {
    const before = openAuditLog({ dir });
    before.append(entry('a'));
    before.close();
    appendFileSync(join(dir, 'audit-000001.jsonl'), '{"time":"2026-');
    const log = openAuditLog({ dir });
    log.append(entry('b'));
    expect(await ids(log)).toEqual(['b', 'a']);
    log.close();
  });

  it('does not write through a link that lies in its place', () => {
    openAuditLog({ dir }).close();
    const target = join(dir, '..', 'target');
    writeFileSync(target, '');
    symlinkSync(target, join(dir, 'audit-000002.jsonl'));
    expect(() => openAuditLog({ dir })).toThrow(/ELOOP/);
  });
});

describe('idsIn', () => {
  it.each([
    ['an id', 'vpc-0123456789abcdef0', ['vpc-0123456789abcdef0']],
    ['ids deep inside, each once', { a: ['eni-0123456789abcdef0', { b: 'eni-0123456789abcdef0' }] }, ['eni-0123456789abcdef0']],
    ['an id of two words', ['eni-attach-0123456789abcdef0'], ['eni-attach-0123456789abcdef0']],
    ['text that holds an id', { userData: 'curl vpc-0123456789abcdef0' }, []],
    ['a secret', { token: 'correct-horse-battery' }, []],
    ['nothing', null, []],
  ])('finds in %s', (_name, value, found) => {
    expect(idsIn(value)).toEqual(found);
  });

  it('stops after a hundred', () => {
    const many = Array.from({ length: 300 }, (_, i) => `i-${String(i).padStart(17, '0')}`);
    expect(idsIn(many)).toHaveLength(100);
  });
});
