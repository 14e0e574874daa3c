import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, renderDefaultConfig, renderFlagHelp } from '../../../agent/config/load.js';
import { SETTINGS } from '../../../agent/config/settings.js';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'enid-config-'));
  file = join(dir, 'config.yaml');
});
afterEach(() => rmSync(dir, { recursive: true }));

const load = (argv: string[] = [], env: Record<string, string> = {}) => loadConfig({ argv, env, defaultFile: file });

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('precedence', () => {
  it.each([
    ['nothing given', {}, 1500, 'default'],
    ['file', { file: 'mtu: 1400' }, 1400, 'file'],
    ['environment over file', { file: 'mtu: 1400', env: { ENID_MTU: '1401' } }, 1401, 'environment'],
    ['flag over all', { file: 'mtu: 1400', env: { ENID_MTU: '1401' }, argv: ['--mtu', '1402'] }, 1402, 'flag'],
    ['an empty variable is none', { file: 'mtu: 1400', env: { ENID_MTU: '' } }, 1400, 'file'],
    ['an empty key is none', { file: 'mtu:' }, 1500, 'default'],
  ] as [string, { file?: string; env?: Record<string, string>; argv?: string[] }, number, string][])('%s', (_name, given, mtu, source) => {
    if (given.file !== undefined) writeFileSync(file, given.file);
    const loaded = load(given.argv, given.env);
    expect([loaded.config.mtu, loaded.sources.mtu]).toEqual([mtu, source]);
    expect(loaded.file).toBe(given.file === undefined ? undefined : file);
  });

  it('reads the file that --config names rather than that of ENID_CONFIG or the default one', () => {
    const [flagged, variable] = [join(dir, 'flag.yaml'), join(dir, 'variable.yaml')];
    writeFileSync(file, 'mtu: 1400');
    writeFileSync(variable, 'mtu: 1401');
    writeFileSync(flagged, 'mtu: 1402');
    expect(load().config.mtu).toBe(1400);
    expect(load([], { ENID_CONFIG: variable }).config.mtu).toBe(1401);
    expect(load(['--config', flagged], { ENID_CONFIG: variable }).config.mtu).toBe(1402);
  });

  it('takes the host name when no host id is given', () => {
    expect(load().config.hostId).toBe(hostname());
  });
});

describe('conversion', () => {
  it.each([
    [[], { ENID_ALLOW_RESET: 'yes' }, 'allowReset', true],
    [['--allow-reset'], {}, 'allowReset', true],
    [['--no-allow-reset'], { ENID_ALLOW_RESET: 'true' }, 'allowReset', false],
    [['--zones', 'a-1a, a-1b'], {}, 'zones', ['a-1a', 'a-1b']],
    [['--resync-seconds=0.5'], {}, 'resyncSeconds', 0.5],
    [['--listen', '[::1]:1234'], {}, 'listen', '[::1]:1234'],
    // A number of digits that must stay text.
    [['--account-id', '000000000001'], {}, 'accountId', '000000000001'],
  ] as [string[], Record<string, string>, string, unknown][])('%j %j', (argv, env, key, value) => {
    expect(load(argv, env).config).toHaveProperty(key, value);
  });

  it('leaves subcommands and tells --help and --version', () => {
    expect(load(['teardown', '--help'])).toMatchObject({ positionals: ['teardown'], help: true, version: false });
  });
});

describe('refusals name the place', () => {
  it.each([
    ['an unknown key', 'listen: 127.0.0.1:1\n# a line\nlisen: x\n', [/config\.yaml:3: unknown key "lisen" \(did you mean "listen"\?\)/]],
    ['two unknown keys', 'foo: 1\n\nbar: 2', [/config\.yaml:1: unknown key "foo"/, /config\.yaml:3: unknown key "bar"/]],
    ['a value of the wrong type', '\nmtu: big\n', [/config\.yaml:2: mtu: .*number/]],
    ['a value out of range', '\n\nmtu: 10\n', [/config\.yaml:3: mtu: .*1280/]],
    ['a key given twice', 'mtu: 1400\nmtu: 1500\n', [/config\.yaml:2: .*unique/]],
    ['no YAML', 'mtu: [1\n', [/config\.yaml:\d+: /]],
    ['a list instead of settings', '- mtu\n', [/config\.yaml:1: must be a mapping/]],
  ] as [string, string, RegExp[]][])('%s', (_name, content, expected) => {
    writeFileSync(file, content);
    const problems = problemsOf(() => load());
    expect(problems).toHaveLength(expected.length);
    expected.forEach((pattern, i) => {
      expect(problems[i]).toMatch(pattern);
    });
  });

  it.each([
    ['an unknown flag', ['--frobnicate'], {}, /--frobnicate/],
    ['a flag without its value', ['--mtu'], {}, /--mtu/],
    ['a flag of the wrong type', ['--mtu', 'big'], {}, /^--mtu: mtu: .*number/],
    ['a variable of the wrong type', [], { ENID_ALLOW_RESET: 'perhaps' }, /^ENID_ALLOW_RESET: allowReset: .*boolean/],
    ['a number with a unit', [], { ENID_MTU: '1500b' }, /^ENID_MTU: mtu: /],
    ['a listen address without port', ['--listen', 'localhost'], {}, /^--listen: listen: must be HOST:PORT/],
    ['an uplink without host access', ['--uplink', 'eth0', '--no-host-access'], {}, /^--uplink: uplink: needs hostAccess: /],
    ['an uplink that is no device', ['--uplink', 'lo'], {}, /^--uplink: uplink: must be the name of a network device/],
    ['a file that is named and missing', ['--config', '/nonexistent/enid.yaml'], {}, /^\/nonexistent\/enid.yaml: cannot be read/],
  ] as [string, string[], Record<string, string>, RegExp][])('%s', (_name, argv, env, expected) => {
    expect(problemsOf(() => load(argv, env))).toEqual([expect.stringMatching(expected)]);
  });

  it('warns of a variable that is no setting', () => {
    expect(load([], { ENID_LISEN: 'x', ENID_ENDPOINT: 'y', PATH: 'z' }).warnings).toEqual([
      expect.stringMatching(/ENID_LISEN .*did you mean "ENID_LISTEN"/),
    ]);
  });
});

describe('texts derived from the schema', () => {
  it('has every setting in the default file, commented out, and uncommenting changes nothing', () => {
    const text = renderDefaultConfig();
    writeFileSync(file, text);
    expect(load().config).toEqual(loadConfig({ argv: [], env: {}, defaultFile: join(dir, 'none') }).config);

    const withDefault = SETTINGS.filter(({ defaultText }) => defaultText !== undefined).map(({ key }) => key);
    writeFileSync(file, text.replace(new RegExp(`^#(${withDefault.join('|')}): `, 'gm'), '$1: '));
    const uncommented = load();
    expect(uncommented.config).toEqual(loadConfig({ argv: [], env: {}, defaultFile: join(dir, 'none') }).config);
    expect(withDefault.map((key) => uncommented.sources[key])).toEqual(withDefault.map(() => 'file'));
    for (const { key } of SETTINGS) expect(text).toContain(`#${key}: `);
    expect(text).not.toContain(hostname());
  });

  it('names every flag in the help', () => {
    const help = renderFlagHelp();
    for (const { flag, description } of SETTINGS) {
      expect(help).toContain(flag);
      expect(help).toContain(description);
    }
  });
});
