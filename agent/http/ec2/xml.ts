import { membersOf, type Shape } from './notation.js';
import type { Tree } from './params.js';
import { OPERATIONS } from './shapes.js';
import { escapeXml, HEAD } from './xml-text.js';

export const NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';

/** The answer to an action. One without a structure says that it succeeded. */
export function answerXml(action: string, tree: Tree, requestId: string): string {
  const [, structure = ''] = OPERATIONS[action] ?? [];
  const body = structure === '' ? '<return>true</return>' : structureXml(tree, structure);
  return `${HEAD}<${action}Response xmlns="${NAMESPACE}"><requestId>${escapeXml(requestId)}</requestId>${body}</${action}Response>`;
}

/** Members without a value are left out; a list without items is an empty element. */
function structureXml(tree: Tree, structure: string): string {
  let text = '';
  let left = Object.keys(tree).length;
  for (const { name, xml, shape } of membersOf(structure)) {
    const value = tree[name];
    if (value !== undefined) text += `<${xml}>${valueXml(value, shape)}</${xml}>`;
    if (Object.hasOwn(tree, name)) left--;
  }
  if (left > 0) refuseUnknown(tree, structure);
  return text;
}

function refuseUnknown(tree: Tree, structure: string): void {
  const known = new Set(membersOf(structure).map(({ name }) => name));
  const unknown = Object.keys(tree).find((name) => tree[name] !== undefined && !known.has(name));
  if (unknown !== undefined) throw new Error(`an answer has a member ${structure}.${unknown} that the API does not know`);
}

function valueXml(value: unknown, shape: Shape): string {
  if (shape.kind === 'structure') return structureXml(value as Tree, shape.name);
  if (shape.kind !== 'list') return escapeXml(String(value));
  let text = '';
  for (const item of value as readonly unknown[]) text += `<${shape.itemName}>${valueXml(item, shape.item)}</${shape.itemName}>`;
  return text;
}
