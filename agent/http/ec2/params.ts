import { apiError, invalidValue } from '../../model/errors.js';
import { membersBy, type Shape } from './notation.js';

/** A request or an answer: members by their names in the API's model, lists as arrays, times and base64 as text. */
export type Tree = { readonly [name: string]: any };

/** Parameters of one request. */
const MAX_PARAMETERS = 10_000;
/** `Filter.1.Value.1` has four parts; the deepest that the API knows is about eight. */
const MAX_DEPTH = 12;

/** Parameters of the protocol itself, beside those of the action. */
const PROTOCOL = new Set([
  'Action',
  'Version',
  'AWSAccessKeyId',
  'Signature',
  'SignatureMethod',
  'SignatureVersion',
  'Timestamp',
  'Expires',
]);

/**
 * Names and values of a form body or a query string.
 * @throws {ApiError} MalformedQueryString, InvalidParameterCombination for a name that is given twice
 */
export function parseForm(text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodePart(equals < 0 ? pair : pair.slice(0, equals));
    if (parameters.has(name))
      throw apiError('InvalidParameterCombination', { reason: `The parameter '${brief(name)}' is given more than once` });
    parameters.set(name, equals < 0 ? '' : decodePart(pair.slice(equals + 1)));
    if (parameters.size > MAX_PARAMETERS)
      throw apiError('MalformedQueryString', { reason: `A request can have ${MAX_PARAMETERS} parameters; this one has more` });
  }
  return parameters;
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw apiError('MalformedQueryString', { reason: `'${brief(text)}' is not URL-encoded UTF-8` });
  }
}

interface Node {
  value?: string;
  readonly children: Map<string, Node>;
}

/**
 * The request's parameters as its action's structure says: `Filter.1.Value.2` becomes the second value of the first filter.
 * @throws {ApiError} UnknownParameter, InvalidParameterValue, MalformedQueryString
 */
export function decodeParameters(parameters: ReadonlyMap<string, string>, structure: string): Tree {
  const root: Node = { children: new Map() };
  for (const [name, value] of parameters) {
    if (PROTOCOL.has(name) || name.startsWith('X-Amz-')) continue;
    const path = name.split('.');
    if (path.length > MAX_DEPTH) throw apiError('UnknownParameter', { name: brief(name) });
    let node = root;
    for (const part of path) {
      const next = node.children.get(part) ?? { children: new Map() };
      node.children.set(part, next);
      node = next;
    }
    node.value = value;
  }
  return structure === '' ? noMembers(root) : decodeStructure(root, structure, '');
}

function noMembers(root: Node): Tree {
  const [name] = root.children.keys();
  if (name !== undefined) throw apiError('UnknownParameter', { name: brief(name) });
  return {};
}

function decodeStructure(node: Node, structure: string, path: string): Tree {
  if (node.value !== undefined && node.value !== '')
    throw invalidValue(`The parameter ${brief(path)} takes no value itself; its parts are given as ${brief(path)}.NAME`);
  const members = membersBy('query', structure);
  const tree: Record<string, unknown> = {};
  for (const [name, child] of node.children) {
    const member = members.get(name);
    const place = path === '' ? name : `${path}.${name}`;
    if (!member) throw apiError('UnknownParameter', { name: brief(place) });
    const value = decodeValue(child, member.shape, place);
    // Clients send empty texts for what their callers left out; only a tag's value may be empty.
    if (value !== '' || structure === 'Tag') tree[member.name] = value;
  }
  return tree;
}

function decodeValue(node: Node, shape: Shape, path: string): unknown {
  if (shape.kind === 'structure') return decodeStructure(node, shape.name, path);
  if (shape.kind === 'list') return decodeList(node, shape.item, path);
  const [inner] = node.children.keys();
  if (inner !== undefined) throw apiError('UnknownParameter', { name: brief(`${path}.${inner}`) });
  const text = node.value ?? '';
  if (shape.kind === 'number') return number(text, path);
  if (shape.kind === 'boolean') return boolean(text, path);
  return text;
}

function decodeList(node: Node, item: Shape, path: string): unknown[] {
  if (node.value !== undefined && node.value !== '')
    throw invalidValue(`The parameter ${brief(path)} is a list: its items are given as ${brief(path)}.1, ${brief(path)}.2 and so on`);
  const entries = [...node.children].map(([name, child]) => {
    if (!/^[1-9]\d{0,4}$/.test(name))
      throw invalidValue(`The parameter ${brief(`${path}.${name}`)} has no valid index: items count from 1`);
    return { index: Number(name), child };
  });
  entries.sort((a, b) => a.index - b.index);
  return entries.map(({ index, child }, i) => {
    if (index !== i + 1) throw invalidValue(`The list ${brief(path)} has an item ${index} but no item ${i + 1}`);
    return decodeValue(child, item, `${path}.${index}`);
  });
}

function number(text: string, path: string): number {
  if (/^-?\d{1,15}(\.\d{1,9})?$/.test(text)) return Number(text);
  throw invalidValue(`Value (${brief(text)}) for parameter ${brief(path)} is invalid: must be a number`);
}

function boolean(text: string, path: string): boolean {
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  throw invalidValue(`Value (${brief(text)}) for parameter ${brief(path)} is invalid: must be true or false`);
}

/** A text of the caller's as a message may repeat it. */
export function brief(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
