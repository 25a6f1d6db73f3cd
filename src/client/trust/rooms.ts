import type { ClientParts } from '../create-client.ts'
import type { AlarmsParts } from './alarms.ts'
import { Alarms } from './alarms.ts'
import { SplitViews } from './split-views.ts'
import { Views } from './views.ts'
import type { WaysParts } from './ways.ts'
import { createWays } from './ways.ts'

interface Shared
  extends Pick<ClientParts, 'state' | 'clock' | 'random' | 'log' | 'canaryEveryMs' | 'isBlind'> {
  pods: WaysParts['pods']
  self: WaysParts['self'] & ConstructorParameters<typeof SplitViews>[0]['self']
  emit: AlarmsParts['emit']
  life: AbortSignal
}

/** What pods said, where that stands against itself, and what the person is told of it. */
export function makeTrustRooms(parts: Shared) {
  const { state, clock, random, log, self, pods, emit, life, isBlind = false } = parts
  const splits = new SplitViews({ state, self, clock, log, emit })
  const ways = createWays({ pods, self, isBlind, life })
  const everyMs = parts.canaryEveryMs ?? null
  const views = new Views({ state, self, splits, ways, clock, random, log, everyMs, life })
  return { splits, views, alarms: new Alarms({ state, clock, log, emit, splits }) }
}
