import { signal } from '@preact/signals'
import { clock } from '../clock.ts'
import { type Problem, problemOf } from './ask.ts'

export interface Toast {
  id: number
  text: string
  hint: string
  kind: 'good' | 'bad'
  undo?: () => void
}

export const toasts = signal<readonly Toast[]>([])
let last = 0
const shownMs = { good: 4_000, bad: 10_000 }

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter(toast => toast.id !== id)
}

/** Says for a while what was done, or what went wrong and what to do about it. */
export function tell(what: string | Problem | unknown, undo?: () => void): void {
  const id = ++last
  const isGood = typeof what === 'string'
  const problem = isGood ? { message: what, hint: '' } : problemOf(what)
  const toast: Toast = {
    id,
    text: sentence(problem.message),
    hint: problem.hint,
    kind: isGood ? 'good' : 'bad',
    ...(undo && { undo })
  }
  toasts.value = [...toasts.value.slice(-2), toast]
  clock.after(shownMs[toast.kind], () => dismiss(id))
}

/** What the node says, as a sentence; an address or a hostname that it begins with stays as it is. */
export const sentence = (text: string): string => {
  const said = /^\S+[@.]\S/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(said) ? said : `${said}.`
}

/** Runs what a button does, and tells what went wrong. */
export async function attempt<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (err) {
    tell(err)
    return undefined
  }
}
