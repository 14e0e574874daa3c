import { describe, expect, it } from 'vitest';
import type { CommandName } from '../../../agent/commands/index.js';
import type { ErrorCode } from '../../../agent/model/errors.js';
import { type City, city } from './world.js';

/** What is wrong, the command, its input in the city, the code. That nothing changes is checked for every row. */
export type Row = readonly [name: string, command: CommandName, input: (c: City) => object, code: ErrorCode, says?: RegExp];

export function testRefusals(tables: Readonly<Record<string, readonly Row[]>>): void {
  for (const [title, rows] of Object.entries(tables))
    describe(`refused: ${title}`, () => {
      for (const [name, command, input, code, says] of rows)
        it(`${name}: ${command}`, () => {
          const c = city();
          c.world.refuse(command, input(c), code, says);
        });
    });

  it('every refusal is a sentence under status 400', () => {
    for (const [, command, input] of Object.values(tables).flat()) {
      const c = city();
      const { status, message } = c.world.refusal(command, input(c));
      expect(status).toBe(400);
      expect(message).toMatch(/^.{10,600}$/s);
      expect(message).not.toContain('undefined');
    }
  });
}
