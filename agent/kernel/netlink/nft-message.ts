import { addressBytes, align4, attribute, macBytes, nested, text } from './attributes.js';
import { FLAG, message, type NetlinkSocket } from './socket.js';

/** What requests about nft tables have in common (linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h). */

const SUBSYSTEM = 10;
const of = (command: number): number => (SUBSYSTEM << 8) | command;
export const NFT = {
  newTable: of(0),
  getTable: of(1),
  deleteTable: of(2),
  newChain: of(3),
  getChain: of(4),
  getRule: of(7),
  deleteRule: of(8),
  newSet: of(9),
  getSet: of(10),
  deleteSet: of(11),
  newElements: of(12),
  getElements: of(13),
  deleteElements: of(14),
  getGeneration: of(16),
} as const;
const BATCH = { begin: 0x10, end: 0x11 } as const;

export type NftFamily = 'ip' | 'ip6' | 'inet' | 'netdev';
export const FAMILY_NUMBER: Readonly<Record<NftFamily, number>> = { inet: 1, ip: 2, netdev: 5, ip6: 10 };
export const FAMILY_UNSPECIFIED = 0;
/** Of struct nfgenmsg, before the attributes. */
export const HEADER_BYTES = 4;

/** struct nfgenmsg */
export const header = (family: number): Buffer => Buffer.from([family, 0, 0, 0]);

export function nftMessage(type: number, family: number, flags: number, ...attributes: readonly Buffer[]): Buffer {
  return message(type, flags, header(family), ...attributes);
}
export const CREATE = FLAG.create;

/** Carries all out, or none. @throws {KernelError} what the kernel answered. */
export function transact(socket: NetlinkSocket, messages: readonly Buffer[]): void {
  if (messages.length === 0) return;
  const frame = (type: number) => message(type, 0, Buffer.from([0, 0, 0, SUBSYSTEM]));
  socket.transaction(frame(BATCH.begin), messages, frame(BATCH.end));
}

/** A list's length has 16 bits. */
const ELEMENTS_AT_ONCE = 512;

/** Elements as the lists of as many messages as they take. */
export function elementLists(elements: readonly Element[]): Element[][] {
  const result: Element[][] = [];
  for (let at = 0; at < elements.length; at += ELEMENTS_AT_ONCE) result.push(elements.slice(at, at + ELEMENTS_AT_ONCE));
  return result;
}

export const LIST = { table: 1, set: 2, elements: 3, element: 1 } as const;
export const ELEMENT = { key: 1, data: 2, expression: 7, expressions: 11 } as const;
export const DATA_VALUE = 1;

/** Of a set; with data, of a map. */
export interface Element {
  readonly key: Buffer;
  readonly data?: Buffer;
}

/** `type`: adds the elements of a list, or deletes what has their keys, whatever their data. */
export function elementsMessage(type: number, family: number, table: string, set: string, elements: readonly Element[]): Buffer {
  const adds = type === NFT.newElements;
  const value = (of: number, bytes: Buffer) => nested(of, attribute(DATA_VALUE, bytes));
  const list = elements.map(({ key, data }) =>
    nested(LIST.element, value(ELEMENT.key, key), ...(adds && data !== undefined ? [value(ELEMENT.data, data)] : [])),
  );
  return nftMessage(type, family, adds ? CREATE : 0, text(LIST.table, table), text(LIST.set, set), nested(LIST.elements, ...list));
}

const DEVICE_NAME_BYTES = 16;
const BYTES: Readonly<Record<string, (value: string) => Buffer>> = {
  ipv4_addr: addressBytes,
  ipv6_addr: addressBytes,
  ether_addr: macBytes,
  ifname: (name) => padded(Buffer.from(name), DEVICE_NAME_BYTES),
};

/** A value of a type in nft's words, or of several that are joined (`a . b`): each of these takes whole words. */
export function valueBytes(type: string, value: string): Buffer {
  const parts = value.split(' . ');
  const bytes = type.split(' . ').map((each, place) => {
    const encode = BYTES[each];
    if (!encode) throw new TypeError(`no elements of type ${each}`);
    return encode(parts[place] ?? '');
  });
  return bytes.length === 1 && bytes[0] ? bytes[0] : Buffer.concat(bytes.map((each) => padded(each, align4(each.length))));
}

const padded = (bytes: Buffer, length: number): Buffer => Buffer.concat([bytes], length);
