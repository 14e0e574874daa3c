/**
 * An immutable map from strings: `set` and `delete` return a new map that shares all but the path to the change,
 * so a change costs about the same in a map of ten and of a hundred thousand. A trie over the key's hash, 32 wide;
 * a leaf holds up to `LEAF_SIZE` entries before it is split.
 */
export class PersistentMap<V> {
  private constructor(
    private readonly root: Node<V>,
    readonly size: number,
  ) {}

  static empty<V>(): PersistentMap<V> {
    return new PersistentMap<V>(new Map<string, V>(), 0);
  }

  /** The map of these entries, of a key that comes twice the last: as if they had been set one by one, at a tenth of the price. */
  static from<V>(entries: Iterable<readonly [key: string, value: V]>): PersistentMap<V> {
    const leaf = new Map(entries);
    return new PersistentMap(leaf.size > LEAF_SIZE ? split(leaf, 0) : leaf, leaf.size);
  }

  get(key: string): V | undefined {
    let node = this.root;
    for (let hash = hashOf(key); Array.isArray(node); hash >>>= WIDTH_BITS) {
      const child: Node<V> | undefined = node[hash & MASK];
      if (child === undefined) return undefined;
      node = child;
    }
    return node.get(key);
  }

  set(key: string, value: V): PersistentMap<V> {
    const size = this.get(key) === undefined ? this.size + 1 : this.size;
    return new PersistentMap(withEntry(this.root, key, value, hashOf(key), 0), size);
  }

  delete(key: string): PersistentMap<V> {
    if (this.get(key) === undefined) return this;
    if (this.size === 1) return PersistentMap.empty();
    return new PersistentMap(withoutEntry(this.root, key, hashOf(key)) ?? new Map<string, V>(), this.size - 1);
  }

  keys(): string[] {
    const found: string[] = [];
    visit(this.root, (leaf) => found.push(...leaf.keys()));
    return found;
  }

  entries(): [string, V][] {
    const found: [string, V][] = [];
    visit(this.root, (leaf) => found.push(...leaf));
    return found;
  }

  values(): V[] {
    const found: V[] = [];
    visit(this.root, (leaf) => found.push(...leaf.values()));
    return found;
  }
}

type Leaf<V> = Map<string, V>;
type Branch<V> = (Node<V> | undefined)[];
type Node<V> = Leaf<V> | Branch<V>;

const WIDTH_BITS = 5;
const MASK = 31;
const LEAF_SIZE = 16;
/** Six times five bits of the hash; deeper than that entries share a leaf. */
const MAX_DEPTH = 6;

/** FNV-1a, 32 bits. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function withEntry<V>(node: Node<V>, key: string, value: V, hash: number, depth: number): Node<V> {
  if (Array.isArray(node)) {
    const slot = hash & MASK;
    const child = node[slot] ?? new Map<string, V>();
    const copy = node.slice();
    copy[slot] = withEntry(child, key, value, hash >>> WIDTH_BITS, depth + 1);
    return copy;
  }
  const leaf = new Map(node).set(key, value);
  return leaf.size > LEAF_SIZE && depth < MAX_DEPTH ? split(leaf, depth) : leaf;
}

/** A leaf with too many entries, spread over a branch at that depth, and those below it. */
function split<V>(leaf: Leaf<V>, depth: number): Branch<V> {
  const slots: (Leaf<V> | undefined)[] = new Array(MASK + 1).fill(undefined);
  for (const [key, value] of leaf) {
    const slot = (hashOf(key) >>> (depth * WIDTH_BITS)) & MASK;
    const child = slots[slot];
    if (child) child.set(key, value);
    else slots[slot] = new Map([[key, value]]);
  }
  return slots.map((child) => (child && child.size > LEAF_SIZE && depth + 1 < MAX_DEPTH ? split(child, depth + 1) : child));
}

/** `undefined` when nothing is left. */
function withoutEntry<V>(node: Node<V>, key: string, hash: number): Node<V> | undefined {
  if (Array.isArray(node)) {
    const slot = hash & MASK;
    const child = node[slot];
    if (child === undefined) return node;
    const copy = node.slice();
    copy[slot] = withoutEntry(child, key, hash >>> WIDTH_BITS);
    return copy.some((left) => left !== undefined) ? copy : undefined;
  }
  const leaf = new Map(node);
  leaf.delete(key);
  return leaf.size > 0 ? leaf : undefined;
}

function visit<V>(node: Node<V>, onLeaf: (leaf: Leaf<V>) => void): void {
  if (!Array.isArray(node)) onLeaf(node);
  else for (const child of node) if (child) visit(child, onLeaf);
}
