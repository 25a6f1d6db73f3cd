import { signal } from '@preact/signals'
import type { DraftFields, SavedDraft, SentLetter } from '../../client/client.ts'
import { clock } from '../clock.ts'
import { ask, json, post, problemOf } from './ask.ts'

/** What is being written, wherever in the page it is. */
export interface Writing {
  /** Of the draft on the disk, once it was saved. */
  id: string | null
  fields: DraftFields
  saved: 'empty' | 'saving' | 'here' | 'unsaved'
}

const saveMs = 1_000

/** A letter in the making, saved by itself soon after every change. */
export class Draft {
  readonly now = signal<Writing>({ id: null, fields: { body: '' }, saved: 'empty' })
  #timer: Disposable | undefined
  #saving: Promise<unknown> = Promise.resolve()
  #isOver = false

  constructor(fields: Partial<DraftFields> = {}, id: string | null = null) {
    this.now.value = { id, fields: { body: '', ...fields }, saved: id ? 'here' : 'empty' }
  }

  change(fields: Partial<DraftFields>): void {
    this.now.value = {
      ...this.now.value,
      fields: { ...this.now.value.fields, ...fields },
      saved: 'unsaved'
    }
    this.#timer?.[Symbol.dispose]()
    this.#timer = clock.after(saveMs, () => void this.save())
  }

  get isEmpty(): boolean {
    const { to = '', subject = '', body } = this.now.value.fields
    return `${to}${subject}${body}`.trim() === ''
  }

  /** Saves what is there, one after the other; what cannot be saved stays in the page and says so. */
  save(): Promise<unknown> {
    this.#timer?.[Symbol.dispose]()
    this.#saving = this.#saving.then(async () => {
      const { id, fields, saved } = this.now.value
      if (this.#isOver || saved !== 'unsaved' || (id === null && this.isEmpty)) return
      this.now.value = { ...this.now.value, saved: 'saving' }
      const kept = await (id === null
        ? post<SavedDraft>('/drafts', fields)
        : json<SavedDraft>(`/drafts/${id}`, { method: 'PUT', json: fields })
      ).catch(err => problemOf(err))
      const now = this.now.value
      const isStill = now.saved === 'saving'
      this.now.value =
        'code' in kept
          ? { ...now, saved: 'unsaved' }
          : { ...now, id: kept.id, saved: isStill ? 'here' : now.saved }
    })
    return this.#saving
  }

  /** Queues the letter, and drops the draft in the same step. */
  async send(): Promise<SentLetter> {
    this.#timer?.[Symbol.dispose]()
    await this.#saving
    const { id, fields } = this.now.value
    const said = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')
    const letter = {
      body: '',
      to: '',
      ...Object.fromEntries(said),
      ...(id !== null && { draft: id })
    }
    const sent = await post<SentLetter>('/letters', letter)
    this.#isOver = true
    return sent
  }

  async discard(): Promise<void> {
    this.#isOver = true
    this.#timer?.[Symbol.dispose]()
    await this.#saving
    const { id } = this.now.value
    if (id !== null) await ask(`/drafts/${id}`, { method: 'DELETE' })
  }
}
