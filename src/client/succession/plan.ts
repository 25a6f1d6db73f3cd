import { fromHex, toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { Person } from '../../keys/person.ts'
import type { State } from '../../store/state.ts'
import { array, bytes, literal, mapped, nullable, tuple, uint } from '../../wire/cbor.ts'
import { fingerprint, fingerprintBytes } from '../../wire/fingerprint.ts'
import { devicesMax } from '../../wire/sync.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'

/** Not the key that we are yet, or the key that we are and what is to be done for it. */
export type Plan =
  | {
      stage: 'made'
      sinceMs: Millis
      /** Fingerprints. */
      from: string
      to: string
      secret: Uint8Array
      /** Keys, hex, of other devices for which it was sealed. */
      told: readonly string[]
    }
  | {
      stage: 'moving'
      sinceMs: Millis
      /** Of the old key. */
      from: string
      /** The old certificate, revoked as superseded: made when all pods have the new one. */
      revoked: Uint8Array | null
      eraseMs: Millis | null
    }

const made = mapped(
  tuple(
    literal(1),
    uint(),
    fingerprint,
    fingerprint,
    bytes(1, limits.vaultBytesMax + 1_024),
    array(mapped(bytes(32), toHex), devicesMax)
  ),
  ([, sinceMs, from, to, secret, told]): Plan => ({
    ...{ stage: 'made', sinceMs, from, to, secret, told }
  })
)
const moving = mapped(
  tuple(
    literal(2),
    uint(),
    fingerprint,
    nullable(bytes(1, limits.certificateBytesMax)),
    nullable(uint())
  ),
  ([, sinceMs, from, revoked, eraseMs]): Plan => ({
    ...{ stage: 'moving', sinceMs, from, revoked, eraseMs }
  })
)
const planRow = (value: unknown): Plan =>
  (Array.isArray(value) && value[0] === 1 ? made : moving)(value)
const writePlan = (plan: Plan): unknown[] =>
  plan.stage === 'made'
    ? [
        1,
        plan.sinceMs,
        fingerprintBytes(plan.from),
        fingerprintBytes(plan.to),
        plan.secret,
        plan.told.map(one => fromHex(one, 32)!)
      ]
    : [2, plan.sinceMs, fingerprintBytes(plan.from), plan.revoked, plan.eraseMs]

export const place = 'own'
/** One that another device took at the same time. */
export const otherPlace = 'other'

/** What is to be done for a new key: under {@link place}, and {@link otherPlace}. */
export const planTable = (state: State, log: Log): Table<Plan> =>
  createTable({
    ...{ state, log, name: 'succession', field: planRow, write: writePlan },
    maxBytes: limits.vaultBytesMax + 2_048
  })

/** The key that a plan leaves, when it is left. */
export const leftBy = ({ from }: Plan, { former }: Person): Person | undefined =>
  former.find(({ certificate }) => certificate.fingerprint === from)
