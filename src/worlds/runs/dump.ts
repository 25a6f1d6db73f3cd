import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { MuttrError } from '../../base/errors.ts'
import { unwritable } from '../../config/home.ts'
import type { Seen } from '../../sim/look.ts'

/** Of text, before it is written. */
const pieceChars = 2 ** 20

/**
 * A file of JSON lines: when it was, and then a node a line. Written while the run stands still, so nothing is waited for; what is not
 * whole when it is disposed of goes, so that the same command can be given again.
 */
export class Dump implements Disposable {
  readonly #path: string
  readonly #file: number
  #isWhole = false

  /** @throws {MuttrError} `OUTPUT_EXISTS`, `DISK_FULL`, `DISK_FAILED` */
  constructor(path: string) {
    this.#path = path
    try {
      this.#file = openSync(path, 'wx', 0o644)
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'EEXIST')
        throw new MuttrError('OUTPUT_EXISTS', `${path} is there already`, { cause: err })
      throw unwritable(err, path)
    }
  }

  /** @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
  write({ nodes, ...seen }: Seen): void {
    let piece = `${JSON.stringify(seen)}\n`
    for (const node of nodes) {
      if (piece.length > pieceChars) {
        this.#put(piece)
        piece = ''
      }
      piece += `${JSON.stringify(node)}\n`
    }
    this.#put(piece)
    this.#isWhole = true
  }

  #put(text: string): void {
    try {
      for (let bytes = Buffer.from(text); bytes.length > 0; )
        bytes = bytes.subarray(writeSync(this.#file, bytes))
    } catch (err) {
      throw unwritable(err, this.#path)
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
    if (!this.#isWhole) rmSync(this.#path, { force: true })
  }
}
