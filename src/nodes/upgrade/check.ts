import { codeOf } from '../../base/errors.ts'
import { failureOf } from '../../base/failure.ts'
import type { Failure } from '../../base/ports.ts'
import type { UpgradeCheck } from '../../cli/pod-upgrade.ts'
import { readHomeFile } from '../../config/home.ts'
import { lockHome } from '../../config/lock.ts'
import { openShared } from '../../net/postgres/shared.ts'
import { podSchema } from '../../pod/schema.ts'
import { refusedVersion, versionNow, versionOf } from '../../store/upgrade/schema.ts'
import type { Home } from '../home.ts'
import { describeStore, embedded } from '../pod-state.ts'
import { listExports } from './exports.ts'
import { notEnough, roomFor, versionThere } from './upgrade.ts'
import { formatSaid } from './waiting.ts'

/** Bytes a second of a state that are exported, compared, written anew and compared: docs/benchmarks.md. Disks are seldom slower. */
const rateBytes = 4 * 2 ** 20

/** What an upgrade would do and whether it can; changes nothing. The pod may run. */
export async function checkUpgrade(home: Home): Promise<UpgradeCheck> {
  const { store } = home.config.pod!
  const needed = versionNow(podSchema)
  const room = await roomFor(home)
  const { found, runs } = await there(home)
  const others = store === embedded ? [] : await othersAt(store)
  const isDue = found !== null && found < needed
  const exports = await listExports(home.paths.upgrades)
  return {
    ...{ store: describeStore(store), found, needed, runs, others, ...room },
    steps: isDue ? podSchema.steps.slice(found - 1).map(({ what }) => what) : [],
    estimateMs: isDue ? Math.ceil((room.sizeBytes / rateBytes) * 1_000) + 1_000 : 0,
    exports: exports.map(({ digest: _, ...one }) => one),
    problem: problemOf()
  }

  function problemOf(): Failure | null {
    if (found === null || found === needed) return null
    if (found > needed) return failureOf(refusedVersion(podSchema, found, home.paths.podDb))
    if (room.freeBytes < room.neededBytes) return failureOf(notEnough(home, room))
    const older = others.filter(other => other !== needed)
    if (older.length > 0) return failureOf(refusedVersion(podSchema, found, 'the database'))
    return null
  }
}

/** A running pod has its home to itself, and has written down which version that is. */
async function there(home: Home): Promise<{ found: number | null; runs: boolean }> {
  try {
    await using _lock = isHere(home) ? await lockHome(home.paths.home) : undefined
    return { found: (await versionThere(home)) ?? null, runs: false }
  } catch (err) {
    if (codeOf(err) !== 'HOME_IN_USE') throw err
    const said = await readHomeFile(home.paths.podVersion)
    // Programs of version 1 wrote nothing down.
    return { found: said ? Number(Buffer.from(said).toString()) : 1, runs: true }
  }
}

const isHere = ({ config }: Home): boolean => config.pod!.store === embedded

/** The versions that processes of the pod are of; null for a program that says nothing of it. */
async function othersAt(store: string): Promise<(number | null)[]> {
  await using database = await openShared(store)
  return (await database.listeners()).map(
    says => versionOf(podSchema, formatSaid(says ?? '')) ?? null
  )
}
