import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Contact } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { post } from '../data/ask.ts'
import { refresh } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { apart, exactly } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { Button } from './basics.tsx'
import { Icon } from './icons.tsx'

type Lapse = NonNullable<Contact['lapsed']>

export const lapseNames: Record<Lapse, string> = {
  revoked: 'Key taken back',
  expired: 'Key expired',
  unseen: 'Key not seen for two years'
}

const reasons = {
  superseded: 'They have another key now.',
  compromised: 'Somebody else may have it: do not trust letters that it signed.',
  retired: 'They use it no longer.'
} as const

/** A pinned key that is no longer what it was, and what to do. Source: docs/protocol/keys.md#pins */
export function Lapsed({ contact }: { contact: Contact }): JSX.Element {
  const { alias, lapsed } = contact
  const isBusy = useSignal(false)
  const look = async () => {
    isBusy.value = true
    await attempt(async () => {
      const { lapsed: now } = await post<Contact>('/lookups', { alias })
      tell(now ? `${alias} still shows the same.` : `${alias} has shown the key anew.`)
    })
    await refresh()
    isBusy.value = false
  }
  return (
    <div class={`callout${lapsed === 'revoked' ? ' bad' : ''}`} role="alert">
      <Icon name="warning" />
      <div>
        <p>
          <strong>
            {lapseNames[lapsed!]}: <Safe text={alias} />
          </strong>
        </p>
        <p>{said(contact)}</p>
        {lapsed !== 'revoked' && (
          <div class="buttons">
            <Button busy={isBusy.value} onClick={() => void look()}>
              Ask their pod now
            </Button>
          </div>
        )}
      </div>
    </div>
  )
}

function said({ lapsed, revocation, seenMs }: Contact): string {
  switch (lapsed) {
    case 'revoked': {
      const when = revocation ? ` on ${exactly(revocation.atMs)}` : ''
      const why = revocation?.reason ? ` ${reasons[revocation.reason]}` : ''
      return `Its owner took it back${when}.${why} Nothing is sent to it. Ask them for their new address, by another way than Muttr.`
    }
    case 'expired':
      return 'Letters to them wait until their pod shows the key with more time. Ask them to extend it.'
    default:
      return `Their pod last showed it, or they last wrote with it, ${apart(seenMs, nowMs.value)}. Before anything is sent their pod is asked again; compare keys once more if it matters.`
  }
}
