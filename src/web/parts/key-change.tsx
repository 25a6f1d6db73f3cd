import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { Contact } from '../../client/client.ts'
import { post } from '../data/ask.ts'
import { refresh } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Safe } from '../text/safe.tsx'
import { Button, Fingerprint } from './basics.tsx'
import { Icon } from './icons.tsx'

/** Somebody's name leads to another key than before. Nothing is sent to it, nor shown from it, until the person has answered. */
export function KeyChange({
  contact,
  onAnswer
}: {
  contact: Contact
  onAnswer?: () => void
}): JSX.Element {
  const isSure = useSignal(false)
  const accept = () =>
    attempt(async () => {
      await post('/contacts/accept', { alias: contact.alias })
      await refresh()
      tell(`The new key of ${contact.alias} is pinned.`)
      onAnswer?.()
    })
  return (
    <div class="callout bad key-change" role="alert">
      <Icon name="warning" />
      <div>
        <p>
          <strong>
            <Safe text={contact.alias} /> has another key than before.
          </strong>
        </p>
        <p>
          They made a new key, or somebody else answers in their name. Ask them, by another way than
          Muttr, and compare the new fingerprint. Until you answer, letters to and from them wait.
        </p>
        <dl class="keys">
          <dt>Pinned</dt>
          <dd>
            <Fingerprint hex={contact.fingerprint} />
          </dd>
          <dt>New</dt>
          <dd>
            <Fingerprint hex={contact.changedTo ?? ''} />
          </dd>
        </dl>
        <label class="check">
          <input
            type="checkbox"
            checked={isSure}
            onChange={event => (isSure.value = event.currentTarget.checked)}
          />
          They told me that the new fingerprint is theirs
        </label>
        <div class="buttons">
          <Button kind="danger" disabled={!isSure.value} onClick={() => void accept()}>
            Pin the new key
          </Button>
          <Button
            kind="quiet"
            onClick={() => tell('Nothing was changed. The old key stays pinned.')}
          >
            Keep the old one
          </Button>
        </div>
      </div>
    </div>
  )
}
