import { rmSync } from 'node:fs'
import type { Seen } from '../../sim/look.ts'
import { LineFile } from './line-file.ts'

/** A file of JSON lines: when it was, and then a node a line. Until it is kept it goes when it is disposed of, so that the same command can be given again. */
export class Dump implements Disposable {
  readonly #file: LineFile
  #isKept = false

  /** @throws {MuttrError} as {@link LineFile} */
  constructor(path: string) {
    this.#file = new LineFile(path)
  }

  /** @throws {MuttrError} `DISK_FULL`, `DISK_FAILED` */
  write({ nodes, ...seen }: Seen): void {
    this.#file.add(JSON.stringify(seen))
    for (const node of nodes) this.#file.add(JSON.stringify(node))
    this.#file.flush()
  }

  keep(): void {
    this.#isKept = true
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]()
    if (!this.#isKept) rmSync(this.#file.path, { force: true })
  }
}
