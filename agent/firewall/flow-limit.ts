import type { Family } from '../kernel/port.js';
import { GROUP_WORD, SET } from '../kernel/resources.js';
import { type Chain, deviceGroup, goto, inSet, jump, RETURN, type Rule, rule } from './ir.js';
import { counted } from './stages.js';

/**
 * How many flows connection tracking may hold for one interface, so that none uses up the table that all of the VPC share.
 *
 * Counting exactly costs a walk over all flows of the interface whenever a new one comes. So of many only one first packet in so many is
 * counted, and the count is so much smaller; when it is too high, the interface is noted, and its new flows are dropped for `PAUSE_SECONDS`. The count is
 * an estimate, right within an eighth or so. Flows that there are go on.
 */
const COUNT_CHAIN = 'flow-limit';
const DROP_CHAIN = 'flow-limit-drop';
/** Where the count ends; there is one walk of this length per so many first packets. */
const COUNTED = 64;
const PAUSE_SECONDS = 5;
/** Interfaces without source check forward for many. */
const UNCHECKED_SHARE = 4;

/** In the chain of first packets. */
export function flowLimitRules(family: Family, flows: number): Rule[] {
  return [
    rule(goto(DROP_CHAIN), inSet(SET.flowPauses(family), 'iif index')),
    rule(jump(COUNT_CHAIN), { kind: 'sample', every: sampling(flows) }),
  ];
}

export function flowLimitChains(family: Family, flows: number): Chain[] {
  const above = (most: number) => [
    { kind: 'flowsAbove', count: Math.max(1, Math.round(most / sampling(flows))), set: SET.flowCounts(family) } as const,
    { kind: 'note', set: SET.flowPauses(family), seconds: PAUSE_SECONDS } as const,
  ];
  const checked = deviceGroup('src', GROUP_WORD.checkMask, GROUP_WORD.checkMask);
  const unchecked = deviceGroup('src', 0, GROUP_WORD.checkMask);
  return [
    {
      name: COUNT_CHAIN,
      rules: [
        rule(RETURN, deviceGroup('src', 0, GROUP_WORD.combinationMask)),
        rule(goto(DROP_CHAIN), checked, ...above(flows)),
        rule(goto(DROP_CHAIN), unchecked, ...above(flows * UNCHECKED_SHARE)),
      ],
    },
    { name: DROP_CHAIN, rules: counted(SET.egressDrops(family), 'src') },
  ];
}

const sampling = (flows: number): number => Math.max(1, Math.round(flows / COUNTED));
