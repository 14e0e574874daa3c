import type { Command } from 'commander';
import type { Resource } from '../client.js';
import { UsageError } from '../errors.js';
import type { Io } from '../io.js';
import { NOUNS, type NounName, nounOfId, resourcePath } from '../nouns.js';
import { renderFields } from '../output/table.js';
import { plain, plainTable, VIEWS } from '../output/views.js';
import { action, fetchResource, type Session, show } from '../session.js';
import { collect, examples } from './shared.js';

/** Plural, as typed → noun. */
const TOPICS: Readonly<Record<string, NounName>> = {
  vpcs: 'vpc',
  subnets: 'subnet',
  interfaces: 'interface',
  instances: 'instance',
  groups: 'group',
  'route-tables': 'route-table',
  acls: 'acl',
  'prefix-lists': 'prefix-list',
  keys: 'key',
  'internet-gateways': 'internet-gateway',
  'egress-gateways': 'egress-gateway',
  'nat-gateways': 'nat-gateway',
  addresses: 'address',
  peerings: 'peering',
  'vpn-gateways': 'vpn-gateway',
  'customer-gateways': 'customer-gateway',
  vpns: 'vpn',
  'dhcp-options': 'dhcp-options',
};
/** Lists that are not resources of a network: path → printed as they are. */
const LISTS: Readonly<Record<string, string>> = {
  zones: '/v1/availability-zones',
  types: '/v1/instance-types',
  conditions: '/v1/conditions',
};
export const DESCRIBE_TOPICS = [...Object.keys(TOPICS), ...Object.keys(LISTS), 'host'];
const OVERVIEW: readonly NounName[] = ['vpc', 'subnet', 'group', 'instance', 'interface'];

export function describeCommand(program: Command, io: Io): void {
  program
    .command('describe')
    .description('Show resources: a table for people, everything with --json')
    .argument('[what-or-id]', `${DESCRIBE_TOPICS.join(', ')}; or an id; nothing for an overview`)
    .argument('[ids...]', 'only these, by id or name')
    .option('-f, --filter <name=value>', 'only those that match; values may hold * and ?, several with commas; repeatable', collect, [])
    .addHelpText(
      'after',
      examples(
        'eni describe',
        'eni describe interfaces --filter status=in-use --filter tag:team=web',
        'eni describe groups web',
        'eni describe eni-0123456789abcdef0 --json',
      ),
    )
    .action(
      action(io, async (session, [topic, ids]: readonly any[], { filter }: { filter: string[] }) => {
        const filters = filter.map(parseFilter);
        if (topic === undefined) return overview(session);
        if (topic === 'host') return describeHost(session);
        const noun = TOPICS[topic];
        const path = LISTS[topic];
        if (path !== undefined) return describeList(session, path, filters);
        if (noun !== undefined) return describeNoun(session, noun, ids, filters);
        if (nounOfId(topic) !== undefined) return describeIds(session, [topic, ...ids]);
        throw new UsageError(`'${topic}' is neither an id nor one of ${DESCRIBE_TOPICS.join(', ')}`);
      }),
    );
}

export function parseFilter(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--filter takes name=value, not '${text}'`);
  return [text.slice(0, at), text.slice(at + 1)];
}

const viewOptions = (session: Session, detail: boolean) => ({ paint: session.paint, nowMs: session.io.now(), detail });

/** Prints resources of one noun. One that was asked for by id prints as an object with `--json`. */
export function showResources(session: Session, noun: NounName, resources: readonly Resource[], detail = false): void {
  show(session, resources, () => (resources.length === 0 ? 'none\n' : VIEWS[noun](resources, viewOptions(session, detail))));
}
export function showResource(session: Session, noun: NounName, resource: Resource): void {
  show(session, resource, () => VIEWS[noun]([resource], viewOptions(session, true)));
}

async function describeNoun(session: Session, noun: NounName, ids: readonly string[], filters: [string, string][]): Promise<void> {
  if (ids.length === 0) return showResources(session, noun, await session.client.list(NOUNS[noun].path, filters));
  if (filters.length > 0) throw new UsageError('give ids or filters, not both');
  const resources: Resource[] = [];
  for (const id of ids) resources.push(await fetchResource(session, noun, id));
  showResources(session, noun, resources, true);
}

async function describeIds(session: Session, ids: readonly string[]): Promise<void> {
  const found: { noun: NounName; resource: Resource }[] = [];
  for (const id of ids) {
    const noun = nounOfId(id);
    if (noun === undefined) throw new UsageError(`'${id}' is no id`);
    found.push({ noun, resource: await session.client.resource('GET', resourcePath(noun, id)) });
  }
  const [only] = found;
  if (found.length === 1 && only) return showResource(session, only.noun, only.resource);
  show(
    session,
    found.map(({ resource }) => resource),
    () => found.map(({ noun, resource }) => VIEWS[noun]([resource], viewOptions(session, true))).join('\n'),
  );
}

async function describeList(session: Session, path: string, filters: [string, string][]): Promise<void> {
  const items = await session.client.list(path, filters);
  show(session, items, () => (items.length === 0 ? 'none\n' : plainTable(items, session.paint)));
}

async function describeHost(session: Session): Promise<void> {
  const host = await session.client.resource('GET', '/v1/host');
  show(session, host, () => renderFields(flatten(host), session.paint));
}

/** Nested objects as `outer.inner`; lists of objects one line each. */
function flatten(value: Resource, prefix = ''): [string, string | undefined][] {
  return Object.entries(value).flatMap(([key, inner]): [string, string | undefined][] => {
    const name = prefix + key;
    if (inner !== null && typeof inner === 'object' && !Array.isArray(inner)) return flatten(inner, `${name}.`);
    if (Array.isArray(inner) && inner.some((item) => item !== null && typeof item === 'object'))
      return inner.map((item, i) => [i === 0 ? name : `${name} (${i + 1})`, describeItem(item)]);
    return [[name, plain(inner)]];
  });
}

function describeItem(item: unknown): string | undefined {
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return plain(item);
  return Object.values(item).map(plain).join(': ');
}

async function overview(session: Session): Promise<void> {
  const lists: (readonly [NounName, Resource[]])[] = [];
  for (const noun of OVERVIEW) lists.push([noun, await session.client.list(NOUNS[noun].path)]);
  show(session, Object.fromEntries(lists.map(([noun, items]) => [noun, items])), () => {
    const filled = lists.filter(([, items]) => items.length > 0);
    return filled.length === 0
      ? 'nothing yet; try: eni lab up vagrant/labs/first/lab.yaml\n'
      : filled.map(([noun, items]) => VIEWS[noun](items, viewOptions(session, false))).join('\n');
  });
}
