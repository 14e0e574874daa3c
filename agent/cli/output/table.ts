import { displayWidth, type Paint, padEnd, printable, type Style } from './text.js';

/** A cell: its text, and how it looks in colour. */
export type Cell = string | { readonly text: string; readonly style: Style };

export interface Column<R> {
  readonly title: string;
  readonly cell: (row: R) => Cell | number | undefined;
  readonly align?: 'left' | 'right';
}

/** Rows below titles, two spaces between columns; a column without any value is left out. Ends with a line break. */
export function renderTable<R>(columns: readonly Column<R>[], rows: readonly R[], paint: Paint): string {
  const shown = columns
    .map((column) => {
      const cells = rows.map((row) => toCell(column.cell(row)));
      const width = Math.max(displayWidth(column.title), ...cells.map((cell) => displayWidth(cell.text)));
      return { ...column, cells, width };
    })
    .filter((column) => rows.length === 0 || column.cells.some((cell) => cell.text !== ''));
  const line = (texts: readonly string[]) => texts.join('  ').trimEnd();
  const header = line(shown.map((c) => place(c.title, c.width, c.align)));
  const body = rows.map((_row, i) =>
    line(
      shown.map((c) => {
        const cell: { text: string; style?: Style } = c.cells[i] ?? { text: '' };
        const { text, style } = cell;
        const padded = place(text, c.width, c.align);
        return style ? padded.replace(text, () => paint(style, text)) : padded;
      }),
    ),
  );
  return [paint('bold', header), ...body].map((text) => `${text}\n`).join('');
}

function toCell(value: Cell | number | undefined): { text: string; style?: Style } {
  if (value === undefined) return { text: '' };
  if (typeof value === 'object') return { text: printable(value.text), style: value.style };
  return { text: printable(String(value)) };
}

function place(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  return align === 'left' ? padEnd(text, width) : ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** Name and value below one another, for a single thing. */
export function renderFields(fields: readonly (readonly [name: string, value: Cell | number | undefined])[], paint: Paint): string {
  const present = fields.flatMap(([name, value]) => {
    const cell = toCell(value);
    return cell.text === '' ? [] : [{ name, cell }];
  });
  const width = Math.max(0, ...present.map(({ name }) => displayWidth(name)));
  return present
    .map(({ name, cell }) => `${paint('dim', padEnd(name, width))}  ${cell.style ? paint(cell.style, cell.text) : cell.text}\n`)
    .join('');
}
