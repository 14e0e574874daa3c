import type { z } from 'zod';
import type { ContainerImage } from '../model/images.js';
import type { Draft } from './draft.js';
import type { Guest, GuestReference } from './guest.js';

/** What a command may know beside the state: everything that is not pure comes in here. */
export interface CommandContext {
  /** ISO 8601 with milliseconds. */
  readonly now: string;
  /** Lower-case hex digits from a good source. */
  readonly randomHex: (digits: number) => string;
  /** This host; new instances are placed on it. */
  readonly hostId: string;
  readonly ownerId: string;
  readonly region: string;
  /** Availability zones, by name. */
  readonly zones: readonly string[];
  readonly limits: Limits;
  /** A namespace of somebody else's that the request names; looked up before. @throws {ApiError} what it was found not to be. */
  readonly guest?: (reference: GuestReference) => Guest;
  /** Images that are containers, and whether there is an engine to start them. */
  readonly containers?: { readonly images: readonly ContainerImage[]; readonly hasEngine: boolean };
  /** Range of the public addresses, canonical; its first and last are not given out. */
  readonly publicPool: string;
  /** Why no macvlan interfaces can be on a device of this host; `undefined` when they can. Absent: not known, so not asked. */
  readonly parentFault?: (device: string) => { readonly unsupported: boolean; readonly reason: string } | undefined;
  /** Ids of the images that a launch may name; any well-formed id when left out. */
  readonly imageIds?: readonly string[];
}

export interface Limits {
  readonly rulesPerDirection: number;
  readonly groupsPerInterface: number;
}

/**
 * One API action as a pure function: it reads and writes the draft and returns the result, or throws an `ApiError`
 * and the draft is thrown away. `input` refuses unknown fields; its parsed value is trusted by `run`.
 */
export interface Command<I = any, O = unknown> {
  readonly summary: string;
  readonly input: z.ZodType<I>;
  readonly run: (draft: Draft, input: I, context: CommandContext) => O;
}

/** Keeps the input and output types of a command literal. */
export function command<I, O>(definition: Command<I, O>): Command<I, O> {
  return definition;
}
