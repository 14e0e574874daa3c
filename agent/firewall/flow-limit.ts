import type { Family } from '../kernel/port.js';
import { GROUP_WORD, SET } from '../kernel/resources.js';
import { type Chain, DROP, deviceGroup, goto, inSet, isInterface, jump, type Rule, rule } from './ir.js';

/**
 * How many flows connection tracking may hold for one interface, so that none uses up the table that all of the VPC share. Counted by the
 * source address, which the source check vouches for; interfaces without that check can send from any address and have one count together.
 *
 * Counting exactly costs a walk over all flows of the source whenever a new one comes. So only one first packet in `SAMPLE` is counted,
 * and the counts are so much smaller; when they are too high, the source is noted, and its new flows are dropped for `PAUSE_SECONDS`. The count is an
 * estimate, right within a tenth or so. Flows that there are go on.
 */
export const FLOW_CHAIN = 'flow-limit';
const SAMPLE = 64;
const PAUSE_SECONDS = 5;
/** Interfaces without source check forward for many. */
const UNCHECKED_SHARE = 4;

/** In FORWARD, where packets of flows that both ends track do not come. */
export function flowLimitRules(): Rule[] {
  return [rule(jump(FLOW_CHAIN), { kind: 'unconfirmed' })];
}

/**
 * Drops of what an interface sent, counted as its egress drops; of an interface without source check and with an address that is not its own
 * as its source check's, which counts nothing else then.
 */
export function countedDrops(family: Family): Rule[] {
  return [rule(DROP, inSet(SET.egressDrops(family), 'src,src')), rule(DROP, inSet(SET.sourceCheckDrops, 'src,src')), rule(DROP)];
}

export function flowLimitChains(flows: number, family: Family): Chain[] {
  const checked = deviceGroup('src', GROUP_WORD.checkMask, GROUP_WORD.checkMask);
  const limit = (name: string, of: 'source' | 'all', most: number): Chain => ({
    name,
    rules: [
      rule(goto('flow-limit-drop'), { kind: 'noted', name, of, seconds: PAUSE_SECONDS }),
      rule(
        goto('flow-limit-drop'),
        { kind: 'sample', every: SAMPLE },
        { kind: 'flowsAbove', count: Math.max(1, Math.round(most / SAMPLE)), of },
        { kind: 'note', name, of },
      ),
    ],
  });
  const [ofSource, ofAll] = [limit(`flows-source${family}`, 'source', flows), limit(`flows-all${family}`, 'all', flows * UNCHECKED_SHARE)];
  return [
    { name: FLOW_CHAIN, rules: [rule(goto(ofSource.name), checked), rule(goto(ofAll.name), isInterface('src'))] },
    ofSource,
    ofAll,
    { name: 'flow-limit-drop', rules: countedDrops(family) },
  ];
}
