import { z } from 'zod';
import { apiError, invalidValue } from '../model/errors.js';
import { idSchema, mintId } from '../model/ids.js';
import { MAX_ROUTE_TABLE_INDEX, type RouteTable } from '../model/route-table.js';
import { idempotent } from './client-token.js';
import { command } from './command.js';
import type { Draft } from './draft.js';
import { clientToken, routeTableId, subnetId, tags, vpcId } from './fields.js';
import { notFound, required } from './lookup.js';
import { checkTags } from './tags.js';

const associationId = idSchema('routeTableAssociation').describe('The association.');

export const createRouteTable = idempotent(
  'createRouteTable',
  command({
    summary: 'Create a route table with the local routes of its VPC.',
    input: z.strictObject({ vpcId, tags, clientToken }),
    run: (draft, input, context) => {
      const vpc = required(draft, 'vpc', input.vpcId);
      const routeTableId = mintId('routeTable', context.randomHex);
      draft.put('routeTable', {
        routeTableId,
        vpcId: vpc.vpcId,
        index: freeIndex(draft, vpc.vpcId),
        main: false,
        associations: [],
        routes: [],
        propagatingGatewayIds: [],
        ownerId: context.ownerId,
        tags: checkTags(input.tags),
      });
      return { routeTableId };
    },
  }),
);

export const deleteRouteTable = command({
  summary: 'Delete a route table that is associated with nothing. The main one goes with its VPC.',
  input: z.strictObject({ routeTableId }),
  run: (draft, { routeTableId }) => {
    const table = required(draft, 'routeTable', routeTableId);
    const reason = table.main
      ? 'it is the main route table of its VPC'
      : `it is associated with ${table.associations.map((a) => a.subnetId ?? a.gatewayId).join(', ')}`;
    if (table.main || table.associations.length > 0)
      throw apiError('DependencyViolation', {
        reason: `The routeTable '${routeTableId}' has dependencies and cannot be deleted: ${reason}`,
      });
    draft.delete('routeTable', routeTableId);
    return {};
  },
});

export const associateRouteTable = command({
  summary: 'Give a subnet a route table of its own, instead of the main one.',
  input: z.strictObject({ routeTableId, subnetId }),
  run: (draft, { routeTableId, subnetId }, context) => {
    const table = required(draft, 'routeTable', routeTableId);
    const subnet = required(draft, 'subnet', subnetId);
    checkSameVpc(table, subnet.vpcId, subnetId);
    const [other] = draft.by('routeTable', 'subnetId', subnetId);
    if (other)
      throw apiError('Resource.AlreadyAssociated', {
        reason: `the specified association for route table ${routeTableId} conflicts with an existing association: ${subnetId} is with ${other.routeTableId}`,
      });
    const associationId = mintId('routeTableAssociation', context.randomHex);
    draft.put('routeTable', { ...table, associations: [...table.associations, { associationId, subnetId }] });
    return { associationId };
  },
});

export const disassociateRouteTable = command({
  summary: 'Put a subnet back on the main route table.',
  input: z.strictObject({ associationId }),
  run: (draft, { associationId }) => {
    const table = tableOf(draft, associationId);
    if (table.mainAssociationId === associationId)
      throw invalidValue(`cannot disassociate the main route table association ${associationId}; replace it with another table's`);
    draft.put('routeTable', withoutAssociation(table, associationId));
    return {};
  },
});

export const replaceRouteTableAssociation = command({
  summary: "Change a subnet's route table, or a VPC's main one, in one step.",
  input: z.strictObject({ associationId, routeTableId: routeTableId.describe('The new route table.') }),
  run: (draft, input, context) => {
    const before = tableOf(draft, input.associationId);
    const after = required(draft, 'routeTable', input.routeTableId);
    checkSameVpc(after, before.vpcId, before.routeTableId);
    const associationId = mintId('routeTableAssociation', context.randomHex);
    if (before.mainAssociationId === input.associationId) {
      const { mainAssociationId: _id, ...rest } = before;
      draft.put('routeTable', { ...rest, main: false });
      draft.put('routeTable', { ...required(draft, 'routeTable', input.routeTableId), main: true, mainAssociationId: associationId });
      draft.put('vpc', { ...required(draft, 'vpc', before.vpcId), mainRouteTableId: after.routeTableId });
      return { associationId };
    }
    const moved = before.associations.find((association) => association.associationId === input.associationId);
    draft.put('routeTable', withoutAssociation(before, input.associationId));
    const target = required(draft, 'routeTable', input.routeTableId);
    draft.put('routeTable', { ...target, associations: [...target.associations, { ...moved, associationId }] });
    return { associationId };
  },
});

function freeIndex(draft: Draft, vpcId: string): number {
  const taken = new Set(draft.by('routeTable', 'vpcId', vpcId).map((table) => table.index));
  let index = 1;
  while (taken.has(index)) index++;
  if (index > MAX_ROUTE_TABLE_INDEX)
    throw apiError('RouteTableLimitExceeded', { reason: `${vpcId} has ${MAX_ROUTE_TABLE_INDEX} route tables, the most there can be` });
  return index;
}

function tableOf(draft: Draft, associationId: string): RouteTable {
  const [table] = draft.by('routeTable', 'associationId', associationId);
  if (!table) throw notFound('routeTableAssociation', associationId);
  return table;
}

function withoutAssociation(table: RouteTable, associationId: string): RouteTable {
  return { ...table, associations: table.associations.filter((association) => association.associationId !== associationId) };
}

function checkSameVpc(table: RouteTable, vpcId: string, other: string): void {
  if (table.vpcId !== vpcId)
    throw invalidValue(`Route table ${table.routeTableId} and ${other} belong to different networks: ${table.vpcId} and ${vpcId}`);
}
