import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Contact, Verification } from '../../client/client.ts'
import type { Policy } from '../../client/requests/request.ts'
import { nowMs } from '../clock.ts'
import { json, post } from '../data/ask.ts'
import { refresh, setup } from '../data/session.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Button, Dialog, Fingerprint, Spinner } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { KeyNews } from '../parts/key-change.tsx'
import { MoveNews } from '../parts/move-news.tsx'
import { Report } from '../parts/report.tsx'
import { Trust } from '../parts/trust.tsx'
import { go, leave } from '../route.ts'
import { apart } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'

/** Somebody's key, how sure it is, and what becomes of their letters. */
export function Person({ contact }: { contact: Contact }): JSX.Element {
  const isVerifying = useSignal(false)
  return (
    <div class="conversation">
      <header class="conversation-head">
        <Button icon="back" label="Back to the list" keys="Escape" kind="quiet" onClick={leave} />
        <Avatar alias={contact.alias} fingerprint={contact.fingerprint} />
        <div class="conversation-title">
          <h2>
            <Safe text={contact.alias} />
          </h2>
          <p>
            <Trust from={contact} />
          </p>
        </div>
        <div class="tools">
          <Button
            icon="write"
            kind="primary"
            onClick={() => go('write', undefined, { to: contact.alias })}
          >
            Write
          </Button>
        </div>
      </header>
      <div class="letters">
        <KeyNews contact={contact} />
        <MoveNews contact={contact} />
        <section class="letter sheet">
          <h3>Fingerprint</h3>
          <Fingerprint hex={contact.fingerprint} />
          <p class="hint">
            Pinned {apart(contact.pinnedMs, nowMs.value)}. As long as it is, nobody else can write
            in their name, and their pod cannot give you another key unnoticed.
          </p>
          {contact.verified ? (
            <p class="callout good">
              <Icon name="shield" /> You compared keys with them.
            </p>
          ) : (
            <div class="buttons">
              <Button icon="shield" onClick={() => (isVerifying.value = true)}>
                Compare keys
              </Button>
            </div>
          )}
        </section>
        {contact.policy && <PolicyChoice contact={contact} />}
        <div class="buttons">
          <Report alias={contact.alias} />
        </div>
      </div>
      {isVerifying.value && (
        <Verify contact={contact} onClose={() => (isVerifying.value = false)} />
      )}
    </div>
  )
}

const policies: Record<Policy, string> = {
  pull: 'Are fetched at once',
  ask: 'Wait, unfetched, until I let them in',
  ignore: 'Are dropped; they do not learn it'
}

function PolicyChoice({ contact }: { contact: Contact }): JSX.Element {
  const choose = (policy: Policy) =>
    attempt(async () => {
      await post('/contacts/policy', { alias: contact.alias, policy })
      await refresh()
    })
  return (
    <section class="letter sheet">
      <fieldset class="choice">
        <legend>
          <h3>Letters of theirs</h3>
        </legend>
        {Object.entries(policies).map(([policy, words]) => (
          <label class="check">
            <input
              type="radio"
              name="policy"
              checked={contact.policy === policy}
              onChange={() => void choose(policy as Policy)}
            />
            {words}
          </label>
        ))}
      </fieldset>
    </section>
  )
}

function Verify({ contact, onClose }: { contact: Contact; onClose: () => void }): JSX.Element {
  const words = useSignal<readonly string[]>([])
  useEffect(() => {
    void attempt(async () => {
      const shown = await json<Verification>('/contacts/verification', {
        query: { alias: contact.alias }
      })
      words.value = shown.words
    })
  }, [])
  const verify = () =>
    attempt(async () => {
      await post('/contacts/verify', { alias: contact.alias, shown: words.value.join(' ') })
      await refresh()
      tell(`${contact.alias} is verified.`)
      onClose()
    })
  return (
    <Dialog title="Compare keys" wide onClose={onClose}>
      <div class="stack">
        <p>
          Read these words to each other: on the telephone, across a table, by any way that is not
          Muttr. They come from both of your keys. If both of you see the same twelve, nobody stands
          between you.
        </p>
        {words.value.length === 0 ? (
          <Spinner />
        ) : (
          <ol class="twelve">
            {words.value.map(word => (
              <li>{word}</li>
            ))}
          </ol>
        )}
        <details>
          <summary>Fingerprints instead</summary>
          <div class="compare">
            <div>
              <h3>
                <Safe text={contact.alias} />
              </h3>
              <Fingerprint hex={contact.fingerprint} />
            </div>
            <div>
              <h3>You</h3>
              <Fingerprint hex={setup.value?.fingerprint ?? ''} />
            </div>
          </div>
        </details>
        <div class="buttons">
          <Button
            kind="primary"
            icon="check"
            disabled={words.value.length === 0}
            onClick={() => void verify()}
          >
            They are the same
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Not yet
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
