import type { CommandName } from '../../commands/index.js';
import type { CommandCall } from '../../commands/transact.js';
import { apiError, invalidValue } from '../../model/errors.js';
import { type Image, imagesOf } from '../../model/images.js';
import type { Snapshot } from '../../model/snapshot.js';
import type { Tags } from '../../model/tags.js';
import type { HttpDeps } from '../deps.js';
import { type ViewContext, viewContext } from '../rest/view.js';
import type { Tree } from './params.js';

/** What answers are made from: the state as it is now, and what the region is like. */
export interface Region extends ViewContext {
  readonly accountId: string;
  readonly zones: readonly string[];
  /** Those that this host lists. */
  readonly images: readonly Image[];
}

export function regionOf(deps: HttpDeps): Region {
  const { accountId, containerImages } = deps.config;
  return { ...viewContext(deps, deps.snapshot()), accountId, zones: deps.zones, images: imagesOf(containerImages) };
}

export interface ActionRequest {
  readonly input: Tree;
  readonly deps: HttpDeps;
  /** The region with the state as it is at this moment. */
  readonly region: () => Region;
  /** Runs commands as one commit and waits for the kernel; with `DryRun` it checks them and throws `DryRunOperation`. */
  readonly run: (calls: readonly CommandCall[]) => Promise<readonly any[]>;
}

/** One EC2 action: which parameters it heeds, and how it is answered. */
export interface Action {
  /** Parameters that count. Every other that asks for something is refused. */
  readonly heeds: readonly string[];
  /** Parameters that are taken without effect; the docs list them. */
  readonly ignores?: readonly string[];
  readonly answer: (request: ActionRequest) => Promise<Tree> | Tree;
}

export type Actions = Readonly<Record<string, Action>>;

/** An action that is one command. `input` maps the parameters, `answer` the result. */
export function commandAction(definition: {
  readonly heeds: readonly string[];
  readonly ignores?: readonly string[];
  readonly command: CommandName;
  readonly input: (input: Tree, region: Region) => object;
  readonly answer?: (outcome: { readonly result: any; readonly region: Region; readonly input: Tree }) => Tree;
}): Action {
  const { heeds, ignores, command, input: map, answer } = definition;
  return {
    heeds,
    ...(ignores && { ignores }),
    answer: async ({ input, region, run }) => {
      const [result] = await run([{ command, input: map(input, region()) }]);
      return answer?.({ result, region: region(), input }) ?? {};
    },
  };
}

/** @throws {ApiError} UnsupportedOperation for a parameter that asks for something and would have no effect. */
export function refuseUnheeded(tree: Tree, heeded: readonly string[], path = ''): void {
  for (const [name, value] of Object.entries(tree))
    if (!heeded.includes(name) && asksForSomething(value))
      throw apiError('UnsupportedOperation', { reason: `The parameter ${path}${name} is not served here: it would have no effect` });
}

function asksForSomething(value: unknown): boolean {
  if (value === undefined || value === false || value === '') return false;
  if (Array.isArray(value)) return value.some(asksForSomething);
  return typeof value === 'object' && value !== null ? Object.values(value).some(asksForSomething) : true;
}

/** @throws {ApiError} MissingParameter */
export function need<T = any>(input: Tree, name: string): T {
  const value = input[name];
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) throw apiError('MissingParameter', { name });
  return value as T;
}

/** Tags of one type of resource out of `TagSpecification`. @throws {ApiError} InvalidParameterValue for another type. */
export function tagsFor(input: Tree, type: string, others: readonly string[] = []): Tags | undefined {
  let tags: Record<string, string> | undefined;
  for (const specification of (input.TagSpecifications ?? []) as readonly Tree[]) {
    const wanted = need<string>(specification, 'ResourceType');
    if (wanted !== type && !others.includes(wanted))
      throw invalidValue(`'${wanted}' is not a valid taggable resource type for this operation; it is ${[type, ...others].join(', ')}`);
    if (wanted === type) tags = { ...tags, ...tagMap(specification.Tags ?? []) };
  }
  return tags;
}

/** @throws {ApiError} InvalidParameterValue for a key that is given twice. */
export function tagMap(list: readonly Tree[]): Tags {
  const tags = new Map<string, string>();
  for (const { Key = '', Value = '' } of list) {
    if (tags.has(Key)) throw invalidValue(`Tag keys must be unique: '${Key}' is given more than once`);
    tags.set(Key, Value);
  }
  return Object.fromEntries(tags);
}

export function tagList(tags: Tags): Tree[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

export function arn(type: string, id: string, { region, accountId }: Pick<Region, 'region' | 'accountId'>): string {
  return `arn:aws:ec2:${region}:${accountId}:${type}/${id}`;
}

/** A record that must be there after a command. */
export function recordOf<K extends Parameters<Snapshot['get']>[0]>(region: Region, kind: K, id: string) {
  const record = region.snapshot.get(kind, id);
  if (!record) throw apiError('IncorrectState', { reason: `${id} has been deleted by another request meanwhile` });
  return record;
}

export const wholeNumber = (count: number | undefined) => (count === 0 ? undefined : count);
