import { utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { RowsBack } from '../client/backup/restore.ts'
import { readConfig } from '../config/config.ts'
import type { HomePaths } from '../config/home.ts'
import { makeHome, unmakeHome, unwritable, writeFileAtomic } from '../config/home.ts'
import { editJsonc } from '../config/jsonc.ts'
import { readNetwork } from '../config/network.ts'
import type { Device } from '../keys/device.ts'
import { makeDevice } from '../keys/device.ts'
import type { Person } from '../keys/person.ts'
import { importPerson, withFormer } from '../keys/person.ts'
import { systemClock } from '../net/clock.ts'
import type { PrivateKey } from '../net/peer-key.ts'
import { loadPeerKey } from '../net/peer-key.ts'
import { systemRandom } from '../net/random.ts'
import { restoredRow } from '../pod/renamed-since.ts'
import { podSchema } from '../pod/schema.ts'
import { levelState } from '../store/level.ts'
import type { Content, State } from '../store/state.ts'
import { upgraded } from '../store/upgrade/schema.ts'
import type { BackupItem } from '../wire/backup.ts'
import { isPodItem, readBackupItems } from '../wire/backup.ts'
import { podKeys } from './backup-files.ts'
import { writePerson, writeRevocation } from './home.ts'
import { podContents } from './pod-items.ts'
import { embedded, podFormat } from './pod-state.ts'

/** What another home held, as it comes, and of what it begins with: whose it was, and when. */
export interface Belongings {
  readonly head: Extract<BackupItem, { type: 'head' }>
  readonly rest: AsyncIterable<BackupItem>
}

/** @throws {MuttrError} `BACKUP_INVALID`, and what reading `source` throws */
export async function readBelongings(source: AsyncIterable<Uint8Array>): Promise<Belongings> {
  const rest = readBackupItems(source)
  const { value: head } = await rest.next()
  if (head?.type !== 'head') throw invalid('the backup has no head')
  return { head, rest }
}

/** Has a new folder filled, and takes it away again when that fails: a home that was not finished is none. */
export async function inNewHome<T>(
  home: string,
  fill: (paths: HomePaths) => Promise<T>
): Promise<T> {
  const paths = await makeHome(home)
  try {
    return await fill(paths)
  } catch (err) {
    await unmakeHome(home)
    throw (err as NodeJS.ErrnoException).syscall ? unwritable(err, home) : err
  }
}

/** Keys of its own for node and device: what is made here is another device. */
export async function makeKeys(
  paths: HomePaths
): Promise<{ privateKey: PrivateKey; device: Device }> {
  const seed = systemRandom.bytes(32)
  await writeFileAtomic(paths.deviceKey, seed)
  return { privateKey: await loadPeerKey(paths.peerKey), device: makeDevice(seed) }
}

interface TakeOptions<T> {
  /** Seals the vault. */
  passphrase: string | null
  signal: AbortSignal
  /** Called with the number of rows taken so far. */
  onProgress?: ((rows: number) => void) | undefined
  /** What is still to be done when all rows are there. */
  settle: (state: State) => Promise<T>
}

export interface Taken<T> {
  name: string
  rows: number
  settled: T
}

/** Fills a home with all that comes; muttr.json is last. @throws {MuttrError} `BACKUP_INVALID`, `DISK_FULL`, `CANCELLED` */
export async function takeIn<T>(
  paths: HomePaths,
  { head, rest }: Belongings,
  options: TakeOptions<T>
): Promise<Taken<T>> {
  const { person, files, rows, settled } = await takeAll(rest, paths, options)
  if (person.certificate.fingerprint !== head.fingerprint)
    throw invalid('the backup holds the key of another person')
  const config = need(files, 'muttr.json')
  const joined = files.get('joined.json')
  await writeFileAtomic(paths.network, need(files, 'network.json'))
  if (joined) await writeFileAtomic(paths.joined, joined)
  await writePerson(paths, person, options.passphrase)
  await writeRevocation(paths, person, systemClock.now())
  const { name, pod } = readConfig(textOf(config))
  if (pod) for (const [key, path] of podKeys(paths)) await writeFileAtomic(path, need(files, key))
  // What it kept stands in its home now, wherever it stood.
  const own = pod ? utf8(editJsonc(textOf(config), ['pod', 'store'], embedded)) : config
  throwIfCancelled(options.signal)
  await writeFileAtomic(paths.config, own)
  return { name, rows, settled }
}

type Files = ReadonlyMap<string, Uint8Array>

async function takeAll<T>(
  items: AsyncIterable<BackupItem>,
  paths: HomePaths,
  { signal, onProgress, settle }: TakeOptions<T>
): Promise<{ person: Person; files: Files; rows: number; settled: T }> {
  const files = new Map<string, Uint8Array>()
  const former: Person[] = []
  await using state = await levelState(paths.clientDb)
  const back = new RowsBack(state)
  let rows = 0
  const source = whileWanted(items, signal)
  for (let next = await source.next(); !next.done; next = await source.next()) {
    const item = next.value
    if (item.type === 'file' && item.name === 'former')
      former.push(await importPerson(item.content))
    else if (item.type === 'file') files.set(item.name, item.content)
    else if (item.type === 'row') {
      await back.add(item)
      onProgress?.(++rows)
    } else if (isPodItem(item)) {
      // All that follows, but for the end.
      await using pod = await levelState(paths.podDb, podFormat)
      await pod.fill(upgradedContents(podContents(from(item, source))))
      await pod.write([{ type: 'put', ...restoredRow }])
    }
  }
  await back.flush()
  readConfig(textOf(need(files, 'muttr.json')))
  readNetwork(textOf(need(files, 'network.json')))
  const person = withFormer(await importPerson(need(files, 'secret')), former)
  return { person, files, rows, settled: await settle(state) }
}

/** A backup does not say of which version it is: what is of the first is taken for it, and steps leave what is newer alone. */
async function* upgradedContents(contents: AsyncIterable<Content>): AsyncGenerator<Content> {
  const step = upgraded(podSchema, 1)
  for await (const content of contents) yield step(content)
}

async function* whileWanted(
  items: AsyncIterable<BackupItem>,
  signal: AbortSignal
): AsyncGenerator<BackupItem> {
  for await (const item of items) {
    throwIfCancelled(signal)
    yield item
  }
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new MuttrError('CANCELLED', 'nothing was made')
}

/** An item, and those after it. */
async function* from(
  first: BackupItem,
  rest: AsyncIterator<BackupItem>
): AsyncGenerator<BackupItem> {
  yield first
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

function need(files: Files, name: string): Uint8Array {
  const found = files.get(name)
  if (!found) throw invalid(`the backup lacks ${name}`)
  return found
}

const textOf = (file: Uint8Array): string => Buffer.from(file).toString('utf8')
const invalid = (why: string): MuttrError => new MuttrError('BACKUP_INVALID', why)
