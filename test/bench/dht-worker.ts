import type { SystemName } from './systems.ts'
import { startSystem } from './systems.ts'

/** Runs one DHT in a process of its own, so that its CPU time is its own; the parent says when to work. */
export interface Round {
  op: 'put' | 'get'
  count: number
  atOnce: number
}
export interface Measured {
  latenciesMs: number[]
  cpuMs: number
  wallMs: number
  dials: number
  /** Of the latencies: time until stamps were there. */
  stampMs: number
  /** Until a put was safe, where it ends later than that. */
  safeMs: number[]
  /** Operations that ended with an error; their times are not counted. */
  failures: number
}

const [name, nodes] = [process.argv[2] as SystemName, Number(process.argv[3])]
const system = await startSystem(name, nodes)
const keys: unknown[] = []
let turn = 0

async function measure({ op, count, atOnce }: Round): Promise<Measured> {
  const latenciesMs: number[] = []
  const dialsBefore = system.dials?.() ?? 0
  const stampsBefore = system.stampMs?.() ?? 0
  system.safeMs?.()
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  let left = count
  let failures = 0
  const once = async () => {
    // Steps of 7 and 13 are coprime to 50 and 200: every node works, and a reader is never the writer.
    const node = (turn++ * 7) % nodes
    if (op === 'put') keys.push(await system.put(node))
    else await system.get((node + 13) % nodes, keys[(turn * 31) % keys.length])
  }
  const work = async () => {
    while (left-- > 0) {
      const beganMs = performance.now()
      try {
        await once()
        latenciesMs.push(performance.now() - beganMs)
      } catch {
        failures++
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  const wallMs = performance.now() - startMs
  const cpu = process.cpuUsage(cpuBefore)
  const dials = (system.dials?.() ?? 0) - dialsBefore
  const stampMs = (system.stampMs?.() ?? 0) - stampsBefore
  const cpuMs = (cpu.user + cpu.system) / 1000
  const safeMs = system.safeMs?.() ?? []
  return { latenciesMs, cpuMs, wallMs, dials, stampMs, safeMs, failures }
}

process.on('message', async (message: Round | 'stop') => {
  if (message === 'stop') {
    await system[Symbol.asyncDispose]()
    process.exit(0)
  }
  process.send?.(await measure(message))
})
process.send?.('ready')
