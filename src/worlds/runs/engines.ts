import type { Engine } from '../../sim/result.ts'
import type { Scale, Scenario } from '../../sim/scenario.ts'
import { sizeOf } from '../../sim/wide/limits.ts'

/** What a module of engines exports: this one, or a test's own. */
export interface Engines {
  /** @throws {MuttrError} `SCENARIO_INVALID` where nothing runs this scale. */
  engineFor(scale: Scale): Promise<Engine>
  /** Before anything is written or run. @throws {MuttrError} `SCENARIO_INVALID` where its scale does not model what the scenario asks for. */
  check(scenario: Scenario): Promise<void>
  /** Resident bytes that a run takes, about: one that cannot fit is refused before it begins. */
  memoryOf(scenario: Scenario): number
}

/** Of the scale full, measured with 100 and 400 seeds that hold nine blobs each, on Node 24. */
const full = { baseBytes: 200 * 2 ** 20, nodeBytes: 2 ** 20 }

/** Of this module: threads load it by its address. */
export const enginesUrl = import.meta.url

export const engineFor: Engines['engineFor'] = async scale => {
  switch (scale) {
    case 'full':
      return (await import('../full/full.ts')).fullEngine
    case 'wide':
      return (await import('../../sim/wide/engine.ts')).wideEngine
    case 'real':
      return (await import('../real/real.ts')).realEngine
  }
}

export const check: Engines['check'] = async scenario => {
  switch (scenario.scale) {
    case 'full':
      return await (await import('../full/full.ts')).checkFull(scenario)
    case 'wide':
      return (await import('../../sim/wide/limits.ts')).refuse(scenario)
    case 'real':
      return (await import('../real/real.ts')).checkReal(scenario)
  }
}

/** Of the scale real, measured with 50 processes: their part of what they share counted once. */
const real = { baseBytes: 200 * 2 ** 20, processBytes: 100 * 2 ** 20 }

export const memoryOf: Engines['memoryOf'] = scenario => {
  const { scale, nodes } = scenario
  if (scale === 'wide') return sizeOf(scenario).bytes
  if (scale === 'real') return real.baseBytes + processesOf(scenario) * real.processBytes
  return full.baseBytes + nodes * full.nodeBytes
}

/** Who died in silence stands still until the end. */
function processesOf({ nodes, network, faults }: Scenario): number {
  const standing = network.deaths === 'silent' ? faults : []
  return standing.reduce((sum, f) => sum + (f.type === 'die' ? f.share * nodes : 0), nodes)
}
