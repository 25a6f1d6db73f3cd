import { mkdir, open, readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { MuttrError } from '../base/errors.ts'
import { storeFailure } from './failure.ts'

/** A file of any length that is read and written at any place, so that nobody holds it in memory. */
export interface SpoolFile extends AsyncDisposable {
  /** @returns fewer bytes where the file ends; zeros where nothing was written before what was. */
  read(at: number, lengthBytes: number): Promise<Uint8Array>
  /** A killed process loses nothing that was written; a machine without power what was not synced. @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
  write(at: number, bytes: Uint8Array): Promise<void>
  sync(): Promise<void>
}

/** A folder of sealed files on their way. Names are letters, digits, `-` and `.`. */
export interface Spool {
  /** Makes it where it is not there. @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
  open(name: string): Promise<SpoolFile>
  remove(name: string): Promise<void>
  names(): Promise<string[]>
  /** What its disk has left for everybody. */
  freeBytes(): Promise<number>
}

/** In a folder of its own, which is made when it is needed. */
export function diskSpool(folder: string): Spool {
  const on = async <T>(work: Promise<T>): Promise<T> =>
    work.catch(err => {
      throw storeFailure(err, folder)
    })
  const made = () => mkdir(folder, { recursive: true, mode: 0o700 })
  return {
    async open(name) {
      await on(made())
      const path = join(folder, name)
      const file = await on(
        open(path, 'r+', 0o600).catch(err => {
          if (err.code !== 'ENOENT') throw err
          return open(path, 'wx+', 0o600)
        })
      )
      return {
        async read(at, lengthBytes) {
          const bytes = new Uint8Array(lengthBytes)
          let read = 0
          while (read < lengthBytes) {
            const { bytesRead } = await on(file.read(bytes, read, lengthBytes - read, at + read))
            if (bytesRead === 0) break
            read += bytesRead
          }
          return bytes.subarray(0, read)
        },
        async write(at, bytes) {
          let written = 0
          while (written < bytes.byteLength)
            written += (await on(file.write(bytes, written, undefined, at + written))).bytesWritten
        },
        sync: () => on(file.datasync()),
        [Symbol.asyncDispose]: () => on(file.close())
      }
    },
    remove: name => on(rm(join(folder, name), { force: true })),
    async names() {
      await on(made())
      return on(readdir(folder))
    },
    async freeBytes() {
      await on(made())
      const { bavail, bsize } = await on(statfs(folder))
      return bavail * bsize
    }
  }
}

/** For a node that keeps nothing. @param capBytes of all files together. */
export function memorySpool({ capBytes = 64 * 2 ** 20 } = {}): Spool {
  const files = new Map<string, Uint8Array>()
  const usedBytes = () => [...files.values()].reduce((sum, file) => sum + file.byteLength, 0)
  return {
    async open(name) {
      if (!files.has(name)) files.set(name, new Uint8Array())
      return {
        async read(at, lengthBytes) {
          return (files.get(name) ?? new Uint8Array()).slice(at, at + lengthBytes)
        },
        async write(at, bytes) {
          const file = files.get(name) ?? new Uint8Array()
          const end = Math.max(file.byteLength, at + bytes.byteLength)
          if (usedBytes() + end - file.byteLength > capBytes)
            throw new MuttrError('DISK_FULL', 'the spool in memory is full')
          const grown = new Uint8Array(end)
          grown.set(file)
          grown.set(bytes, at)
          files.set(name, grown)
        },
        async sync() {},
        async [Symbol.asyncDispose]() {}
      }
    },
    async remove(name) {
      files.delete(name)
    },
    names: async () => [...files.keys()],
    freeBytes: async () => capBytes - usedBytes()
  }
}
