import type { NftElements } from '../port.js';
import { type Element, elementLists, elementsMessage, FAMILY_NUMBER, NFT, transact, valueBytes } from './nft-message.js';
import type { NetlinkSocket } from './socket.js';

/** Elements of nft sets and maps, changed without the tool (linux/netfilter/nf_tables.h): starting that takes ten times as long as the change. */

type ElementSet = NftElements['sets'][string];

/** Whether one content can become the other by changes of elements alone. */
export function differInElements(from: NftElements | undefined, to: NftElements | undefined): from is NftElements {
  return from !== undefined && from.frame === to?.frame && changedSets(from, to).every(({ set }) => set.type !== 'ranges');
}

/** Afterwards the table has the content `to` instead of `from`, by one transaction. @throws {KernelError} when it had another; then it still has. */
export function changeElements(socket: NetlinkSocket, from: NftElements, to: NftElements): void {
  const changed = changedSets(from, to);
  const all = (type: number, of: 'removed' | 'added') =>
    changed.flatMap(({ name, set, [of]: entries }) =>
      elementLists(entries.map((entry) => elementOf(set, entry))).map((list) =>
        elementsMessage(type, FAMILY_NUMBER[to.family], to.table, name, list),
      ),
    );
  transact(socket, [...all(NFT.deleteElements, 'removed'), ...all(NFT.newElements, 'added')]);
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

/** An entry `key : value` of a map, or `key` of a set. */
function elementOf(set: ElementSet, entry: string): Element {
  const [key = '', value] = entry.split(' : ');
  return { key: valueBytes(set.type, key), ...(value !== undefined && { data: valueBytes(set.data ?? '', value) }) };
}
