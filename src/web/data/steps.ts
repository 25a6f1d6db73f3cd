import type { SentLetter } from '../../client/client.ts'
import { count, moment } from '../text/format.ts'

type StepState = 'done' | 'now' | 'todo' | 'bad'

interface Step {
  name: string
  state: StepState
  atMs: number | null
  /** Who says so, and what it means. */
  by: string
}

const shortPeer = (peer: string): string => `…${peer.slice(-6)}`

/** A letter's way, with who signed for each step. Source: docs/protocol/proof.md */
export function stepsOf(letter: SentLetter, nowMs: number): Step[] {
  const { copies, wanted, announced, handed, accepted, withdrawing, state } = letter
  const stored = copies.length
  const steps: Step[] = [
    {
      name: 'Written',
      state: 'done',
      atMs: letter.sentMs,
      by: 'Safe on your computer, signed by you.'
    },
    {
      name: stored > 0 ? `Stored, ${stored} of ${wanted}` : 'Stored',
      state: stored === 0 ? 'todo' : stored < wanted && state === 'queued' ? 'now' : 'done',
      atMs: stored > 0 ? Math.max(...copies.map(copy => copy.storedMs)) : null,
      by:
        stored > 0
          ? `${count(stored, 'seed')} signed that they hold a copy: ${copies
              .slice(0, 8)
              .map(copy => shortPeer(copy.holder))
              .join(', ')}`
          : `Until ${wanted} seeds hold a copy it needs your computer.`
    },
    {
      name: 'Announced',
      state: announced ? 'done' : handed ? 'now' : 'todo',
      atMs: announced?.atMs ?? null,
      by: announced
        ? `${announced.pod} signed that it took the notice. Whether they were there, it does not say.`
        : handed
          ? `${handed.pod} has the notice and passes it on. Their pod has not signed for it yet.`
          : 'Their pod is told that a letter waits.'
    }
  ]
  if (state === 'withdrawn' || withdrawing)
    return [
      ...steps,
      {
        name: state === 'withdrawn' ? 'Withdrawn' : 'Being withdrawn',
        state: state === 'withdrawn' ? 'done' : 'now',
        atMs: withdrawing?.sinceMs ?? null,
        by: withdrawing
          ? `${withdrawing.took} of ${count(withdrawing.asked, 'holder')} signed that they dropped it. Not that nobody had read it.`
          : 'It had not left your computer.'
      }
    ]
  if (state === 'expired')
    return [
      ...steps,
      {
        name: 'Expired',
        state: 'bad',
        atMs: letter.expiryMs,
        by: 'Its time is over, and no acceptance was seen.'
      }
    ]
  const receipt = accepted?.receipt
  return [
    ...steps,
    {
      name: 'Accepted',
      state: accepted ? 'done' : 'todo',
      atMs: receipt?.atMs ?? null,
      by: receipt
        ? 'Their own key signed that they opened it: that convinces anybody.'
        : accepted
          ? 'Their node opened it and freed the holders. Only you can tell.'
          : `They have until ${moment(letter.expiryMs, nowMs)}.`
    }
  ]
}
