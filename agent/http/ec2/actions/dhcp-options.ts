import type { DhcpOptions } from '../../../model/dhcp-options.js';
import { apiError } from '../../../model/errors.js';
import { type Actions, commandAction, need, recordOf, tagList, tagsFor } from '../action.js';
import { describe } from '../describe.js';
import type { Tree } from '../params.js';

function dhcpTree(options: DhcpOptions): Tree {
  const { domainName, domainNameServers } = options;
  const configuration = (Key: string, values: readonly string[]) => ({ Key, Values: values.map((Value) => ({ Value })) });
  return {
    DhcpOptionsId: options.dhcpOptionsId,
    OwnerId: options.ownerId,
    DhcpConfigurations: [
      ...(domainName === undefined ? [] : [configuration('domain-name', [domainName])]),
      configuration('domain-name-servers', domainNameServers),
    ],
    Tags: tagList(options.tags),
  };
}

/** @throws {ApiError} UnsupportedOperation for options that instances would not learn. */
function dhcpInput(input: Tree): object {
  const values = new Map<string, string[]>();
  for (const { Key = '', Values = [] } of need<Tree[]>(input, 'DhcpConfigurations')) {
    if (Key !== 'domain-name' && Key !== 'domain-name-servers')
      throw apiError('UnsupportedOperation', {
        reason: `The option ${String(Key).slice(0, 80)} is not served; domain-name and domain-name-servers are`,
      });
    values.set(Key, Values);
  }
  return {
    domainName: values.get('domain-name')?.[0],
    // Some clients write the list as one text.
    domainNameServers: values.get('domain-name-servers')?.flatMap((text) => text.split(/,\s*/)),
    tags: tagsFor(input, 'dhcp-options'),
  };
}

export const dhcpOptionsActions: Actions = {
  CreateDhcpOptions: commandAction({
    heeds: ['DhcpConfigurations', 'TagSpecifications'],
    command: 'createDhcpOptions',
    input: dhcpInput,
    answer: ({ result, region }) => ({ DhcpOptions: dhcpTree(recordOf(region, 'dhcpOptions', result.dhcpOptionsId)) }),
  }),
  AssociateDhcpOptions: commandAction({
    heeds: ['DhcpOptionsId', 'VpcId'],
    command: 'associateDhcpOptions',
    input: (input) => ({ vpcId: need(input, 'VpcId'), dhcpOptionsId: need(input, 'DhcpOptionsId') }),
  }),
  DescribeDhcpOptions: describe({ kind: 'dhcpOptions', ids: 'DhcpOptionsIds', list: 'DhcpOptions', tree: dhcpTree }),
  DeleteDhcpOptions: commandAction({
    heeds: ['DhcpOptionsId'],
    command: 'deleteDhcpOptions',
    input: (input) => ({ dhcpOptionsId: need(input, 'DhcpOptionsId') }),
  }),
};
