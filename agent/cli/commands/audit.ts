import type { Command } from 'commander';
import { z } from 'zod';
import { AuditEntry } from '../../audit/entry.js';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { renderTable } from '../output/table.js';
import { action, type Session, show } from '../session.js';
import { parseFilter } from './describe.js';
import { collect, examples } from './shared.js';

const Page = z.looseObject({ items: z.array(AuditEntry), nextToken: z.string().optional() });
const DEFAULT_LIMIT = 50;
const MOST_PER_PAGE = 1000;

export function auditCommand(program: Command, io: Io): void {
  program
    .command('audit')
    .description('Show who changed what, when, and with which outcome; the newest last')
    .option('-f, --filter <name=value>', 'only entries that match: who, kind, command, resource-id, outcome, code, request-id', collect, [])
    .option('-n, --limit <number>', 'how many, at most', String(DEFAULT_LIMIT))
    .addHelpText(
      'after',
      examples('eni audit', 'eni audit --filter outcome=refused', 'eni audit --filter resource-id=eni-0123456789abcdef0 --json'),
    )
    .action(
      action(io, async (session, _args, { filter, limit }: { filter: string[]; limit: string }) => {
        if (!/^[1-9]\d{0,5}$/.test(limit)) throw new UsageError(`--limit takes a number from 1 to 999999, not '${limit}'`);
        const entries = await newest(session, filter.map(parseFilter), Number(limit));
        show(session, entries, () => entriesText(session, entries));
      }),
    );
}

async function newest({ client }: Session, filters: readonly (readonly [string, string])[], limit: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  let nextToken: string | undefined;
  do {
    const query = new URLSearchParams(filters.map(([name, value]): [string, string] => ['filter', `${name}:${value}`]));
    query.set('maxResults', String(Math.min(MOST_PER_PAGE, Math.max(5, limit - entries.length))));
    if (nextToken !== undefined) query.set('nextToken', nextToken);
    const page = Page.parse(await client.request('GET', `/v1/audit?${query}`));
    entries.push(...page.items);
    nextToken = page.nextToken;
  } while (nextToken !== undefined && entries.length < limit);
  return entries.slice(0, limit).reverse();
}

function entriesText({ paint }: Session, entries: readonly AuditEntry[]): string {
  return renderTable(
    [
      { title: 'TIME', cell: ({ time }) => time },
      { title: 'WHO', cell: ({ who, kind }) => (who === '' ? kind : who) },
      { title: 'FROM', cell: ({ peer }) => peer },
      { title: 'WHAT', cell: ({ commands, request }) => (commands.length === 0 ? request : commands.join(' ')) },
      { title: 'OUTCOME', cell: outcomeText },
      {
        title: 'RESOURCES',
        cell: ({ ids }) => (ids.length <= 3 ? ids.join(' ') : `${ids.slice(0, 3).join(' ')} and ${ids.length - 3} more`),
      },
    ],
    entries,
    paint,
  );
}

const outcomeText = ({ outcome, code, count }: AuditEntry) => ({
  text: `${code ?? outcome}${count === undefined ? '' : ` ×${count}`}`,
  style: outcome === 'done' ? ('green' as const) : ('red' as const),
});
