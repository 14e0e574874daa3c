import { FAMILIES } from '../model/address.js';
import type { Snapshot } from '../model/snapshot.js';
import type { Vpc } from '../model/vpc.js';
import { compile } from './compile.js';
import { type FirewallInputs, firewallInputs, inputRecords } from './inputs.js';
import { type RulesetText, render } from './render.js';

export interface VpcFirewall {
  readonly inputs: FirewallInputs;
  /** IPv4 and IPv6. */
  readonly rulesets: readonly RulesetText[];
}

interface Remembered {
  readonly flows: number;
  readonly records: readonly unknown[];
  readonly firewall: VpcFirewall;
}

/** Last result per VPC record: planning a router must not compile its rules anew each time. Goes with the record. */
const remembered = new WeakMap<Vpc, Remembered>();

/** @param flows that one interface may have tracked; 0: no limit. */
export function vpcFirewall(snapshot: Snapshot, vpc: Vpc, flows = 0): VpcFirewall {
  const records = inputRecords(snapshot, vpc.vpcId);
  const known = remembered.get(vpc);
  if (known?.flows === flows && known.records.length === records.length && records.every((record, i) => record === known.records[i]))
    return known.firewall;
  const inputs = firewallInputs(snapshot, vpc.vpcId);
  const rulesets = FAMILIES.map((family) => render(compile(inputs, family, flows)));
  const firewall = { inputs, rulesets };
  remembered.set(vpc, { records, firewall, flows });
  return firewall;
}
