import { MuttrError } from '../../base/errors.ts'

/** A large payload on its way in: one buffer of the announced size, filled in order. */
export class Intake {
  readonly bytes: Uint8Array
  #filled = 0

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes)
  }

  /** @returns whether it is complete. @throws {MuttrError} `WIRE_MALFORMED` on more than was announced. */
  add(data: Uint8Array): boolean {
    if (this.#filled + data.byteLength > this.bytes.byteLength)
      throw new MuttrError('WIRE_MALFORMED', 'more chunks than announced')
    this.bytes.set(data, this.#filled)
    this.#filled += data.byteLength
    return this.#filled === this.bytes.byteLength
  }
}

/** What the peer may still begin. Reserved whole when a transfer begins, given back once we let go of its bytes. */
export class Window {
  #leftBytes: number
  readonly #credit: (bytes: number) => void

  constructor(sizeBytes: number, credit: (bytes: number) => void) {
    this.#leftBytes = sizeBytes
    this.#credit = credit
  }

  /** @throws {MuttrError} `LIMIT_EXCEEDED` when the peer began more than it was granted. */
  reserve(bytes: number): void {
    if (bytes > this.#leftBytes)
      throw new MuttrError('LIMIT_EXCEEDED', 'began more than was granted')
    this.#leftBytes -= bytes
  }

  release(bytes: number): void {
    this.#leftBytes += bytes
    this.#credit(bytes)
  }
}
