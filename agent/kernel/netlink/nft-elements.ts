import type { NftElements } from '../port.js';
import { addressBytes, align4, attribute, macBytes, nested, text } from './attributes.js';
import { FLAG, message, type NetlinkSocket } from './socket.js';

/** Elements of nft sets and maps, changed without the tool (linux/netfilter/nf_tables.h): starting that takes ten times as long as the change. */

const SUBSYSTEM = 10;
const MESSAGE = { begin: 0x10, end: 0x11, newElements: (SUBSYSTEM << 8) | 12, deleteElements: (SUBSYSTEM << 8) | 14 } as const;
const FAMILY = { inet: 1, netdev: 5 } as const;
const LIST = { table: 1, set: 2, elements: 3, element: 1 } as const;
const ELEMENT = { key: 1, data: 2 } as const;
const DATA_VALUE = 1;
const DEVICE_NAME_BYTES = 16;
/** A list's length has 16 bits. */
const ELEMENTS_AT_ONCE = 512;

type ElementSet = NftElements['sets'][string];

/** Whether one content can become the other by changes of elements alone. */
export function differInElements(from: NftElements | undefined, to: NftElements | undefined): from is NftElements {
  return from !== undefined && from.frame === to?.frame && changedSets(from, to).every(({ set }) => set.type !== 'ranges');
}

/** Afterwards the table has the content `to` instead of `from`, by one transaction. @throws {KernelError} when it had another; then it still has. */
export function changeElements(socket: NetlinkSocket, from: NftElements, to: NftElements): void {
  const changed = changedSets(from, to);
  const all = (type: number, flags: number, of: 'removed' | 'added') =>
    changed.flatMap(({ name, set, [of]: entries }) => chunks(entries).map((chunk) => elementsMessage(type, flags, to, name, set, chunk)));
  const messages = [...all(MESSAGE.deleteElements, 0, 'removed'), ...all(MESSAGE.newElements, FLAG.create, 'added')];
  if (messages.length > 0) socket.transaction(message(MESSAGE.begin, 0, header(0)), messages, message(MESSAGE.end, 0, header(0)));
}

function changedSets(from: NftElements, to: NftElements) {
  return Object.entries(to.sets).flatMap(([name, set]) => {
    const before = new Set(from.sets[name]?.entries);
    const after = new Set(set.entries);
    const removed = [...before].filter((entry) => !after.has(entry));
    const added = [...after].filter((entry) => !before.has(entry));
    return removed.length + added.length === 0 ? [] : [{ name, set, removed, added }];
  });
}

function elementsMessage(
  type: number,
  flags: number,
  { family, table }: NftElements,
  name: string,
  set: ElementSet,
  entries: readonly string[],
): Buffer {
  const elements = entries.map((entry) => {
    const [key = '', value] = entry.split(' : ');
    const data = value === undefined || type === MESSAGE.deleteElements ? [] : [element(ELEMENT.data, valueBytes(set.data ?? '', value))];
    return nested(LIST.element, element(ELEMENT.key, valueBytes(set.type, key)), ...data);
  });
  return message(type, flags, header(FAMILY[family]), text(LIST.table, table), text(LIST.set, name), nested(LIST.elements, ...elements));
}

/** struct nfgenmsg */
const header = (family: number): Buffer => Buffer.from([family, 0, 0, SUBSYSTEM]);
const element = (type: number, bytes: Buffer): Buffer => nested(type, attribute(DATA_VALUE, bytes));

const BYTES: Readonly<Record<string, (value: string) => Buffer>> = {
  ipv4_addr: addressBytes,
  ipv6_addr: addressBytes,
  ether_addr: macBytes,
  ifname: (name) => padded(Buffer.from(name), DEVICE_NAME_BYTES),
};

/** A value of a type, or of several that are joined: each of these takes whole words. */
function valueBytes(type: string, value: string): Buffer {
  const parts = value.split(' . ');
  const bytes = type.split(' . ').map((each, place) => {
    const encode = BYTES[each];
    if (!encode) throw new TypeError(`no elements of type ${each}`);
    return encode(parts[place] ?? '');
  });
  return bytes.length === 1 && bytes[0] ? bytes[0] : Buffer.concat(bytes.map((each) => padded(each, align4(each.length))));
}

const padded = (bytes: Buffer, length: number): Buffer => Buffer.concat([bytes], length);

function chunks(entries: readonly string[]): string[][] {
  const result: string[][] = [];
  for (let at = 0; at < entries.length; at += ELEMENTS_AT_ONCE) result.push(entries.slice(at, at + ELEMENTS_AT_ONCE));
  return result;
}
