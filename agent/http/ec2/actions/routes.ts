import { effectiveRoutes } from '../../../model/effective-routes.js';
import { apiError } from '../../../model/errors.js';
import type { RouteTable } from '../../../model/route-table.js';
import { type Actions, commandAction, need, type Region, recordOf, tagList, tagsFor } from '../action.js';
import { describe } from '../describe.js';
import type { Tree } from '../params.js';
import { never } from '../shown-filters.js';

function tableTree(table: RouteTable, region: Region): Tree {
  const { routeTableId } = table;
  const common = { RouteTableId: routeTableId, AssociationState: { State: 'associated' } };
  return {
    RouteTableId: routeTableId,
    VpcId: table.vpcId,
    OwnerId: table.ownerId,
    Associations: [
      ...(table.mainAssociationId ? [{ ...common, Main: true, RouteTableAssociationId: table.mainAssociationId }] : []),
      ...table.associations.map((association) => ({
        ...common,
        Main: false,
        RouteTableAssociationId: association.associationId,
        SubnetId: association.subnetId,
        GatewayId: association.gatewayId,
      })),
    ],
    PropagatingVgws: table.propagatingGatewayIds.map((GatewayId) => ({ GatewayId })),
    Routes: routeTrees(table, region),
    Tags: tagList(table.tags),
  };
}

function routeTrees(table: RouteTable, { snapshot }: Region): Tree[] {
  return effectiveRoutes(snapshot, table).map(({ destination, target, origin, state }) => ({
    ...(destination.startsWith('pl-')
      ? { DestinationPrefixListId: destination }
      : destination.includes(':')
        ? { DestinationIpv6CidrBlock: destination }
        : { DestinationCidrBlock: destination }),
    ...targetMembers(target, snapshot, table.ownerId),
    Origin: origin,
    State: state,
  }));
}

function targetMembers(target: RouteTable['routes'][number]['target'], snapshot: Region['snapshot'], ownerId: string): Tree {
  switch (target.kind) {
    case 'local':
      return { GatewayId: 'local' };
    case 'gateway':
      return { GatewayId: target.gatewayId };
    case 'natGateway':
      return { NatGatewayId: target.natGatewayId };
    case 'egressOnlyInternetGateway':
      return { EgressOnlyInternetGatewayId: target.egressOnlyInternetGatewayId };
    case 'vpcPeeringConnection':
      return { VpcPeeringConnectionId: target.vpcPeeringConnectionId };
    case 'networkInterface': {
      const attachment = snapshot.get('networkInterface', target.networkInterfaceId)?.attachment;
      return {
        NetworkInterfaceId: target.networkInterfaceId,
        ...(attachment && { InstanceId: attachment.instanceId, InstanceOwnerId: ownerId }),
      };
    }
  }
}

const DESTINATIONS = ['DestinationCidrBlock', 'DestinationIpv6CidrBlock', 'DestinationPrefixListId'];

/** @throws {ApiError} MissingParameter, InvalidParameterCombination */
function destinationOf(input: Tree): string {
  const [name, ...more] = DESTINATIONS.filter((each) => input[each] !== undefined && input[each] !== '');
  if (name === undefined) throw apiError('MissingParameter', { name: 'DestinationCidrBlock' });
  if (more.length > 0)
    throw apiError('InvalidParameterCombination', { reason: `Give one destination, not ${[name, ...more].join(' and ')}` });
  return input[name];
}

const TARGETS = ['GatewayId', 'InstanceId', 'NetworkInterfaceId', 'NatGatewayId', 'EgressOnlyInternetGatewayId', 'VpcPeeringConnectionId'];

const routeInput = (input: Tree) => ({
  routeTableId: need(input, 'RouteTableId'),
  destination: destinationOf(input),
  gatewayId: input.LocalTarget ? 'local' : input.GatewayId,
  instanceId: input.InstanceId,
  networkInterfaceId: input.NetworkInterfaceId,
  natGatewayId: input.NatGatewayId,
  egressOnlyInternetGatewayId: input.EgressOnlyInternetGatewayId,
  vpcPeeringConnectionId: input.VpcPeeringConnectionId,
});

const propagation = (input: Tree) => ({ routeTableId: need(input, 'RouteTableId'), gatewayId: need(input, 'GatewayId') });

export const routeActions: Actions = {
  CreateRouteTable: commandAction({
    heeds: ['VpcId', 'TagSpecifications', 'ClientToken'],
    command: 'createRouteTable',
    input: (input) => ({ vpcId: need(input, 'VpcId'), tags: tagsFor(input, 'route-table'), clientToken: input.ClientToken }),
    answer: ({ result, region, input }) => ({
      RouteTable: tableTree(recordOf(region, 'routeTable', result.routeTableId), region),
      ClientToken: input.ClientToken,
    }),
  }),
  DeleteRouteTable: commandAction({
    heeds: ['RouteTableId'],
    command: 'deleteRouteTable',
    input: (input) => ({ routeTableId: need(input, 'RouteTableId') }),
  }),
  DescribeRouteTables: describe({
    kind: 'routeTable',
    ids: 'RouteTableIds',
    list: 'RouteTables',
    tree: tableTree,
    maxResults: [5, 100],
    more: () => ({
      ...never('route.transit-gateway-id'),
      'association.state': (table) => (table.main || table.associations.length > 0 ? ['associated'] : []),
      'route.destination-prefix-list-id': (table) =>
        table.routes.map((route) => route.destination).filter((text) => text.startsWith('pl-')),
    }),
  }),
  CreateRoute: commandAction({
    heeds: ['RouteTableId', ...DESTINATIONS, ...TARGETS],
    command: 'createRoute',
    input: routeInput,
    answer: () => ({ Return: true }),
  }),
  ReplaceRoute: commandAction({
    heeds: ['RouteTableId', ...DESTINATIONS, ...TARGETS, 'LocalTarget'],
    command: 'replaceRoute',
    input: routeInput,
  }),
  DeleteRoute: commandAction({
    heeds: ['RouteTableId', ...DESTINATIONS],
    command: 'deleteRoute',
    input: (input) => ({ routeTableId: need(input, 'RouteTableId'), destination: destinationOf(input) }),
  }),
  AssociateRouteTable: commandAction({
    heeds: ['RouteTableId', 'SubnetId'],
    command: 'associateRouteTable',
    input: (input) => ({ routeTableId: need(input, 'RouteTableId'), subnetId: need(input, 'SubnetId') }),
    answer: ({ result }) => ({ AssociationId: result.associationId, AssociationState: { State: 'associated' } }),
  }),
  DisassociateRouteTable: commandAction({
    heeds: ['AssociationId'],
    command: 'disassociateRouteTable',
    input: (input) => ({ associationId: need(input, 'AssociationId') }),
  }),
  ReplaceRouteTableAssociation: commandAction({
    heeds: ['AssociationId', 'RouteTableId'],
    command: 'replaceRouteTableAssociation',
    input: (input) => ({ associationId: need(input, 'AssociationId'), routeTableId: need(input, 'RouteTableId') }),
    answer: ({ result }) => ({ NewAssociationId: result.associationId, AssociationState: { State: 'associated' } }),
  }),
  EnableVgwRoutePropagation: commandAction({
    heeds: ['RouteTableId', 'GatewayId'],
    command: 'enableVgwRoutePropagation',
    input: propagation,
  }),
  DisableVgwRoutePropagation: commandAction({
    heeds: ['RouteTableId', 'GatewayId'],
    command: 'disableVgwRoutePropagation',
    input: propagation,
  }),
};
