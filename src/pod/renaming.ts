import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import { formerNamesMax } from '../wire/pod.ts'
import { foldHostname } from './alias.ts'
import type { Hostnames, PodNames } from './hostnames.ts'
import { hostnamesOf, recordedNames, wantedNames } from './hostnames.ts'
import { podTimes } from './limits.ts'
import { moveRow } from './moves.ts'
import { forgetSince, refuseOlder } from './renamed-since.ts'
import { aliasRow, tables } from './rows.ts'
import { rowsOf } from './scan.ts'

/** Under {@link tables.pod}: what a rename that was begun leads to. */
const wantedKey = 'names'

const written = 200

/** What an operator wants the pod to be called from the next start on; undefined where that is what its record says. */
export async function namesWanted(state: State): Promise<PodNames | undefined> {
  const kept = await state.get(tables.pod, wantedKey)
  return kept && wantedNames.decode(kept)
}

/**
 * The names of a pod that gets another one.
 * @param had in between, newest first, where this is a copy of it that is older. @throws {MuttrError} `ALIAS_INVALID`, `USAGE`, `LIMIT_EXCEEDED`
 */
export function renamed(
  { hostname, former }: PodNames,
  to: string,
  had: readonly string[] = []
): PodNames {
  const next = foldHostname(to)
  const before = next === hostname ? former : [hostname, ...former]
  const all = new Set([...had.map(foldHostname), ...before])
  const names = [...all].filter(name => name !== next)
  if (names.length > formerNamesMax)
    throw new MuttrError('LIMIT_EXCEEDED', `a pod answers for ${formerNamesMax} former names`, {
      hint: `Let one go that nobody needs any more: \`muttr pod rename --forget ${names.at(-1)}\`.`
    })
  return { hostname: next, former: names }
}

/** How it stands with a former name. */
export interface FormerName {
  readonly hostname: string
  /** Still certified under it: their people have not been here since. */
  readonly aliases: number
  /** Letters that were sealed for aliases under it come until then at most; null while some are under it. */
  readonly untilMs: Millis | null
}

/** @param nowMs when nobody has gone along yet, they might at any time. */
export async function formerNames(
  state: State,
  names: PodNames,
  nowMs: Millis
): Promise<FormerName[]> {
  const hostnames = hostnamesOf(state, names)
  const counts = new Map(names.former.map(name => [name, 0]))
  const lastMs = new Map<string, Millis>()
  for await (const { key } of rowsOf(state, tables.places)) {
    const kept = await state.get(tables.aliases, key)
    if (!kept || aliasRow.decode(kept).state !== 'active') continue
    for (const at of await hostnames.of(key))
      if (counts.has(at)) counts.set(at, counts.get(at)! + 1)
  }
  for await (const { key, value } of rowsOf(state, tables.moves)) {
    const at = key.slice(key.lastIndexOf('@') + 1)
    const leftMs = moveRow.decode(value).untilMs - podTimes.quarantineMs
    if (counts.has(at)) lastMs.set(at, Math.max(lastMs.get(at) ?? 0, leftMs))
  }
  return [...counts].map(([hostname, aliases]) => ({
    ...{ hostname, aliases },
    untilMs: aliases > 0 ? null : (lastMs.get(hostname) ?? nowMs)
  }))
}

/**
 * Writes down that aliases are certified under the name that the pod has now, before it gets another. Ended in the middle it is begun again, and
 * changes nothing that was done. @throws {MuttrError} `CANCELLED`
 */
export async function markPlaces(
  state: State,
  { hostname, former }: PodNames,
  {
    signal,
    onProgress = () => undefined
  }: { signal?: AbortSignal; onProgress?: (done: number) => void } = {}
): Promise<number> {
  // As long as the record says so this is no place of its own.
  const { put } = hostnamesOf(state, { hostname: '', former: [hostname, ...former] })
  let done = 0
  let changes: Change[] = []
  const write = async () => {
    if (changes.length > 0) await state.write(changes)
    changes = []
    onProgress(done)
  }
  for await (const { key, value } of rowsOf(state, tables.aliases)) {
    if (signal?.aborted) throw new MuttrError('CANCELLED', 'nothing was renamed')
    if (aliasRow.decode(value).certificate.byteLength === 0) continue
    done += 1
    if (!(await state.get(tables.places, key))) changes.push(put(key, [hostname]))
    if (changes.length >= written) await write()
  }
  await write()
  return done
}

/** From the next start on the pod has these names. */
export const wantNames = async (state: State, names: PodNames): Promise<void> => {
  const value = wantedNames.encode(names)
  await state.write([{ type: 'put', table: tables.pod, key: wantedKey, value }, forgetSince])
}

/** A process goes on under names that the pod has no more. @param last of the record that stands */
export const renamedMeanwhile = ({ hostname }: PodNames, last: PodNames): MuttrError =>
  new MuttrError('CONFIG_INVALID', `the pod is ${last.hostname} now, and not ${hostname}`, {
    hint:
      last.hostname === hostname
        ? 'Its former names have changed: start this process again.'
        : `Run \`muttr pod rename --to ${last.hostname}\` on this machine too, then start it again.`
  })

/** Whether two processes would say the same of them. */
export const namesAre = (one: PodNames, other: PodNames): boolean =>
  one.hostname === other.hostname && one.former.join() === other.former.join()

/** Written with the record that says so. */
export const gotNames: Change = { type: 'delete', table: tables.pod, key: wantedKey }

/**
 * The pod's names as its next record says them. A rename that was ended after its last step but one is finished here.
 * @param hostname as muttr.json says. @throws {MuttrError} `CONFIG_INVALID` for another name than the pod has
 */
export async function openHostnames(state: State, hostname: string): Promise<Hostnames> {
  const recorded = await recordedNames(state)
  const next = await namesWanted(state)
  if (next?.hostname === hostname) {
    if (recorded && recorded.hostname !== hostname) await markPlaces(state, recorded)
    return hostnamesOf(state, next)
  }
  await refuseOlder(state, hostname)
  if (!recorded || recorded.hostname === hostname)
    return hostnamesOf(state, { hostname, former: recorded?.former ?? [] })
  throw new MuttrError('CONFIG_INVALID', `the pod is ${recorded.hostname}, and not ${hostname}`, {
    hint: recorded.former.includes(hostname)
      ? `It was renamed: run \`muttr pod rename --to ${recorded.hostname}\` on this machine too.`
      : `Its name is changed by \`muttr pod rename --to ${hostname}\` alone; else correct pod.hostname in muttr.json.`
  })
}

/** @throws {MuttrError} `POD_UNKNOWN` for a pod that has not begun yet */
export async function namesNow(state: State): Promise<PodNames> {
  const names = await recordedNames(state)
  if (names) return names
  throw new MuttrError('POD_UNKNOWN', 'this pod has not run yet', {
    hint: 'Set pod.hostname in muttr.json.'
  })
}

/** The names that it will have from the next start on. @throws {MuttrError} as {@link namesNow} */
export const namesNext = async (state: State): Promise<PodNames> =>
  (await namesWanted(state)) ?? (await namesNow(state))
