import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Spool } from '../../store/spool.ts'
import type * as wire from '../../wire/ahead.ts'
import type { AheadLimits } from '../limits.ts'
import { createLocks } from '../locks.ts'
import { createRates } from '../rates.ts'
import type { AccountId } from '../rows.ts'
import type { Fetcher } from './fetcher.ts'
import { createFetcher } from './fetcher.ts'
import { Plan } from './plan.ts'
import { diskShelf } from './shelf.ts'
import type { Task } from './task.ts'
import { bytesOf, isHere, newTask, setState, statusOf, unknown, wanted } from './task.ts'

interface AheadParts {
  spool: Spool
  /** What stays free on the disk for everything else. */
  reserveBytes: number
  limits: AheadLimits
  /** Of one account, where that is not what all may have. */
  bytesFor?: (account: AccountId) => Promise<number | null>
  clock: Clock
  log: Log
}

/** Files that a pod fetches for its people while they are away. Source: docs/protocol/ahead.md */
export interface Ahead extends AsyncDisposable {
  /** @throws {MuttrError} `LIMIT_EXCEEDED`, `PEER_REFUSED` for more than there is ever room for, `BLOB_EXPIRED` */
  ask(account: AccountId, request: wire.AheadRequest): Promise<wire.AheadStatus>
  /** Keys elsewhere than where the last ones ended are left alone. @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `LIMIT_EXCEEDED` */
  addKeys(account: AccountId, request: wire.AheadKeys): Promise<wire.AheadStatus>
  /** @throws {MuttrError} `ATTACHMENT_UNKNOWN` */
  status(account: AccountId, task: Uint8Array): wire.AheadStatus
  /** @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `LIMIT_EXCEEDED` */
  take(account: AccountId, task: Uint8Array, chunk: number): Promise<wire.AheadChunk>
  drop(account: AccountId, task: Uint8Array): Promise<void>
  /** Drops all of one account. */
  forget(account: AccountId): Promise<void>
  /** From now on there is a network to fetch from. */
  begin(dht: Pick<Dht, 'get'>): void
  /** Forgets what has expired, and what is of accounts that are no more. */
  sweep(nowMs: Millis, isKnown: (account: AccountId) => Promise<boolean>): Promise<void>
  usage(): { files: number; bytes: number }
  /** What is fetched for one account. */
  filesOf(account: AccountId): { task: string; chunks: number; bytes: number; expiryMs: Millis }[]
}

/** Of what a pod fetched for an account, it gives out so many times as much at once. */
const takesPerChunk = 4
const pages = { burst: 128, everyMs: 5_000 }
const takeEveryMs = 250
const all = 'all'

/** Takes up what a former run left. */
export async function openAhead(parts: AheadParts): Promise<Ahead> {
  const { limits: bounds, clock, log } = parts
  const shelf = diskShelf(parts.spool, log)
  const locks = createLocks()
  const quotaChunks = Math.ceil(bounds.accountBytes / limits.blobBytesMax)
  const ofAccount = {
    page: createRates('requests to fetch ahead', pages),
    fetch: createRates('chunks fetched ahead', {
      burst: quotaChunks,
      everyMs: bounds.fetchEveryMs
    }),
    take: createRates('chunks taken', {
      burst: takesPerChunk * quotaChunks,
      everyMs: takeEveryMs
    })
  }
  const inAll = createRates('chunks fetched ahead for all', bounds.fetchesInAll)
  const mayFetch = (account: AccountId, nowMs: Millis): boolean => {
    try {
      ofAccount.fetch.take(account, nowMs)
      inAll.take(all, nowMs)
      return true
    } catch {
      return false
    }
  }
  const plan = new Plan(mayFetch)
  const tasks = new Map<string, Task>()
  const nameOf = (account: AccountId, id: string) => `${account}/${id}`
  const enter = (task: Task): void => {
    tasks.set(nameOf(task.account, task.id), task)
    plan.add(task)
  }
  let fetcher: Fetcher | undefined

  const find = (account: AccountId, id: Uint8Array): Task => {
    const task = tasks.get(nameOf(account, toHex(id)))
    if (!task || task.expiryMs <= clock.now())
      throw new MuttrError('ATTACHMENT_UNKNOWN', 'no such file is fetched ahead here')
    return task
  }
  const forget = (task: Task): Promise<void> => {
    task.dropped = true
    tasks.delete(nameOf(task.account, task.id))
    plan.drop(task)
    return locks.run(task.id, () => shelf.remove(task))
  }
  /** What is wrong with our disk is nobody else's business. */
  const written = (work: Promise<void>): Promise<void> =>
    work.catch(cause => {
      log.warn('pod.ahead-not-written', { err: cause })
      throw new MuttrError('LIMIT_EXCEEDED', 'there is no room', { cause })
    })
  function checkRoom(account: AccountId, bytes: number, accountBytes: number): void {
    let [files, own, total] = [0, 0, 0]
    for (const task of tasks.values()) {
      total += bytesOf(task)
      if (task.account !== account) continue
      own += bytesOf(task)
      files += 1
    }
    const refuse = (what: string): never => {
      throw new MuttrError('LIMIT_EXCEEDED', what)
    }
    if (bytes > Math.min(accountBytes, bounds.bytes))
      throw new MuttrError('PEER_REFUSED', 'the file is larger than all that is fetched ahead here')
    if (own + bytes > accountBytes) refuse('more than is fetched ahead for one account')
    if (total + bytes > bounds.bytes) refuse('more than is fetched ahead for all')
    if (files >= bounds.filesPerAccountMax) refuse('too many files')
  }

  for (const task of await shelf.load()) enter(task)

  return {
    async ask(account, { task: bytes, chunks, expiryMs }) {
      const nowMs = clock.now()
      ofAccount.page.take(account, nowMs)
      if (expiryMs <= nowMs) throw new MuttrError('BLOB_EXPIRED', 'the file has expired')
      const latestMs = nowMs + limits.blobLifeMsMax + limits.expiryStepMs + limits.clockSkewMs
      if (expiryMs > latestMs) throw new MuttrError('BLOB_EXPIRED', 'no file lives so long')
      const id = toHex(bytes)
      const quota = await parts.bytesFor?.(account)
      const known = tasks.get(nameOf(account, id))
      if (known?.chunks === chunks && known.expiryMs === expiryMs) return statusOf(known)
      if (known) throw new MuttrError('LIMIT_EXCEEDED', 'another file is fetched under this id')
      checkRoom(account, bytesOf({ chunks }), quota ?? bounds.accountBytes)
      const task = newTask({ account, id, chunks, expiryMs })
      enter(task) // before it is written: two of them at once must not both find room
      try {
        await locks.run(id, () => written(shelf.create(task)))
      } catch (err) {
        await forget(task)
        throw err
      }
      return statusOf(task)
    },
    async addKeys(account, { task: bytes, from, keys }) {
      ofAccount.page.take(account, clock.now())
      const task = find(account, bytes)
      return locks.run(task.id, async () => {
        if (task.dropped || from !== task.keys) return statusOf(task)
        const fitting = keys.slice(0, task.chunks - from)
        await written(shelf.addKeys(task, from, fitting))
        for (const i of fitting.keys())
          if (task.states[from + i] === unknown) setState(task, from + i, wanted)
        task.keys = from + fitting.length
        fetcher?.run()
        return statusOf(task)
      })
    },
    status: (account, bytes) => statusOf(find(account, bytes)),
    async take(account, bytes, chunk) {
      const task = find(account, bytes)
      const nowMs = clock.now()
      return locks.run(task.id, async () => {
        if (task.dropped || !isHere(task, chunk)) return null
        ofAccount.take.take(account, nowMs)
        const blob = await shelf.read(task, chunk)
        if (blob) return { headerBytes: blob.headerBytes, sealed: blob.sealed }
        await shelf.mark(task, chunk, wanted)
        plan.spoiled(task, chunk, nowMs)
        fetcher?.run()
        return null
      })
    },
    async drop(account, bytes) {
      ofAccount.page.take(account, clock.now())
      const task = tasks.get(nameOf(account, toHex(bytes)))
      if (task) await forget(task)
    },
    async forget(account) {
      for (const task of [...tasks.values()]) if (task.account === account) await forget(task)
    },
    begin(dht) {
      fetcher = createFetcher({ ...parts, dht, plan, shelf, locks })
      fetcher.run()
    },
    async sweep(nowMs, isKnown) {
      for (const task of [...tasks.values()])
        if (task.expiryMs <= nowMs || !(await isKnown(task.account))) await forget(task)
    },
    filesOf: account =>
      [...tasks.values()]
        .filter(task => task.account === account)
        .map(task => ({
          ...{ task: task.id, chunks: task.chunks, expiryMs: task.expiryMs },
          bytes: bytesOf(task)
        })),
    usage: () => ({
      files: tasks.size,
      bytes: [...tasks.values()].reduce((sum, task) => sum + bytesOf(task), 0)
    }),
    async [Symbol.asyncDispose]() {
      await fetcher?.[Symbol.asyncDispose]()
    }
  }
}
