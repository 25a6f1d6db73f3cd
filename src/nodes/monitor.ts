import { Hono } from 'hono'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Served } from '../https/serve.ts'
import { serveHttp } from '../https/serve.ts'
import type { Node } from '../net/node.ts'
import type { Measure } from '../pod/measure.ts'
import { datagramOutcomes } from '../pod/measure.ts'
import type { Pod } from '../pod/pod.ts'
import type { Writable } from './strain.ts'
import { memoryNow } from './strain.ts'

interface Watched {
  pod: Pick<Pod, 'usage' | 'drain'>
  /** Why its state can be neither read nor written. */
  problem: Writable['problem']
  /** Of the disk of its home. */
  freeBytes(): Promise<number>
  network: Pick<Node, 'libp2p' | 'traffic'>
  /** Whether the node has joined its network. */
  joined(): boolean
}

/** Figures of a pod for Prometheus, and whether it is well. Source: docs/guides/pod.md#watch-it */
export interface Monitor {
  readonly measure: Measure
  /** @throws {MuttrError} `ADDRESS_IN_USE`, `ADDRESS_DENIED` */
  serve(at: { host: string; port: number }, watched: Watched): Promise<Served>
}

/** Of an answer, in seconds: from what a cache gives to what a client gives up on. */
const buckets = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 20]

export function createMonitor(): Monitor {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Counter({
    name: 'muttr_pod_requests_total',
    help: 'Requests of clients and of other pods, by what became of them.',
    labelNames: ['method', 'outcome'],
    registers
  })
  const durations = new Histogram({
    name: 'muttr_pod_request_seconds',
    help: 'From the last byte of a request to its answer.',
    labelNames: ['method'],
    buckets,
    registers
  })
  const pushed = new Counter({
    name: 'muttr_pod_notices_pushed_total',
    help: 'Notices that devices have answered for.',
    registers
  })
  const datagrams = new Counter({
    name: 'muttr_pod_datagrams_total',
    help: 'Datagrams that came, by what became of them.',
    labelNames: ['outcome'],
    registers
  })
  for (const outcome of datagramOutcomes) datagrams.inc({ outcome }, 0)
  const shed = new Counter({
    name: 'muttr_pod_sessions_shed_total',
    help: 'Sessions that were not let in because memory was short.',
    registers
  })
  return {
    measure: {
      asked(method, outcome, ms) {
        requests.inc({ method, outcome })
        durations.observe({ method }, ms / 1_000)
      },
      pushed: notices => pushed.inc(notices),
      shed: () => shed.inc(),
      datagram: outcome => datagrams.inc({ outcome })
    },
    async serve({ host, port }, watched) {
      gauges(registry, watched)
      collectDefaultMetrics({ register: registry })
      const { fetch } = routes(registry, watched)
      return await serveHttp({ fetch, host, port, setting: 'pod.monitor', groupLocal: null })
    }
  }
}

function gauges(registry: Registry, { pod, network, joined, problem, freeBytes }: Watched): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        this.set(await read())
      }
    })
  gauge('muttr_pod_state_ok', 'Whether its database takes writes.', async () =>
    Number((await problem()) === undefined)
  )
  gauge('muttr_disk_free_bytes', 'Of the disk of its home.', freeBytes)
  gauge(
    'muttr_memory_group_ratio',
    'Memory used of what its control group may have.',
    () => memoryNow().group
  )
  gauge('muttr_memory_heap_ratio', 'Heap used of what it may grow to.', () => memoryNow().heap)
  gauge('muttr_pod_accounts', 'People with an alias.', () => pod.usage().accounts)
  gauge('muttr_pod_aliases', 'Aliases that are taken.', () => pod.usage().aliases)
  gauge('muttr_pod_notices', 'Notices that wait for their readers.', () => pod.usage().notices)
  gauge('muttr_pod_notice_bytes', 'What they take.', () => pod.usage().bytes)
  gauge('muttr_pod_sessions', 'Clients and pods that are connected.', () => pod.usage().sessions)
  gauge(
    'muttr_pod_queued',
    'Notices that wait to be passed on to other pods.',
    () => pod.usage().queued
  )
  gauge(
    'muttr_connections',
    'Connections of the node.',
    () => network.libp2p.getConnections().length
  )
  gauge(
    'muttr_received_bytes',
    'What all channels received since it began.',
    () => network.traffic().inBytes
  )
  gauge(
    'muttr_sent_bytes',
    'What all channels sent since it began.',
    () => network.traffic().outBytes
  )
  gauge('muttr_joined', 'Whether it has joined its network.', () => Number(joined()))
}

function routes(registry: Registry, { pod, problem: stateProblem, joined }: Watched): Hono {
  const app = new Hono()
  app.get('/metrics', async c =>
    c.body(await registry.metrics(), 200, { 'Content-Type': registry.contentType })
  )
  app.get('/health', c => c.json({ ok: true }))
  app.get('/ready', async c => {
    const isLeaving = pod.drain.state().state !== 'serving'
    const problem = isLeaving ? 'DRAINING' : joined() ? await stateProblem() : 'NETWORK_EMPTY'
    return problem ? c.json({ ok: false, problem }, 503) : c.json({ ok: true })
  })
  return app
}
