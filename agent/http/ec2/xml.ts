import { membersBy, type Shape } from './notation.js';
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

/**
 * Members in the tree's order, those without a value left out; a list without items is an empty element.
 * @throws {Error} a member has a value that the structure does not have
 */
function structureXml(tree: Tree, structure: string): string {
  const members = membersBy('name', structure);
  let text = '';
  for (const name in tree) {
    const value = tree[name];
    if (value === undefined) continue;
    const member = members.get(name);
    if (!member) throw new Error(`an answer has a member ${structure}.${name} that the API does not know`);
    text += `<${member.xml}>${valueXml(value, member.shape)}</${member.xml}>`;
  }
  return text;
}

function valueXml(value: unknown, shape: Shape): string {
  if (shape.kind === 'structure') return structureXml(value as Tree, shape.name);
  if (shape.kind !== 'list') return escapeXml(String(value));
  let text = '';
  for (const item of value as readonly unknown[]) text += `<${shape.itemName}>${valueXml(item, shape.item)}</${shape.itemName}>`;
  return text;
}
