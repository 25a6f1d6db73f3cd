import type { Millis } from '../../base/ports.ts'
import { waitsMax } from '../../replicas/repair-agenda.ts'
import type { RepairParameters } from '../../replicas/repair-parameters.ts'
import { usualRepair } from '../../replicas/repair-parameters.ts'
import type { Scenario } from '../../sim/scenario.ts'

const minuteMs: Millis = 60_000
const hourMs: Millis = 60 * minuteMs

/** What a scenario says of repair, as a seed takes it. */
export const repairOf = (p: Scenario['parameters']): Partial<RepairParameters> => ({
  sweepMs: p.sweepHours * hourMs,
  debounceMs: p.debounceMinutes * minuteMs,
  graceMs: p.graceHours * hourMs
})

/** In which all look around at the start, one after the other; of a short run no longer than half of it. */
export const lookingMsOf = ({ hours }: Scenario): Millis => Math.min(minuteMs, (hours * hourMs) / 2)

/**
 * How long all is left alone before anything is put, after the last has come: a minute, and in a network that begins by joining until repair
 * has looked at who came; at most half as long as the run.
 */
export const settleMsOf = ({ population, parameters, hours }: Scenario): Millis =>
  Math.min(
    population.begins === 'settled' ? minuteMs : 2 * parameters.debounceMinutes * minuteMs,
    (hours * hourMs) / 2
  )

/**
 * How long before hour zero those leave who are away then. They were there while blobs were stored, and two fifths of a network that fall silent
 * at once are no hour like others: until the rest has noticed, and repair and its stand-ins have had their turn, it has other figures.
 */
export const absenceMsOf = ({ population, parameters }: Scenario): Millis =>
  population.trace || !(population.sessionHours || population.daily)
    ? 0
    : Math.min(
        hourMs,
        waitsMax * parameters.debounceMinutes * minuteMs + 1.5 * usualRepair.standInMs
      )
