import type { Method } from '../client.js';
import { NOUNS, type NounName } from '../nouns.js';

/** Steps of a plan: one API call each, as data. Ids that do not exist yet are references to what an earlier step creates. */

/** The id of a lab's resource, known only once an earlier step has created it. */
export interface Ref {
  readonly $ref: string;
}
export type Id = string | Ref;

export type Template = null | boolean | number | string | Ref | readonly Template[] | { readonly [key: string]: Template | undefined };

export interface Step {
  readonly verb: 'create' | 'change' | 'delete';
  /** What it is about, as in the lab file: `subnet public`. */
  readonly subject: string;
  /** What is done to it, when that is not all: `rule tcp/80 from anywhere`. */
  readonly detail?: string;
  readonly method: Method;
  /** Parts of the path; ids are encoded. */
  readonly path: readonly (string | Ref)[];
  readonly body?: Template;
  /** Looked up before: the subnet's association with the network ACL that it has then, as a reference for the path. */
  readonly finds?: { readonly key: string; readonly subnetId: Id };
  /** The resource that the answer describes. */
  readonly creates?: { readonly key: string; readonly noun: NounName };
  /** Wait afterwards until the resource is in one of these states, or `inVain` in one of those; gone counts as `terminated`. */
  readonly until?: { readonly path: readonly (string | Ref)[]; readonly states: readonly string[]; readonly inVain?: readonly string[] };
}

/** Key of a resource in references: noun and name. */
export const keyOf = (noun: NounName, name: string): string => `${noun}/${name}`;

export const isRef = (value: unknown): value is Ref => typeof value === 'object' && value !== null && '$ref' in value;

/** Path of one resource as parts of a step's path. */
export function pathTo(noun: NounName, id: Id, ...rest: string[]): (string | Ref)[] {
  return [`${NOUNS[noun].path}/`, id, ...rest.map((part) => `/${part}`)];
}

/** The template with references replaced. Fields that are undefined are left out. @throws {Error} for a reference to nothing. */
export function resolveTemplate(template: Template, ids: ReadonlyMap<string, string>): unknown {
  if (isRef(template)) return resolveId(template, ids);
  if (Array.isArray(template)) return template.map((item) => resolveTemplate(item, ids));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).flatMap(([key, value]) => (value === undefined ? [] : [[key, resolveTemplate(value as Template, ids)]])),
  );
}

export function resolvePath(parts: readonly (string | Ref)[], ids: ReadonlyMap<string, string>): string {
  return parts.map((part) => (isRef(part) ? encodeURIComponent(resolveId(part, ids)) : part)).join('');
}

function resolveId({ $ref }: Ref, ids: ReadonlyMap<string, string>): string {
  const id = ids.get($ref);
  if (id === undefined) throw new Error(`the plan refers to ${$ref} before it is created`);
  return id;
}

export function stepText({ verb, subject, detail }: Step): string {
  return detail === undefined ? `${verb} ${subject}` : `${verb} ${subject}: ${detail}`;
}
