import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { createServiceMetrics, type ServiceFacts, type ServiceMetrics } from './service-metrics.ts'

/** What the service counts, under the names that upstream's dashboards know. */
export interface Metrics extends ServiceMetrics {
  /** One conversion has ended. Skipped ones count, but have no duration worth knowing. */
  conversionEnded(ended: { seconds: number; failed: boolean; skipped: boolean }): void
  /** One HTTP request was answered. Sizes are bytes. */
  requestAnswered(request: {
    status: number
    method: string
    host: string
    route: string
    seconds: number
    requestSize: number
    responseSize: number
  }): void
  /** The text of `/metrics` and its content type. */
  render(): Promise<{ text: string; type: string }>
}

export interface MetricsInit {
  /** `server.name`: in lower case part of the names of the HTTP metrics. */
  name: string
  /** Tasks that wait and run at this moment. */
  tasks(): { waiting: number; running: number }
  facts: ServiceFacts
}

/** A conversion takes from a second to an hour. */
const CONVERSION_BUCKETS = [1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600]

/** Source: client_golang DefBuckets; echo-contrib has the same. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const KB = 1024
/** Source: echo-contrib prometheus.go. */
const SIZE_BUCKETS = [1, 2, 5, 10, 100, 500, KB, 2.5 * KB, 5 * KB, 10 * KB].map((n) => n * KB)

/** Values of the label `host` that are told apart: clients can write anything there, and each value costs memory. */
const MAX_HOSTS = 32

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Instruments of their own for every service, so that two in one process do not mix. */
export function createMetrics(init: MetricsInit): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const core = 'acceleration_service_core_conversions'
  const op = { op: 'convert' }
  const duration = new Histogram({
    name: `${core}_op_duration_seconds`,
    help: 'The latency of conversions operations in seconds.',
    labelNames: ['op'],
    buckets: CONVERSION_BUCKETS,
    registers,
  })
  const total = new Counter({
    name: `${core}_op_total`,
    help: 'How many conversions operations.',
    labelNames: ['op'],
    registers,
  })
  const failed = new Counter({
    name: `${core}_op_error_total`,
    help: 'How many conversions operation errors.',
    labelNames: ['op'],
    registers,
  })
  const tasks = new Gauge({
    name: 'acceleration_service_core_tasks',
    help: 'How many tasks wait and run.',
    labelNames: ['state'],
    registers,
  })
  // memory, CPU, open files and the delay of the event loop, under prom-client's names
  collectDefaultMetrics({ register: registry })
  const { refresh, ...service } = createServiceMetrics(registry, init.facts)
  return {
    ...service,
    conversionEnded(ended) {
      total.inc(op)
      if (ended.failed) failed.inc(op)
      else if (!ended.skipped) duration.observe(op, ended.seconds)
    },
    requestAnswered: requestMetrics(init.name, registers),
    async render() {
      await refresh()
      for (const [state, count] of Object.entries(init.tasks())) tasks.set({ state }, count)
      return { text: await registry.metrics(), type: registry.contentType }
    },
  }
}

function requestMetrics(name: string, registers: Registry[]): Metrics['requestAnswered'] {
  // a metric name has no dash or space, a server name may
  const prefix = `acceleration_service_${name.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')}`
  const labelNames = ['code', 'method', 'host', 'url']
  const count = new Counter({
    name: `${prefix}_requests_total`,
    help: 'How many HTTP requests processed, partitioned by status code and HTTP method.',
    labelNames,
    registers,
  })
  const histogram = (suffix: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name: `${prefix}_${suffix}`, help, labelNames, buckets, registers })
  const seconds = histogram(
    'request_duration_seconds',
    'The HTTP request latencies in seconds.',
    REQUEST_BUCKETS,
  )
  const requestSize = histogram(
    'request_size_bytes',
    'The HTTP request sizes in bytes.',
    SIZE_BUCKETS,
  )
  const responseSize = histogram(
    'response_size_bytes',
    'The HTTP response sizes in bytes.',
    SIZE_BUCKETS,
  )
  const hosts = new Set<string>()
  return (request) => {
    if (hosts.size < MAX_HOSTS) hosts.add(request.host)
    const labels = {
      code: String(request.status),
      method: methods.has(request.method) ? request.method : 'other',
      host: hosts.has(request.host) ? request.host : 'other',
      url: request.route,
    }
    count.inc(labels)
    seconds.observe(labels, request.seconds)
    requestSize.observe(labels, request.requestSize)
    responseSize.observe(labels, request.responseSize)
  }
}
