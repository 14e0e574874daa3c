import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, Summary } from 'prom-client';
import type { InterfaceCounters } from '../kernel/port.js';
import { RECORD_KINDS } from '../model/snapshot.js';
import type { ComparisonReport } from '../reconcile/loop.js';
import type { HttpDeps } from './deps.js';

/**
 * Interfaces beyond this many are left out of `/metrics` (which says how many): each makes eight series, and whoever
 * stores them pays for each. `GET /v1/network-interfaces/:id/counters` has them all.
 */
export const MAX_SCRAPED_INTERFACES = 1000;

/** What one pass of the reconcile loop did. */
export interface PassReport {
  readonly full: boolean;
  readonly operations: number;
  readonly failures: number;
  readonly durationMs: number;
}

export interface ReconcileMetrics {
  pass(report: PassReport): void;
  comparison(report: ComparisonReport): void;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** The event loop's lag is what a scrape sees: sampling it wakes the process a hundred times a second, which is more than all else at rest. */
function collectProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: NEVER_MS });
  for (const statistic of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'])
    register.removeSingleMetric(`nodejs_eventloop_lag_${statistic}_seconds`);
}
const NEVER_MS = 0x7fffffff;

/** All of this daemon's meters, in a registry of its own. `processMetrics` adds memory, cpu and event loop of the process. */
export function createMetrics({ processMetrics = true }: { processMetrics?: boolean } = {}) {
  const registry = new Registry();
  const registers = [registry];
  if (processMetrics) collectProcessMetrics(registry);

  const requests = new Counter({
    name: 'enid_http_requests_total',
    help: 'Answered requests.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const latency = new Histogram({
    name: 'enid_http_request_duration_seconds',
    help: 'Time to answer, event streams left out.',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const passes = new Counter({ name: 'enid_reconcile_passes_total', help: 'Passes over the kernel.', labelNames: ['extent'], registers });
  const operations = new Counter({ name: 'enid_reconcile_operations_total', help: 'Kernel operations that were tried.', registers });
  const failures = new Counter({ name: 'enid_reconcile_failures_total', help: 'Units that a pass could not realise.', registers });
  const duration = new Histogram({
    name: 'enid_reconcile_pass_duration_seconds',
    help: 'Time of one pass.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const comparisons = new Summary({
    name: 'enid_reconcile_comparison_cpu_seconds',
    help: 'Processor time of periodic comparisons with the kernel.',
    percentiles: [],
    registers,
  });
  const pause = new Gauge({
    name: 'enid_reconcile_comparison_pause_seconds',
    help: 'Time from the last periodic comparison to the next.',
    registers,
  });
  const refusedCallers = new Counter({
    name: 'enid_http_refused_callers_total',
    help: 'Requests of callers who were not let in, or may not do that.',
    labelNames: ['code'],
    registers,
  });
  const auditFailures = new Counter({
    name: 'enid_audit_failures_total',
    help: 'Entries that could not be written to the audit log.',
    registers,
  });
  const eventStreams = new Gauge({ name: 'enid_event_streams', help: 'Open event streams.', registers });
  const records = new Gauge({ name: 'enid_records', help: 'Records in the model.', labelNames: ['kind'], registers });
  const revision = new Gauge({ name: 'enid_store_revision', help: 'Revision of the store.', registers });
  const faults = new Gauge({
    name: 'enid_units_not_realised',
    help: 'VPCs, instances and interfaces of which the kernel is not as planned.',
    labelNames: ['reason'],
    registers,
  });
  const omitted = new Gauge({
    name: 'enid_interfaces_omitted',
    help: 'Attached interfaces left out of this scrape, above its limit.',
    registers,
  });

  const interfaceCounter = (name: string, help: string, more: string[] = []) =>
    new Counter({ name, help, labelNames: ['network_interface_id', 'instance_id', ...more], registers });
  const receivedBytes = interfaceCounter('enid_interface_receive_bytes_total', 'Bytes that arrived at the interface.');
  const sentBytes = interfaceCounter('enid_interface_transmit_bytes_total', 'Bytes that the interface sent.');
  const receivedPackets = interfaceCounter('enid_interface_receive_packets_total', 'Packets that arrived at the interface.');
  const sentPackets = interfaceCounter('enid_interface_transmit_packets_total', 'Packets that the interface sent.');
  const drops = interfaceCounter('enid_interface_drops_total', 'Packets that were dropped, by what dropped them.', ['by']);
  const discards = new Counter({
    name: 'enid_router_discards_total',
    help: "Packets that the kernel of a VPC's router dropped before any rule, by reason.",
    labelNames: ['vpc_id', 'by'],
    registers,
  });
  const perInterface = [receivedBytes, sentBytes, receivedPackets, sentPackets, drops];

  const setInterface = (labels: Record<'network_interface_id' | 'instance_id', string>, counters: InterfaceCounters) => {
    receivedBytes.inc(labels, counters.rxBytes);
    sentBytes.inc(labels, counters.txBytes);
    receivedPackets.inc(labels, counters.rxPackets);
    sentPackets.inc(labels, counters.txPackets);
    drops.inc({ ...labels, by: 'ingress-rules' }, counters.ingressGroupDrops);
    drops.inc({ ...labels, by: 'egress-rules' }, counters.egressGroupDrops);
    drops.inc({ ...labels, by: 'source-check' }, counters.sourceCheckDrops);
    drops.inc({ ...labels, by: 'destination-check' }, counters.destinationCheckDrops);
    drops.inc({ ...labels, by: 'frame' }, counters.frameDrops);
  };

  const reconcile: ReconcileMetrics = {
    pass: (report) => {
      passes.inc({ extent: report.full ? 'full' : 'partial' });
      operations.inc(report.operations);
      failures.inc(report.failures);
      duration.observe(report.durationMs / 1000);
    },
    comparison: ({ cpuMs, pauseMs }) => {
      comparisons.observe(cpuMs / 1000);
      pause.set(pauseMs / 1000);
    },
  };

  return {
    registry,
    reconcile,
    eventStreams,
    refusedCallers,
    auditFailures,
    request: (labels: { method: string; route: string; status: number }, seconds: number) => {
      requests.inc(labels);
      latency.observe({ method: labels.method, route: labels.route }, seconds);
    },
    /** The exposition text. Reads the kernel's counters now: nobody scrapes, nobody pays. */
    scrape: async (deps: Pick<HttpDeps, 'snapshot' | 'status' | 'counters' | 'discards' | 'log'>): Promise<string> => {
      const snapshot = deps.snapshot();
      revision.set(snapshot.revision);
      for (const kind of RECORD_KINDS) records.set({ kind }, snapshot.tables[kind].size);
      faults.reset();
      for (const { reason } of deps.status.faults()) faults.inc({ reason: reason ?? 'unknown' });

      const attached = snapshot.all('networkInterface').filter(({ attachment }) => attachment !== undefined);
      const scraped = attached.slice(0, MAX_SCRAPED_INTERFACES);
      omitted.set(attached.length - scraped.length);
      const counters = await deps.counters(scraped.map((eni) => eni.networkInterfaceId)).catch((error: unknown) => {
        deps.log.warn({ err: error }, 'reading interface counters failed');
        return new Map<string, InterfaceCounters>();
      });
      discards.reset();
      for (const { vpcId } of snapshot.all('vpc')) {
        try {
          for (const [by, count] of Object.entries(deps.discards(vpcId) ?? {})) discards.inc({ vpc_id: vpcId, by }, count);
        } catch (error) {
          deps.log.warn({ err: error, vpcId }, 'reading what a router discards failed');
        }
      }
      for (const metric of perInterface) metric.reset();
      for (const { networkInterfaceId, attachment } of scraped) {
        const found = counters.get(networkInterfaceId);
        if (found) setInterface({ network_interface_id: networkInterfaceId, instance_id: attachment?.instanceId ?? '' }, found);
      }
      return registry.metrics();
    },
  };
}
