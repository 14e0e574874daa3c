/** The metadata tree as data. A leaf is a text, or bytes where they are the user's; a branch lists its names. Pure. */
export type Node = string | Buffer | Branch;

export interface Branch {
  readonly children: ReadonlyMap<string, Node>;
  /** The outermost levels list branches and leaves alike; further in a branch's name ends in a slash. */
  readonly marksBranches: boolean;
  /** How children are listed whose name alone does not say what they are. */
  readonly labels?: ReadonlyMap<string, string>;
}

/** Children that are `undefined` are not there; names sorted, as the cloud lists them. */
export function branch(children: Readonly<Record<string, Node | undefined>> | ReadonlyMap<string, Node>): Branch {
  const entries = children instanceof Map ? [...children] : Object.entries(children);
  const present = entries.filter((entry): entry is [string, Node] => entry[1] !== undefined);
  return { children: new Map(present.sort(([a], [b]) => (a < b ? -1 : 1))), marksBranches: true };
}

export function outerBranch(children: Readonly<Record<string, Node | undefined>>): Branch {
  const entries = Object.entries(children).filter((entry): entry is [string, Node] => entry[1] !== undefined);
  return { children: new Map(entries), marksBranches: false };
}

/** What is at a path of names; `undefined`: nothing. */
export function find(root: Node, names: readonly string[]): Node | undefined {
  let node: Node | undefined = root;
  for (const name of names) {
    if (node === undefined || isLeaf(node)) return undefined;
    node = node.children.get(name);
  }
  return node;
}

export function isLeaf(node: Node): node is string | Buffer {
  return typeof node === 'string' || Buffer.isBuffer(node);
}

/** One name a line, no newline at the end. */
export function listing({ children, marksBranches, labels }: Branch): string {
  return [...children].map(([name, node]) => labels?.get(name) ?? (marksBranches && !isLeaf(node) ? `${name}/` : name)).join('\n');
}
