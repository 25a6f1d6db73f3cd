import { useSignal } from '@preact/signals'
import { type Problem, problemOf } from '../data/ask.ts'

/** Runs what a form does, and keeps what went wrong beside it. */
export function useRun(): {
  problem: Problem | null
  isBusy: boolean
  run: (event: SubmitEvent, act: () => Promise<unknown>) => Promise<void>
} {
  const problem = useSignal<Problem | null>(null)
  const isBusy = useSignal(false)
  return {
    problem: problem.value,
    isBusy: isBusy.value,
    async run(event, act) {
      event.preventDefault()
      isBusy.value = true
      problem.value = null
      try {
        await act()
      } catch (err) {
        problem.value = problemOf(err)
      } finally {
        isBusy.value = false
      }
    }
  }
}
