import { expect, it } from 'vitest';
import { parseStat } from '../../../agent/instances/processes.js';

const fields = 'S 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 2600960 200';

it.each([
  ['an ordinary command', `42 (sh) ${fields}`, { pid: 42, startTime: '987654' }],
  ['a command with brackets and blanks', `42 (a) S 1 2 (b) ${fields}\n`, { pid: 42, startTime: '987654' }],
  ['nothing, as before the init has written it', '', undefined],
  ['a part of a line', '42 (sh) S 1', undefined],
  ['something else', 'no such process', undefined],
  ['the number 0', `0 (sh) ${fields}`, undefined],
])('the start of a process is read from %s', (_name, line, expected) => {
  expect(parseStat(line)).toEqual(expected);
});
