import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { RecordDht } from '../replicas/publisher.ts'
import type { Change, State } from '../store/state.ts'
import { literal, text, tuple, uint } from '../wire/cbor.ts'
import { decodeRecord } from '../wire/record.ts'
import { decodeWhereabouts, whereaboutsKey } from '../wire/records/whereabouts.ts'
import type { PodNames } from './hostnames.ts'
import { row, tables } from './rows.ts'

/**
 * A state that is older than the pod's name: it came out of a backup, or of a copy of the disk, from before a rename. What the pod itself last said in
 * the network tells. Source: docs/protocol/pod-moving.md#a-copy-from-before
 */

/** Under {@link tables.pod}: the sequence of the record with which the pod took the names that it has; none before the first rename. */
const takenKey = 'named'
/** The sequence of the latest word of the pod by which this was an older copy: what the operator says after it counts, whatever the clocks say. */
const heardKey = 'heard'
/** What it was renamed to since this copy was made. */
const sinceKey = 'renamed-since'
/** The state came out of a backup, and nobody has been asked yet. */
const restoredKey = 'restored'

/** A process that has not heard of a rename yet says the former name for so long at most. */
const lateMs: Millis = 24 * 3_600_000

const takenRow = row(
  'when a pod took its names',
  tuple(literal(1), uint()),
  ([, sequence]) => sequence,
  sequence => [1, sequence]
)
const sinceRow = row(
  'what a pod was renamed to',
  tuple(literal(1), text(limits.hostnameCharsMax, 1)),
  ([, hostname]) => hostname,
  hostname => [1, hostname]
)

const put = (key: string, value: Uint8Array): Change => ({
  ...{ type: 'put', table: tables.pod, key, value }
})
const drop = (key: string): Change => ({ type: 'delete', table: tables.pod, key })

/** Written with the record that has other names, or has the same ones because its operator said so. */
export async function tookNames(state: State, sequence: number): Promise<Change> {
  const heard = await state.get(tables.pod, heardKey)
  return put(takenKey, takenRow.encode(Math.max(sequence, heard ? takenRow.decode(heard) : 0)))
}

/** Its operator has said what it is called: what the network told before counts no more. */
export const forgetSince: Change = drop(sinceKey)

/** Of a state out of a backup: it asks before it serves. */
export const restoredRow = { table: tables.pod, key: restoredKey, value: new Uint8Array() }

export const isRestored = async (state: State): Promise<boolean> =>
  (await state.get(tables.pod, restoredKey)) !== undefined

/** It has asked. */
export const askedSince = async (state: State): Promise<void> => {
  await state.write([drop(restoredKey)])
}

/** @throws {MuttrError} `CONFIG_INVALID` where the network has told that the pod has another name by now */
export async function refuseOlder(state: State, hostname: string): Promise<void> {
  const kept = await state.get(tables.pod, sinceKey)
  if (!kept) return
  const now = sinceRow.decode(kept)
  throw new MuttrError(
    'CONFIG_INVALID',
    `the pod was renamed to ${now} after this copy of it was made`,
    {
      hint: `Run \`muttr pod rename --to ${now}\` here, then start it; if it is to be ${hostname} again, \`muttr pod rename --to ${hostname}\`.`
    }
  )
}

interface AskParts {
  state: State
  dht: Pick<RecordDht, 'getRecord'>
  self: PeerId
  /** Of the pod's certificate. */
  fingerprint: string
  names: PodNames
}

/**
 * What the pod itself has said in the network, under its peer key, later than it took the names that this state knows. Where that is another name it is
 * written down, so that nothing begins under the old one. @throws {MuttrError} as `getRecord`, where nobody could be asked
 */
export async function renamedSince(
  { state, dht, self, fingerprint, names }: AskParts,
  signal: AbortSignal
): Promise<string | null> {
  const said = await lastWord(dht, self, signal)
  if (said?.fingerprint !== fingerprint || said.hostname === names.hostname) return null
  const kept = await state.get(tables.pod, takenKey)
  const isLate = names.former.includes(said.hostname)
  const takenMs = (kept ? takenRow.decode(kept) : 0) + (isLate ? lateMs : 0)
  if (said.sequence <= takenMs) return null
  await state.write([
    put(sinceKey, sinceRow.encode(said.hostname)),
    put(heardKey, takenRow.encode(said.sequence))
  ])
  return said.hostname
}

async function lastWord(dht: AskParts['dht'], self: PeerId, signal: AbortSignal) {
  const key = whereaboutsKey(self)
  if (!key) return undefined
  try {
    const { body, sequence } = decodeRecord(await dht.getRecord(key, { signal }))
    return { ...decodeWhereabouts(body), sequence }
  } catch (err) {
    if (codeOf(err) === 'RECORD_UNKNOWN') return undefined
    throw err
  }
}
