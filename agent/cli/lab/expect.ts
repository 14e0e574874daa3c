import { RuleTextError } from './rule-text.js';

/** Lines of `expect:` in a lab file: `web -> db tcp/5432 passes`, `everything else is dropped`. Pure. */

export interface Probe {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly port?: number;
  readonly family: 4 | 6;
}

export type Outcome = 'passes' | 'dropped';

/** Source or target of expectations that is the lab's internet. */
export const INTERNET = 'internet';

/** An instance, or one interface of it: its name in the lab file, or `ethN`. Or, by its name, the internet or a customer's network. */
export interface EndpointRef {
  readonly instance: string;
  readonly interface?: string;
  /** By its elastic address, as a target. */
  readonly public?: true;
}

export type Expectation =
  | {
      readonly kind: 'pairs';
      readonly sources: readonly EndpointRef[];
      readonly targets: readonly EndpointRef[];
      readonly probes: readonly Probe[];
      readonly outcome: Outcome;
    }
  | { readonly kind: 'everythingElse'; readonly outcome: Outcome };

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  passes: 'passes',
  pass: 'passes',
  'is dropped': 'dropped',
  'are dropped': 'dropped',
  dropped: 'dropped',
};

const FORM = "write it like 'web -> db tcp/5432 passes', 'web -> db icmp is dropped' or 'everything else is dropped'";

/** @throws {RuleTextError} */
export function parseExpectation(text: string): Expectation {
  const words = text
    .trim()
    .replaceAll('→', ' -> ')
    .replaceAll('->', ' -> ')
    .replaceAll(/\s*,\s*/g, ',')
    .split(/\s+/);
  if (words[0] === 'everything' && words[1] === 'else') return { kind: 'everythingElse', outcome: outcomeOf(text, words.slice(2)) };
  const [sources, arrow, targets, probes, ...rest] = words;
  if (!sources || arrow !== '->' || !targets || !probes) throw new RuleTextError(`'${text}' is no expectation: ${FORM}`);
  const over6 = rest[0] === 'over' && rest[1]?.toLowerCase() === 'ipv6';
  return {
    kind: 'pairs',
    sources: sources.split(',').map((source) => {
      if (source.endsWith(PUBLIC)) throw new RuleTextError(`'${text}': ${PUBLIC} is how a target is addressed: '-> ${source}'`);
      return parseEndpoint(source);
    }),
    targets: targets.split(',').map(parseEndpoint),
    probes: probes.split(',').map((probe) => parseProbe(text, probe, over6 ? 6 : 4)),
    outcome: outcomeOf(text, over6 ? rest.slice(2) : rest),
  };
}

function outcomeOf(text: string, words: readonly string[]): Outcome {
  const outcome = OUTCOMES[words.join(' ')];
  if (!outcome) throw new RuleTextError(`'${text}' must end with 'passes' or 'is dropped': ${FORM}`);
  return outcome;
}

const PUBLIC = '@public';

function parseEndpoint(text: string): EndpointRef {
  if (text.endsWith(PUBLIC)) return { ...parseEndpoint(text.slice(0, -PUBLIC.length)), public: true };
  const slash = text.indexOf('/');
  return slash < 0 ? { instance: text } : { instance: text.slice(0, slash), interface: text.slice(slash + 1) };
}

function parseProbe(text: string, probe: string, family: 4 | 6): Probe {
  if (probe === 'icmp') return { protocol: 'icmp', family };
  const match = /^(tcp|udp)\/(\d{1,5})$/.exec(probe);
  const port = Number(match?.[2]);
  if (!match || port < 1 || port > 65_535) throw new RuleTextError(`'${text}': '${probe}' is no probe (icmp, tcp/PORT or udp/PORT)`);
  return { protocol: match[1] === 'tcp' ? 'tcp' : 'udp', port, family };
}

export function probeText({ protocol, port, family }: Probe): string {
  return `${port === undefined ? protocol : `${protocol}/${port}`}${family === 6 ? ' over IPv6' : ''}`;
}
