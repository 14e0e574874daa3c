import { afterEach, describe, expect, it } from 'vitest';
import { makeNetwork, startApi, TEST_COUNTERS, type TestApi } from '../support/api.js';

let api: TestApi;
afterEach(() => api.close());

async function metrics(): Promise<string> {
  const answer = await api.call('GET', '/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toMatch(/^text\/plain/);
  return answer.body;
}

describe('/metrics', () => {
  it('counts requests by route, never by path', async () => {
    api = await startApi();
    const { vpcId } = await makeNetwork(api);
    await api.ok('GET', `/v1/vpcs/${vpcId}`);
    await api.call('GET', '/v1/vpcs/x');
    await api.call('GET', '/some/path/that/a/scanner/tries');
    const text = await metrics();
    expect(text).toContain('enid_http_requests_total{method="GET",route="/v1/vpcs/:vpcId",status="200"} 1');
    expect(text).toContain('enid_http_requests_total{method="GET",route="/v1/vpcs/:vpcId",status="400"} 1');
    expect(text).toContain('enid_http_requests_total{method="any",route="none",status="404"} 1');
    expect(text).toContain('enid_http_request_duration_seconds_count{method="POST",route="/v1/vpcs"} 1');
    expect(
      text
        .split('\n')
        .filter((line) => line.startsWith('enid_http_'))
        .join('\n'),
    ).not.toContain(vpcId);
    expect(text).not.toContain('scanner');
  });

  it('leaves out what a router cannot tell just now, and says so in the log', async () => {
    api = await startApi({
      deps: {
        discards: () => {
          throw new Error('the namespace is going');
        },
      },
    });
    const { vpcId } = await makeNetwork(api);
    expect(await metrics()).not.toContain(`vpc_id="${vpcId}"`);
    expect(api.log.filter(({ level }) => level >= 40)).toEqual([expect.objectContaining({ level: 40, vpcId })]);
  });

  it('shows counters of attached interfaces, as they are now', async () => {
    api = await startApi();
    const { subnetId } = await makeNetwork(api);
    const [{ instanceId, networkInterfaces }] = (await api.ok('POST', '/v1/instances', { subnetId })).instances;
    const id = networkInterfaces[0].networkInterfaceId;
    const labels = `network_interface_id="${id}",instance_id="${instanceId}"`;
    api.host.counters.set(id, TEST_COUNTERS);
    const text = await metrics();
    expect(text).toContain(`enid_interface_receive_bytes_total{${labels}} 100`);
    expect(text).toContain(`enid_interface_transmit_packets_total{${labels}} 2`);
    expect(text).toContain(`enid_interface_drops_total{${labels},by="ingress-rules"} 3`);
    expect(text).toContain(`enid_interface_drops_total{${labels},by="destination-check"} 6`);
    expect(text).toContain('enid_interfaces_omitted 0');
    expect(text).toContain('enid_records{kind="instance"} 1');
    expect(text).toContain(`enid_store_revision ${api.store.snapshot().revision}`);
    api.host.counters.set(id, { ...TEST_COUNTERS, rxBytes: 150 });
    expect(await metrics()).toContain(`enid_interface_receive_bytes_total{${labels}} 150`);
    api.host.counters.delete(id);
    expect(await metrics()).not.toContain(id);
  });

  it('answers also when the counters cannot be read', async () => {
    api = await startApi({ deps: { counters: () => Promise.reject(new Error('no such namespace')) } });
    expect(await metrics()).toContain('enid_http_requests_total');
    expect(api.log.filter((line) => line.level === 40)).toHaveLength(1);
  });

  it('shows the passes and what could not be realised', async () => {
    api = await startApi();
    api.deps.metrics.reconcile.pass({ full: true, operations: 7, failures: 1, durationMs: 30 });
    api.deps.metrics.reconcile.pass({ full: false, operations: 2, failures: 0, durationMs: 3 });
    api.deps.metrics.reconcile.comparison({ cpuMs: 250, pauseMs: 62_500 });
    api.status.record('vpc-1', { reason: 'busy', message: 'x' });
    const text = await metrics();
    expect(text).toContain('enid_reconcile_passes_total{extent="full"} 1');
    expect(text).toContain('enid_reconcile_operations_total 9');
    expect(text).toContain('enid_reconcile_failures_total 1');
    expect(text).toContain('enid_reconcile_pass_duration_seconds_bucket{le="0.005"} 1');
    expect(text).toContain('enid_units_not_realised{reason="busy"} 1');
    expect(text).toContain('enid_reconcile_comparison_cpu_seconds_sum 0.25');
    expect(text).toContain('enid_reconcile_comparison_cpu_seconds_count 1');
    expect(text).toContain('enid_reconcile_comparison_pause_seconds 62.5');
  });
});

describe('health', () => {
  it('tells what it waits for', async () => {
    let waitsFor = ['the first pass over the kernel'];
    api = await startApi({ deps: { waitsFor: () => waitsFor } });
    expect(await api.call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await api.call('GET', '/readyz')).toMatchObject({ status: 503, body: { status: 'waiting', waitsFor } });
    waitsFor = [];
    expect(await api.call('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ready', waitsFor: [] } });
  });
});

describe('conditions and status words', () => {
  it('reads attaching and pending until the kernel has it, and says why it has not', async () => {
    api = await startApi();
    const { vpcId, subnetId } = await makeNetwork(api);
    api.host.realises = false;
    const [instance] = (await api.ok('POST', '/v1/instances', { subnetId })).instances;
    const [eni] = instance.networkInterfaces;
    const read = async () => {
      const now = await api.ok('GET', `/v1/instances/${instance.instanceId}`);
      return [now.state, now.networkInterfaces[0].status, now.networkInterfaces[0].attachment.status];
    };
    expect(await read()).toEqual(['pending', 'attaching', 'attaching']);
    expect((await api.ok('GET', '/v1/network-interfaces?filter=status:attaching')).items).toHaveLength(1);

    api.status.record(instance.instanceId);
    expect(await read()).toEqual(['pending', 'attaching', 'attaching']);
    api.status.record(eni.networkInterfaceId, { reason: 'unsupported', message: 'device group: the kernel has none' });
    expect(await api.ok('GET', `/v1/network-interfaces/${eni.networkInterfaceId}`)).toMatchObject({
      status: 'attaching',
      condition: { realised: false, reason: 'unsupported', message: 'device group: the kernel has none', failures: 1 },
    });
    expect((await api.ok('GET', '/v1/conditions?filter=realised:false')).items).toEqual([
      expect.objectContaining({ unit: eni.networkInterfaceId, reason: 'unsupported' }),
    ]);
    api.status.record(eni.networkInterfaceId);
    expect(await read()).toEqual(['running', 'in-use', 'attached']);
    expect((await api.ok('GET', `/v1/conditions?filter=unit:${vpcId}`)).items).toEqual([expect.objectContaining({ realised: true })]);

    const second = await api.ok('POST', '/v1/network-interfaces', { subnetId });
    const url = `/v1/network-interfaces/${second.networkInterfaceId}`;
    expect(await api.ok('POST', `${url}/attach`, { instanceId: instance.instanceId, deviceIndex: 1 })).toMatchObject({
      status: 'attaching',
    });
    expect(await read()).toEqual(['running', 'in-use', 'attached']);
    expect(await api.ok('POST', `${url}/detach`, {})).toMatchObject({ status: 'detaching', attachment: { status: 'detaching' } });
    expect(await api.ok('POST', `/v1/instances/${instance.instanceId}/stop`)).toMatchObject({ state: 'stopping' });
  });
});

describe('/v1/host', () => {
  it('tells the machine, the features and what is missing', async () => {
    api = await startApi();
    expect(await api.ok('GET', '/v1/host')).toMatchObject({
      hostId: 'host-a',
      regionName: 'us-east-1',
      availabilityZones: ['us-east-1a', 'us-east-1b', 'us-east-1c'],
      facts: { os: { distribution: 'Test' } },
      features: { devgroup: true, vxlan: false },
      tools: { iptables: null },
      missing: [{ feature: 'vxlan', disables: 'several hosts' }],
    });
  });
});

describe('batches and reset', () => {
  it('makes several things as one commit, later ones from earlier ones', async () => {
    api = await startApi();
    const { results } = await api.ok('POST', '/v1/batch', {
      commands: [
        { command: 'createVpc', input: { cidrBlock: '10.0.0.0/16' } },
        { command: 'createSubnet', input: { vpcId: '$0.vpcId', cidrBlock: '10.0.1.0/24' } },
        { command: 'createNetworkInterface', input: { subnetId: '$1.subnetId' } },
      ],
    });
    expect(api.store.snapshot().revision).toBe(1);
    expect(await api.ok('GET', `/v1/network-interfaces/${results[2].networkInterfaceId}`)).toMatchObject({
      vpcId: results[0].vpcId,
      subnetId: results[1].subnetId,
    });
  });

  it('answers the same token with the same thing', async () => {
    api = await startApi();
    const body = { cidrBlock: '10.0.0.0/16', clientToken: 'once' };
    const [first, second] = [await api.ok('POST', '/v1/vpcs', body), await api.ok('POST', '/v1/vpcs', body)];
    expect(second).toEqual(first);
    expect((await api.ok('GET', '/v1/vpcs')).items).toHaveLength(1);
  });

  it('empties everything, but only when that is allowed', async () => {
    api = await startApi();
    await makeNetwork(api);
    expect((await api.call('POST', '/v1/reset')).status).toBe(204);
    expect(await api.ok('GET', '/v1/vpcs')).toEqual({ items: [] });
    await api.close();
    api = await startApi({ config: { allowReset: false } });
    await makeNetwork(api);
    expect((await api.call('POST', '/v1/reset', {})).body.error).toMatchObject({
      code: 'OperationNotPermitted',
      message: expect.stringContaining('--allow-reset'),
    });
    expect((await api.ok('GET', '/v1/vpcs')).items).toHaveLength(1);
  });
});
