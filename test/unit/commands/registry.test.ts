import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { COMMANDS, type CommandName, isPublicCommand, PUBLIC_COMMANDS, SYSTEM_COMMANDS } from '../../../agent/commands/index.js';
import { World } from './world.js';

describe.each(Object.entries(COMMANDS))('%s', (name, command) => {
  const schema = z.toJSONSchema(command.input, { io: 'input' }) as {
    additionalProperties?: unknown;
    properties?: Record<string, { description?: string }>;
  };

  it('says what it does in a sentence', () => expect(command.summary).toMatch(/^[A-Z].+\.$/));

  it('takes an object without unknown fields', () => {
    expect(schema.additionalProperties).toBe(false);
    const world = new World();
    expect(['UnknownParameter', 'MissingParameter']).toContain(world.refusal(name as CommandName, { surprise: 1 }).code);
  });

  it('describes every field', () => {
    for (const [field, { description }] of Object.entries(schema.properties ?? {})) expect(description, field).toMatch(/\w/);
  });
});

it('what the agent alone may ask for is no public command', () => {
  for (const name of Object.keys(SYSTEM_COMMANDS)) expect(isPublicCommand(name)).toBe(false);
  for (const name of Object.keys(PUBLIC_COMMANDS)) expect(isPublicCommand(name)).toBe(true);
  for (const name of ['constructor', 'toString', '__proto__', '']) expect(isPublicCommand(name)).toBe(false);
});
