import { readFile } from 'node:fs/promises';
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { CliError, EXIT } from '../errors.js';
import { type DerivedParts, deriveParts } from './derive.js';
import { checkReferences, type LabIssue } from './references.js';
import { LabFile, type LabInterface } from './schema.js';
import { inlineName } from './targets.js';

/** A lab file that holds together: every name it uses is defined in it. */
export interface Lab extends Omit<LabFile, 'instances' | keyof DerivedParts>, DerivedParts {
  readonly instances: Readonly<Record<string, LabInstance>>;
  /** Lines of `expect`, in order, for messages. */
  readonly expectLines: readonly number[];
}
export interface LabInstance extends Omit<LabFile['instances'][string], 'interfaces'> {
  /** Names of interfaces; the first has the device index `index`. */
  readonly interfaces: readonly string[];
}

/** A faulty lab file; the message has one `file:line:col: message` per fault. */
export class LabFileError extends CliError {
  override readonly name = 'LabFileError';
  constructor(messages: readonly string[]) {
    super('InvalidLabFile', messages.join('\n'), EXIT.usage);
  }
}

/** @throws {LabFileError} */
export async function loadLab(file: string): Promise<Lab> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new LabFileError([`${file}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  return parseLab(file, text);
}

/** @throws {LabFileError} */
export function parseLab(file: string, text: string): Lab {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [firstError] = document.errors;
  if (firstError) throw new LabFileError(document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`));
  const parsed = LabFile.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {}, { reportInput: true });
  const issues = parsed.success ? checkReferences(parsed.data) : parsed.error.issues.flatMap((issue) => labIssues(issue));
  if (!parsed.success || issues.length > 0)
    throw new LabFileError(issues.map(({ path, onKey, message }) => `${at(offsetOf(document, path, onKey))}: ${message}`));
  const expectLines = parsed.data.expect.map((_, i) => lines.linePos(offsetOf(document, ['expect', i], false)).line);
  return { ...withNamedInterfaces(parsed.data), expectLines };
}

type ZodIssue = z.core.$ZodIssue;

function labIssues(issue: ZodIssue, prefix: readonly PropertyKey[] = []): LabIssue[] {
  const path = [...prefix, ...issue.path];
  const where = path.length > 0 ? `${path.join('.')}: ` : '';
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], onKey: true, message: `${where}'${key}' is not known here` }));
  if (issue.code === 'invalid_key')
    return [{ path, onKey: true, message: `'${String(path.at(-1))}' ${issue.issues[0]?.message ?? 'is no name'}` }];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return nearestBranch(issue.errors, path);
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  return [{ path, onKey: missing, message: missing ? `${where}is missing` : `${where}${issue.message}` }];
}

/** Of a union's alternatives, the one that the value came nearest to: not one that wants another type altogether. */
function nearestBranch(branches: readonly (readonly ZodIssue[])[], path: readonly PropertyKey[]): LabIssue[] {
  const wrongType = (branch: readonly ZodIssue[]) => branch.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0);
  const branch = branches.find((candidate) => !wrongType(candidate)) ?? branches[0] ?? [];
  return branch.flatMap((issue) => labIssues(issue, path));
}

/** Where in the text a path is; of the nearest part that exists, when it is not there itself. */
function offsetOf(document: Document, path: readonly PropertyKey[], onKey: boolean): number {
  for (let length = path.length; length > 0; length--) {
    const key = path[length - 1];
    const parent = document.getIn(path.slice(0, length - 1), true) ?? document.contents;
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      const place = (onKey && length === path.length ? pair?.key : (pair?.value ?? pair?.key)) as Node | null | undefined;
      if (place?.range) return place.range[0];
      continue;
    }
    const node = document.getIn(path.slice(0, length), true) as Node | undefined;
    if (node?.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function withNamedInterfaces(file: LabFile): Omit<Lab, 'expectLines'> {
  const interfaces: Record<string, LabInterface> = { ...file.interfaces };
  const instances = Object.fromEntries(
    Object.entries(file.instances).map(([name, instance]) => {
      const names = instance.interfaces.map((entry, place) => {
        if (typeof entry === 'string') return entry;
        const inline = inlineName(name, instance.index + place);
        interfaces[inline] = entry;
        return inline;
      });
      return [name, { ...instance, interfaces: names }];
    }),
  );
  return { ...file, interfaces, instances, ...deriveParts(file, interfaces) };
}
