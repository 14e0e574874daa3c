import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readSecretFile } from '../lib/secret-file.js';
import { Client, type Resource } from './client.js';
import { CliError, UsageError } from './errors.js';
import { fetchTrusting } from './fetch-trusting.js';
import { DEFAULT_ENDPOINT, type Io } from './io.js';
import { NOUNS, type NounName, nounOfId, resourcePath } from './nouns.js';
import { type Paint, painter } from './output/text.js';

/** What one run of a command works with. */
export interface Session {
  readonly io: Io;
  readonly client: Client;
  readonly json: boolean;
  readonly paint: Paint;
}

export type Options = Readonly<Record<string, unknown>>;

/** Puts the global options of a command line and the environment together. */
export function openSession(io: Io, options: Options): Session {
  const endpoint = text(options.endpoint) ?? io.environment.endpoint ?? DEFAULT_ENDPOINT;
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint))
    throw new UsageError(`--endpoint must be a URL like ${DEFAULT_ENDPOINT}, not '${endpoint}'`);
  const token = tokenOf(io, options);
  const ca = text(options.ca) ?? io.environment.ca;
  const fetch = ca === undefined ? io.fetch : fetchTrusting(readFile(ca, readFileSync));
  const client = new Client({ endpoint, fetch, signal: io.signal, ...(token !== undefined && { token }) });
  return { io, client, json: options.json === true, paint: painter(io.color) };
}

/** The more particular wins: an option over the environment, there the token itself over its file. */
function tokenOf(io: Io, options: Options): string | undefined {
  const file = text(options.tokenFile);
  const given = text(options.token) ?? (file === undefined ? io.environment.token : undefined);
  const from = file ?? io.environment.tokenFile;
  if (given !== undefined || from === undefined) return given;
  const token = readFile(from, readSecretFile).trim();
  if (token === '' || /\s/.test(token)) throw new UsageError(`${from} must hold one token and nothing else`);
  return token;
}

function readFile(path: string, read: (path: string) => string | Buffer): string {
  try {
    return String(read(path));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Makes a commander action: opens the session, hands over arguments and options by name. */
export function action(io: Io, run: (session: Session, args: readonly any[], options: any) => Promise<void> | void) {
  return async (...parameters: unknown[]): Promise<void> => {
    const command = parameters.at(-1) as Command;
    await run(openSession(io, command.optsWithGlobals()), parameters.slice(0, -2), command.opts());
  };
}

/** Prints resources as they came with `--json`, otherwise the text for people. */
export function show(session: Session, value: unknown, human: () => string): void {
  session.io.out(session.json ? `${JSON.stringify(value, null, 2)}\n` : human());
}

/** The tags that may name a resource on the command line, in order. */
export const NAME_TAGS = ['enid:name', 'Name'] as const;

/**
 * The id of a resource given by id or by name: a name is the value of the tag `enid:name` (labs) or `Name`, or a group's or
 * list's own name, or an elastic address itself. @throws {CliError} NotFound or Ambiguous.
 */
export async function resolveId(session: Session, noun: NounName, idOrName: string): Promise<string> {
  if (nounOfId(idOrName) !== undefined) return idOrName;
  const { path, idField } = NOUNS[noun];
  const matches = (await session.client.list(path)).filter((resource) => isLive(resource) && namesOf(resource).includes(idOrName));
  const ids = matches.map((resource) => String(resource[idField]));
  const [id, ...others] = ids;
  if (id === undefined) throw new CliError('NotFound', `no ${noun} is named '${idOrName}'; see eni describe`);
  if (others.length > 0) throw new CliError('Ambiguous', `'${idOrName}' names ${ids.length} of them (${ids.join(', ')}): give the id`);
  return id;
}

/** The resource given by id or by name. */
export async function fetchResource(session: Session, noun: NounName, idOrName: string): Promise<Resource> {
  return session.client.resource('GET', resourcePath(noun, await resolveId(session, noun, idOrName)));
}

/** States that nothing comes back from: such a resource is only listed, and does not hold its name. */
const ENDED: ReadonlySet<unknown> = new Set(['terminated', 'deleting', 'deleted', 'rejected']);
const isLive = (resource: Resource): boolean => !ENDED.has(resource.state) && !ENDED.has(resource.status);

function namesOf(resource: Resource): unknown[] {
  const tags = resource.tags;
  const tagged = tags !== null && typeof tags === 'object' && !Array.isArray(tags) ? NAME_TAGS.map((key) => tags[key]) : [];
  return [...tagged, resource.groupName, resource.name, resource.keyName, resource.publicIp];
}
