import { readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, MuttrError } from '../../base/errors.ts'
import { asMuttrError } from '../../base/failure.ts'
import type { Upgraded, UpgradeOptions } from '../../cli/pod-upgrade.ts'
import type { HomePaths } from '../../config/home.ts'
import { systemClock as clock } from '../../net/clock.ts'
import { openShared } from '../../net/postgres/shared.ts'
import { podSchema } from '../../pod/schema.ts'
import type { StateSum } from '../../store/copy-state.ts'
import { sumOf } from '../../store/copy-state.ts'
import { levelState } from '../../store/level.ts'
import { levelFormat } from '../../store/level-rows.ts'
import { rewrite } from '../../store/sql/rewrite.ts'
import { movedAway, formatOf as sqlFormat } from '../../store/sql/schema.ts'
import { createSqlState } from '../../store/sql/sql-state.ts'
import type { Content, WholeState } from '../../store/state.ts'
import {
  formatOf,
  refusedVersion,
  upgraded,
  versionNow,
  versionOf
} from '../../store/upgrade/schema.ts'
import type { Home } from '../home.ts'
import { embedded } from '../pod-state.ts'
import type { Export } from './exports.ts'
import { checkedExport, contentsOf, listExports, makeExport, pruneExports } from './exports.ts'
import { nextOf, settledAt, settleSwap, swapIn } from './swap.ts'
import { formatSaid, othersUpgraded, saysAlone } from './waiting.ts'

type PodHome = Pick<Home, 'paths' | 'config' | 'certificate'>
type How = Pick<UpgradeOptions, 'signal' | 'onProgress'>

const now = versionNow(podSchema)
/** Room beside what is counted: LevelDB's own files. */
const spareBytes = 32 * 2 ** 20

/**
 * Brings a pod's state to the version of this program. What was there goes into a file first; either all of it is as it shall be then, or all as it was.
 * @returns null where there is nothing to do. @throws {MuttrError} `STATE_OLD` while other processes serve the pod, `STATE_NEWER`, `DISK_FULL`, …
 */
export async function upgradePod(home: PodHome, how: How): Promise<Upgraded | null> {
  await settled(home)
  for (;;) {
    await waitForOthers(home, how)
    const version = await versionThere(home)
    if (version === undefined || version === now) return null
    if (version > now) throw refusedVersion(podSchema, version, whereOf(home))
    try {
      return await turned(home, how, { from: version, to: now }, made => ({
        contents: () => mapped(contentsOf(made.path), upgraded(podSchema, version))
      }))
    } catch (err) {
      // Of two that began at once one has the lock; the other waits for it, and looks again. It may be done by now, and serve.
      const isDone = codeOf(err) === 'STATE_OLD' && (await versionThere(home)) !== version
      if (!isDone && !(err instanceof AnotherUpgrades)) throw err
    }
  }
}

/** Nobody shares what is in the home. */
async function waitForOthers({ config }: PodHome, how: How): Promise<void> {
  const { store } = config.pod!
  if (store === embedded) return
  await using database = await openShared(store)
  const onWait = () => how.onProgress?.({ step: 'wait', rows: 0 })
  await othersUpgraded({ database, clock, signal: how.signal, onWait })
}

/** Who upgrades waits for it; who goes back does not, since what it would go back from is another state then. */
class AnotherUpgrades extends MuttrError {
  constructor(cause: unknown) {
    super('HOME_IN_USE', 'another process upgrades, renames or moves the pod', {
      hint: 'Wait until it has ended, and look at `muttr pod upgrade --check`.',
      cause
    })
  }
}

/**
 * Puts what was there before the last upgrade back, for an older program; what is there now goes into a file first.
 * @throws {MuttrError} `USAGE` where there is nothing to go back to, `HOME_IN_USE` while another process has the state for itself, else as
 *   {@link upgradePod}
 */
export async function undoUpgrade(home: PodHome, how: How): Promise<Upgraded> {
  await settled(home)
  const version = await versionThere(home)
  const exports = await listExports(home.paths.upgrades)
  const former = exports.find(one => version === undefined || one.version < version)
  if (!former)
    throw new MuttrError('USAGE', 'there is nothing from before an upgrade to go back to', {
      hint: `It would stand in ${home.paths.upgrades}.`
    })
  await checkedExport(former, how.signal)
  // Programs of version 1 write nothing down, and would be taken for what ran last.
  await rm(home.paths.podVersion, { force: true })
  const steps = { from: version ?? former.version, to: former.version }
  return await turned(home, how, steps, () => ({ contents: () => contentsOf(former.path) }))
}

interface Steps {
  from: number
  to: number
}
type Source = (made: Export) => { contents(): AsyncIterable<Content> }

/** Exports what is there, and puts something else in its place, as what is another version. */
async function turned(home: PodHome, how: How, { from, to }: Steps, source: Source) {
  const { paths } = home
  await checkRoom(home)
  const place = await openPlace(home, from)
  try {
    const { made, sum } = await exported(home, how, from, place.state)
    const { contents } = source(made)
    const wanted = await sumOf(told(contents(), how, 'read'), how.signal)
    const next = { contents: () => told(contents(), how, 'write'), wanted, to }
    await place.replace({ ...next, was: sum, ...how })
    how.onProgress?.({ step: 'done', rows: wanted.rows })
    await pruneExports(paths.upgrades)
    return { from, to, kept: made.path, ...wanted }
  } catch (err) {
    const { code, message, hint } = asMuttrError(err)
    throw new MuttrError(code, `nothing was changed: ${message}`, { hint, cause: err })
  } finally {
    await place[Symbol.asyncDispose]()
  }
}

function exported(home: PodHome, how: How, version: number, state: WholeState) {
  const { paths, certificate } = home
  return makeExport(
    paths.upgrades,
    { contents: () => told(state.contents(), how, 'export') },
    {
      ...{ version, nowMs: clock.now(), signal: how.signal },
      fingerprint: certificate!.fingerprint
    }
  )
}

interface Replacing extends How {
  contents(): AsyncIterable<Content>
  was: StateSum
  wanted: StateSum
  to: number
}

interface Place extends AsyncDisposable {
  readonly state: WholeState
  replace(o: Replacing): Promise<void>
}

const openPlace = ({ paths, config }: PodHome, from: number): Promise<Place> =>
  config.pod!.store === embedded ? openFolder(paths, from) : openDatabase(config.pod!.store, from)

async function openFolder({ podDb }: HomePaths, from: number): Promise<Place> {
  const state = await levelState(podDb, formatOf(podSchema, from))
  return {
    state,
    async replace({ contents, wanted, to, signal }) {
      const folder = nextOf(podDb)
      try {
        await using next = await levelState(folder, formatOf(podSchema, to))
        await next.fill(contents())
        const { digest } = await sumOf(next.contents(), signal)
        if (digest !== wanted.digest)
          throw new MuttrError('HOME_DAMAGED', `what arrived in ${folder} is not what was sent`)
      } catch (err) {
        await rm(folder, { recursive: true, force: true })
        throw err
      }
      await state[Symbol.asyncDispose]()
      await swapIn(podDb)
    },
    [Symbol.asyncDispose]: () => state[Symbol.asyncDispose]()
  }
}

async function openDatabase(store: string, from: number): Promise<Place> {
  const database = await openShared(store)
  const format = formatOf(podSchema, from)
  try {
    const says = saysAlone(format)
    const state = await createSqlState({ database, self: 'upgrade', alone: true, format, says })
    return {
      state,
      replace: ({ contents, was, wanted, to, signal }) =>
        rewrite(database, {
          ...{ contents, was, wanted, signal },
          ...{ from: format, to: formatOf(podSchema, to) }
        }),
      [Symbol.asyncDispose]: () => state[Symbol.asyncDispose]()
    }
  } catch (err) {
    if (codeOf(err) !== 'HOME_IN_USE') throw err
    if (await isServed(store))
      throw new MuttrError('STATE_OLD', 'other processes serve the pod', { cause: err })
    throw new AnotherUpgrades(err)
  }
}

/** Whether somebody is there who shares the state with others. */
async function isServed(store: string): Promise<boolean> {
  await using database = await openShared(store)
  const there = await database.listeners()
  return there.some(says => says === undefined || formatSaid(says) === says)
}

/** @returns undefined where there is no state yet. @throws {MuttrError} `HOME_DAMAGED`, `STATE_UNFIT` for something else */
export async function versionThere({ paths, config }: PodHome): Promise<number | undefined> {
  const { store } = config.pod!
  const isHere = store === embedded
  const found = await (isHere ? levelFormat(await settledAt(paths.podDb)) : formatAt(store))
  if (found === undefined) return undefined
  const version = versionOf(podSchema, found)
  if (version !== undefined) return version
  if (found.endsWith(movedAway))
    throw new MuttrError('STATE_UNFIT', `${whereOf({ paths, config })} was left by the pod`, {
      hint: 'It was moved elsewhere by `muttr pod migrate`, and is served there. Make the home of a further process anew, with `muttr pod member`; the pod itself runs from the home that was named then.'
    })
  const code = isHere ? 'HOME_DAMAGED' : 'STATE_UNFIT'
  throw new MuttrError(
    code,
    `${whereOf({ paths, config })} holds "${found}", which is no pod's state`
  )
}

async function formatAt(store: string): Promise<string | undefined> {
  await using database = await openShared(store)
  return await sqlFormat(database.read)
}

const whereOf = ({ paths, config }: Pick<PodHome, 'paths' | 'config'>): string =>
  config.pod!.store === embedded ? paths.podDb : 'the database'

async function settled({ paths, config }: PodHome): Promise<void> {
  if (config.pod!.store === embedded) await settleSwap(paths.podDb)
  await rm(join(paths.upgrades, 'unfinished'), { force: true })
}

/** What an upgrade takes on the disk of the home, and what there is. */
export async function roomFor({ paths, config }: PodHome): Promise<Room> {
  const store = config.pod!.store
  const sizeBytes = store === embedded ? await folderBytes(paths.podDb) : await databaseBytes(store)
  // The export; and beside it, in the home, the next database.
  const neededBytes = spareBytes + sizeBytes * (store === embedded ? 2 : 1)
  const { bavail, bsize } = await statfs(paths.home)
  return { sizeBytes, neededBytes, freeBytes: bavail * bsize }
}

export interface Room {
  sizeBytes: number
  neededBytes: number
  freeBytes: number
}

async function checkRoom(home: PodHome): Promise<void> {
  const room = await roomFor(home)
  if (room.freeBytes < room.neededBytes) throw notEnough(home, room)
}

export function notEnough({ paths }: Pick<PodHome, 'paths'>, room: Room): MuttrError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`
  const { neededBytes, freeBytes } = room
  const what = `an upgrade takes ${mib(neededBytes)} in ${paths.home}, and ${mib(freeBytes)} are free`
  return new MuttrError('DISK_FULL', what, {
    hint: 'Make room and start again; nothing was changed.'
  })
}

async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  const sizes = await Promise.all(names.map(async name => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function databaseBytes(store: string): Promise<number> {
  await using database = await openShared(store)
  const sql = `SELECT coalesce(sum(pg_table_size(c.oid)), 0)::float8 AS bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'muttr' AND c.relkind = 'r'`
  const [found] = await database.read(sql)
  return Number(found!.bytes)
}

const everyRows = 1_000

async function* told(
  contents: AsyncIterable<Content>,
  { onProgress }: How,
  step: 'export' | 'read' | 'write'
): AsyncGenerator<Content> {
  let rows = 0
  for await (const content of contents) {
    if (rows++ % everyRows === 0) onProgress?.({ step, rows })
    yield content
  }
}

async function* mapped<T>(source: AsyncIterable<T>, map: (one: T) => T): AsyncGenerator<T> {
  for await (const one of source) yield map(one)
}
