import { closeSync, openSync, writeSync } from 'node:fs'
import { MuttrError } from '../../base/errors.ts'
import { unwritable } from '../../config/home.ts'

/** Of text, before it is written. */
const pieceChars = 2 ** 20

/** A new file of lines, written while a run stands still, so nothing is waited for. */
export class LineFile implements Disposable {
  readonly path: string
  readonly #file: number
  #piece = ''

  /** @throws {MuttrError} `OUTPUT_EXISTS`, `DISK_FULL`, `DISK_FAILED` */
  constructor(path: string) {
    this.path = path
    try {
      this.#file = openSync(path, 'wx+', 0o644)
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'EEXIST')
        throw new MuttrError('OUTPUT_EXISTS', `${path} is there already`, { cause: err })
      throw unwritable(err, path)
    }
  }

  /** @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
  add(line: string): void {
    this.#piece += `${line}\n`
    if (this.#piece.length > pieceChars) this.flush()
  }

  /** @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
  flush(): void {
    try {
      for (let bytes = Buffer.from(this.#piece); bytes.length > 0; )
        bytes = bytes.subarray(writeSync(this.#file, bytes))
    } catch (err) {
      throw unwritable(err, this.path)
    }
    this.#piece = ''
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}
