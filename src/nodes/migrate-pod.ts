import { readFile, rename, rm } from 'node:fs/promises'
import { MuttrError } from '../base/errors.ts'
import type { MigrateOptions, PodMigrated } from '../cli/doors.ts'
import { homePaths, writeFileAtomic } from '../config/home.ts'
import { editJsonc } from '../config/jsonc.ts'
import { lockHome } from '../config/lock.ts'
import { systemClock as clock } from '../net/clock.ts'
import { copyState } from '../store/copy-state.ts'
import { readHome } from './home.ts'
import { mustBePod } from './init-pod.ts'
import { embedded, openPodState, retirePodState } from './pod-state.ts'

/**
 * Moves a pod's state to another place: copies it, compares what arrived, and only then says so in muttr.json. What was there before stays, aside. As
 * `Doors.migratePod`.
 */
export async function migratePod(o: MigrateOptions): Promise<PodMigrated> {
  const { home: folder, to, signal, onProgress } = o
  await mustBePod(folder)
  await using _lock = await lockHome(folder)
  const paths = homePaths(folder)
  const from = (await readHome(folder)).config.pod!.store
  if (from === to) throw new MuttrError('USAGE', 'the state of the pod stands there already')
  const isHome = to === embedded
  const fresh = isHome ? `${paths.podDb}.new` : paths.podDb
  // What a run that was ended left behind.
  if (isHome) await rm(fresh, { recursive: true, force: true })
  const sum = await copied()
  if (isHome) {
    await setAside(paths.podDb)
    await rename(fresh, paths.podDb)
  }
  const text = editJsonc(await readFile(paths.config, 'utf8'), ['pod', 'store'], to)
  await writeFileAtomic(paths.config, Buffer.from(text))
  // Nobody shall begin with what is not kept up any more.
  const aside = from === embedded ? await setAside(paths.podDb) : null
  if (from !== embedded) await retirePodState(from)
  return { from: nameOf(from), to: nameOf(to), ...sum, aside }

  async function copied() {
    await using source = await openPodState(from, paths.podDb, { alone: true })
    await using target = await openPodState(to, fresh, { alone: true })
    return await copyState(source, target, { signal, onProgress })
  }
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

/** Without the password. */
const nameOf = (store: string): string =>
  store.replace(/^(postgres(?:ql)?:\/\/)([^:@/]*)(:[^@/]*)?@/, '$1$2@')
