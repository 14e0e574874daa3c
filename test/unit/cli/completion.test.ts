import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionEntries, completionScript } from '../../../agent/cli/completion.js';
import { buildProgram } from '../../../agent/cli/program.js';
import { cliOver } from '../../support/cli.js';

const eni = cliOver({ fetch: () => Promise.reject(new Error('completion asks nobody')) });
const script = async (shell: string) => {
  const { code, out, err } = await eni('completion', shell);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
};

/** What bash would offer for a command line that ends with the cursor at its last word. */
async function bashOffers(...words: string[]): Promise<string[]> {
  const line = `${await script('bash')}
COMP_WORDS=(eni ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
_eni; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return String(execFileSync('bash', ['-c', line]))
    .trim()
    .split('\n');
}

describe('completion', () => {
  it.each([
    [['la'], ['lab']],
    [['lab', ''], expect.arrayContaining(['up', 'down', 'test', '--json'])],
    [['--json', 'lab', 'u'], ['up']],
    [['describe', 'inst'], ['instances']],
    [['attach', '--i'], ['--index']],
    [['create', 'sub'], ['subnet']],
    [['completion', 'b'], ['bash']],
  ])('bash: eni %j', async (words, offers) => expect(await bashOffers(...words)).toEqual(offers));

  it.each([
    ['bash', ['-n']],
    ['zsh', ['-n']],
    ['fish', ['--no-execute']],
  ])('%s accepts its script', async (shell, flags) => {
    const text = await script(shell);
    for (const word of ['describe', 'lab', 'up', 'route', 'teardown']) expect(text).toContain(word);
    const check = spawnSync(shell, flags, { input: text });
    // Not every machine has every shell; where it is, it must accept the script.
    if (check.error === undefined) expect(String(check.stderr)).toBe('');
  });

  it('offers every command of the tree', async () => {
    const io = { out: () => {}, err: () => {}, columns: 80 } as never;
    const program = buildProgram({ io, version: '0', local: {} as never });
    const paths = completionEntries(program).map((entry) => entry.words.join(' '));
    expect(paths).toEqual(expect.arrayContaining(['', 'describe', 'create vpc', 'lab test', 'route set', 'completion']));
    expect(completionScript('bash', 'eni', completionEntries(program))).toContain("'lab test') next='--timeout");
  });

  it('an unknown shell is a usage error', async () => expect((await eni('completion', 'csh')).code).toBe(2));
});
