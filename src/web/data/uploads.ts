import { signal } from '@preact/signals'
import type { Attachment } from '../../client/client.ts'
import { ask, json, Problem, problemOf, send } from './ask.ts'
import { onEvent } from './live.ts'
import { tell } from './toasts.ts'

/** A file that a letter will carry: first it is read and sealed, then its chunks go to their holders. */
export interface Upload {
  key: number
  name: string
  sizeBytes: number
  /** How much was read; null once all of it was, and `stored` tells. */
  readBytes: number | null
  stored: Attachment | null
}

let last = 0

/** The files of one draft. */
export class Uploads {
  readonly now = signal<readonly Upload[]>([])
  readonly #stops = new Map<number, AbortController>()
  readonly #onChange: (ids: string[]) => void
  readonly #deaf: () => void

  /** @param onChange is told of all that are sealed, by id. */
  constructor(ids: readonly string[], onChange: (ids: string[]) => void) {
    this.#onChange = onChange
    this.#deaf = onEvent(event => {
      if (event.type !== 'transfer' || event.direction !== 'out') return
      const { id, state, doneBytes, bytesPerSecond, remainingMs } = event
      this.#take(id, {
        state: state as Attachment['state'],
        storedBytes: doneBytes,
        bytesPerSecond,
        remainingMs
      })
    })
    for (const id of ids) void this.#find(id)
  }

  async #find(id: string): Promise<void> {
    const stored = await json<Attachment>(`/attachments/${id}`).catch(() => null)
    if (stored)
      this.now.value = [
        ...this.now.value,
        { key: ++last, name: stored.name, sizeBytes: stored.sizeBytes, readBytes: null, stored }
      ]
  }

  #take(id: string, changed: Partial<Attachment>): void {
    this.now.value = this.now.value.map(upload =>
      upload.stored?.id === id ? { ...upload, stored: { ...upload.stored, ...changed } } : upload
    )
  }

  #change(key: number, changed: Partial<Upload>): void {
    this.now.value = this.now.value.map(upload =>
      upload.key === key ? { ...upload, ...changed } : upload
    )
  }

  get isReading(): boolean {
    return this.now.value.some(({ readBytes }) => readBytes !== null)
  }

  add(files: Iterable<File>, lifeMs?: number): void {
    for (const file of files) void this.#upload(file, lifeMs)
  }

  async #upload(file: File, lifeMs: number | undefined): Promise<void> {
    const key = ++last
    const stop = new AbortController()
    this.#stops.set(key, stop)
    const { name, size: sizeBytes, type } = file
    this.now.value = [...this.now.value, { key, name, sizeBytes, readBytes: 0, stored: null }]
    try {
      const query = {
        name,
        ...(type && { type }),
        ...(lifeMs !== undefined && { lifeMs: String(lifeMs) })
      }
      const stored = await send<Attachment>('/attachments', file, query, {
        signal: stop.signal,
        onProgress: readBytes => this.#change(key, { readBytes })
      })
      this.#change(key, { readBytes: null, stored })
      this.#tell()
    } catch (err) {
      this.now.value = this.now.value.filter(upload => upload.key !== key)
      if (problemOf(err).code !== 'CANCELLED') tell(err)
    } finally {
      this.#stops.delete(key)
    }
  }

  #tell(): void {
    this.#onChange(this.now.value.flatMap(({ stored }) => (stored ? [stored.id] : [])))
  }

  async pause(id: string, isPaused: boolean): Promise<void> {
    try {
      const path = `/attachments/${id}/${isPaused ? 'pause' : 'resume'}`
      this.#take(id, await json<Attachment>(path, { method: 'POST' }))
    } catch (err) {
      tell(err)
    }
  }

  async remove({ key, stored }: Upload): Promise<void> {
    this.#stops.get(key)?.abort()
    this.now.value = this.now.value.filter(upload => upload.key !== key)
    this.#tell()
    if (stored)
      await ask(`/attachments/${stored.id}`, { method: 'DELETE' }).catch(err => {
        if (err instanceof Problem && err.code !== 'ATTACHMENT_UNKNOWN') tell(err)
      })
  }

  [Symbol.dispose](): void {
    this.#deaf()
  }
}
