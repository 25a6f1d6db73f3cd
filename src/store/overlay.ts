import { nameOfRow } from './row-bytes.ts'
import type { RowChange } from './rows.ts'

/** Changes that are not written yet, seen by who reads through them. */
export class Overlay {
  readonly changes = new Map<string, RowChange>()
  sizeBytes = 0
  readonly #below: (row: Uint8Array) => Uint8Array | undefined

  constructor(below: (row: Uint8Array) => Uint8Array | undefined) {
    this.#below = below
  }

  read(key: Uint8Array): Uint8Array | undefined {
    const change = this.changes.size > 0 ? this.changes.get(nameOfRow(key)) : undefined
    return change ? (change.value ?? undefined) : this.#below(key)
  }

  write(key: Uint8Array, value: Uint8Array | null): void {
    this.changes.set(nameOfRow(key), { key, value })
    this.sizeBytes += key.byteLength + (value?.byteLength ?? 0)
  }
}
