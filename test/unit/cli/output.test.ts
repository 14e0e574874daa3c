import { describe, expect, it } from 'vitest';
import { renderFields, renderTable } from '../../../agent/cli/output/table.js';
import { displayWidth, painter, printable } from '../../../agent/cli/output/text.js';
import { ago, bytes, milliseconds } from '../../../agent/cli/output/units.js';

const plain = painter(false);

describe('displayWidth', () => {
  it.each([
    ['web', 3],
    ['数据库', 6],
    ['café', 4],
    ['cafe\u0301', 4],
    ['👩‍💻', 2],
    ['✓', 1],
    ['→', 1],
    ['Ｆｕｌｌ', 8],
    ['', 0],
  ])('%s: %i', (text, width) => expect(displayWidth(text)).toBe(width));
});

describe('renderTable', () => {
  const columns = [
    { title: 'NAME', cell: (row: string[]) => row[0] },
    { title: 'COUNT', cell: (row: string[]) => row[1], align: 'right' as const },
    { title: 'NOTE', cell: (row: string[]) => row[2] },
  ];

  it('aligns columns, wide characters included', () => {
    const rows = [
      ['数据库', '5', 'x'],
      ['web', '12', 'y'],
    ];
    expect(renderTable(columns, rows, plain)).toBe('NAME    COUNT  NOTE\n数据库      5  x\nweb        12  y\n');
  });

  it('leaves out a column without values, and trailing space', () => {
    expect(renderTable(columns, [['web', '1', '']], plain)).toBe('NAME  COUNT\nweb       1\n');
  });

  it('colour does not move columns, and its codes end where they began', () => {
    const colored = [
      { title: 'STATE', cell: () => ({ text: '$&', style: 'green' as const }) },
      { title: 'B', cell: () => 'b' },
    ];
    expect(renderTable(colored, [1], painter(true))).toBe('\u001b[1mSTATE  B\u001b[22m\n\u001b[32m$&\u001b[39m     b\n');
  });

  it('text cannot command the terminal', () => {
    expect(renderTable([{ title: 'N', cell: () => 'a\u001b[2Jb\nc' }], [1], plain)).toBe('N\na\\u001b[2Jb\\nc\n');
    expect(printable('\u202egnp.exe')).toBe('\\u202egnp.exe');
  });
});

it('renderFields puts values below one another and leaves out what is empty', () => {
  expect(
    renderFields(
      [
        ['os', 'linux'],
        ['kernel', undefined],
        ['memory', 4],
      ],
      plain,
    ),
  ).toBe('os      linux\nmemory  4\n');
});

describe('units', () => {
  const now = Date.parse('2026-01-02T00:00:00.000Z');
  it.each([
    ['2026-01-01T23:59:59.500Z', 'just now'],
    ['2026-01-01T23:59:18.000Z', '42 s ago'],
    ['2026-01-01T23:57:00.000Z', '3 min ago'],
    ['2026-01-01T19:00:00.000Z', '5 h ago'],
    ['2025-12-21T00:00:00.000Z', '12 d ago'],
    ['never', 'never'],
  ])('ago: %s is %s', (iso, text) => expect(ago(iso, now)).toBe(text));
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1434, '1.4 KiB'],
    [230_686_720, '220 MiB'],
  ])('bytes: %i is %s', (count, text) => expect(bytes(count)).toBe(text));
  it.each([
    [12.4, '12 ms'],
    [1234, '1.2 s'],
  ])('milliseconds: %d is %s', (ms, text) => expect(milliseconds(ms)).toBe(text));
});
