import { readFile, rename, rm } from 'node:fs/promises'
import { MuttrError } from '../base/errors.ts'
import type { MigrateOptions, PodMigrated } from '../cli/doors.ts'
import type { HomePaths } from '../config/home.ts'
import { homePaths, writeFileAtomic } from '../config/home.ts'
import { editJsonc } from '../config/jsonc.ts'
import { lockHome } from '../config/lock.ts'
import { systemClock as clock } from '../net/clock.ts'
import type { StateSum } from '../store/copy-state.ts'
import { copyState } from '../store/copy-state.ts'
import type { WholeState } from '../store/state.ts'
import { readHome } from './home.ts'
import { mustBePod } from './init-pod.ts'
import { describeStore, embedded, openPodState, retirePodState } from './pod-state.ts'
import { upgradePod } from './upgrade/upgrade.ts'

/**
 * Moves a pod's state to another place: copies it, compares what arrived, and only then says so in muttr.json. What was there before stays, aside. As
 * `Doors.migratePod`.
 */
export async function migratePod(o: MigrateOptions): Promise<PodMigrated> {
  const { home: folder, to } = o
  await mustBePod(folder)
  await using _lock = await lockHome(folder)
  const paths = homePaths(folder)
  const home = await readHome(folder)
  const from = home.config.pod!.store
  if (from === to) throw new MuttrError('USAGE', 'the state of the pod stands there already')
  const onProgress = ({ step }: { step: string }) => step === 'wait' && o.onWait?.()
  await upgradePod(home, { signal: o.signal, onProgress })
  return to === embedded ? await moveHome(paths, from, o) : await moveAway(paths, from, o)
}

/** Into the home. Who else serves the pod is kept out until nobody can begin with what was there before. */
async function moveHome(paths: HomePaths, from: string, o: MigrateOptions): Promise<PodMigrated> {
  const fresh = `${paths.podDb}.new`
  // What a run that was ended left behind.
  await rm(fresh, { recursive: true, force: true })
  await using source = await openPodState(from, paths.podDb, { alone: true })
  const sum = await copied(source, fresh, o)
  await setAside(paths.podDb)
  await rename(fresh, paths.podDb)
  await say(paths, embedded)
  await retirePodState(from)
  return { from: describeStore(from), to: embedded, ...sum, aside: null }
}

async function moveAway(paths: HomePaths, from: string, o: MigrateOptions): Promise<PodMigrated> {
  let sum: StateSum
  {
    await using source = await openPodState(from, paths.podDb, { alone: true })
    sum = await copied(source, paths.podDb, o)
    await say(paths, o.to)
    if (from !== embedded) await retirePodState(from)
  }
  // Nobody shall begin with what is not kept up any more.
  const aside = from === embedded ? await setAside(paths.podDb) : null
  return { from: describeStore(from), to: describeStore(o.to), ...sum, aside }
}

async function copied(
  source: WholeState,
  folder: string,
  { to, signal, onProgress }: MigrateOptions
) {
  await using target = await openPodState(to, folder, { alone: true })
  return await copyState(source, target, { signal, onProgress })
}

async function say({ config }: HomePaths, store: string): Promise<void> {
  const text = editJsonc(await readFile(config, 'utf8'), ['pod', 'store'], store)
  await writeFileAtomic(config, Buffer.from(text))
}

/** @returns where it is now; null where there was nothing. */
async function setAside(folder: string): Promise<string | null> {
  const aside = `${folder}.before-${clock.now()}`
  try {
    await rename(folder, aside)
    return aside
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw err
  }
}
