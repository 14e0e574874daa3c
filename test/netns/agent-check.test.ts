import { expect, it } from 'vitest';
import { inside, pings, serve, tcp } from '../support/traffic.js';
import { type Machine, useAgent } from '../support/world.js';

const setup = useAgent();
const counters = (machine: Machine) => setup.agent.ok('GET', `/v1/network-interfaces/${machine.eni.networkInterfaceId}/counters`);
const setCheck = (machine: Machine, sourceDestCheck: boolean) =>
  setup.agent.ok('PATCH', `/v1/network-interfaces/${machine.eni.networkInterfaceId}`, { sourceDestCheck });
const FOREIGN = '198.51.100.7';

it('source check: a foreign source address is dropped and counted, passes with the check off, is dropped again with it on', async () => {
  const { agent, instance, group, vpcId } = await setup.world();
  const open = await group('all from any');
  const [sender, receiver] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
  await inside(sender.instanceId, 'ip', 'addr', 'add', `${FOREIGN}/32`, 'dev', 'lo');
  // The answer finds its way back only through a route to the sender's interface.
  const { routeTableId } = (await agent.ok('GET', `/v1/route-tables?filter=vpc-id:${vpcId}`)).items[0];
  await agent.ok('POST', `/v1/route-tables/${routeTableId}/routes`, {
    destination: `${FOREIGN}/32`,
    networkInterfaceId: sender.eni.networkInterfaceId,
  });
  const spoofed = () => pings(sender.instanceId, receiver.address, '-I', FOREIGN);

  // Asking for the peer's MAC in the name of a foreign address is refused as well: know it beforehand.
  expect(await pings(sender.instanceId, receiver.address)).toBe(true);
  expect(await spoofed()).toBe(false);
  expect((await counters(sender)).sourceCheckDrops).toBe(1);
  await setCheck(sender, false);
  expect(await spoofed()).toBe(true);
  await setCheck(sender, true);
  expect(await spoofed()).toBe(false);
  expect((await counters(sender)).sourceCheckDrops).toBe(2);
  expect((await counters(receiver)).sourceCheckDrops).toBe(0);
});

it('destination check: what a route sends to an interface arrives only with the check off', async () => {
  const { agent, instance, group, vpcId } = await setup.world();
  const open = await group('all from any');
  const [client, appliance] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
  await inside(appliance.instanceId, 'ip', 'addr', 'add', `${FOREIGN}/32`, 'dev', 'lo');
  await serve(appliance.instanceId, 'tcp:80');
  const { routeTableId } = (await agent.ok('GET', `/v1/route-tables?filter=vpc-id:${vpcId}`)).items[0];
  expect(await tcp(client.instanceId, FOREIGN, 80)).toBeUndefined();
  await agent.ok('POST', `/v1/route-tables/${routeTableId}/routes`, {
    destination: '198.51.100.0/24',
    networkInterfaceId: appliance.eni.networkInterfaceId,
  });
  expect(await tcp(client.instanceId, FOREIGN, 80)).toBeUndefined();
  expect((await counters(appliance)).destinationCheckDrops).toBeGreaterThan(0);
  await setCheck(appliance, false);
  expect(await tcp(client.instanceId, FOREIGN, 80)).toBe(client.address);
  await setCheck(appliance, true);
  expect(await tcp(client.instanceId, FOREIGN, 80)).toBeUndefined();
});

it('destination check: a flow that both ends track is checked too, from the moment that a route turns it', async () => {
  const { agent, instance, group, vpcId, subnetB } = await setup.world();
  const open = await group('all from any');
  const [client, other] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
  const server = await instance({ groupIds: [open], subnetId: subnetB });
  const { routeTableId } = (await agent.ok('GET', `/v1/route-tables?filter=vpc-id:${vpcId}`)).items[0];
  const routes = `/v1/route-tables/${routeTableId}/routes`;
  const destination = (await agent.ok('GET', `/v1/subnets/${subnetB}`)).cidrBlock;
  // One flow, by its identifier.
  const goesOn = () => pings(client.instanceId, server.address, '-e', '77');

  expect([await goesOn(), await goesOn()]).toEqual([true, true]);
  await agent.ok('POST', routes, { destination, networkInterfaceId: other.eni.networkInterfaceId });
  expect(await goesOn()).toBe(false);
  expect((await counters(other)).destinationCheckDrops).toBe(1);
  await agent.ok('DELETE', routes, { destination });
  expect(await goesOn()).toBe(true);
});

it('a route follows its interface: blackhole while detached, back when attached again', async () => {
  const { agent, instance, networkInterface, group, vpcId } = await setup.world();
  const open = await group('all from any');
  const [client, appliance] = [await instance({ groupIds: [open] }), await instance({ groupIds: [open] })];
  const eni = await networkInterface({ groupIds: [open], sourceDestCheck: false });
  await inside(appliance.instanceId, 'ip', 'addr', 'add', `${FOREIGN}/32`, 'dev', 'lo');
  const { routeTableId } = (await agent.ok('GET', `/v1/route-tables?filter=vpc-id:${vpcId}`)).items[0];
  const attach = () =>
    agent.ok('POST', `/v1/network-interfaces/${eni.networkInterfaceId}/attach`, { instanceId: appliance.instanceId, deviceIndex: 1 });
  await attach();
  await agent.ok('POST', `/v1/route-tables/${routeTableId}/routes`, {
    destination: '198.51.100.0/24',
    networkInterfaceId: eni.networkInterfaceId,
  });
  // The guest's own routing: what it answers from the foreign address leaves by eth1.
  await inside(appliance.instanceId, 'ip', 'rule', 'add', 'from', FOREIGN, 'lookup', '1001');
  const state = async () =>
    (await agent.ok('GET', `/v1/route-tables/${routeTableId}`)).routes.find((route: any) => route.destination === '198.51.100.0/24').state;
  expect(await pings(client.instanceId, FOREIGN)).toBe(true);
  expect(await state()).toBe('active');
  await agent.ok('POST', `/v1/network-interfaces/${eni.networkInterfaceId}/detach`, {});
  expect(await pings(client.instanceId, FOREIGN)).toBe(false);
  expect(await state()).toBe('blackhole');
  await attach();
  expect(await pings(client.instanceId, FOREIGN)).toBe(true);
  expect(await state()).toBe('active');
});
