import { STRUCTURES } from './shapes.js';

/**
 * Reads the notation of `shapes.ts`. A structure is its members with spaces between; a member is
 * `Name[/name in queries][@name in XML][:type]`, where a missing query name is `Name`, a missing XML name `name`, and a missing type text.
 * Types: `s` text, `n` number, `b` boolean, `t` time, `x` base64, `{Structure}`, `[type]` or `[type|XML name of an item]` a list.
 */
export type Shape =
  | { readonly kind: 'text' | 'number' | 'boolean' | 'time' | 'base64' }
  | { readonly kind: 'list'; readonly item: Shape; readonly itemName: string }
  | { readonly kind: 'structure'; readonly name: string };

export interface Member {
  readonly name: string;
  readonly query: string;
  readonly xml: string;
  readonly shape: Shape;
}

const SCALARS: Readonly<Record<string, Shape>> = {
  s: { kind: 'text' },
  n: { kind: 'number' },
  b: { kind: 'boolean' },
  t: { kind: 'time' },
  x: { kind: 'base64' },
};

const known = new Map<string, readonly Member[]>();

/** Members of a structure of `shapes.ts`. */
export function membersOf(structure: string): readonly Member[] {
  const members = known.get(structure) ?? parseMembers(structure);
  known.set(structure, members);
  return members;
}

type Members = ReadonlyMap<string, Member>;
const knownBy = { name: new Map<string, Members>(), query: new Map<string, Members>() };

/** The same by their names in answers, or in queries. */
export function membersBy(key: keyof typeof knownBy, structure: string): Members {
  const members = knownBy[key].get(structure) ?? new Map(membersOf(structure).map((member) => [member[key], member]));
  knownBy[key].set(structure, members);
  return members;
}

function parseMembers(structure: string): Member[] {
  const text = STRUCTURES[structure];
  if (text === undefined) throw new Error(`shapes.ts has no structure ${structure}`);
  return text === '' ? [] : text.split(' ').map(parseMember);
}

function parseMember(text: string): Member {
  const [, name = '', query = name, xml = name.charAt(0).toLowerCase() + name.slice(1), type = 's'] =
    /^(\w+)(?:\/(\w+))?(?:@(\w+))?(?::(.+))?$/.exec(text) ?? [];
  return { name, query, xml, shape: parseShape(type) };
}

function parseShape(text: string): Shape {
  const [, structure] = /^\{(\w+)\}$/.exec(text) ?? [];
  if (structure !== undefined) return { kind: 'structure', name: structure };
  const [, item, itemName = 'item'] = /^\[(.+?)(?:\|(\w+))?\]$/.exec(text) ?? [];
  if (item !== undefined) return { kind: 'list', item: parseShape(item), itemName };
  const scalar = SCALARS[text];
  if (!scalar) throw new Error(`shapes.ts: ${text} is no type`);
  return scalar;
}
