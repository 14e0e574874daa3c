import type { NftElements } from '../port.js';
import { attribute, nested, text } from './attributes.js';
import { CREATE, elementLists, FAMILY_NUMBER, NFT, nftMessage, transact, valueBytes } from './nft-message.js';
import type { NetlinkSocket } from './socket.js';

/** Elements of nft sets and maps, changed without the tool (linux/netfilter/nf_tables.h): starting that takes ten times as long as the change. */

const LIST = { table: 1, set: 2, elements: 3, element: 1 } as const;
const ELEMENT = { key: 1, data: 2 } as const;
const DATA_VALUE = 1;

type ElementSet = NftElements['sets'][string];

/** Whether one content can become the other by changes of elements alone. */
export function differInElements(from: NftElements | undefined, to: NftElements | undefined): from is NftElements {
  return from !== undefined && from.frame === to?.frame && changedSets(from, to).every(({ set }) => set.type !== 'ranges');
}

/** Afterwards the table has the content `to` instead of `from`, by one transaction. @throws {KernelError} when it had another; then it still has. */
export function changeElements(socket: NetlinkSocket, from: NftElements, to: NftElements): void {
  const changed = changedSets(from, to);
  const all = (type: number, flags: number, of: 'removed' | 'added') =>
    changed.flatMap(({ name, set, [of]: entries }) =>
      elementLists(entries).map((chunk) => elementsMessage(type, flags, to, name, set, chunk)),
    );
  transact(socket, [...all(NFT.deleteElements, 0, 'removed'), ...all(NFT.newElements, CREATE, 'added')]);
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
    const data = value === undefined || type === NFT.deleteElements ? [] : [element(ELEMENT.data, valueBytes(set.data ?? '', value))];
    return nested(LIST.element, element(ELEMENT.key, valueBytes(set.type, key)), ...data);
  });
  return nftMessage(type, FAMILY_NUMBER[family], flags, text(LIST.table, table), text(LIST.set, name), nested(LIST.elements, ...elements));
}

const element = (type: number, bytes: Buffer): Buffer => nested(type, attribute(DATA_VALUE, bytes));
