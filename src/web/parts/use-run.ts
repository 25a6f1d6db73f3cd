import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { type Problem, problemOf } from '../data/ask.ts'

/** Runs what a form does, and keeps what went wrong beside it. */
export function useRun(): {
  problem: Problem | null
  isBusy: boolean
  run: (event: SubmitEvent, act: (signal: AbortSignal) => Promise<unknown>) => Promise<void>
  /** Ends what runs, as far as it listens to its signal. */
  stop: () => void
} {
  const problem = useSignal<Problem | null>(null)
  const isBusy = useSignal(false)
  const running = useRef<AbortController>(undefined)
  return {
    problem: problem.value,
    isBusy: isBusy.value,
    async run(event, act) {
      event.preventDefault()
      isBusy.value = true
      problem.value = null
      running.current = new AbortController()
      try {
        await act(running.current.signal)
      } catch (err) {
        problem.value = problemOf(err)
      } finally {
        isBusy.value = false
      }
    },
    stop: () => running.current?.abort()
  }
}
