import { z } from 'zod';

/** One change that was asked for, or one caller that was not let in. Holds ids and names, never values: no secret can be among them. */
export const AuditEntry = z
  .strictObject({
    time: z.string().describe('When it was decided, ISO 8601.'),
    requestId: z.string(),
    kind: z.enum(['token', 'access-key', 'local', 'unknown']).describe('What the caller is known by.'),
    who: z.string().describe('Name of the token, id of the access key, or user of this machine; empty when not known.'),
    uid: z.number().int().optional().describe('User of the calling program, if it runs on this machine and needs no token.'),
    peer: z.string().describe('Address that the request came from.'),
    request: z.string().describe('Method and path, or the EC2 action.'),
    commands: z.array(z.string()).describe('What was to be done, each once; empty when the caller was not let in.'),
    ids: z.array(z.string()).describe('Resources that were named or made, the first hundred.'),
    outcome: z.enum(['done', 'refused', 'failed']),
    code: z.string().optional().describe('Error code, when it was not done.'),
    count: z.number().int().optional().describe('Failed authentications of this address that this entry stands for, when more than one.'),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.output<typeof AuditEntry>;

const MAX_IDS = 100;
const ID = /^[a-z]+(-[a-z]+)*-[0-9a-f]{17}$/;

/** The ids anywhere in the values, each once, in the order they come. */
export function idsIn(...values: readonly unknown[]): string[] {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (found.size >= MAX_IDS) return;
    if (typeof value === 'string') {
      if (ID.test(value)) found.add(value);
    } else if (Array.isArray(value)) value.forEach(look);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look);
  };
  values.forEach(look);
  return [...found];
}
