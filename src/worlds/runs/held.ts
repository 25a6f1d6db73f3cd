import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { unwritable } from '../../config/home.ts'
import { LineFile } from './line-file.ts'

/** Lines that are not shown before it is known whether they may be: on the disk, since a run may send millions of requests. */
export interface Held extends AsyncDisposable {
  /** @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
  add(line: string): void
  /** All of them, when none is added any more. @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
  lines(): AsyncIterable<string>
}

/** @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
export async function hold(): Promise<Held> {
  const base = join(tmpdir(), 'muttr-replay-')
  const folder = await mkdtemp(base).catch(err => {
    throw unwritable(err, base)
  })
  const file = new LineFile(join(folder, 'lines'))
  return {
    add: line => file.add(line),
    lines() {
      file.flush()
      return createInterface({ input: createReadStream(file.path) })
    },
    async [Symbol.asyncDispose]() {
      file[Symbol.dispose]()
      await rm(folder, { recursive: true, force: true })
    }
  }
}
