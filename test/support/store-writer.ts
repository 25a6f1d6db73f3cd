import { writeSync } from 'node:fs'
import { utf8 } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { commonPrefix } from '../../src/routing/distance.ts'
import { createRoom } from '../../src/seed/room.ts'
import { silentLog } from '../../src/sim/network.ts'
import { levelState, levelStore } from '../../src/store/level.ts'
import { blobOf, noonMs } from './store-blobs.ts'

/**
 * Writes to a store without end and says, line by line, what was acknowledged; somebody kills it.
 * Usage: node store-writer.ts seed|state|room FOLDER FIRST, where FIRST numbers the first thing written. `room` is a seed store that
 * is small and makes room for what is near by dropping what is far.
 */
const [what, folder = '', first = '0'] = process.argv.slice(2)
const say = (line: string) => writeSync(1, `${line}\n`)

/** Of all sizes, so that a kill meets the log, its change and the making of tables; each tenth is released, some have expired. */
export const numbered = (n: number) =>
  blobOf(n, [1, 1, 4, 16, 64][n % 5]! * 1024, noonMs + (n % 7 === 0 ? 0 : 3_600_000))
export const releaseOf = (n: number) => utf8(`released ${n}`)

async function writeBlobs() {
  const store = await levelStore(folder, { capBytes: 2 ** 30 })
  let next = Number(first)
  const writer = async () => {
    for (;;) {
      const n = next++
      const { key, header, ...rest } = numbered(n)
      await store.putBlob({ key, header, ...rest })
      say(`blob ${n}`)
      if (n % 10 === 3) {
        await store.putTombstone(key, releaseOf(n), header.expiryMs)
        say(`tombstone ${n}`)
      }
      if (n % 10 === 5) {
        await store.putRecord(key, releaseOf(n), header.expiryMs + 3_600_000)
        say(`record ${n}`)
      }
      if (n % 50 === 0) await store.expire(noonMs, 20)
    }
  }
  await Promise.all(Array.from({ length: 8 }, writer))
}

const self = new Uint8Array(32)
/** Half of all blobs. */
export const isStray = (place: Uint8Array) => commonPrefix(self, place) === 0
export const roomBytes = 2 * 2 ** 20

async function writeIntoRoom() {
  const store = await levelStore(folder, { capBytes: roomBytes })
  const clock = { now: () => noonMs, after: () => ({ [Symbol.dispose]() {} }) }
  const room = createRoom({ store, clock, log: silentLog, self, isStray })
  let next = Number(first)
  const writer = async () => {
    for (;;) {
      const n = next++
      await room.store.putBlob(numbered(n)).then(
        () => say(`blob ${n}`),
        err => say(`${codeOf(err)} ${n}`)
      )
    }
  }
  await Promise.all(Array.from({ length: 8 }, writer))
}

async function writeLog() {
  const state = await levelState(folder)
  let next = Number(first)
  const writer = async () => {
    for (;;) {
      const n = next++
      const value = utf8(`${n}`)
      const { sequences } = await state.write([
        { type: 'append', log: 'log', entry: value },
        { type: 'insert', table: 'table', key: `${n}`, value }
      ])
      say(`append ${n} ${sequences[0]}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, writer))
}

const writers = { seed: writeBlobs, room: writeIntoRoom, state: writeLog }
if (import.meta.main) await writers[what as keyof typeof writers]()
