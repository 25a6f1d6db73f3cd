import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Log } from '../../base/ports.ts'
import type { Spool } from '../../store/spool.ts'
import type { Blob } from '../../wire/blob.ts'
import { checkSealed, readHeader } from '../../wire/blob.ts'
import { decodeCbor, encodeCbor, literal, mapped, tuple, uint } from '../../wire/cbor.ts'
import type { Task } from './task.ts'
import { here, newTask, setState, unknown, wanted } from './task.ts'

/**
 * Where a pod keeps what it fetches ahead: for each file `ACCOUNT-TASK.rows`, which says everything, and `ACCOUNT-TASK.chunks`, each chunk
 * from a multiple of 256 KiB on. A killed pod finds there how far it was. Source: docs/protocol/ahead.md#at-rest
 */
export interface Shelf {
  /** What a former run left; what cannot be read is thrown away. */
  load(): Promise<Task[]>
  create(task: Task): Promise<void>
  addKeys(task: Task, from: number, keys: readonly Uint8Array[]): Promise<void>
  key(task: Task, chunk: number): Promise<Uint8Array>
  keep(task: Task, chunk: number, blob: Blob): Promise<void>
  mark(task: Task, chunk: number, state: number): Promise<void>
  /** @returns undefined when the disk has something else. */
  read(task: Task, chunk: number): Promise<Blob | undefined>
  remove(task: Task): Promise<void>
  freeBytes(): Promise<number>
}

/** Before the rows. */
const headBytes = 64
/** Of a chunk: its state (1 byte), its header's length (2), its key (32), its header. */
const rowBytes = 3 + 32 + limits.blobHeaderBytesMax
const keyAt = 3
const headerAt = keyAt + 32
/** Rows read at a time. */
const pageRows = 256

const head = mapped(
  tuple(literal('muttr ahead 1'), uint(limits.aheadChunksMax, 1), uint(10_000_000, 1)),
  ([, chunks, hours]) => ({ chunks, expiryMs: hours * limits.expiryStepMs })
)
const nameOf = ({ account, id }: Pick<Task, 'account' | 'id'>) => `${account}-${id}`
const rowAt = (chunk: number): number => headBytes + chunk * rowBytes
const spotOf = (chunk: number): number => chunk * limits.blobBytesMax

export function diskShelf(spool: Spool, log: Log): Shelf {
  const rowsOf = (task: Pick<Task, 'account' | 'id'>) => spool.open(`${nameOf(task)}.rows`)
  const chunksOf = (task: Task) => spool.open(`${nameOf(task)}.chunks`)

  async function loadOne(account: string, id: string): Promise<Task> {
    await using rows = await rowsOf({ account, id })
    const padded = await rows.read(0, headBytes)
    const frame = padded.subarray(1, 1 + (padded[0] ?? 0))
    const said = decodeCbor(frame, 'a file fetched ahead', head, headBytes, 'HOME_DAMAGED')
    const task = newTask({ account, id, ...said })
    for (let from = 0; from < task.chunks; from += pageRows) {
      const page = await rows.read(rowAt(from), pageRows * rowBytes)
      const count = Math.min(Math.floor(page.byteLength / rowBytes), task.chunks - from)
      for (let i = 0; i < count; i++) {
        const state = page[i * rowBytes]!
        if (state === unknown) return task
        setState(task, from + i, state)
        task.keys += 1
      }
      if (count < pageRows) break
    }
    return task
  }

  async function row(task: Task, chunk: number): Promise<Uint8Array> {
    await using rows = await rowsOf(task)
    return rows.read(rowAt(chunk), rowBytes)
  }

  return {
    async load() {
      const tasks: Task[] = []
      const names = await spool.names()
      for (const name of names) {
        const [, account, id] = /^([0-9a-f]{64})-([0-9a-f]{32})\.rows$/.exec(name) ?? []
        if (account === undefined || id === undefined) continue
        try {
          tasks.push(await loadOne(account, id))
        } catch (err) {
          log.warn('pod.ahead-damaged', { err })
        }
      }
      const known = new Set(
        tasks.flatMap(task => [`${nameOf(task)}.rows`, `${nameOf(task)}.chunks`])
      )
      for (const name of names) if (!known.has(name)) await spool.remove(name)
      return tasks
    },
    async create(task) {
      const frame = encodeCbor(['muttr ahead 1', task.chunks, task.expiryMs / limits.expiryStepMs])
      const padded = new Uint8Array(headBytes)
      padded[0] = frame.byteLength
      padded.set(frame, 1)
      await using rows = await rowsOf(task)
      await rows.write(0, padded)
    },
    async addKeys(task, from, keys) {
      const page = new Uint8Array(keys.length * rowBytes)
      for (const [i, key] of keys.entries()) {
        page[i * rowBytes] = wanted
        page.set(key, i * rowBytes + keyAt)
      }
      await using rows = await rowsOf(task)
      await rows.write(rowAt(from), page)
    },
    key: async (task, chunk) => (await row(task, chunk)).subarray(keyAt, headerAt),
    async keep(task, chunk, { key, headerBytes, sealed }) {
      await using chunks = await chunksOf(task)
      await chunks.write(spotOf(chunk), sealed)
      const made = new Uint8Array(rowBytes)
      made[0] = here
      new DataView(made.buffer).setUint16(1, headerBytes.byteLength)
      made.set(key, keyAt)
      made.set(headerBytes, headerAt)
      await using rows = await rowsOf(task)
      await rows.write(rowAt(chunk), made)
    },
    async mark(task, chunk, state) {
      await using rows = await rowsOf(task)
      await rows.write(rowAt(chunk), Uint8Array.of(state))
    },
    async read(task, chunk) {
      const found = await row(task, chunk)
      const lengthBytes = new DataView(found.buffer, found.byteOffset).getUint16(1)
      const headerBytes = found.slice(headerAt, headerAt + lengthBytes)
      try {
        const head = readHeader(headerBytes, found.subarray(keyAt, headerAt))
        await using chunks = await chunksOf(task)
        const sealed = await chunks.read(spotOf(chunk), head.header.lengthBytes)
        checkSealed(head.header, sealed)
        return { ...head, sealed }
      } catch (err) {
        log.warn('pod.ahead-spoiled', { code: codeOf(err) })
        return undefined
      }
    },
    async remove(task) {
      await spool.remove(`${nameOf(task)}.rows`)
      await spool.remove(`${nameOf(task)}.chunks`)
    },
    freeBytes: () => spool.freeBytes()
  }
}
