import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Change, State } from '../../store/state.ts'
import { array, literal, mapped, text, tuple, uint } from '../../wire/cbor.ts'
import { foldName, isReserved } from '../alias.ts'
import type { PodLimits, Rate } from '../limits.ts'
import type { Row } from '../rows.ts'
import { row, tables } from '../rows.ts'

/** A rate as an operator says it: so many at once, and so many an hour given back. */
export interface SaidRate {
  readonly burst: number
  readonly perHour: number
}

/** What operators have set while the pod runs. */
export interface Settings {
  /** Names that nobody gets, beyond those that nobody gets anywhere. */
  readonly reserved: readonly string[]
  /** Of those that nobody gets anywhere, the ones that may be taken here. */
  readonly allowed: readonly string[]
  readonly rates: Readonly<Partial<Record<RateName, SaidRate>>>
}

const rateNames = [
  ...(['lookupsPerPeer', 'noticesPerPeer', 'identifiesPerPeer', 'requestsPerPeer'] as const),
  ...(['lookupsPerSubnet', 'noticesPerSubnet', 'identifiesPerSubnet'] as const),
  ...(['requestsPerSubnet', 'noticesPerAddress', 'lookupsPerAccount'] as const),
  ...(['noticesPerAccount', 'registrationsPerAccount', 'reportsPerSubnet'] as const),
  'addressesPerAccount',
  ...(['noticesInAll', 'lookupsInAll', 'registrationsInAll', 'identifiesInAll'] as const),
  ...(['reportsInAll', 'datagramsPerSubnet', 'datagramsInAll', 'datagramsPerAddress'] as const)
] as const satisfies readonly (keyof PodLimits)[]
export type RateName = (typeof rateNames)[number]

export interface RateView extends SaidRate {
  /** As in `noticesPerAccount`. */
  readonly rate: RateName
  /** What it is unless an operator says otherwise. */
  readonly usual: SaidRate
}

const none: Settings = { reserved: [], allowed: [], rates: {} }
const namesMax = 1_000
const hourMs = 3_600_000

const name = text(limits.aliasCharsMax, 1)
const settingsRow: Row<Settings> = row(
  'the settings of a pod',
  tuple(
    literal(1),
    array(name, namesMax),
    array(name, namesMax),
    array(
      mapped(tuple(text(40, 1), uint(), uint()), ([rate, burst, perHour]) => ({
        rate,
        said: { burst, perHour }
      })),
      rateNames.length
    )
  ),
  ([, reserved, allowed, rates]) => ({
    reserved,
    allowed,
    rates: Object.fromEntries(rates.map(({ rate, said }) => [rate, said]))
  }),
  s => [
    1,
    s.reserved,
    s.allowed,
    Object.entries(s.rates).map(([rate, { burst, perHour }]) => [rate, burst, perHour])
  ],
  256 * 1_024
)

const key = 'settings'

export async function readSettings(state: State): Promise<Settings> {
  const value = await state.get(tables.pod, key)
  return value ? settingsRow.decode(value) : none
}

export const putSettings = (settings: Settings): Change => ({
  ...{ type: 'put', table: tables.pod, key },
  value: settingsRow.encode(settings)
})

const said = ({ burst, everyMs }: Rate): SaidRate => ({
  burst,
  perHour: Math.round(hourMs / everyMs)
})

/** The limits with the rates that were set. */
export const withRates = (limits: PodLimits, { rates }: Settings): PodLimits => ({
  ...limits,
  ...Object.fromEntries(
    Object.entries(rates).map(([rate, { burst, perHour }]) => [
      rate,
      { burst, everyMs: hourMs / perHour }
    ])
  )
})

export const ratesOf = (limits: PodLimits, { rates }: Settings): RateView[] =>
  rateNames.map(rate => ({
    rate,
    ...(rates[rate] ?? said(limits[rate])),
    usual: said(limits[rate])
  }))

/** @throws {MuttrError} `USAGE` */
export function rateNamed(text: string): RateName {
  const found = rateNames.find(rate => rate === text)
  if (found) return found
  throw new MuttrError('USAGE', `no rate ${text}`, { hint: 'See `muttr pod rates`.' })
}

/** @throws {MuttrError} `ALIAS_INVALID`, `LIMIT_EXCEEDED` */
export function reserve(settings: Settings, names: readonly string[]): Settings {
  const folded = names.map(foldName)
  const more = folded.filter(name => !isReserved(name))
  const reserved = [...new Set([...settings.reserved, ...more])].sort()
  if (reserved.length > namesMax)
    throw new MuttrError('LIMIT_EXCEEDED', `more than ${namesMax} names`)
  return { ...settings, reserved, allowed: settings.allowed.filter(one => !folded.includes(one)) }
}

/** @throws {MuttrError} `ALIAS_INVALID` */
export function allow(settings: Settings, names: readonly string[]): Settings {
  const folded = names.map(foldName)
  const more = folded.filter(isReserved)
  const allowed = [...new Set([...settings.allowed, ...more])].sort()
  return { ...settings, allowed, reserved: settings.reserved.filter(one => !folded.includes(one)) }
}
